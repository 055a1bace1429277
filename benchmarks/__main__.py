"""Measure this registry, its peers and the wire on one Swift, and print the table.

A full run of all rows also writes docs/benchmarks.md and docs/benchmarks.json.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from . import about, report
from .measure import Row
from .plan import FULL, SHORT, Plan
from .results import Results
from .rig import Rig
from .rows.alone import alone
from .rows.crowd import crowd
from .rows.images import images
from .rows.large import large
from .rows.lists import lists
from .rows.memory import memory
from .rows.small import small
from .rows.start import start
from .rows.v1 import v1

__all__ = ["GROUPS", "main", "run"]

GROUPS: dict[str, Callable[[Rig, Plan], Iterator[Row]]] = {
    "large": large,
    "images": images,
    "small": small,
    "crowd": crowd,
    "memory": memory,
    "lists": lists,
    "start": start,
    "driver": alone,
    "v1": v1,
}

_DOCS = Path(__file__).parent.parent / "docs"


def run(plan: Plan, groups: list[str]) -> Results:
    """Measure these groups of rows; one that fails is noted in the results, and the others go on."""
    results = Results(about.begin(short=plan is SHORT))
    with Rig(segment_size=plan.segment) as rig:
        for group in groups:
            try:
                for row in GROUPS[group](rig, plan):
                    results.rows.append(row)
                    print(report.line(row), file=sys.stderr, flush=True)
            except Exception:  # noqa: BLE001  whatever it was: it is shown, and the exit status tells
                results.failures[group] = traceback.format_exc()
                print(results.failures[group], file=sys.stderr, flush=True)
    results.about.update(about.end())
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="little work, whose times mean nothing: does it run?")
    parser.add_argument("--rows", help=f"only these groups of rows, with commas between: {', '.join(GROUPS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write them to this Markdown page")
    arguments = parser.parse_args()
    groups = arguments.rows.split(",") if arguments.rows else list(GROUPS)
    for group in groups:
        if group not in GROUPS:
            parser.error(f"no rows {group!r}; there are: {', '.join(GROUPS)}")
    results = run(SHORT if arguments.short else FULL, groups)
    print(report.tables(results))
    whole = not (arguments.short or arguments.rows)
    _write(arguments.json or (_DOCS / "benchmarks.json" if whole else None), results.to_json)
    _write(arguments.page or (_DOCS / "benchmarks.md" if whole else None), lambda: report.page(results))
    return 1 if results.failures else 0


def _write(path: Path | None, text: Callable[[], str]) -> None:
    if path:
        path.write_text(text())


if __name__ == "__main__":
    sys.exit(main())
