"""The figures as tables, in Markdown that a terminal shows well too.

`python -m benchmarks.report FILE.json` prints the page of a run that is over.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from . import simulation
from .measure import Cell, Goal, Row
from .results import Results
from .rig import DISTRIBUTION, FORMER, OURS, SKOPEO, WIRE

__all__ = ["line", "page", "tables"]

_SUBJECTS = (WIRE, OURS, DISTRIBUTION)
_COSTS = (
    "Swift requests: wire",
    "ours",
    "Distribution",
    "CPU s: ours",
    "Distribution",
    "CPU s/GiB: ours",
    "Distribution",
)
_TIMES = ("wire p50", "wire p99", "ours p50", "ours p99", "Distribution p50", "Distribution p99")


def line(row: Row) -> str:
    """One row in short, while the others are still to come."""
    return f"{row.title}: " + "; ".join(f"{name} {_value(row, name)}" for name in row.cells)


def tables(results: Results) -> str:
    """Every table of a run."""
    rows = results.rows
    main = [
        _table(
            ("what", WIRE, OURS, peer, "ours / wire", f"better than {peer}"),
            (_main(row) for row in rows if row.peer == peer),
        )
        for peer in (DISTRIBUTION, FORMER, SKOPEO)
    ]
    goals = _table(("what", "goal", "measured", ""), (goal for row in rows for goal in _goals(row)))
    costs = _table(
        ("what", *_COSTS), (_costs(row) for row in rows if any(cell.requests for cell in row.cells.values()))
    )
    times = _table(("what", *_TIMES), (_times(row) for row in rows if any(cell.p50 for cell in row.cells.values())))
    parts = [*main, "## Goals\n", goals, "## What it costs\n", costs, "## Milliseconds for one answer\n", times]
    parts += [f"## Failed: {group}\n\n{why}" for group, why in results.failures.items()]
    return "\n".join(parts)


def page(results: Results) -> str:
    """The page docs/benchmarks.md."""
    template = Path(__file__).with_name("page.md").read_text()
    about = _table(("", ""), results.about.items())
    shown = {"about": about, "tables": tables(results), "simulation": _simulation(results)}
    for name, text in shown.items():
        template = template.replace(f"{{{name}}}", text)
    return template


def _simulation(results: Results) -> str:
    try:
        checked = [
            (
                crowd.title,
                f"{_number(crowd.measured)} s",
                f"{_number(crowd.simulated)} s",
                _times_of(crowd.simulated / crowd.measured),
                f"{_number(crowd.cpu_measured)} s",
                f"{_number(crowd.cpu_simulated)} s",
                _times_of(crowd.cpu_simulated / crowd.cpu_measured if crowd.cpu_measured else None),
            )
            for crowd in simulation.check(results)
        ]
        planned = [
            (title, f"{_number(half)} s", f"{_number(everyone)} s", busiest)
            for title, half, everyone, busiest in simulation.plan(results)
        ]
    except KeyError as row:
        return f"Not simulated: the row {row} was not measured.\n"
    return "\n".join(
        (
            _table(("checked here", "measured", "simulated", "ratio", "CPU measured", "simulated", "ratio"), checked),
            _table(("1,000 nodes", "half of them have it after", "all after", "busiest"), planned),
        )
    )


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in lines
    ]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown) + "\n"


def _main(row: Row) -> Iterator[str]:
    yield row.title
    for name in (WIRE, OURS, row.peer):
        yield _value(row, name)
    yield _times_of(_ratio(row, OURS, WIRE))
    better = _ratio(row, OURS, row.peer) if row.more_is_better else _ratio(row, row.peer, OURS)
    yield _times_of(better)


def _goals(row: Row) -> Iterator[tuple[str, str, str, str]]:
    for goal in row.goals:
        measured = _measured(row, goal)
        more = row.more_is_better and goal.what == "values"
        sign = "at least" if more else "at most"
        if measured is None:
            verdict = "not measured"
        else:
            verdict = "reached" if (measured >= goal.factor if more else measured <= goal.factor) else "short"
        if goal.base:
            yield row.title, f"{sign} {goal.factor:.3g} x {goal.base}", _times_of(measured), verdict
        else:
            unit = {"values": row.unit, "requests": "Swift requests", "cpu": "CPU s"}[goal.what]
            yield row.title, f"{sign} {goal.factor:.3g} {unit}", _number(measured), verdict


def _measured(row: Row, goal: Goal) -> float | None:
    if goal.base:
        return _ratio(row, goal.subject, goal.base)
    return row.cell(goal.subject).middle(goal.what)


def _costs(row: Row) -> Iterator[str]:
    yield row.title
    for name in (WIRE, OURS, row.peer):
        yield _number(_cell(row, name).middle("requests"))
    for name in (OURS, row.peer):
        yield _number(_cell(row, name).middle("cpu"))
    for name in (OURS, row.peer):
        cpu = _cell(row, name).middle("cpu")
        yield _number(cpu / row.gib) if row.gib and cpu is not None else ""


def _times(row: Row) -> Iterator[str]:
    yield row.title
    for name in _SUBJECTS:
        for what in ("p50", "p99"):
            seconds = _cell(row, name).middle(what)
            yield "" if seconds is None else _number(seconds * 1000)


def _cell(row: Row, name: str) -> Cell:
    return row.cells.get(name, Cell())


def _ratio(row: Row, name: str, base: str) -> float | None:
    one, other = _cell(row, name).middle(), _cell(row, base).middle()
    return one / other if one is not None and other else None


def _value(row: Row, name: str) -> str:
    cell = _cell(row, name)
    value = cell.middle()
    if value is None:
        return cell.note
    return f"{_number(value)} {row.unit}" + (f" ({cell.note})" if cell.note else "")


def _times_of(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def _number(value: float | None) -> str:
    """Three digits are all that such a measurement is good for."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    print(page(Results.load(Path(sys.argv[1]))))
