"""How much repositories may hold, in both formats of config file."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Quota, Quotas
from tests.config.test_tags import both

ROOT = Path(__file__).parents[2]
RULES = """
quotas:
  every: 5m
  rules:
    - {repositories: [team/**, ci/*], bytes: 100GiB, tags: 1000}
    - {repositories: "**", bytes: 0}
"""


@both
def test_quotas(read: Any) -> None:
    rules = (Quota(("team/**", "ci/*"), 100 << 30, 1000), Quota(("**",), 0))
    assert read(RULES).quotas == Quotas(rules, 300.0)
    assert read("quotas: {rules: [{repositories: a, tags: 1}]}").quotas.every == 600.0
    assert read("page: true").quotas == Quotas()


@both
def test_the_example_of_the_docs(read: Any) -> None:
    (text,) = re.findall(r"(?ms)^```yaml\nregistry:\n(.*?)^```", (ROOT / "docs" / "quotas.md").read_text())
    teams, all_of_them = read(textwrap.dedent(text)).quotas.rules
    assert teams == Quota(("team-a/**", "team-a-mirror/*"), 500 << 30, 2000)
    assert all_of_them == Quota(("**",), 5 << 40)


@both
@pytest.mark.parametrize(
    ("section", "why"),
    [
        ("{every: 5m}", "quotas: rules: is missing"),
        ("{rules: []}", "quotas: rules: is missing"),
        ("{rules: {a: 1}}", "rules: must be a list"),
        ("{rules: [{bytes: 1}]}", "quotas, rules, item 1: repositories: is missing"),
        ("{rules: [{repositories: a}]}", "bytes: is missing, and tags too"),
        ("{rules: [{repositories: a, bytes: many}]}", "bytes: must be"),
        ("{rules: [{repositories: a, tags: -1}]}", "tags: must be a whole number"),
        ("{rules: [{repositories: A, tags: 1}]}", "can match no name"),
        ("{rules: [{repositories: a, tag: 1}]}", "unknown option tag; did you mean tags"),
        ("{rules: [{repositories: a, tags: 1}, {repositories: a, bytes: 1}]}", "rules: a is there twice"),
        ("{every: 5, rules: [{repositories: a, tags: 1}]}", "every: must be a time with its unit"),
    ],
)
def test_mistakes_are_named(read: Any, section: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(f"quotas: {section}")
