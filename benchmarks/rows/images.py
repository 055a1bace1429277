"""Whole images of many layers: push, pull through a registry that knows them, pull through one that does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..content import Image, image
from ..measure import Goal, Row, turn
from ..plan import Plan, sized
from ..rig import CONTAINERS, DISTRIBUTION, OURS, WIRE, Rig
from ..targets import Registry, Target
from . import targets

__all__ = ["images"]

_TAG = "latest"


def images(rig: Rig, plan: Plan) -> Iterator[Row]:
    for layers, size in plan.images:
        few = layers > 10
        yield from _rows(rig, plan.few_rounds if few else plan.rounds, layers, size, far=False)
        yield from _rows(rig, 1 if few else plan.few_rounds, layers, size, far=True)


def _rows(rig: Rig, rounds: int, layers: int, size: int, far: bool) -> list[Row]:
    what = f"an image of {layers} x {sized(size)}"
    end, where = ("-far", f", {rig.delay * 1000:.0f} ms per Swift request") if far else ("", "")
    gib = layers * size / 2**30
    push = Row(f"push-image-{layers}{end}", f"push {what}{where}", gib=gib)
    warm = Row(f"pull-image-{layers}{end}", f"pull {what}{where}", gib=gib)
    cold = Row(f"pull-image-{layers}-cold{end}", f"pull {what} from a new replica{where}", gib=gib)
    if layers == 10:
        push.goals = [Goal(OURS, 1 / 4, DISTRIBUTION), Goal(OURS, 40, what="requests")]
        warm.goals = [Goal(OURS, 14, what="requests")]
        cold.goals = [Goal(OURS, 26, what="requests")]
    found = targets(rig, push, delayed=far)
    for _ in range(rounds):
        pushed = image(layers, size)
        _push(rig, push, found, pushed)
        for name, target in found.items():
            target.pull_image(pushed, _TAG)  # the others' turns took longer than anybody remembers links
            _pull(rig, warm, {name: target}, pushed)
        for name in found.keys() - {WIRE}:
            with rig.server(name, delayed=far) as server:
                _pull(rig, cold, {name: Registry(name, server)}, pushed)
    rig.empty(*CONTAINERS)
    return [push, warm, cold]


def _push(rig: Rig, row: Row, found: Mapping[str, Target], pushed: Image) -> None:
    turn(rig, row, found, lambda target: target.push_image(pushed, _TAG))


def _pull(rig: Rig, row: Row, found: Mapping[str, Target], pushed: Image) -> None:
    turn(rig, row, found, lambda target: target.pull_image(pushed, _TAG))
