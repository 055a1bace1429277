"""How long jobs are told to programs: a JSON object a line, of one shape for all of them.

One field, the first, has the name of what the line is about: `finding`, `image`, `file`, `tag`, at the end `summary`.
`done` says what was done to it, `left` why nothing was; "" where that is not so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TextIO

__all__ = ["FORMAT", "JsonLines"]

FORMAT = 2  # grows when a field changes its meaning


class JsonLines:
    """`container` is in each line, if there are several."""

    def __init__(self, out: TextIO, container: str = ""):
        self._out = out
        self._more = {"container": container} if container else {}

    def write(self, line: Mapping[str, Any]) -> None:
        self._out.write(json.dumps({**line, **self._more}) + "\n")

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        self.write({"summary": summary, "format": FORMAT})
