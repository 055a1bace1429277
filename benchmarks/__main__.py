"""Measure this registry, its peers and the wire on one Swift, and print the table.

A full run of all rows also writes docs/benchmarks.md and docs/benchmarks.json, anew after each group of rows.
"""

from __future__ import annotations

import argparse
import contextlib
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
from .rows.doors import doors
from .rows.images import images
from .rows.keystone import keystone
from .rows.large import large
from .rows.lists import lists
from .rows.memory import memory
from .rows.seed import seed
from .rows.small import small
from .rows.start import start
from .rows.v1 import v1

__all__ = ["GROUPS", "main", "run"]

GROUPS: dict[str, Callable[[Rig, Plan], Iterator[Row]]] = {
    "large": large,
    "images": images,
    "small": small,
    "doors": doors,
    "keystone": keystone,
    "crowd": crowd,
    "memory": memory,
    "start": start,
    "driver": alone,
    "v1": v1,
    "seed": seed,
    "lists": lists,  # the last: what it fills Swift with stays
}

_DOCS = Path(__file__).parent.parent / "docs"


def run(plan: Plan, groups: list[str], save: Callable[[Results], None]) -> Results:
    """Measure these groups of rows; one that fails is noted in the results, and the others go on.

    `save` is called after each of them: who stops a run half-way keeps what it has measured.
    """
    results = Results(about.begin(short=plan is SHORT))
    with Rig(segment_size=plan.segment) as rig:
        for done, group in enumerate(groups, 1):
            _measure(rig, plan, group, results)
            results.about.update(about.end(groups[:done], groups[done:]))
            save(results)
    return results


def _measure(rig: Rig, plan: Plan, group: str, results: Results) -> None:
    try:
        for row in GROUPS[group](rig, plan):
            results.rows.append(row)
            print(report.line(row), file=sys.stderr, flush=True)
        rig.tidy()
    except Exception:  # noqa: BLE001  whatever it was: it is shown, and the exit status tells
        results.failures[group] = traceback.format_exc()
        print(results.failures[group], file=sys.stderr, flush=True)
        with contextlib.suppress(Exception):  # the next group says what is still wrong
            rig.tidy(restart=True)


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
    whole = not (arguments.short or arguments.rows)
    figures = arguments.json or (_DOCS / "benchmarks.json" if whole else None)
    page = arguments.page or (_DOCS / "benchmarks.md" if whole else None)

    def save(results: Results) -> None:
        if figures:
            figures.write_text(results.to_json())
        if page:
            page.write_text(report.page(results))

    results = run(SHORT if arguments.short else FULL, groups, save)
    print(report.tables(results))
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
