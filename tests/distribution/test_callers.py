"""A registry that asks Swift in its callers' names: nobody is served what Swift would not show them.

The real driver over a Swift in memory that knows each token's rights, compared with a table of them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.concurrency.acting import Acting
from docker_registry.core.exceptions import ConfigError
from docker_registry.distribution.app import Registry
from docker_registry.distribution.auth.access import Access
from docker_registry.distribution.auth.caller import Caller, Kind
from docker_registry.distribution.auth.gate import Gate
from docker_registry.distribution.auth.policy import Policy
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_MANIFEST
from docker_registry.drivers.memory import Storage as Memory
from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift.http import connection
from docker_registry.settings import Auth, KeystoneDoor, Rule, Settings
from docker_registry.web.site import Site
from tests.drivers.mock_swift import MockSwift

BLOB = b"{}"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "text/plain", "digest": str(Digest.of(BLOB)), "size": len(BLOB)},
        "layers": [],
    }
).encode()
READS = [
    "/v2/a/manifests/v1",
    f"/v2/a/manifests/{Digest.of(MANIFEST)}",
    f"/v2/a/blobs/{Digest.of(BLOB)}",
    "/v2/a/tags/list",
    f"/v2/a/referrers/{Digest.of(MANIFEST)}",
    "/ui/r/a",
    "/ui/r/a:v1",
]
RIGHTS = {"rw": ("GET", "HEAD", "PUT", "POST", "DELETE"), "r": ("GET", "HEAD"), "": ()}
DOOR = KeystoneDoor("http://keystone.test/v3", acts_for_callers=True)


class Names:
    """A door that believes names; each has a token of its name."""

    scheme = "name"

    def __init__(self) -> None:
        self.acting: dict[str, Acting] = {}

    def enter(self, credentials: str, address: str) -> Caller:
        if credentials == "service":
            return Caller(Kind.ROBOT, credentials)
        known = self.acting.get(credentials)
        if known is None or known.has_ended:
            known = self.acting[credentials] = Acting(credentials, credentials, f"token of {credentials}")
        return Caller(Kind.USER, credentials, acting=known)

    def challenge(self, accesses: Sequence[Access], error: str) -> str:
        return "Name"


def registry(swift: MockSwift, monkeypatch: pytest.MonkeyPatch, **more: object) -> Client:
    monkeypatch.setattr(connection, "http_connection", swift.http_connection)
    options = swift.options(swift_segment_size=64 * 1024, swift_retries=0)
    chosen = Settings(secret=b"secret", auth=Auth(keystone=DOOR), **more)  # type: ignore[arg-type]
    app = Registry(Storage(path="/", config=options), chosen)
    app.context = dataclasses.replace(app.context, gate=Gate([Names()], Policy([])))
    app.mount(Site(app.context))
    return Client(app)


def ask(client: Client, who: str, path: str, method: str = "GET", **more: object) -> int:
    return client.open(path, method=method, headers={"Authorization": f"Name {who}"}, **more).status_code  # type: ignore[arg-type]


def push(client: Client, who: str) -> tuple[int, int]:
    sent = ask(client, who, f"/v2/a/blobs/uploads/?digest={Digest.of(BLOB)}", "POST", data=BLOB)
    put = ask(client, who, "/v2/a/manifests/v1", "PUT", data=MANIFEST, content_type=OCI_MANIFEST)
    return sent, put


deeds = st.tuples(st.sampled_from("abc"), st.sampled_from(["push", "catalog", *READS]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rights=st.fixed_dictionaries(dict.fromkeys("abc", st.sampled_from(sorted(RIGHTS)))), deeds=st.lists(deeds))
def test_nobody_is_served_what_another_s_token_got(
    monkeypatch: pytest.MonkeyPatch, rights: dict[str, str], deeds: list[tuple[str, str]]
) -> None:
    """Within the seconds for which links are remembered, so all of it may come from memory."""
    swift = MockSwift(rows=100)
    client = registry(swift, monkeypatch, link_ttl=3600.0)
    assert push(client, "service") == (201, 201)
    swift.rights.update({f"token of {name}": RIGHTS[kind] for name, kind in rights.items()})
    for path in READS:
        assert ask(client, "service", path) == 200
    for who, deed in deeds:
        may_read, may_write = bool(rights[who]), rights[who] == "rw"
        if deed == "push":
            assert push(client, who) == ((201, 201) if may_write else (403, 403)), (who, rights)
        elif deed == "catalog":
            answer = client.get("/v2/_catalog", headers={"Authorization": f"Name {who}"})
            assert answer.json == {"repositories": ["a"] if may_read else []}
            assert ('href="/ui/r/a"' in client.get("/ui/", headers={"Authorization": f"Name {who}"}).text) is may_read
        else:
            assert ask(client, who, deed) == (200 if may_read else 403), (who, deed, rights)


def test_rights_that_are_taken_away_count_when_links_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    swift = MockSwift(rows=100)
    client = registry(swift, monkeypatch, link_ttl=0.0)
    push(client, "service")
    swift.rights["token of a"] = RIGHTS["r"]
    for path in READS[:5]:
        assert ask(client, "a", path) == 200
    swift.rights["token of a"] = RIGHTS[""]
    assert [ask(client, "a", path) for path in READS[:5]] == [403] * 5


def test_a_token_that_ended_is_a_login_that_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    swift = MockSwift()
    client = registry(swift, monkeypatch)
    push(client, "service")
    for path in (*READS, "/v2/_catalog", "/ui/"):
        assert ask(client, "a", path) == 401, path
    assert client.get(READS[0], headers={"Authorization": "Name a"}).headers["WWW-Authenticate"] == "Name"
    swift.rights["token of a"] = RIGHTS["r"]
    assert ask(client, "a", READS[0]) == 200


def test_what_swift_refuses_is_written_down(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    swift = MockSwift()
    client = registry(swift, monkeypatch)
    swift.rights["token of a"] = RIGHTS["r"]
    assert push(client, "a") == (403, 403)
    line = next(record.getMessage() for record in caplog.records if record.name == "docker_registry.audit")
    assert line.startswith("user a from None: may not do this (rule: the container's ACLs in Swift) (POST /v2/a/")


def test_a_storage_that_knows_no_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match="own_token"):
        Registry(
            Memory("/"), Settings(secret=b"s", auth=Auth(keystone=DOOR, policy=(Rule(("*",), ("**",), ("pull",)),)))
        )
