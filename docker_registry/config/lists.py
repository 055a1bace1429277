"""Lists in a config file: texts, mappings, and patterns of names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docker_registry.distribution.auth.patterns import Pattern
from docker_registry.distribution.model import grammar

from .values import Options, text

__all__ = ["mappings", "repository_patterns", "tag_patterns", "texts"]


def texts(value: Any) -> tuple[str, ...]:
    """A text, or a list of texts."""
    return tuple(text(item) for item in (value if isinstance(value, list) else [value]))


def mappings(options: Options, name: str) -> list[Options]:
    """The items of an option that is a list of mappings."""

    def convert(value: Any) -> list[Options]:
        if not isinstance(value, list):
            raise ValueError("must be a list")
        return [
            Options(item, f"{options.where}, {name}, item {number}", options.problems)
            for number, item in enumerate(value, 1)
        ]

    return options.take(name, convert, [])


def repository_patterns(value: Any) -> tuple[str, ...]:
    return _fitting(value, lambda pattern: grammar.is_name(pattern.replace("**", "x").replace("*", "x")))


def tag_patterns(value: Any) -> tuple[str, ...]:
    return _fitting(value, lambda pattern: grammar.is_tag(pattern.replace("*", "x")))


def _fitting(value: Any, can_match: Callable[[str], bool]) -> tuple[str, ...]:
    patterns = texts(value)
    for pattern in patterns:
        try:
            Pattern(pattern)
        except ValueError as error:
            raise ValueError(f"{pattern!r} {error}") from None
        if not can_match(pattern):
            raise ValueError(f"{pattern!r} can match no name")
    return patterns
