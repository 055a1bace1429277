"""How a run of garbage collection is told: as text for people, as one JSON object a line for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from time import time
from typing import TextIO

from docker_registry.plurals import in_bytes, plural

from ..json_lines import JsonLines
from ..moments import written
from ..printable import printable
from .garbage import Item
from .outcome import Outcome, Pending, Removal, Stage

__all__ = ["JsonReport", "TextReport", "said", "summed_up", "what_next"]

_NOWHERE = "(in no repository)"
_NAMES = {"data": "data", "layer": "link to layer", "manifest": "manifest"}
_DONE = {Stage.ANNOUNCED: "announced"}


def said(removal: Removal) -> str:
    """One line of what became of a file."""
    item = removal.item
    if not removal.done:
        return f"kept {item.path}: {removal.why}"
    whose = f" of {item.repository}" if item.repository else ""
    return f"removed the {_NAMES[item.what]} {item.digest}{whose}: {item.path}, {in_bytes(item.size)}"


def summed_up(outcome: Outcome, done: str) -> Iterator[str]:
    """Lines of what was announced or `done`, by repository."""
    done = _DONE.get(outcome.stage, done)
    for repository, (files, size) in sorted(outcome.shares.items()):
        yield f"{repository or _NOWHERE}: {plural(files, 'file')}, {in_bytes(size)} {done}"
    if outcome.shares:
        files, size = map(sum, zip(*outcome.shares.values(), strict=True))
        yield f"in all {plural(files, 'file')}, {in_bytes(size)} {done}"
    if outcome.young:
        files, size, _ = outcome.young
        yield (
            f"{plural(files, 'file')}, {in_bytes(size)} {'is' if files == 1 else 'are'} unused, "
            "but younger than the grace period: "
            f"all of them are old enough from {written(outcome.old_at)} on"
        )
    if outcome.vetoed:
        yield plural(
            outcome.vetoed, "announced file is used again, and stays", "announced files are used again, and stay"
        )
    for finding in outcome.waste:
        yield f"{finding.path}: {finding.done}, {in_bytes(finding.size)}"
    if outcome.opaque:
        keep = plural(outcome.opaque, "repository keeps all of its", "repositories keep all of their")
        yield f"{keep} layers, since not all manifests there can be read: fsck says more"


def what_next(outcome: Outcome) -> str:
    """One line of what a call came to, and when to come again."""
    when = _moment(outcome.again_in + 60)
    if outcome.stage is Stage.ANNOUNCED:
        files = plural(outcome.announced, "file")
        return f"announced {files}: run gc again from {when} on to remove what nobody uses until then"
    if outcome.stage in (Stage.WAITING, Stage.BUSY):
        return f"{outcome.stage.value} (run {outcome.run}): run gc again from {when} on"
    if outcome.stage is Stage.STOPPED:
        return f"stopped: {outcome.why}; run gc again"
    if outcome.stage is Stage.FINISHED:
        return (
            f"finished: {plural(outcome.removed, 'file')} removed, {in_bytes(outcome.freed)} free; "
            "large ones leave segments, which a run removes when they are old"
        )
    return str(outcome.stage.value)


def _announced(run: Pending) -> str:
    """One line of a run that waits to be finished."""
    since, ripe, end = _moment(-run.age), _moment(run.ripe - run.age + 60), _moment(run.lasts - run.age)
    return (
        f"run {run.run} is announced since {since} and counts until {end}: gc without --dry-run, from {ripe} on, "
        "removes what it announced and nobody uses then, not what is above and came later"
    )


def _moment(seconds: float) -> str:
    """When it is so many seconds from now."""
    return written(time() + seconds)


class TextReport:
    """What would go or went, by repository, then what comes next."""

    def __init__(self, out: TextIO, container: str = ""):
        self._out = out
        if container:
            self._line(f"container {container}:")

    def would(self, item: Item) -> None:
        pass  # `end` says how many, by repository

    def tell(self, removal: Removal) -> None:
        self._line(said(removal))

    def end(self, outcome: Outcome, dry_run: bool) -> None:
        if dry_run:
            pending = [_announced(outcome.pending)] if outcome.pending else []
            for line in (*summed_up(outcome, "would be announced"), *pending, "nothing was written or removed"):
                self._line(line)
            return
        for line in (*summed_up(outcome, "removed"), what_next(outcome)):
            self._line(line)

    def _line(self, text: str) -> None:
        self._out.write(printable(text) + "\n")


class JsonReport(JsonLines):
    """JSON lines: files, then the summary."""

    def would(self, item: Item) -> None:
        self._tell(item, "", "a dry run")

    def tell(self, removal: Removal) -> None:
        self._tell(removal.item, "removed" if removal.done else "", removal.why)

    def _tell(self, item: Item, done: str, left: str) -> None:
        fields = item._asdict()
        self.write({"file": fields.pop("path"), **fields, "done": done, "left": left})

    def end(self, outcome: Outcome, dry_run: bool) -> None:
        summary = asdict(outcome)
        summary["waste"] = [
            {"path": finding.path, "done": finding.done, "size": finding.size} for finding in outcome.waste
        ]
        summary["young"] = outcome.young._asdict() if outcome.young else None
        summary["pending"] = outcome.pending._asdict() if outcome.pending else None
        self.write_summary({**summary, "dry_run": dry_run})
