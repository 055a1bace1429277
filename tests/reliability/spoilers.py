"""Every fault that is tried: how the proxy is told, which requests it can befall, what it excuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.live.faults import FaultProxy

__all__ = ["EVERY_KIND", "FAULTS", "KINDS", "PATIENCE", "Fault", "kind_of", "pattern_of"]

PATIENCE = 1.0  # seconds that the registries' driver waits for Swift
_LATE = 1.5 * PATIENCE
EVERY_KIND = ("token", "segment", "manifest", "data", "entry", "link", "session", "bulk", "listing", "container")
_BODIES = ("segment", "manifest", "data", "link", "session", "entry")  # requests for objects
_OTHER_ETAG = "0" * 32

# What a request is about, by its path and query; the first that is found counts.
KINDS = {
    "token": "^/auth/",
    "info": "^/info",
    "notice": "/_gc/",
    "segment": "/segments/",
    "manifest": "/blobs/.*multipart-manifest=",
    "data": "/blobs/",
    "entry": "/descriptor",
    "link": "/link",
    "session": "/_sessions/",
    "bulk": "bulk-delete",
    "listing": "format=json",
    "container": "",
}


def kind_of(target: str) -> str:
    return next(kind for kind, pattern in KINDS.items() if re.search(pattern, target))


def pattern_of(kind: str) -> str:
    """What matches the targets of a kind, and those of no other."""
    before = "".join(f"(?!.*{KINDS[other].lstrip('^')})" for other in list(KINDS)[: list(KINDS).index(kind)])
    return f"^{before}.*{KINDS[kind].lstrip('^')}"


@dataclass(frozen=True)
class Fault:
    """`arm` is given the proxy and what to match."""

    name: str
    arm: Callable[..., None]
    methods: tuple[str, ...] = ("GET", "HEAD", "PUT", "POST", "DELETE")
    kinds: tuple[str, ...] = EVERY_KIND
    says_missing: bool = False  # Swift said 404: the client may hear that something is missing
    refuses: bool = False  # Swift said that it will not: the client may hear 502
    hides: bool = False  # a listing lacks what it should have
    alters: bool = False  # bytes, and nothing but a digest could tell
    always: bool = False  # it is armed for all requests, or not at all


def _fault(name: str, method: str, *arguments: Any, **rest: Any) -> Fault:
    options = {key: rest.pop(key) for key in list(rest) if key in Fault.__dataclass_fields__}

    def arm(proxy: FaultProxy, **match: Any) -> None:
        getattr(proxy, method)(*arguments, **rest, **match)

    return Fault(name, arm, **options)


def _answers() -> list[Fault]:
    """Statuses in place of Swift's answer; `done`: Swift did its work first."""
    faults = []
    for status in (408, 422, 498, 499, 500, 502, 503, 504, 507):
        faults.append(_fault(f"{status}", "answer", status))
    # Of a login it says that the URL is wrong, and is believed.
    faults.append(_fault("412", "answer", 412, kinds=EVERY_KIND[1:]))
    faults.append(_fault("429", "answer", 429, headers={"Retry-After": "0"}))
    for status in (408, 412, 500, 503):
        faults.append(_fault(f"{status}, done", "answer", status, done=True, methods=("PUT", "POST", "DELETE")))
    for status in (401, 403):
        faults.append(_fault(f"{status}", "answer", status, refuses=True))
    faults.append(_fault("404", "answer", 404, says_missing=True, refuses=True))
    foreign = {"ETag": _OTHER_ETAG}
    faults.append(_fault("a 201 of another", "answer", 201, headers=foreign, methods=("PUT",), kinds=_BODIES))
    for status in (200, 201, 202, 204, 206):
        faults.append(_fault(f"an empty {status}", "answer", status, methods=("PUT", "GET", "HEAD"), kinds=_BODIES))
        faults.append(_fault(f"{status}, done", "answer", status, done=True, methods=("PUT",), kinds=_BODIES))
    return faults


FAULTS = [
    _fault("reset", "refuse"),
    _fault("closed", "close"),
    _fault("reset within the body", "break_off", 50, methods=("PUT", "POST"), kinds=("segment", "manifest", "data")),
    _fault("reset behind the head", "break_off", 0, methods=("PUT",), kinds=_BODIES),
    _fault("answer lost", "swallow"),
    _fault("late", "delay", _LATE),
    _fault("slow", "delay", 0.05),
    _fault("no answer", "stall", 2 * PATIENCE),
    _fault("no answer, done", "stall", 2 * PATIENCE, done=True, methods=("PUT", "POST", "DELETE")),
    _fault("twice", "twice", methods=("PUT", "POST", "DELETE")),
    *_answers(),
    _fault("100 before", "interim", 100),
    _fault("102 before", "interim", 102),
    _fault("103 before", "interim", 103),
    _fault("interim without an end", "interim", 102, 50),
    _fault("head cut at byte 3", "cut_head", 3),
    _fault("head cut at byte 40", "cut_head", 40),
    _fault("body cut at its start", "cut", 0, methods=("GET",)),
    _fault("body cut", "cut", 30, methods=("GET",)),
    _fault("body stalls", "hang", 30, 2 * PATIENCE, methods=("GET",)),
    _fault("too long", "lengthen", 7),
    _fault("too short", "shorten", 7, methods=("GET",), kinds=(*_BODIES, "listing")),
    _fault("flipped byte", "corrupt", methods=("GET",), kinds=("data", "link", "session"), alters=True),
    _fault("wrong ETag", "rewrite", {"ETag": _OTHER_ETAG}, kinds=_BODIES),
    _fault("no ETag", "rewrite", {"ETag": None}, kinds=_BODIES),
    _fault("stale listing", "hide", ".", kinds=("listing",), methods=("GET",), hides=True),
    _fault("stale answers", "stale", always=True),
]
