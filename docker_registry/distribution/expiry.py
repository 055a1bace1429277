"""When a tag vanishes by itself: what the settings say, and what a push asks for.

An image asks by the name that Quay gave it (`quay.expires-after`), as an
annotation of its manifest or a label of its config. A push asks by a header,
which Docker's daemon passes on from its client's configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from docker_registry.settings import Expire

from .auth.patterns import Patterns
from .auth.policy import Policy
from .model.grammar import Tag
from .model.manifest import Manifest
from .storage.labels import read_labels
from .storage.parsing import Parsing
from .storage.store import Store

__all__ = ["ANNOTATION", "HEADER", "LEAST", "Expiry", "parse_time"]

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
    """The rules of one registry: of those that fit a tag, the first one counts; immutable tags stay."""

    def __init__(self, rules: Iterable[Expire], policy: Policy, parsing: Parsing):
        self._rules = [(rule, Patterns(rule.repositories), Patterns(rule.tags)) for rule in rules]
        self._policy = policy
        self._parsing = parsing

    def ends(
        self,
        store: Store,
        name: str,
        tags: Sequence[Tag],
        manifest: Manifest,
        by_header: Callable[[], float | None] = lambda: None,
    ) -> dict[Tag, float]:
        """When tags vanish that are set to a manifest now, of those that do: seconds since the epoch.

        `by_header` is called where the request may ask for a time: for how many seconds it does, if at all.
        """
        rules = {tag: rule for tag in tags if (rule := self._rule(name, tag))}
        asked = by_label = None
        if any(rule.on_request for rule in rules.values()):
            asked = by_header() or _asked(manifest.annotations)
        if asked is None and any(rule.labels for rule in rules.values()):
            by_label = _asked(read_labels(store, self._parsing, manifest))
        found: dict[Tag, float] = {}
        for tag, rule in rules.items():
            times = [rule.after, asked if rule.on_request else None, by_label if rule.labels else None]
            given = [seconds for seconds in times if seconds is not None]
            if given:
                found[tag] = store.clock() + min(given)
        return found

    def _rule(self, repository: str, tag: str) -> Expire | None:
        if self._policy.is_immutable(repository, tag):
            return None
        for rule, repositories, tags in self._rules:
            if repositories.matches(repository) and tags.matches(tag):
                return rule
        return None


def _asked(texts: Mapping[str, str]) -> float | None:
    """After how many seconds annotations or labels ask for a tag to vanish; None where they do not."""
    return parse_time(texts.get(ANNOTATION, ""))
