"""What clients do with a registry, one operation each: how it is prepared, done, and what its success promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from tests.live.wire import ACCEPTED, INDEX, MANIFEST

from .place import SEGMENT, Cell, Wrong

__all__ = ["OPERATIONS", "Operation", "about"]

_TYPE = {"Content_Type": MANIFEST}
_OCTETS = {"Content_Type": "application/octet-stream"}


def _nothing(_cell: Cell) -> None:
    pass


@dataclass(frozen=True)
class Operation:
    """`act` raises Refused for an error that a client was told, Wrong for what must not be.

    `promise` raises Wrong where the container, asked without the registry, lacks what a success says.
    """

    name: str
    act: Callable[[Cell], None]
    prepare: Callable[[Cell], None] = _nothing
    promise: Callable[[Cell], None] = _nothing
    ends: bool = False  # done once more, it may find nothing to do: 404
    checks: bool = True  # what it reads has a digest, which is compared
    shows: bool = False  # a success says no more than what Swift showed


# Blobs, pushed.


def _start(cell: Cell) -> str:
    return cell.ask("POST", f"/v2/{cell.name}/blobs/uploads/").headers["location"]


def _close(cell: Cell, location: str, whole: bytes, rest: bytes = b"") -> None:
    answer = cell.ask("PUT", f"{location}&digest={Digest.of(whole)}", rest, **_OCTETS)
    if answer.headers.get("docker-content-digest") != str(Digest.of(whole)):
        raise Wrong(f"pushed {Digest.of(whole)}, told {answer.headers}")


def _stream(cell: Cell, data: bytes) -> None:
    _close(cell, cell.ask("PATCH", _start(cell), data, **_OCTETS).headers["location"], data)


def _chunk(cell: Cell, location: str, data: bytes, first: int) -> str:
    headers = {**_OCTETS, "Content_Range": f"{first}-{first + len(data) - 1}"}
    return cell.ask("PATCH", location, data, **headers).headers["location"]


def _push_in_chunks(cell: Cell) -> None:
    half = len(cell.large) // 2
    location = _chunk(cell, _start(cell), cell.large[:half], 0)
    _close(cell, _chunk(cell, location, cell.large[half:], half), cell.large)


def _begin_chunks(cell: Cell) -> None:
    cell.notes["older"] = _start(cell)
    cell.notes["location"] = _chunk(cell, cell.notes["older"], cell.large[:SEGMENT], 0)
    cell.answers.clear()


def _resume(cell: Cell) -> None:
    answer = cell.ask("GET", cell.notes["older"])
    come = int(answer.headers["range"].removeprefix("0-")) + 1
    if come == 1:  # so it says for nothing too
        come = 0
    location = answer.headers["location"]
    if come < len(cell.large):
        location = _chunk(cell, location, cell.large[come:], come)
    _close(cell, location, cell.large)


def _put_whole(cell: Cell, data: bytes) -> None:
    _close(cell, _start(cell), data, data)


def _post_whole(cell: Cell) -> None:
    cell.ask("POST", f"/v2/{cell.name}/blobs/uploads/?digest={Digest.of(cell.small)}", cell.small, **_OCTETS)


def _has_blob(data: Callable[[Cell], bytes]) -> Callable[[Cell], None]:
    def check(cell: Cell) -> None:
        digest = Digest.of(data(cell))
        cell.must_have(layout.blob_data(digest), data(cell))
        cell.must_link(layout.layer_link(cell.name, digest), digest)

    return check


def _small(cell: Cell) -> bytes:
    return cell.small


def _large(cell: Cell) -> bytes:
    return cell.large


def _damage(cell: Cell) -> None:
    """Other bytes, and fewer, lie where the blob belongs."""
    cell.place.container.put(layout.blob_data(Digest.of(cell.large)), cell.large[:99])


# Blobs, otherwise.


def _plant_large(cell: Cell) -> None:
    """A large object of three segments, linked; the segments are this cell's own."""
    container, digest, rows = cell.place.container, Digest.of(cell.large), []
    for number, start in enumerate(range(0, len(cell.large), SEGMENT)):
        path = f"segments/{digest.hex[:32]}/{number:08}"
        container.put(path, cell.large[start : start + SEGMENT])
        rows.append({"path": f"/{container.name}/{path}"})
    query = "?multipart-manifest=put"
    container.ask("PUT", layout.blob_data(digest), json.dumps(rows).encode(), query)
    cell.plant_link(layout.layer_link(cell.name, digest), digest)


def _pull(data: Callable[[Cell], bytes]) -> Callable[[Cell], None]:
    def act(cell: Cell) -> None:
        if cell.ask("GET", f"/v2/{cell.name}/blobs/{Digest.of(data(cell))}").body != data(cell):
            raise Wrong("a complete answer with wrong bytes")

    return act


def _range(cell: Cell) -> None:
    first, last = SEGMENT - 10, 2 * SEGMENT + 10
    answer = cell.ask("GET", f"/v2/{cell.name}/blobs/{Digest.of(cell.large)}", Range=f"bytes={first}-{last}")
    if answer.status != 206 or answer.body != cell.large[first : last + 1]:
        raise Wrong(f"a range with wrong bytes: {answer.headers}")


def _head_blob(cell: Cell) -> None:
    answer = cell.ask("HEAD", f"/v2/{cell.name}/blobs/{Digest.of(cell.small)}")
    if answer.headers["content-length"] != str(len(cell.small)):
        raise Wrong(f"a wrong size: {answer.headers}")


def _plant_small(cell: Cell) -> None:
    cell.plant_blob(cell.small)


def _delete_blob(cell: Cell) -> None:
    cell.ask("DELETE", f"/v2/{cell.name}/blobs/{Digest.of(cell.small)}")


def _blob_is_gone(cell: Cell) -> None:
    cell.must_lack(layout.layer_link(cell.name, Digest.of(cell.small)))


def _plant_source(cell: Cell) -> None:
    cell.plant_blob(cell.small, f"{cell.name}/source")


def _mount(cell: Cell) -> None:
    query = f"mount={Digest.of(cell.small)}&from={cell.name}/source"
    answer = cell.ask("POST", f"/v2/{cell.name}/blobs/uploads/?{query}")
    if answer.status != 201:
        raise Wrong(f"it was not mounted, as if it were not there: {answer}")


def _cancel(cell: Cell) -> None:
    cell.ask("DELETE", cell.notes["location"])


# Manifests.


def _put_tagged(cell: Cell) -> None:
    cell.ask("PUT", f"/v2/{cell.name}/manifests/t", cell.manifest, **_TYPE)


def _has_tagged(cell: Cell) -> None:
    digest = Digest.of(cell.manifest)
    cell.must_have(layout.blob_data(digest), cell.manifest)
    cell.must_link(layout.revision_link(cell.name, digest), digest)
    cell.must_link(layout.tag_current(cell.name, "t"), digest)


def _plant_other(cell: Cell) -> None:
    cell.plant_manifest(cell.image("other"), "t")


def about(cell: Cell) -> bytes:
    subject = {"mediaType": MANIFEST, "digest": str(Digest.of(cell.manifest)), "size": len(cell.manifest)}
    return cell.image("about", subject=subject, artifactType="application/x")


def _put_about(cell: Cell) -> None:
    body = about(cell)
    answer = cell.ask("PUT", f"/v2/{cell.name}/manifests/{Digest.of(body)}", body, **_TYPE)
    if "oci-subject" not in answer.headers:
        raise Wrong("the subject was not told")


def _has_about(cell: Cell) -> None:
    digest = Digest.of(about(cell))
    cell.must_have(layout.blob_data(digest), about(cell))
    cell.must_link(layout.revision_link(cell.name, digest), digest)
    entry = cell.place.container.get(layout.referrer(cell.name, Digest.of(cell.manifest), digest))
    if entry is None or json.loads(entry)["digest"] != str(digest):
        raise Wrong("success was said, but the subject's entry is not there")


def _plant_about(cell: Cell) -> None:
    digest = cell.plant_manifest(about(cell))
    entry = {"mediaType": MANIFEST, "digest": str(digest), "size": len(about(cell))}
    path = layout.referrer(cell.name, Digest.of(cell.manifest), digest)
    cell.place.container.put(path, json.dumps(entry).encode())


def _index(cell: Cell) -> bytes:
    row = {"mediaType": MANIFEST, "digest": str(Digest.of(cell.manifest)), "size": len(cell.manifest)}
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [row]}).encode()


def _plant_untagged(cell: Cell) -> None:
    cell.plant_manifest(cell.manifest)


def _put_index(cell: Cell) -> None:
    cell.ask("PUT", f"/v2/{cell.name}/manifests/i", _index(cell), Content_Type=INDEX)


def _has_index(cell: Cell) -> None:
    digest = Digest.of(_index(cell))
    cell.must_have(layout.blob_data(digest), _index(cell))
    cell.must_link(layout.revision_link(cell.name, digest), digest)
    cell.must_link(layout.tag_current(cell.name, "i"), digest)


def _plant_tagged(cell: Cell) -> None:
    cell.plant_manifest(cell.manifest, "t")


def _get_tagged(cell: Cell) -> None:
    _read_manifest(cell, "t")


def _get_by_digest(cell: Cell) -> None:
    _read_manifest(cell, str(Digest.of(cell.manifest)))


def _read_manifest(cell: Cell, reference: str) -> None:
    answer = cell.ask("GET", f"/v2/{cell.name}/manifests/{reference}", Accept=ACCEPTED)
    if answer.body != cell.manifest:
        raise Wrong("a complete answer with another manifest")


def _plant_two_tags(cell: Cell) -> None:
    cell.plant_manifest(cell.manifest, "t", "u")


def _delete_tag(cell: Cell) -> None:
    cell.ask("DELETE", f"/v2/{cell.name}/manifests/t")


def _tag_is_gone(cell: Cell) -> None:
    digest = Digest.of(cell.manifest)
    cell.must_lack(layout.tag_current(cell.name, "t"))
    cell.must_link(layout.tag_current(cell.name, "u"), digest)
    cell.must_link(layout.revision_link(cell.name, digest), digest)


def _delete_manifest(cell: Cell) -> None:
    cell.ask("DELETE", f"/v2/{cell.name}/manifests/{Digest.of(cell.manifest)}")


def _manifest_is_gone(cell: Cell) -> None:
    cell.must_lack(layout.revision_link(cell.name, Digest.of(cell.manifest)))


def _delete_about(cell: Cell) -> None:
    cell.ask("DELETE", f"/v2/{cell.name}/manifests/{Digest.of(about(cell))}")


def _about_is_gone(cell: Cell) -> None:
    # Its entry with the subject may stay, where the manifest could not be read: without the link it is not listed.
    cell.must_lack(layout.revision_link(cell.name, Digest.of(about(cell))))


# Lists.


def _list_tags(cell: Cell) -> None:
    if json.loads(cell.ask("GET", f"/v2/{cell.name}/tags/list").body)["tags"] != ["t", "u"]:
        raise Wrong(f"other tags: {cell.answers[-1]}")


def _list_repositories(cell: Cell) -> None:
    # The one before it in lexical order is no repository, but may be named.
    before = cell.name[:-1] + chr(ord(cell.name[-1]) - 1)
    answer = cell.ask("GET", f"/v2/_catalog?n=1&last={before}")
    if json.loads(answer.body)["repositories"] != [cell.name]:
        raise Wrong(f"other repositories: {answer}")


def _list_referrers(cell: Cell) -> None:
    answer = cell.ask("GET", f"/v2/{cell.name}/referrers/{Digest.of(cell.manifest)}")
    digests = [row["digest"] for row in json.loads(answer.body)["manifests"]]
    if digests != [str(Digest.of(about(cell)))]:
        raise Wrong(f"other referrers: {answer}")


def _stored_already(cell: Cell) -> None:
    cell.place.container.put(layout.blob_data(Digest.of(cell.small)), cell.small)


def _config(cell: Cell) -> None:
    cell.plant_config()


_is_small, _is_large = _has_blob(_small), _has_blob(_large)

OPERATIONS = [
    Operation("push small", lambda cell: _stream(cell, cell.small), promise=_is_small),
    Operation("push large", lambda cell: _stream(cell, cell.large), promise=_is_large),
    Operation("push what is there", lambda cell: _stream(cell, cell.small), _stored_already, _is_small),
    Operation("push what is damaged", lambda cell: _stream(cell, cell.large), _damage, _is_large),
    Operation("push in chunks", _push_in_chunks, promise=_is_large),
    Operation("push in the PUT", lambda cell: _close(cell, _start(cell), cell.small, cell.small), promise=_is_small),
    Operation(
        "push large in the PUT", lambda cell: _close(cell, _start(cell), cell.large, cell.large), promise=_is_large
    ),
    Operation("push in the POST", _post_whole, promise=_is_small),
    Operation("resume", _resume, _begin_chunks, _is_large),
    Operation("cancel", _cancel, _begin_chunks, ends=True),
    Operation("pull small", _pull(_small), _plant_small),
    Operation("pull large", _pull(_large), _plant_large),
    Operation("pull a range", _range, _plant_large, checks=False),
    Operation("look for a blob", _head_blob, _plant_small),
    Operation("delete blob", _delete_blob, _plant_small, _blob_is_gone, ends=True),
    Operation("mount", _mount, _plant_source, _is_small, shows=True),
    Operation("put manifest", _put_tagged, _config, _has_tagged),
    Operation("move tag", _put_tagged, _plant_other, _has_tagged),
    Operation("put referrer", _put_about, _config, _has_about),
    Operation("put index", _put_index, _plant_untagged, _has_index),
    Operation("get by tag", _get_tagged, _plant_tagged),
    Operation("get by digest", _get_by_digest, _plant_untagged),
    Operation("delete tag", _delete_tag, _plant_two_tags, _tag_is_gone, ends=True),
    Operation("delete manifest", _delete_manifest, _plant_two_tags, _manifest_is_gone, ends=True),
    Operation("delete referrer", _delete_about, _plant_about, _about_is_gone, ends=True),
    Operation("list tags", _list_tags, _plant_two_tags, shows=True),
    Operation("list repositories", _list_repositories, _plant_tagged, shows=True),
    Operation("list referrers", _list_referrers, _plant_about, shows=True),
]
