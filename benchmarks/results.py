"""The figures of one run, in memory and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .measure import Cell, Goal, Row

__all__ = ["Results"]


@dataclass
class Results:
    about: dict[str, str]  # when, where and with what it was measured
    rows: list[Row] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)  # group of rows -> traceback

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

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


def _row(read: dict[str, object]) -> Row:
    values: dict[str, object] = dict(read)
    cells, goals = values.pop("cells"), values.pop("goals")
    assert isinstance(cells, dict)
    assert isinstance(goals, list)
    row = Row(**values)  # type: ignore[arg-type]
    row.cells = {name: Cell(**cell) for name, cell in cells.items()}
    row.goals = [Goal(**goal) for goal in goals]
    return row
