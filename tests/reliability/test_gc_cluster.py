"""Garbage collection on a Swift of three nodes, by the ways in which mark and compare-and-delete lose an image there.

A replica is set back to an earlier state, a proxy hangs, requests act late; replicators run only when a test says so.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.distribution.model import collection, layout
from docker_registry.drivers.swift import Storage
from docker_registry.embedded.cluster import SwiftCluster
from docker_registry.maintenance.gc.outcome import Clock, Stage
from tests.live.collecting import TERMS, Collecting, has, until
from tests.live.conftest import new_cluster
from tests.live.raw import Raw
from tests.reliability.scale import WHOLE

GONE, USED, MOUNTED, LIVE = b"gone", b"used again", b"mounted", b"live"
IMAGE = [GONE, USED, MOUNTED]
PATIENT = {"proxy.error_suppression_limit": "1000"}  # a node that was away is asked again at once
ROUNDS = 5
BEHIND_A_DOOR = 1  # that of the links; the wait before it is for what another process may have sent

needs_time = pytest.mark.skipif(not WHOLE, reason="make reliability")


@pytest.fixture(scope="module")
def running() -> Iterator[SwiftCluster]:
    with new_cluster(daemons=False, settings=PATIENT) as running:
        yield running


@pytest.fixture
def still(running: SwiftCluster) -> Iterator[SwiftCluster]:
    yield running
    running.repair()


class Earlier:
    """What a node's disk holds now, to be put in place of what it holds later."""

    def __init__(self, cluster: SwiftCluster, node: str, folder: Path):
        self._cluster = cluster
        self._node = node
        self._copy = folder / node
        cluster.kill(node)
        shutil.copytree(cluster.device(node), self._copy, symlinks=True)
        cluster.revive(node)

    def set_back(self) -> None:
        device = self._cluster.device(self._node)
        self._cluster.kill(self._node)
        shutil.rmtree(device)
        shutil.copytree(self._copy, device, symlinks=True)
        self._cluster.revive(self._node)


def converge(cluster: SwiftCluster) -> None:
    for _ in range(ROUNDS):
        if not cluster.differences():
            return
        cluster.replicate()
    raise AssertionError(cluster.differences())


def announced(collecting: Collecting) -> None:
    """An image that is live, and a run of all that another one needed; all nodes have both."""
    worker = collecting.worker()
    worker.push("app", "live", [LIVE])
    worker.delete("app", worker.push("app", "old", IMAGE))
    collecting.wait_until_old()
    assert collecting.gc().stage is Stage.ANNOUNCED


def each_wait(act: Callable[[int], None]) -> Clock:
    """The real clock, which does something in the middle of each wait of a run."""
    numbers = count()

    def sleep(seconds: float) -> None:
        if seconds > 0:
            ends = time.monotonic() + seconds
            act(next(numbers))
            time.sleep(max(0.0, ends - time.monotonic()))

    return Clock(sleep=sleep)


def judge(cluster: SwiftCluster, collecting: Collecting, promised: dict[str, list[bytes]]) -> None:
    """All that was acknowledged is there, on each node alone too, and what nobody uses is gone."""
    if WHOLE:
        converge(cluster)
    assert all(collecting.worker().pulls("app", tag, layers) for tag, layers in promised.items())
    assert not has(collecting.driver.stat, GONE)
    for node in cluster.nodes if WHOLE else ():
        others = [other for other in cluster.nodes if other != node]
        for other in others:
            cluster.kill(other)
        assert all(collecting.worker().pulls("app", tag, layers) for tag, layers in promised.items()), node
        for other in others:
            cluster.revive(other)


@pytest.mark.parametrize("node", ["node2", *(pytest.param(node, marks=needs_time) for node in ("node1", "node3"))])
def test_a_replica_that_is_set_back_whenever_a_run_waits(
    still: SwiftCluster, container: str, tmp_path: Path, node: str
) -> None:
    collecting = Collecting(still.options(swift_container=container))
    announced(collecting)
    worker = collecting.worker()
    worker.push("app", "moved", [b"first"])
    earlier = Earlier(still, node, tmp_path)
    moved = str(worker.push("app", "moved", [b"second"])).encode()
    worker.push("app", "again", [USED])  # vetoes that the node will know nothing of, nor of the image
    promised, refused = {"live": [LIVE], "again": [USED]}, []

    raw, link = Raw(still, container), layout.tag_current("app", "moved")
    stale: list[bytes] = []

    def between(number: int) -> None:
        if number != BEHIND_A_DOOR and not WHOLE:
            return
        earlier.set_back()
        stale.extend(old for old in (raw.ask("GET", link) for _ in range(20)) if old != moved)
        for tag, content in ((f"new-{number}", USED), (f"late-{number}", MOUNTED)):
            # Another worker for each, which has read neither notice nor door.
            if collecting.worker().tries("app", tag, [content]):
                promised[tag] = [content]
            else:
                refused.append(tag)

    collecting.until(Stage.FINISHED, clock=each_wait(between))
    assert stale, "the replica that was set back answers what is not asked for the newest"
    judge(still, collecting, promised)
    assert len(promised) > 2
    print(f"\n{len(promised)} images acknowledged, {len(refused)} refused, {len(stale)} plain reads were old")


# Requests that a proxy has taken, and that act when it wakes: what hangs, and whose request it is.
LATE = {
    "a removal of data": ("gc", "remove_each_once", "/data"),
    "a removal of a link": ("gc", "remove_each_once", "/_layers/"),
    "a door": ("gc", "overwrite_once", collection.DOOR),
    "a veto": ("registry", "overwrite", collection.VETOES),
    "a link": ("registry", "overwrite", "/_layers/"),
}
# A proxy hangs for less than `late`.
HANGS = 3.0
PERIODS = replace(TERMS, veto=2.0, session=5.0, late=6.0, grace=12.0, sweep=5.0, door=20.0, lease=20.0)


@needs_time
@pytest.mark.parametrize("what", LATE)
def test_a_request_that_acts_when_its_proxy_wakes(still: SwiftCluster, container: str, what: str) -> None:
    whose, method, fragment = LATE[what]
    at = [f"{url}/auth/v1.0" for url in still.proxies.values()]
    collecting = Collecting(still.options(swift_container=container, swift_authurl=at[1]), PERIODS)
    announced(collecting)
    hanging = collecting.new_driver(swift_authurl=at[0], swift_timeout=2, swift_retries=0)
    hung = hang(hanging, still, method, fragment)
    promised: dict[str, list[bytes]] = {"live": [LIVE]}

    def push(tag: str, driver: Storage | None = None) -> None:
        if collecting.worker(driver).tries("app", tag, [USED]):
            promised[tag] = [USED]

    if whose == "registry":
        push("hung", hanging)
    else:
        with pytest.raises(UnspecifiedError):
            collecting.until(Stage.FINISHED, driver=hanging)
    assert hung
    push("while-it-hangs")
    time.sleep(HANGS)
    still.resume("proxy1")
    push("when-it-wakes")
    worker = collecting.worker()
    until(partial(worker.tries, "app", "later", [USED]))
    promised["later"] = [USED]
    collecting.until(Stage.FINISHED)
    judge(still, collecting, promised)
    assert has(collecting.driver.stat, USED)
    assert not has(collecting.driver.stat, MOUNTED)


def hang(driver: Storage, cluster: SwiftCluster, method: str, fragment: str) -> list[str]:
    """Stop the first proxy just before it is sent such a request, once; returns where that request is noted."""
    noted: list[str] = []
    real = getattr(driver, method)

    def hanging(path: object, *more: object) -> object:
        if fragment in f"{path}" and not noted:
            noted.append(f"{path}")
            cluster.pause("proxy1")
        return real(path, *more)

    setattr(driver, method, hanging)
    return noted
