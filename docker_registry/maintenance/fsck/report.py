"""How findings are told: as text for people, as one JSON object a line for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TextIO

from docker_registry.plurals import in_bytes, plural

from ..json_lines import JsonLines
from ..printable import printable
from .findings import Finding, Kind, Severity, Summary
from .images import Image

__all__ = ["JsonReport", "TextReport"]


class TextReport:
    """Each finding as it comes, then what to do about each kind, then the images that do not pull."""

    def __init__(self, out: TextIO, container: str = ""):
        self._out = out
        self._advice: dict[tuple[Kind, str], None] = {}
        if container:
            self._line(f"container {container}:")

    def tell(self, finding: Finding) -> None:
        where = f" [{finding.repository}]" if finding.repository else ""
        self._line(f"{finding.kind.severity.value:6} {finding.kind.code}: {finding.path}{where}: {finding.detail}")
        if finding.done:
            self._line(f"       repaired: {finding.done}")
        elif finding.left:
            self._line(f"       left: {finding.left}")
        if not finding.done and finding.kind.severity is not Severity.NOTE:
            self._advice[finding.kind, finding.advice] = None

    def end(self, summary: Summary, images: Iterable[Image]) -> None:
        self._line(
            f"{plural(summary.repositories, 'repository', 'repositories')}, {plural(summary.blobs, 'blob')} "
            f"({plural(summary.manifests, 'manifest')}), {plural(summary.files, 'file')}, "
            f"{plural(summary.segments, 'segment')} looked at"
            + (f", {in_bytes(summary.bytes_hashed)} hashed" if summary.bytes_hashed else "")
        )
        if not summary.found and not summary.unseen:
            self._line("nothing found")
        for code, count in sorted(summary.found.items()):
            self._line(f"  {code}: {count}, {summary.repaired[code]} repaired")
        for kind, advice in self._advice:
            self._line(f"{kind.code}: {kind.meaning}. What to do: {advice}.")
        if summary.unpullable:
            self._line(f"{plural(summary.unpullable, 'image does', 'images do')} not pull:")
        for image in images:
            self._line(f"  {image.name}: {image.why}. What to do: {image.advice}.")
        if summary.unseen:
            self._line(f"what is above is not all: {summary.unseen}")

    def _line(self, text: str) -> None:
        self._out.write(printable(text) + "\n")


class JsonReport(JsonLines):
    """JSON lines: findings, then images that do not pull, then the summary."""

    def tell(self, finding: Finding) -> None:
        fields = asdict(finding)
        kind = fields.pop("kind")
        self.write({"finding": kind.code, "severity": kind.severity.value, **fields})

    def end(self, summary: Summary, images: Iterable[Image]) -> None:
        for image in images:
            self.write({"image": image.name, "why": image.why, "advice": image.advice})
        self.write_summary(vars(summary))
