"""Many nodes that pull one image at once: what the simulation is checked against."""

from __future__ import annotations

from collections.abc import Iterator

from ..content import image
from ..measure import Row, turn
from ..plan import Plan, sized
from ..rig import Rig
from ..targets import side_by_side
from . import targets

__all__ = ["crowd"]


def crowd(rig: Rig, plan: Plan) -> Iterator[Row]:
    layers, size = plan.images[0]
    what = f"{plan.nodes} nodes pull an image of {layers} x {sized(size)} at once"
    gib = plan.nodes * layers * size / 2**30
    proxied = Row(f"crowd-{plan.nodes}", f"{what}, proxied", gib=gib)
    direct = Row(f"crowd-{plan.nodes}-redirect", f"{what}, by redirect", gib=gib)
    pulled = image(layers, size)
    for row, redirect in ((proxied, False), (direct, True)):
        found = targets(rig, row, redirect=redirect)
        for target in found.values():
            if not redirect:
                target.push_image(pulled, "latest")
            target.pull_image(pulled, "latest")
        for _ in range(plan.few_rounds):
            turn(
                rig,
                row,
                found,
                lambda target: side_by_side(
                    range(plan.nodes), lambda _: target.pull_image(pulled, "latest"), plan.nodes
                ),
            )
    yield from (proxied, direct)
