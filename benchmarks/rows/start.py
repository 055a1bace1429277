"""How long it takes from nothing to the first answers."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..content import image
from ..measure import Row, metered
from ..plan import KIB, Plan
from ..rig import DISTRIBUTION, OURS, Rig, Unavailable
from ..targets import Registry

__all__ = ["start"]


def start(rig: Rig, plan: Plan) -> Iterator[Row]:
    """Until `/v2/` answers, and until the first image has been pulled."""
    first = Row("start", "from the command to the first answer")
    pulled = Row("start-pull", "from the command to the end of the first pull (3 x 1 KiB)")
    known = image(3, KIB)
    for name in (OURS, DISTRIBUTION):
        try:
            rig.registry(name).push_image(known, "latest")
            for _ in range(plan.few_rounds):
                with metered(rig, pulled.cell(name), None):
                    began = time.perf_counter()
                    with rig.server(name) as server:
                        first.cell(name).values.append(server.started_in)
                        Registry(name, server).pull_image(known, "latest")
                        pulled.cell(name).values.append(time.perf_counter() - began)
        except Unavailable as why:
            first.cell(name).note = pulled.cell(name).note = str(why)
    yield from (first, pulled)
