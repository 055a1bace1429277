"""How a run of garbage collection is told: as text for people, as one JSON object a line for programs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TextIO

from .garbage import Item
from .gc import Outcome, Removal, Stage

__all__ = ["JsonReport", "TextReport"]

FORMAT = 1  # of the JSON lines; grows when a field changes its meaning
_NOWHERE = "(in no repository)"


class TextReport:
    """What would go or went, by repository, then what comes next."""

    def __init__(self, out: TextIO, container: str = ""):
        self._out = out
        if container:
            self._line(f"container {container}:")
        self._files: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def would(self, item: Item) -> None:
        self._count(item)

    def tell(self, removal: Removal) -> None:
        if removal.done:
            self._count(removal.item)
        else:
            self._line(f"kept {removal.item.path}: {removal.why}")

    def end(self, outcome: Outcome, dry_run: bool) -> None:
        done = "would be announced" if dry_run else "removed"
        for repository, files in sorted(self._files.items()):
            self._line(f"{repository}: {files} files, {self._bytes[repository]} bytes {done}")
        if self._files:
            self._line(f"in all {self._files.total()} files, {self._bytes.total()} bytes {done}")
        for finding in outcome.waste:
            self._line(f"{finding.path}: {finding.done}, {finding.size} bytes")
        if outcome.opaque:
            self._line(
                f"{outcome.opaque} repositories keep all of their layers, "
                "since not all of their manifests can be read: fsck says more"
            )
        self._line("nothing was written or removed" if dry_run else self._next(outcome))

    def _next(self, outcome: Outcome) -> str:
        again = datetime.now().astimezone() + timedelta(seconds=outcome.again_in + 60)
        when = f"{again:%Y-%m-%d %H:%M %Z}"
        if outcome.stage is Stage.ANNOUNCED:
            files = outcome.announced
            return f"announced {files} files: run gc again from {when} on to remove what nobody uses until then"
        if outcome.stage in (Stage.WAITING, Stage.BUSY):
            return f"{outcome.stage.value} (run {outcome.run}): run gc again from {when} on"
        if outcome.stage is Stage.STOPPED:
            return f"stopped: {outcome.why}; run gc again"
        return str(outcome.stage.value)

    def _count(self, item: Item) -> None:
        self._files[item.repository or _NOWHERE] += 1
        self._bytes[item.repository or _NOWHERE] += item.size

    def _line(self, text: str) -> None:
        # Names in the storage are other people's: no control character reaches a terminal.
        self._out.write("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + "\n")


class JsonReport:
    """JSON lines: files, then the summary; each with its container's name, if any."""

    def __init__(self, out: TextIO, container: str = ""):
        self._out = out
        self._more = {"container": container} if container else {}

    def would(self, item: Item) -> None:
        self._line({"file": item._asdict(), "done": "", "left": "a dry run"})

    def tell(self, removal: Removal) -> None:
        self._line({"file": removal.item._asdict(), "done": "removed" if removal.done else "", "left": removal.why})

    def end(self, outcome: Outcome, dry_run: bool) -> None:
        summary = asdict(outcome)
        summary["waste"] = [
            {"path": finding.path, "done": finding.done, "size": finding.size} for finding in outcome.waste
        ]
        self._line({"summary": {**summary, "dry_run": dry_run}, "format": FORMAT})

    def _line(self, fields: dict[str, object]) -> None:
        self._out.write(json.dumps({**fields, **self._more}) + "\n")
