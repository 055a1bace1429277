"""One large layer, up and down, alone and in parallel, near to Swift and far from it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..content import Source
from ..measure import Goal, Row, turn
from ..plan import MIB, Plan
from ..rig import CONTAINERS, DISTRIBUTION, OURS, WIRE, Rig
from ..targets import side_by_side
from . import targets

__all__ = ["large"]

_PUSH_GOALS = {
    1: [Goal(OURS, 1.05, WIRE), Goal(OURS, 1 / 3, DISTRIBUTION)],
    6: [Goal(OURS, 1.6, WIRE), Goal(OURS, 1 / 2, DISTRIBUTION)],
}


def large(rig: Rig, plan: Plan) -> Iterator[Row]:
    sources = [Source(rig.files / f"layer{n}", plan.layer) for n in range(6)]
    yield from _push_and_pull(rig, plan.rounds, sources[:1], far=False)
    yield from _push_and_pull(rig, plan.few_rounds, sources[:1], far=True)
    yield from _push_and_pull(rig, plan.few_rounds, sources[:4], far=False)
    yield _push_six(rig, plan.few_rounds, sources)


def _push_and_pull(rig: Rig, rounds: int, sources: list[Source], far: bool) -> list[Row]:
    count, size = len(sources), sum(source.size for source in sources)
    what = f"{count if count > 1 else ''} x {sources[0].size // MIB} MiB".removeprefix(" x ")
    end, where = ("-far", f", {rig.delay * 1000:.0f} ms per Swift request") if far else ("", "")
    push = Row(f"push-{count}{end}", f"push {what}{where}", gib=size / 2**30)
    pull = Row(f"pull-{count}{end}", f"pull {what}, proxied{where}", gib=size / 2**30)
    direct = Row(f"pull-{count}-redirect{end}", f"pull {what}, by redirect{where}", gib=size / 2**30)
    stored = Row(f"pull-{count}-stored{end}", f"pull {what}, by redirect; wire: as stored{where}", gib=size / 2**30)
    stored.cells[OURS] = direct.cell(OURS)
    if count == 1 and not far:
        push.goals = _PUSH_GOALS[1]
        pull.goals = [Goal(OURS, 1.1, WIRE), Goal(OURS, 1.0, DISTRIBUTION)]
        direct.goals = [Goal(OURS, 1.05, WIRE), Goal(OURS, 1.0, DISTRIBUTION)]
        stored.goals = [Goal(OURS, 1.05, WIRE)]
    proxied = targets(rig, push, delayed=far)
    redirected = targets(rig, direct, delayed=far, redirect=True)
    for _ in range(rounds):
        for source in sources:
            source.fresh()
        turn(rig, push, proxied, lambda target: side_by_side(sources, target.push_file, count))
        turn(rig, pull, proxied, lambda target: side_by_side(sources, target.pull_file, count))
        turn(rig, direct, redirected, lambda target: side_by_side(sources, target.pull_file, count))
        wire = {WIRE: rig.wire(delayed=far)}
        turn(rig, stored, wire, lambda swift: side_by_side(sources, partial(swift.pull_stored, OURS), count))
        rig.empty(*CONTAINERS)
    return [push, pull, direct, stored]


def _push_six(rig: Rig, rounds: int, sources: list[Source]) -> Row:
    count, size = len(sources), sum(source.size for source in sources)
    row = Row(f"push-{count}", f"push {count} x {sources[0].size // MIB} MiB", gib=size / 2**30, goals=_PUSH_GOALS[6])
    row.goals.append(Goal(OURS, 3.0 * row.gib, what="cpu"))
    found = targets(rig, row)
    for _ in range(rounds):
        for source in sources:
            source.fresh()
        turn(rig, row, found, lambda target: side_by_side(sources, target.push_file, count))
        rig.empty(*CONTAINERS)
    return row
