"""Every path that `layout` writes is recognised, and nothing else is."""

from __future__ import annotations

from hashlib import sha1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.maintenance.fsck.places import Place, What, is_segment, place
from tests.maintenance.planting import UPLOAD

NAMES = st.from_regex(r"[a-z0-9]+(__?[a-z0-9]+|[.-][a-z0-9]+)*(/[a-z0-9]+(_[a-z0-9]+)?)*", fullmatch=True)
DIGESTS = st.builds(Digest.of, st.binary(max_size=8), st.sampled_from(("sha256", "sha512")))
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)


@given(NAMES, TAGS, DIGESTS, DIGESTS)
def test_the_paths_of_a_layout(name: str, tag: str, digest: Digest, subject: Digest) -> None:
    assert place(layout.blob_data(digest)) == Place(What.BLOB, digest=digest)
    assert place(layout.layer_link(name, digest)) == Place(What.LAYER, name, digest=digest)
    assert place(layout.revision_link(name, digest)) == Place(What.REVISION, name, digest=digest)
    assert place(layout.tag_current(name, tag)) == Place(What.TAG, name, tag)
    assert place(layout.tag_index_link(name, tag, digest)) == Place(What.INDEX, name, tag, digest)
    assert place(layout.turn("retention")) == Place(What.TURN)
    assert place(f"{layout.QUOTAS}/count") == Place(What.QUOTA)
    assert place(layout.deleted_tag(name, tag, digest)) == Place(What.DELETED_TAG, name, tag, digest)
    assert place(layout.referrer(name, subject, digest)) == Place(What.REFERRER, name, digest=digest, subject=subject)
    signature = (
        f"{layout.manifests(name)}/revisions/sha256/{'0' * 64}/signatures/{subject.algorithm}/{subject.hex}/link"
    )
    assert place(signature) == Place(What.SIGNATURE, name, digest=subject)
    folder = f"{layout.repository(name)}/_uploads/{UPLOAD}"
    for file in ("data", "startedat", "hashstates/sha256/0"):
        assert place(f"{folder}/{file}") == Place(What.UPLOAD, name, upload=folder)


def test_a_sessions_files_are_one_upload() -> None:
    paths = tuple(layout.session_file(UPLOAD, name) for name in ("newest", "turn-0", "door-0", "outcome-0"))
    assert {place(path) for path in paths} == {Place(What.UPLOAD, upload=f"{layout.SESSIONS}/{UPLOAD}")}


def test_what_is_known_of_robots() -> None:
    assert place(f"{layout.ROBOTS_MADE}/1-r0123456789a") == Place(What.ROBOT)
    assert place(layout.robot_revoked("r0123456789a")) == Place(What.ROBOT)


@pytest.mark.parametrize("path", ["images/abc/layer", "repositories/library/app/_index_images"])
def test_the_first_registrys_files(path: str) -> None:
    assert place(path) == Place(What.V1)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "readme",
        layout.ROOT,
        f"{layout.BLOBS}/sha256/e3/e3b0/data",
        layout.blob_data(Digest.of(b"")).replace("/e3/", "/e4/"),
        layout.blob_data(Digest.of(b"")) + "/more",
        layout.blob_data(Digest.of(b"")).replace("sha256", "md5"),
        f"{layout.REPOSITORIES}/app",
        f"{layout.REPOSITORIES}/app/_layers/sha256/link",
        f"{layout.REPOSITORIES}/app/_layers/sha256/xyz/link",
        f"{layout.REPOSITORIES}/app/_manifests/tags/v1",
        f"{layout.REPOSITORIES}/app/_uploads/{UPLOAD}",
        f"{layout.REPOSITORIES}/app/_uploads/{UPLOAD}/more",
        f"{layout.REPOSITORIES}/app/_uploads/id/data",
        f"{layout.SESSIONS}/id/name",
        f"{layout.SESSIONS}/{UPLOAD}/a/b",
    ],
)
def test_what_is_none_of_them(path: str) -> None:
    assert place(path).what is What.UNKNOWN


@given(st.text(max_size=60))
def test_nothing_makes_it_raise(text: str) -> None:
    for folder in ("", layout.BLOBS, layout.REPOSITORIES, layout.SESSIONS):
        place(f"{folder}/{text}")


# As Distribution's `swiftSegmentPath` makes it: the path, random bytes, and the SHA-1 of nothing.
THEIRS = (b"/docker/registry/v2/repositories/a/_uploads/id/data" + bytes(32) + sha1(b"").digest()).hex()
SEGMENTS = [
    "0123456789abcdef0123456789abcdef/00000000",
    "0123456789abcdef0123456789abcdef/manifest-00000001",
    "0123456789abcdef0123456789abcdef/parts",
    f"{THEIRS[:3]}/{THEIRS[3:]}/0000000000000001",
]


@pytest.mark.parametrize("name", SEGMENTS)
def test_segments_by_their_names(name: str) -> None:
    assert is_segment(name)
    for other in (f"{name}x", f"x{name}", f"{name}/1", f"/{name}", name.rpartition("/")[0], f"/container/{name}", ""):
        assert not is_segment(other)
    assert not is_segment(f"abc/{name}")


@given(st.text("0123456789abcdef/-manifest", max_size=60))
def test_hardly_any_other_name_is_a_segment_s(name: str) -> None:
    folder, _, last = name.partition("/")
    assert not is_segment(name) or (len(folder) == 32 and last.removeprefix("manifest-").isdigit())
