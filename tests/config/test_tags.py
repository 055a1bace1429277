"""What becomes of tags by themselves, in both formats of config file."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from docker_registry.config import classic, distribution
from docker_registry.config.values import Problems
from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Expire, KeepTags, KeepUntagged, Retention, Settings
from tests.config.test_distribution import merged


def ours(section: str) -> Settings:
    """What docker-registry's format makes of a section `registry`."""
    flavor = {"storage": "swift", "swift_container": "c", "registry": yaml.safe_load(section)}
    problems = Problems()
    loaded = classic.read({"prod": flavor}, "config.yml", {}, "prod", problems)
    problems.refuse()
    return loaded.settings


def theirs(section: str) -> Settings:
    problems = Problems()
    paths: Any = [(f"registry.{name}", value) for name, value in yaml.safe_load(section).items()]
    loaded = distribution.read(merged(*paths), "config.yml", {}, problems)
    problems.refuse()
    return loaded.settings


both = pytest.mark.parametrize("read", [ours, theirs])

EXPIRE = """
expire:
  - {repositories: "ci/**", tags: [pr-*, tmp-*], after: 7d}
  - {repositories: scratch/*, on_request: true}
  - {after: 2h, labels: true}
"""


@both
def test_tags_that_expire(read: Any) -> None:
    assert read(EXPIRE).expire == (
        Expire(("ci/**",), ("pr-*", "tmp-*"), 7 * 86400.0),
        Expire(("scratch/*",), ("*",), None, on_request=True),
        Expire(("**",), ("*",), 7200.0, on_request=True, labels=True),
    )
    assert read("verify_blobs: true" if read is ours else "verifyblobs: true").expire == ()


@both
@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("{tags: pr-*}", "expire, item 1: after: is missing, and on_request too"),
        ("{after: soon}", "expire, item 1: after: must be a number of seconds"),
        ("{after: 0s}", "after: must be 1 second or more"),
        ("{after: 7}", "expire, item 1: after: must be a time with its unit, such as 30m, 12h or 7d"),
        ("{after: '7.5'}", "after: must be a time with its unit"),
        ("{after: 7d, tag: pr-*}", "unknown option tag; did you mean tags?"),
        ("{after: 7d, tags: 'pr-/*'}", "'pr-/\\*' can match no name"),
        ("{after: 7d, repositories: 'CI/**'}", "can match no name"),
        ("7d", "must be a mapping of options"),
    ],
)
def test_mistakes_are_named(read: Any, item: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(f"expire: [{item}]")
    with pytest.raises(ConfigError, match="expire: must be a list"):
        read(f"expire: {item}")


RETENTION = """
retention:
  every: 6h
  tags:
    - {tags: [v*, latest], keep: all}
    - {repositories: "ci/**", keep_last: 10, keep_younger: 30d}
    - {repositories: old/app, keep_last: 0}
  untagged:
    - {repositories: "ci/**", after: 14d}
"""


@both
def test_retention(read: Any) -> None:
    assert read(RETENTION).retention == Retention(
        every=6 * 3600.0,
        tags=(
            KeepTags(("**",), ("v*", "latest"), all=True),
            KeepTags(("ci/**",), ("*",), last=10, younger=30 * 86400.0),
            KeepTags(("old/app",), ("*",), last=0),
        ),
        untagged=(KeepUntagged(("ci/**",), 14 * 86400.0),),
    )
    assert read(EXPIRE).retention == Retention()


@both
@pytest.mark.parametrize(
    ("section", "why"),
    [
        ("{tags: [{tags: v*}]}", "retention, tags, item 1: keeps nothing: add keep_last"),
        ("{tags: [{keep_last: -1}]}", "item 1: keep_last: must be a whole number"),
        ("{tags: [{keep_last: many}]}", "item 1: keep_last: must be a whole number"),
        ("{tags: [{keep: some}]}", "keep: must be one of all"),
        ("{tags: [{keep: all, keep_last: 3}]}", "keep: all leaves keep_last and keep_younger without a meaning"),
        ("{tags: [{keep_younger: 0s}]}", "keep_younger: must be 1 second or more"),
        ("{tags: [{keep_younger: 7}]}", "keep_younger: must be a time with its unit, such as 30m, 12h or 7d"),
        ("{untagged: [{after: 14}]}", "after: must be a time with its unit"),
        ("{every: 6, tags: [{keep_last: 1}]}", "every: must be a time with its unit"),
        ("{untagged: [{repositories: a}]}", "retention, untagged, item 1: after: is missing"),
        ("{tag: []}", "unknown option tag; did you mean tags?"),
        ("{every: 6h, untagged: [{after: 3d}]}", "every: is for tags, which are missing"),
        ("{tags: {keep: all}}", "tags: must be a list"),
        ("7d", "must be a mapping of options"),
    ],
)
def test_mistakes_of_retention_are_named(read: Any, section: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(f"retention: {section}")
