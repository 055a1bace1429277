"""When a tag vanishes by itself: what the settings say, and what a push asks for.

An image asks by the name that Quay gave it (`quay.expires-after`), as an
annotation of its manifest or a label of its config. A push asks by a header,
which Docker's daemon passes on from its client's configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from docker_registry.settings import Expire

from .auth.patterns import Patterns

__all__ = ["ANNOTATION", "HEADER", "LEAST", "Expiry", "asked", "parse_time"]

HEADER = "X-Meta-Expires-After"
ANNOTATION = "quay.expires-after"
LEAST = 60.0  # s; what is to vanish sooner lasts so long, since the push itself takes a while
_MOST = 10 * 365 * 24 * 3600.0  # s
_TIME = re.compile(r"([0-9]{1,9})\s*([smhdw])", re.ASCII)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def parse_time(text: str) -> float | None:
    """Seconds from LEAST to ten years; None for what is no such time, as images without one have it ("never").

    >>> parse_time("2w"), parse_time("30s"), parse_time("Never")
    (1209600.0, 60.0, None)
    """
    match = _TIME.fullmatch(text.strip().lower())
    return min(max(int(match[1]) * _UNITS[match[2]], LEAST), _MOST) if match else None


class Expiry:
    """The rules of one registry: of those that fit a tag, the first one counts."""

    def __init__(self, rules: Iterable[Expire]):
        self._rules = [(rule, Patterns(rule.repositories), Patterns(rule.tags)) for rule in rules]

    def rule(self, repository: str, tag: str) -> Expire | None:
        for rule, repositories, tags in self._rules:
            if repositories.matches(repository) and tags.matches(tag):
                return rule
        return None


def asked(texts: Mapping[str, str]) -> float | None:
    """After how many seconds annotations or labels ask for a tag to vanish; None where they do not."""
    return parse_time(texts.get(ANNOTATION, ""))
