"""Memory, while many push at once."""

from __future__ import annotations

from collections.abc import Iterator

from ..content import Source
from ..measure import Goal, Row, metered
from ..plan import MIB, Plan
from ..rig import CONTAINERS, DISTRIBUTION, OURS, Rig, Unavailable
from ..targets import Registry, side_by_side

__all__ = ["memory"]

_LIMIT = 300e6  # bytes


def memory(rig: Rig, plan: Plan) -> Iterator[Row]:
    for count, size in plan.crowds:
        row = Row(
            f"memory-{count}",
            f"peak memory, {count} pushes of {size // MIB} MiB at once",
            "MB",
            gib=count * size / 2**30,
        )
        row.goals = [Goal(OURS, _LIMIT / 1e6)]
        sources = [Source(rig.files / f"crowd{n}", size).fresh() for n in range(count)]
        for name in (OURS, DISTRIBUTION):
            try:
                server = rig.server(name)
            except Unavailable as why:
                row.cell(name).note = str(why)
                continue
            with server:
                registry = Registry(name, server)
                cell = row.cell(name)
                with metered(rig, cell, server.process):
                    side_by_side(sources, registry.push_file, count)
                cell.values.append(server.process.peak() / 1e6)
            rig.empty(*CONTAINERS)
        for source in sources:
            source.path.unlink()
        yield row
