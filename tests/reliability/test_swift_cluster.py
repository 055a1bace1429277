"""Registries on a Swift of three nodes, parts of which are killed, hung, emptied and cut off while clients work.

No pull fails, pushes succeed or say 503 and succeed later, replicas converge, and all that was acknowledged is there.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docker_registry.embedded.cluster import SwiftCluster
from tests.live.images import MIB
from tests.live.wire import Client, digest_of
from tests.reliability.customers import Customer, Repeating, summary, work
from tests.reliability.fleet import Fleet
from tests.reliability.scale import WHOLE

SECONDS = float(os.environ.get("RELIABILITY_SECONDS", "20" if WHOLE else "2"))  # before, in and after a fault
CUSTOMERS = 8 if WHOLE else 4
CONVERGING = 180.0  # s
LARGE = random.Random("large").randbytes((40 if WHOLE else 1) * MIB)  # two segments

Act = Callable[[SwiftCluster], None]


@pytest.fixture
def fleet(cluster: SwiftCluster, container: str, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path, cluster, cluster.proxies.values(), container, count=2) as fleet:
        yield fleet


def isolate(cluster: SwiftCluster) -> None:
    """node3 reaches no other node, and one of the proxies does not reach it."""
    for other in ("node1", "node2", "proxy1"):
        cluster.cut("node3", other)


def revive(member: str) -> Act:
    return lambda cluster: cluster.revive(member)


# What is broken, how, and how it is mended.
FAULTS: dict[str, tuple[Act, Act]] = {
    "a node is killed": (lambda cluster: cluster.kill("node2"), revive("node2")),
    "a node hangs": (lambda cluster: cluster.pause("node2"), revive("node2")),
    "a disk is emptied": (lambda cluster: cluster.wipe("node3"), revive("node3")),
    "a node is cut off": (isolate, lambda cluster: cluster.heal()),
    "a proxy is killed": (lambda cluster: cluster.kill("proxy1"), revive("proxy1")),
    "a proxy hangs": (lambda cluster: cluster.pause("proxy1"), revive("proxy1")),
}


def working(fleet: Fleet, cluster: SwiftCluster, broken: Act, mended: Act) -> list[Customer]:
    """Let customers work while something is whole, broken (a large blob is pushed and pulled too) and whole again."""

    def until() -> None:
        time.sleep(SECONDS)
        broken(cluster)
        begun = time.monotonic()
        client = Repeating(fleet.url)
        digest = client.push_blob("large/app", LARGE, patches=True)
        pushed = time.monotonic() - begun
        assert client.blob("large/app", digest) == LARGE
        print(
            f"\n40 MiB pushed in {pushed:.1f} s, pulled in {time.monotonic() - begun - pushed:.1f} s",
            dict(client.counts),
        )
        client.close()
        time.sleep(max(0.0, begun + SECONDS - time.monotonic()))
        mended(cluster)
        time.sleep(SECONDS)

    return work(fleet.url, CUSTOMERS, until, lists=False)


def judge(fleet: Fleet, cluster: SwiftCluster, customers: list[Customer]) -> None:
    """Once the replicas have converged, everything is there."""
    print(f"converged in {cluster.wait_until_converged(CONVERGING):.1f} s; {summary(customers)}")
    for number, customer in enumerate(customers):
        customer.judge(fleet.registries[number % len(fleet.registries)].url)


def repeated_reads(customers: list[Customer]) -> Counter[str]:
    counts: Counter[str] = sum((customer.client.counts for customer in customers), Counter())
    return Counter({what: count for what, count in counts.items() if what.startswith("GET ")})


@pytest.mark.parametrize("fault", FAULTS if WHOLE else ["a node is killed"])
def test_clients_work_on_while(fault: str, fleet: Fleet, cluster: SwiftCluster) -> None:
    customers = working(fleet, cluster, *FAULTS[fault])
    judge(fleet, cluster, customers)
    assert not repeated_reads(customers)


@pytest.mark.skipif(not WHOLE, reason="make reliability")
def test_all_that_was_acknowledged_is_on_the_node_that_was_away(fleet: Fleet, cluster: SwiftCluster) -> None:
    customers = working(fleet, cluster, *FAULTS["a node is killed"])
    judge(fleet, cluster, customers)
    cluster.kill("node1")
    cluster.kill("node3")
    for customer in customers:
        customer.judge(fleet.url, gone=False)


@pytest.mark.skipif(not WHOLE, reason="make reliability")
def test_two_of_three_nodes_down(fleet: Fleet, cluster: SwiftCluster) -> None:
    with Client(fleet.url) as client:
        kept = client.push_image("app", "1", [b"kept"])
        cluster.wait_until_converged(CONVERGING)
        cluster.kill("node1")
        cluster.kill("node2")
        assert client.manifest("app", "1") == kept
        assert len(client.pull("app", "1")) == 3
        begun = time.monotonic()
        location = client.start_upload("app")
        refused = client.ask("PUT", location, params={"digest": digest_of(b"new")}, data=b"new")
        print(f"\na push with two of three nodes down: {refused.status_code} after {time.monotonic() - begun:.1f} s")
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        cluster.revive("node1")
        cluster.revive("node2")
        again, begun = Repeating(fleet.url), time.monotonic()
        again.push_blob("app", b"new", patches=False)
        print(f"after {time.monotonic() - begun:.1f} s with all nodes it succeeds: {dict(again.counts)}")
        again.close()
        cluster.wait_until_converged(CONVERGING)
        assert client.blob("app", digest_of(b"new")) == b"new"
        assert client.manifest("app", "1") == kept


@pytest.mark.skipif(not WHOLE, reason="make reliability")
def test_a_damaged_replica_is_answered_at_most_once_and_is_replaced(fleet: Fleet, cluster: SwiftCluster) -> None:
    data = random.Random("damaged").randbytes(100_000)
    with Client(fleet.url) as client:
        digest = client.push_blob("app", data)
        cluster.wait_until_converged(CONVERGING)
        [path] = [
            path
            for path in cluster.device("node2").glob("objects/*/*/*/*.data")
            if path.stat().st_size == len(data) and path.read_bytes() == data
        ]
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        pulls = [client.blob("app", digest) == data for _ in range(24)]
        assert pulls.count(False) <= 1
        cluster.run_daemon("node2", "object-auditor")
        cluster.wait_until_converged(CONVERGING)
        assert not path.exists() or path.read_bytes() == data
        cluster.kill("node1")
        cluster.kill("node3")
        assert client.blob("app", digest) == data
        print(f"\n{pulls.count(False)} of {len(pulls)} pulls had wrong bytes; the replica is whole again")


@pytest.mark.skipif(not WHOLE, reason="make reliability")
def test_how_long_a_pull_takes_while_a_node_hangs(fleet: Fleet, cluster: SwiftCluster) -> None:
    with Client(fleet.registries[0].url) as client:
        client.push_image("app", "1", [b"layer"])
        cluster.wait_until_converged(CONVERGING)
        for state in ("whole", "node2 hangs"):
            if state != "whole":
                cluster.pause("node2")
            tag = [_seconds(lambda: client.manifest("app", "1")) for _ in range(30)]
            blob = [_seconds(lambda: client.blob("app", digest_of(b"layer"))) for _ in range(30)]
            for what, found in (("tag", tag), ("blob", blob)):
                print(f"\n{state}: {what} {statistics.median(found) * 1000:.0f} ms, at most {max(found) * 1000:.0f} ms")


def _seconds(call: Callable[[], object]) -> float:
    begun = time.monotonic()
    call()
    return time.monotonic() - begun
