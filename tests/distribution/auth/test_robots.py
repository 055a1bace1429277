"""Passwords that the registry makes itself."""

from __future__ import annotations

import time

import pytest

from docker_registry.distribution.auth import robots as module
from docker_registry.distribution.auth.access import CATALOG, Access
from docker_registry.distribution.auth.robots import Grant, Robots, parse_grant

SOON = time.time() + 86400  # of when this is read: a whole run takes long
GRANTS = [Grant("ci/**", ("pull", "push")), Grant("base", ("pull",))]


def test_what_one_allows() -> None:
    robots = Robots([b"secret"])
    _, password = robots.create("deploy", GRANTS, SOON)
    caller = robots.check("deploy", password)
    assert caller is not None
    assert str(caller) == "robot deploy"
    allowed = {
        (name, action)
        for name in ("ci/app", "ci/a/b", "base", "other")
        for action in ("pull", "push", "delete")
        if caller.grants(Access("repository", name, action))
    }
    assert allowed == {("ci/app", "pull"), ("ci/app", "push"), ("ci/a/b", "pull"), ("ci/a/b", "push"), ("base", "pull")}
    assert caller.grants(CATALOG)


def test_it_is_bound_to_its_name_its_secret_and_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    robots = Robots([b"secret"])
    _, password = robots.create("deploy", GRANTS, SOON)
    assert robots.check("admin", password) is None
    assert Robots([b"other"]).check("deploy", password) is None
    clock = SOON - 60
    monkeypatch.setattr(module.time, "time", lambda: clock + 61)
    assert robots.check("deploy", password) is None


def test_no_character_can_be_changed() -> None:
    robots = Robots([b"secret"])
    _, password = robots.create("deploy", GRANTS, SOON)
    for position in range(len(password)):
        for other in "A-_.":
            changed = password[:position] + other + password[position + 1 :]
            # The last character of a base64 text has bits that mean nothing.
            if changed != password and position != len(password) - 1:
                caller = robots.check("deploy", changed)
                assert caller is None, (position, other)
    for cut in range(len(password) - 1):
        assert robots.check("deploy", password[:cut]) is None


def test_secrets_rotate() -> None:
    old, both, new = Robots([b"old"]), Robots([b"new", b"old"]), Robots([b"new"])
    _, password = old.create("deploy", GRANTS, SOON)
    assert both.check("deploy", password)
    assert new.check("deploy", password) is None
    assert new.check("deploy", both.create("deploy", GRANTS, SOON)[1])


def test_one_can_be_revoked() -> None:
    revoked: set[str] = set()
    robots = Robots([b"secret"], lambda identity: identity in revoked)
    identity, password = robots.create("deploy", GRANTS, SOON)
    _, other = robots.create("deploy", GRANTS, SOON)
    remembered = robots.check("deploy", password)
    assert remembered is not None
    assert remembered.still()
    revoked.add(identity)
    assert not remembered.still()
    assert robots.check("deploy", password) is None
    assert robots.check("deploy", other)


def test_grants_as_they_are_typed() -> None:
    assert parse_grant("ci/**:pull,push") == GRANTS[0]
    with pytest.raises(ValueError, match="cannot hold admin; it may allow pull, push, delete"):
        parse_grant("**:pull,admin")
    for wrong in ("ci/**", "ci/**:", "ci/**:pull,all", ":pull", "a//b:pull", "ci/**:push", ""):
        with pytest.raises(ValueError, match="must"):
            parse_grant(wrong)
