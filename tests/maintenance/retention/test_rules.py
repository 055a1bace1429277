"""The rules against a plain model, which judges each tag from what the documentation says of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.storage.tags import ListedTag
from docker_registry.maintenance.retention.rules import Rules
from docker_registry.settings import KeepTags, KeepUntagged, Retention

DAY = 86400.0
NOW = 1_700_000_000.0
PATTERNS = ["*", "v*", "pr-*", "v1", "*-rc"]
TAGS = ["v1", "v2", "v1-rc", "pr-1", "pr-2", "pr-3-rc", "latest", "x"]

rules = st.lists(
    st.builds(
        lambda repositories, tags, why: KeepTags((repositories,), (tags,), **why),
        st.sampled_from(["**", "ci/**", "prod/*", "ci/app"]),
        st.sampled_from(PATTERNS),
        st.one_of(
            st.just({"all": True}),
            st.fixed_dictionaries({"last": st.integers(0, 4)}),
            st.fixed_dictionaries({"younger": st.sampled_from([DAY, 3 * DAY])}),
            st.fixed_dictionaries({"last": st.integers(0, 3), "younger": st.just(2 * DAY)}),
        ),
    ),
    max_size=4,
)
ages = st.dictionaries(st.sampled_from(TAGS), st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 9.0, None]), max_size=8)


def fits(pattern: str, text: str) -> bool:
    parts = re.escape(pattern).replace(r"/\*\*", "(/.*)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(parts, text) is not None


def first_rule(retention: Retention, repository: str, tag: str) -> KeepTags | None:
    for rule in retention.tags:
        if fits(rule.repositories[0], repository) and fits(rule.tags[0], tag):
            return rule
    return None


def stays(retention: Retention, repository: str, days: dict[str, float | None], tag: str) -> bool:
    rule, age = first_rule(retention, repository, tag), days[tag]
    if rule is None or rule.all or age is None:
        return True
    if rule.younger is not None and age * DAY < rule.younger:
        return True
    # How many of the rule's own tags come before it: those that are younger, and of the same age by their names.
    before = sum(
        1
        for other, its in days.items()
        if first_rule(retention, repository, other) is rule and its is not None and (its, other) < (age, tag)
    )
    return before < (rule.last or 0)


@given(rules, st.sampled_from(["ci/app", "ci/app/web", "prod/app", "other"]), ages)
def test_what_goes_is_what_the_model_says(keep: list[KeepTags], repository: str, days: dict[str, float | None]) -> None:
    retention = Retention(tags=tuple(keep))
    listed = [ListedTag(tag, None, None if age is None else NOW - age * DAY, None) for tag, age in days.items()]
    decision = Rules(retention).decide(repository, listed, NOW)
    gone = [doomed.tag.name for doomed in decision.doomed]
    assert sorted(gone) == sorted(tag for tag in days if not stays(retention, repository, days, tag))
    assert len(gone) == len(set(gone))
    counted = [tag.name for tag in decision.counted]
    assert not set(counted) & set(gone)
    # With one of those that were counted away, no other tag goes in its place that would have stayed.
    for absent in counted:
        fewer = Rules(retention).decide(repository, [tag for tag in listed if tag.name != absent], NOW)
        assert {doomed.tag.name for doomed in fewer.doomed} <= set(gone)
    for doomed in decision.doomed:
        number = int(doomed.why.split(":")[0].removeprefix("rule "))
        assert retention.tags[number - 1] is first_rule(retention, repository, doomed.tag.name)


def test_why() -> None:
    retention = Retention((KeepTags(("**",), ("a*",), last=0), KeepTags(("**",), ("*",), last=1, younger=DAY)))
    listed = [ListedTag(tag, None, NOW - 2.26 * DAY, None) for tag in ("a", "b", "c")]
    assert [doomed.why for doomed in Rules(retention).decide("x", listed, NOW).doomed] == [
        "rule 1: none is kept",
        "rule 2: not one of the last 1, pushed 2.3 days ago, not less than 1.0 days",
    ]


@pytest.mark.parametrize(("repository", "after"), [("ci/app", 1.0), ("prod/app", 2.0), ("prod/a/b", None)])
def test_the_first_that_fits_says_how_long_manifests_stay_untagged(repository: str, after: float | None) -> None:
    rules = Rules(
        Retention(
            untagged=(KeepUntagged(("ci/**",), 1.0), KeepUntagged(("prod/*",), 2.0), KeepUntagged(("ci/*",), 3.0))
        )
    )
    assert rules.untagged(repository) == after
    assert not rules.covers(repository), "with tags that go"
