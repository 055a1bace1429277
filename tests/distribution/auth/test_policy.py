"""Who may do what, compared with a table that is looked up by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.auth.access import CATALOG, UPKEEP, Access, needed, scope
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


_WHO = {"anonymous": ANONYMOUS, "user:alice": ALICE, "user:bob": BOB, "robot:alice": ROBOT}
_NAMES = ("team/a", "team/b", "ops")
_COVERED = {"**": _NAMES, "**/*": _NAMES, "team/*": ("team/a", "team/b"), "team/b": ("team/b",)}  # names of a pattern
_DEEDS = ("pull", "push", "delete", "admin")
_RULES = st.lists(
    st.builds(
        Rule,
        st.lists(st.sampled_from([*_WHO, "*"]), min_size=1).map(tuple),
        st.lists(st.sampled_from(list(_COVERED)), min_size=1).map(tuple),
        st.lists(st.sampled_from(_DEEDS), min_size=1).map(tuple),
    ),
    min_size=1,
)


@given(_RULES)
def test_any_table_allows_what_a_plain_reading_of_it_allows(rules: list[Rule]) -> None:
    policy = Policy(rules)
    admins = any("admin" in rule.may for rule in rules)
    for word, caller in _WHO.items():
        mine = [rule for rule in rules if word in rule.who or ("*" in rule.who and caller is not ANONYMOUS)]
        for name in _NAMES:
            deeds = {deed for rule in mine for each in rule.repositories if name in _COVERED[each] for deed in rule.may}
            expected = set(_DEEDS) if "admin" in deeds else deeds
            assert {
                deed for deed in _DEEDS if policy.decide(caller, Access("repository", name, deed)).allowed
            } == expected
        for_all = any({"**", "**/*"} & {*rule.repositories} and "admin" in rule.may for rule in mine)
        assert policy.decide(caller, UPKEEP).allowed == (for_all or not admins)


def test_what_belongs_to_no_repository_is_for_whom_the_credential_lets_see_it_too() -> None:
    assert Policy([]).decide(ALICE, UPKEEP).allowed
    assert not Policy([]).decide(ANONYMOUS, UPKEEP).allowed
    rules = [Rule(("user:alice",), ("team/**", "**"), ("admin",))]
    assert Policy(rules).decide(ALICE, UPKEEP).rule == "policy 1"
    weak = Caller(Kind.USER, "alice", lambda access: access != UPKEEP)
    assert not Policy(rules).decide(weak, UPKEEP).allowed
    # A token that shows the whole catalogue shows this, unless the table has a say.
    token = Caller(Kind.TOKEN, "carol")
    assert Policy(rules).decide(token, UPKEEP).allowed
    assert not Policy(rules, rules_tokens=True).decide(token, UPKEEP).allowed


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
