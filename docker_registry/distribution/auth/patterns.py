"""Patterns of names that an operator writes: `*` is any text without a slash, `**` any number of whole parts.

Matched in time proportional to pattern times text, whatever the text: names
come from strangers.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Pattern", "Patterns"]


class Pattern:
    """
    >>> team = Pattern("team/**")
    >>> team.matches("team/app"), team.matches("team/a/b"), team.matches("teams/a")
    (True, True, False)
    >>> Pattern("**").matches("a/b"), Pattern("*/web").matches("a/web"), Pattern("*/web").matches("a/b/web")
    (True, True, False)
    >>> Pattern("team/**").matches("team"), Pattern("v1.*").matches("v1.10")
    (True, True)
    """

    def __init__(self, text: str):
        """Raises ValueError for a text that can match nothing."""
        self.text = text
        self._parts = text.split("/")
        if not all(self._parts):
            raise ValueError("must have no empty part between slashes")
        if any("**" in part and part != "**" for part in self._parts):
            raise ValueError("must have ** only as a whole part, such as team/**")

    def __str__(self) -> str:
        return self.text

    @property
    def matches_all(self) -> bool:
        """Whether no repository can have a name that does not match.

        >>> [Pattern(text).matches_all for text in ("**", "**/*", "*/*/**", "*", "a/**")]
        [True, True, False, False, False]
        """
        return set(self._parts) <= {"*", "**"} and "**" in self._parts and self._parts.count("*") <= 1

    def matches(self, text: str) -> bool:
        return _match(self._parts, text.split("/"), "**", lambda part, name: _match(part, name, "*", str.__eq__))


class Patterns:
    """Any of several patterns. Raises ValueError as Pattern does."""

    def __init__(self, texts: Iterable[str]):
        self._patterns = [Pattern(text) for text in texts]

    def matches(self, text: str) -> bool:
        return any(pattern.matches(text) for pattern in self._patterns)


def _match(pattern, items, wild, equal) -> bool:  # type: ignore[no-untyped-def]
    """Whether a sequence fits a pattern in which `wild` stands for any number of items.

    Upon a mismatch only the last `wild` takes one item more: earlier ones need never be tried again.
    """
    at = position = 0
    star = retry = -1
    while position < len(items):
        if at < len(pattern) and pattern[at] == wild:
            star, retry = at, position
            at += 1
        elif at < len(pattern) and equal(pattern[at], items[position]):
            at += 1
            position += 1
        elif star >= 0:
            retry += 1
            at, position = star + 1, retry
        else:
            return False
    return all(item == wild for item in pattern[at:])
