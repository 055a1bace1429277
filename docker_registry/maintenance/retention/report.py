"""How a run of retention is told: as text for people, as one JSON object a line for programs."""

from __future__ import annotations

from typing import TextIO

from docker_registry.plurals import plural

from ..json_lines import JsonLines
from ..printable import printable
from .job import Outcome, Summary

__all__ = ["JsonReport", "TextReport"]


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
        tags = plural(summary.doomed if self._dry_run else summary.removed, "tag")
        self._line(
            f"{plural(summary.repositories, 'repository', 'repositories')} with a rule: "
            + (f"{tags} would go" if self._dry_run else f"{tags} removed")
            + (f"; the storage did not answer {plural(summary.failed, 'time')}, run again" if summary.failed else "")
        )

    def _line(self, text: str) -> None:
        self._out.write(printable(text) + "\n")


class JsonReport(JsonLines):
    """JSON lines: tags, then the summary."""

    def __init__(self, out: TextIO, dry_run: bool):
        super().__init__(out)
        self._dry_run = dry_run

    def tell(self, outcome: Outcome) -> None:
        fields = {"tag": outcome.tag, "repository": outcome.repository, "why": outcome.why}
        done = {"done": "removed" if outcome.removed else "", "left": outcome.kept or ("a dry run" * self._dry_run)}
        container = {"container": outcome.container} if outcome.container else {}
        self.write({**fields, **done, **container})

    def end(self, summary: Summary) -> None:
        self.write_summary({**vars(summary), "dry_run": self._dry_run})
