"""Manifests that no tag means: found by the names of what was pushed, and shown with what needs them."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.views.listing import Listing, Tag
from docker_registry.distribution.views.looking import Looker
from docker_registry.distribution.views.untagged import untagged
from docker_registry.settings import KeepUntagged, Retention
from tests.distribution.contents import descriptor, image, index, push, push_blob, push_image, subject_of
from tests.web.pages import mounted, visit
from tests.web.test_changing import hidden, send

DIGESTS = [Digest.of(b"%d" % number) for number in range(8)]
SOME = st.sets(st.sampled_from(DIGESTS))


@given(
    revisions=SOME,
    tags=st.dictionaries(st.sampled_from("abc"), st.sampled_from(DIGESTS)),
    children=st.dictionaries(st.sampled_from(DIGESTS), SOME.map(tuple)),
    referrers=st.dictionaries(st.sampled_from(DIGESTS), SOME.map(tuple)),
)
def test_what_has_no_tag_and_what_needs_it(
    revisions: set[Digest],
    tags: dict[str, Digest],
    children: dict[Digest, tuple[Digest, ...]],
    referrers: dict[Digest, tuple[Digest, ...]],
) -> None:
    listing = Listing(
        tuple(Tag(name, digest, 1.0) for name, digest in tags.items()),
        (),
        dict.fromkeys(revisions, 1.0),
        referrers,
        (),
        True,
    )
    found = {each.digest: each.needed for each in untagged(listing, children)}
    assert set(found) == revisions - set(tags.values())
    for digest, needed in found.items():
        parents = {
            each for below in (children, referrers) for each in below if digest in below[each] and each != digest
        }
        parents &= revisions
        assert (needed is None) == (not parents)
        if needed is not None:
            assert needed.digest in parents
            assert bool(needed.tag) == (needed.digest in tags.values())
            assert needed.tag or not parents & set(tags.values())


def push_some(client: Client) -> dict[str, str]:
    """An index with a platform, a signature, a tag that was moved; digests by what they are."""
    bodies = {}
    for tag, layer in (("old", b"old"), ("new", b"new"), ("platform", b"part")):
        bodies[tag] = push_image(client, "app", tag, layer)[1]
    whole = json.dumps(
        {
            **json.loads(index()),
            "manifests": [{**descriptor(bodies["platform"]), "platform": {"os": "linux", "architecture": "arm64"}}],
        }
    ).encode()
    assert push(client, "app", "all", whole).status_code == 201
    push_blob(client, "app", b"{}")
    signature = image(
        b"{}", artifactType="application/vnd.dev.cosign.artifact.sig.v1+json", subject=subject_of(bodies["new"])
    )
    bodies["signature"] = signature
    digests = {what: str(Digest.of(body)) for what, body in bodies.items()}
    assert push(client, "app", digests["signature"], signature).status_code == 201
    for tag in ("old", "platform"):
        assert client.delete(f"/v2/app/manifests/{tag}").status_code == 202
    return digests


def test_a_repository_s_manifests_without_a_tag(client: Client) -> None:
    digests = push_some(client)
    page = visit(client, "/ui/r/app")
    assert "/ui/untagged/app" in page.links()
    assert "3 manifests without a tag" in page.words()
    loose = visit(client, "/ui/untagged/app")
    assert [(row[0], row[4]) for row in loose.table()] == [(digests["old"][7:19], "nothing")]
    assert "3 manifests have no tag: 1 that nothing here needs, 2 that are" in loose.words()
    rows = {row[0]: row for row in visit(client, "/ui/untagged/app?all=yes").table()}
    assert rows[digests["platform"][7:19]][4] == "platform of all"
    assert rows[digests["signature"][7:19]][1] == "Signature"
    assert rows[digests["signature"][7:19]][4] == "attached to new"
    assert len(rows) == 3


def test_what_becomes_of_them_is_said(client: Client, driver: Base) -> None:
    push_some(client)
    assert "No rule takes what nothing needs" in visit(client, "/ui/untagged/app").words()
    rule = Retention(untagged=(KeepUntagged(("other",), 60.0), KeepUntagged(("a*",), 86400.0 * 7)))
    assert "7 days after its push" in visit(mounted(driver, retention=rule), "/ui/untagged/app").words()
    push_image(client, "tidy", "1", b"layer")
    assert "Every manifest has a tag" in visit(client, "/ui/untagged/tidy").words()


def test_they_are_deleted_by_digest(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    digests = push_some(client)
    path = f"/ui/delete/app?digest={digests['old']}&digest={digests['new']}"
    words = visit(client, path).words()
    assert "Delete 2 manifests of app?" in words
    assert "These tags go along: new" in words
    with caplog.at_level(logging.INFO, "docker_registry.audit"):
        assert send(client, path, hidden(client, path)).status_code == 200
    assert any(digests["old"] in line for line in caplog.messages)
    for what, status in (("old", 404), ("new", 404), ("platform", 200)):
        assert client.get(f"/v2/app/manifests/{digests[what]}").status_code == status
    assert (
        f"/ui/delete/app?digest={digests['platform'].replace(':', '%3A')}"
        in visit(client, f"/ui/r/app@{digests['platform']}").links()
    )
    visit(client, "/ui/delete/app?digest=x", 400)


def test_many_are_leafed_through(client: Client) -> None:
    for number in range(60):
        push_image(client, "app", "moved", b"layer %d" % number)
    seen, link = [], "/ui/untagged/app"
    while link:
        page = visit(client, link)
        seen += [row[0] for row in page.table()]
        link = next((each for each in page.links() if "after=" in each), "")
    assert len(seen) == len(set(seen)) == 59


def test_what_was_not_looked_at_is_said(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docker_registry.distribution.views.looking._MORE", 2)
    push_some(client)
    looker: Looker = client.application._site._looker
    assert "not looked at yet" in visit(client, "/ui/untagged/app").words()
    for _ in range(3):
        visit(client, "/ui/untagged/app")
    assert looker.known_children("app", looker.listing("app"))[1] == 0
    assert "not looked at yet" not in visit(client, "/ui/untagged/app").words()
