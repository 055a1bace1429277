"""Patterns of names, compared with what a regular expression says of the same."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.auth.patterns import Pattern

PART = st.text("ab.*", min_size=1, max_size=5).filter(lambda part: "**" not in part)
PATTERNS = st.lists(PART | st.just("**"), min_size=1, max_size=5).map("/".join)
NAMES = st.lists(st.text("ab.", min_size=1, max_size=5), min_size=1, max_size=5).map("/".join)


def expression(pattern: str) -> re.Pattern[str]:
    """The same as a regular expression over names that end in a slash, so that `**` may stand for no part."""
    parts = [
        "(?:[^/]+/)*" if part == "**" else re.escape(part).replace(r"\*", "[^/]*") + "/" for part in pattern.split("/")
    ]
    return re.compile("".join(parts))


@given(PATTERNS, NAMES)
def test_as_a_regular_expression_has_it(pattern: str, name: str) -> None:
    assert Pattern(pattern).matches(name) == bool(expression(pattern).fullmatch(name + "/"))


@pytest.mark.parametrize("pattern", ["", "/a", "a/", "a//b", "a**", "**b/c", "a/b**"])
def test_what_can_match_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="must have"):
        Pattern(pattern)


def test_hostile_names_cost_no_more_than_their_length() -> None:
    hostile = Pattern("/".join(["**", "*a*a*a*b"] * 20))

    def cost(length: int) -> float:
        name = "/".join(["a" * 40] * length)
        begun = time.process_time()
        assert not hostile.matches(name)
        return time.process_time() - begun

    cost(10)
    # Eight times the text: eight times the time for each part of the pattern, not the eighth power of it.
    assert cost(80) < 100 * max(cost(10), 0.001)
