"""One large layer, up and down, alone and in parallel, near to Swift and far from it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..content import Source
from ..measure import Goal, Row, turn
from ..plan import MIB, Plan
from ..rig import CONTAINERS, DISTRIBUTION, OURS, WIRE, Rig
from ..targets import Target, side_by_side
from . import targets

__all__ = ["large"]

_PUSH_GOALS = {
    1: [Goal(OURS, 1.05, WIRE), Goal(OURS, 1 / 3, DISTRIBUTION)],
    6: [Goal(OURS, 1.6, WIRE), Goal(OURS, 1 / 2, DISTRIBUTION)],
}
_GIGABIT = 125_000_000  # bytes/s


def large(rig: Rig, plan: Plan) -> Iterator[Row]:
    sources = [Source(rig.files / f"layer{n}", plan.layer) for n in range(6)]
    _push_and_pull(rig, 1, sources[:1], far=False)  # to no one's credit: the disk and everybody's connections get warm
    yield from _push_and_pull(rig, plan.rounds, sources[:1], far=False)
    yield from _push_and_pull(rig, plan.few_rounds, sources[:1], far=True)
    yield from _push_and_pull(rig, plan.few_rounds, sources[:4], far=False)
    yield _push(rig, plan.few_rounds, sources, checksums=True)
    yield _push(rig, plan.few_rounds, sources, checksums=False)
    yield _push(rig, plan.rounds, sources[:1], checksums=False)
    yield _push_slowly(rig, plan.few_rounds, sources[0])


def _push_and_pull(rig: Rig, rounds: int, sources: list[Source], far: bool) -> list[Row]:
    count, size = len(sources), sum(source.size for source in sources)
    what = _amount(sources)
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


def _push(rig: Rig, rounds: int, sources: list[Source], checksums: bool) -> Row:
    count, size = len(sources), sum(source.size for source in sources)
    if checksums:
        row = Row(f"push-{count}", f"push {_amount(sources)}", gib=size / 2**30)
        row.goals = [*_PUSH_GOALS[count], Goal(OURS, 3.0 * row.gib, what="cpu")]
    else:  # no MD5, as neither Distribution nor curl computes one
        row = Row(f"push-{count}-unchecked", f"push {_amount(sources)}, swift_checksums: false", gib=size / 2**30)
    _pushes(rig, row, targets(rig, row) | {OURS: rig.registry(OURS, checksums=checksums)}, rounds, sources)
    return row


def _push_slowly(rig: Rig, rounds: int, source: Source) -> Row:
    """From a client whose link is the bound, as most are."""
    title = f"push {source.size // MIB} MiB from a client on 1 Gbit/s"
    row = Row("push-1-gigabit", title, gib=source.size / 2**30, goals=[Goal(OURS, 1.05, WIRE)])
    _pushes(rig, row, targets(rig, row), rounds, [source], _GIGABIT)
    return row


def _pushes(
    rig: Rig, row: Row, found: dict[str, Target], rounds: int, sources: list[Source], rate: int | None = None
) -> None:
    for _ in range(rounds):
        for source in sources:
            source.fresh()
        turn(rig, row, found, lambda target: side_by_side(sources, partial(target.push_file, rate=rate), len(sources)))
        rig.empty(*CONTAINERS)


def _amount(sources: list[Source]) -> str:
    count = f"{len(sources)} x " if len(sources) > 1 else ""
    return f"{count}{sources[0].size // MIB} MiB"
