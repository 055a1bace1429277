"""The figures of one run, in memory and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .measure import Cell, Goal, Row

__all__ = ["Results"]


@dataclass
class Results:
    about: dict[str, str]  # when, where and with what it was measured
    rows: list[Row] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)  # group of rows -> traceback

    def to_json(self) -> str:
        """A line for each row, so that two runs can be compared line by line."""
        rows = ",\n".join(json.dumps(_rounded(asdict(row))) for row in self.rows)
        about, failures = json.dumps(self.about), json.dumps(self.failures)
        return f'{{"about": {about},\n"rows": [\n{rows}\n],\n"failures": {failures}}}\n'

    @classmethod
    def load(cls, path: Path) -> Results:
        read = json.loads(path.read_text())
        return cls(read["about"], [_row(row) for row in read["rows"]], read["failures"])

    def row(self, row_id: str) -> Row:
        """Raises KeyError."""
        for row in self.rows:
            if row.id == row_id:
                return row
        raise KeyError(row_id)


def _row(read: dict[str, Any]) -> Row:
    cells = {name: Cell(**cell) for name, cell in read.get("cells", {}).items()}
    goals = [Goal(**goal) for goal in read.get("goals", [])]
    return Row(**{**read, "cells": cells, "goals": goals})


def _rounded(value: Any) -> Any:
    """No figure here is good for more than five digits."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items() if item not in ([], "")}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
