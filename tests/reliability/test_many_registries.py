"""Three registries behind HAProxy, of which one after the other is ended and started again while clients work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.reliability.customers import COMMON, Customer, Repeating, summary, work
from tests.reliability.fleet import Fleet
from tests.reliability.scale import WHOLE

SECONDS = float(os.environ.get("RELIABILITY_SECONDS", "240" if WHOLE else "60"))
CUSTOMERS = 32


@pytest.fixture
def fleet(own_swift: EmbeddedSwift, container: str, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path, own_swift, [own_swift.url], container) as fleet:
        yield fleet


def restarting(fleet: Fleet, *ways: Callable[[int], None]) -> Callable[[], None]:
    """End and start one registry after the other, each way in its turn, for so long and at least one by each."""

    def rounds() -> None:
        until, number = time.monotonic() + SECONDS, 0
        while time.monotonic() < until or number < len(ways):
            one = number % len(fleet.registries)
            ways[number % len(ways)](one)
            fleet.start(one)
            number += 1
        print(f"\n{number} ended and started again")

    return rounds


def judge(fleet: Fleet, customers: list[Customer]) -> None:
    """Each registry has all that the clients were told (in the short run a third of them); what is stored is sound."""
    for number, registry in enumerate(fleet.registries):
        for customer in customers if WHOLE else customers[number :: len(fleet.registries)]:
            customer.judge(registry.url)
        client = Repeating(registry.url)
        body = client.manifest(COMMON, "latest")
        assert body is not None
        assert body.decode() in customers[0].common
        client.close()
    fsck = [sys.executable, "-m", "docker_registry.cli", "fsck", "--config", str(fleet.config), "--deep"]
    done = subprocess.run(fsck, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def test_killed_and_ended_in_turn(fleet: Fleet) -> None:
    customers = work(fleet.url, CUSTOMERS, restarting(fleet, fleet.kill, fleet.terminate))
    print(summary(customers))
    judge(fleet, customers)


@pytest.mark.skipif(not WHOLE, reason="make reliability")
def test_nobody_notices_a_registry_that_is_told_to_end(fleet: Fleet) -> None:
    customers = work(fleet.url, CUSTOMERS, restarting(fleet, fleet.terminate))
    print(summary(customers))
    assert sum(customer.client.counts["repeated"] for customer in customers) == 0, summary(customers)
