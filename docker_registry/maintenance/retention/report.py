"""How a run of retention is told: as text for people, as one JSON object a line for programs."""

from __future__ import annotations

import json
from typing import TextIO

from ..printable import printable
from .job import Outcome, Summary

__all__ = ["JsonReport", "TextReport"]

FORMAT = 1  # of the JSON lines; grows when a field changes its meaning


class TextReport:
    def __init__(self, out: TextIO, dry_run: bool):
        self._out = out
        self._dry_run = dry_run

    def tell(self, outcome: Outcome) -> None:
        done = "kept" if outcome.kept else "would go" if self._dry_run else "removed"
        why = f"{outcome.kept} ({outcome.why})" if outcome.kept else outcome.why
        where = f"container {outcome.container}: " if outcome.container else ""
        self._line(f"{where}{outcome.repository}:{outcome.tag}: {done}: {why}")

    def end(self, summary: Summary) -> None:
        self._line(
            f"{summary.repositories} repositories with a rule: "
            + (f"{summary.doomed} tags would go" if self._dry_run else f"{summary.removed} tags removed")
            + (f"; the storage did not answer {summary.failed} times, run again" if summary.failed else "")
        )

    def _line(self, text: str) -> None:
        self._out.write(printable(text) + "\n")


class JsonReport:
    """JSON lines: tags, then the summary."""

    def __init__(self, out: TextIO, dry_run: bool):
        self._out = out
        self._dry_run = dry_run

    def tell(self, outcome: Outcome) -> None:
        fields = outcome._asdict()
        if not outcome.container:
            del fields["container"]
        self._line(fields)

    def end(self, summary: Summary) -> None:
        self._line({"summary": {**vars(summary), "dry_run": self._dry_run}, "format": FORMAT})

    def _line(self, fields: dict[str, object]) -> None:
        self._out.write(json.dumps(fields) + "\n")
