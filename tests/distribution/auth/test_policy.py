"""Who may do what, compared with a table that is looked up by hand."""

from __future__ import annotations

import pytest

from docker_registry.distribution.auth.access import CATALOG, Access, needed, scope
from docker_registry.distribution.auth.caller import ANONYMOUS, Caller, Kind
from docker_registry.distribution.auth.policy import Policy
from docker_registry.settings import Immutable, Rule

ALICE, BOB = Caller(Kind.USER, "alice"), Caller(Kind.USER, "bob")
ROBOT = Caller(Kind.ROBOT, "alice")  # a robot of the name of a user is somebody else

POLICY = Policy(
    [
        Rule(("anonymous", "*"), ("public/**",), ("pull",)),
        Rule(("user:alice",), ("team/**",), ("pull", "push", "delete")),
        Rule(("*",), ("team/shared",), ("pull", "push")),
    ]
)


@pytest.mark.parametrize(
    ("caller", "name", "allowed"),
    [
        (ANONYMOUS, "public/a", "pull"),
        (ANONYMOUS, "team/shared", ""),
        (ANONYMOUS, "publics", ""),
        (ALICE, "public/a/b", "pull"),
        (ALICE, "team/app", "pull push delete"),
        (ALICE, "teams/app", ""),
        (BOB, "team/app", ""),
        (BOB, "team/shared", "pull push"),
        (ROBOT, "team/app", ""),
        (ROBOT, "team/shared", "pull push"),
    ],
)
def test_a_table(caller: Caller, name: str, allowed: str) -> None:
    actions = [
        action
        for action in ("pull", "push", "delete")
        if POLICY.decide(caller, Access("repository", name, action)).allowed
    ]
    assert actions == allowed.split()


def test_without_rules_whoever_logged_in_may_do_everything() -> None:
    policy = Policy([])
    for action in ("pull", "push", "delete"):
        assert policy.decide(ALICE, Access("repository", "a", action)).allowed
        assert not policy.decide(ANONYMOUS, Access("repository", "a", action)).allowed
    assert policy.decide(ALICE, CATALOG).allowed
    assert not policy.decide(ANONYMOUS, CATALOG).allowed


def test_a_credential_that_allows_less_is_not_widened_by_the_table() -> None:
    weak = Caller(Kind.USER, "alice", lambda access: access.action == "pull")
    assert POLICY.decide(weak, Access("repository", "team/app", "pull")).allowed
    assert not POLICY.decide(weak, Access("repository", "team/app", "push")).allowed


def test_immutable_tags() -> None:
    policy = Policy([], [Immutable(("prod/**",), ("v*", "stable"))])
    assert [policy.is_immutable("prod/app", tag) for tag in ("v1", "stable", "latest")] == [True, True, False]
    assert not policy.is_immutable("dev/app", "v1")


def test_what_requests_need() -> None:
    name, session = {"name": "a/b"}, {"name": "a/b", "session": "x"}
    assert scope(needed("GET", name)) == "repository:a/b:pull"
    assert scope(needed("PUT", name)) == scope(needed("PATCH", session)) == "repository:a/b:pull,push"
    assert scope(needed("DELETE", name)) == "repository:a/b:delete"
    assert scope(needed("DELETE", session)) == "repository:a/b:pull,push"
    assert needed("GET", {}) == []
    assert scope([CATALOG, *needed("GET", name)]) == "registry:catalog:* repository:a/b:pull"
