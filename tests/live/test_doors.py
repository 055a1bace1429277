"""A token server's door from outside, with clients that nobody here wrote: what is right, and each way to be wrong.

Keystone's door is in `identity/test_clients.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.distribution.auth.issuer import Issuer
from tests.live.engines import ENGINES, Engine
from tests.live.images import Layout, file_layer
from tests.live.mirror import Mirror
from tests.live.ours import Ours, write_config
from tests.live.token_server import TokenService
from tests.peers import need

# oras' Python client keeps the first token it got, which is one for pulling: it cannot push at any such door.
CLIENTS = [name for name in ENGINES if name != "oras"]
ALLOWED = {"alice": {f"team/{name}": {"pull", "push"} for name in CLIENTS}, "bob": {}}


class Door:
    """A registry and its token server, which may be told to go wrong."""

    def __init__(self, folder: Path, ours: Ours, tokens: TokenService):
        self.folder, self.ours, self.tokens = folder, ours, tokens
        self.layout = Layout(folder / "image")
        self.layout.add_image("1.0", [file_layer("doors", 1000)])

    def engine(self, name: str) -> Engine:
        need(name)
        return Engine(name, self.folder, self.ours.url)


@pytest.fixture(scope="module")
def door(swift: EmbeddedSwift, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("doors")
    issuer = Issuer(folder)
    tokens = TokenService(issuer, ALLOWED)
    section = {"realm": tokens.url, "service": "registry", "issuer": "auth", "rootcertbundle": str(issuer.bundle)}
    with tokens, Ours(folder, write_config(folder, swift, "doors", auth={"token": section})) as ours:
        yield Door(folder, ours, tokens)


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_comes_in_where_it_may(door: Door, name: str) -> None:
    engine, image = door.engine(name), f"team/{name}:1.0"
    try:
        assert engine.push(door.layout.reference("1.0"), image, "alice", "alice") == ""
        assert engine.pull(image, "alice", "alice") == ""
        for who, password in (("alice", "wrong"), ("bob", "bob")):
            assert engine.pull(image, who, password), (who, password)
            assert engine.push(door.layout.reference("1.0"), image, who, password), (who, password)
    finally:
        engine.close()
    assert "Traceback" not in door.ours.log


def tampered(token: str) -> str:
    """With one character of what it claims changed."""
    head, body, signature = token.split(".")
    return f"{head}.{body[:-2]}{'A' if body[-2] != 'A' else 'B'}{body[-1]}.{signature}"


def ahead(seconds: float) -> dict[str, Any]:
    """The claims of a server whose clock is so many seconds ahead."""
    now = int(time.time() + seconds)
    return {"iat": now, "nbf": now, "exp": now + 300}


WRONG: dict[str, tuple[dict[str, Any], bool]] = {
    # claims, and whether the registry takes them
    "right": ({}, True),
    "expired": ({"exp": 1000}, False),
    "for another registry": ({"aud": "another"}, False),
    "of another server": ({"iss": "another"}, False),
    "for another repository": (
        {"access": [{"type": "repository", "name": "team/x", "actions": ["pull"]}]},
        False,
    ),
}


def test_tokens_that_are_wrong(door: Door) -> None:
    engine, image = door.engine("skopeo"), "team/skopeo:wrong"
    engine.push(door.layout.reference("1.0"), image, "alice", "alice")
    clocks = {"half a minute ahead": (ahead(30), True), "four minutes behind": (ahead(-240), True)}
    clocks["four minutes ahead"] = (ahead(240), False)
    try:
        for what, (claims, is_right) in {**WRONG, **clocks}.items():
            door.tokens.claims = claims
            assert (engine.pull(image, "alice", "alice") == "") is is_right, what
        door.tokens.claims, door.tokens.spoil = {}, tampered
        assert "unauthorized" in engine.pull(image, "alice", "alice")
        # Replayed: what was good for one repository, for another.
        old = door.tokens.token("alice", ["repository:team/podman:pull,push"])
        door.tokens.spoil = lambda _: old
        assert "unauthorized" in engine.pull(image, "alice", "alice")
    finally:
        door.tokens.claims, door.tokens.spoil = {}, lambda token: token
        engine.close()


@pytest.mark.parametrize("password", ["alice", "wrong"])
def test_a_mirror_of_debian_logs_in(door: Door, tmp_path: Path, password: str) -> None:
    need("docker-registry")
    engine, image = door.engine("skopeo"), "team/skopeo:mirrored"
    assert engine.push(door.layout.reference("1.0"), image, "alice", "alice") == ""
    with Mirror(tmp_path, door.ours.url, "alice", password) as mirror:
        through = Engine("skopeo", tmp_path, mirror.url)
        assert (through.pull(image, "any", "body") == "") is (password == "alice"), mirror.log
        through.close()
    engine.close()
