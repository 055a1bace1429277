"""A registry that is killed with SIGKILL at every request to Swift of every operation that writes.

The request is held by the proxy, before Swift got it or before its answer comes back, while the worker, the master or
both are killed. Other clients push and pull all the time.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from tests.live.faults import FaultProxy
from tests.live.ours import Ours

from .operations import OPERATIONS, Operation, about
from .place import Cell, Container, Place, Refused, Wire, Wrong, write_config_through

__all__ = ["Home", "Report", "run", "schedule"]

READS = ("pull", "get", "look", "list")
VICTIMS = ("worker", "worker", "worker", "master", "both")
CLIENTS = 3
PATIENCE = 60.0  # seconds
_BY_NAME = {operation.name: operation for operation in OPERATIONS}


class Kill(NamedTuple):
    """When to kill whom: at which of an operation's own requests, and whether Swift has got it."""

    operation: Operation
    step: int
    done: bool
    victim: str

    def __str__(self) -> str:
        moment = "behind" if self.done else "before"
        return f"{self.operation.name}, {self.victim} killed {moment} request {self.step}"


@dataclass
class Report:
    """What came of a run."""

    planned: int
    run: int = 0
    seconds: float = 0.0
    victims: Counter[str] = field(default_factory=Counter)
    steps: int = 0  # different places at which something was killed
    acknowledged: int = 0  # of the other clients' images, all of which were pulled again
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        victims = ", ".join(f"{count} x {victim}" for victim, count in sorted(self.victims.items()))
        return (
            f"{self.planned} planned, {self.run} run at {self.steps} steps ({victims}) in {self.seconds:.0f} s;"
            f" {self.acknowledged} images of other clients acknowledged, and pulled again; {len(self.wrong)} wrong"
        )


class Home:
    """A registry of `serve`, started again after each end, and the other clients that use it."""

    def __init__(self, swift: EmbeddedSwift, folder: Path, name: str):
        self.proxy = FaultProxy(swift.storage_url)
        self.container = Container(swift, name)
        self._swift, self._folder = swift, folder
        self._server: Ours | None = None
        self._starts = 0

    def __enter__(self) -> Home:
        self.proxy.__enter__()
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._server
        self._server.__exit__()
        self.proxy.__exit__()

    def start(self) -> None:
        self._starts += 1
        folder = self._folder / f"start-{self._starts}"
        folder.mkdir()
        config = write_config_through(self.proxy, self._swift, self.container.name, folder)
        self._server = Ours(folder, config)
        self._server.__enter__()

    def place(self) -> Place:
        """The registry as it is now."""
        assert self._server
        return Place(Wire(self._server.url), self.container, self.proxy)

    def kill(self, victim: str) -> None:
        """SIGKILL; a worker that has no master any more finishes what is in flight, and ends."""
        assert self._server
        master = self._server.process
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(master.pid)], capture_output=True, check=True)
        workers = [int(pid) for pid in listed.stdout.split()]
        if victim != "master":
            for pid in workers:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if victim != "worker":
            master.kill()
            master.wait()

    def recover(self, victim: str) -> None:
        if victim != "worker":
            self.start()
        wire = self.place().registry
        _wait_for(lambda: wire.ask("GET", "/v2/").status == 200)
        wire.close()


def own(cell: Cell) -> str:
    """A regular expression for the requests of this cell's operation, and of no other client."""
    digests = [Digest.of(data).hex for data in (cell.small, cell.large, cell.manifest, about(cell))]
    return "|".join(["/segments/", "/_sessions/", f"/{re.escape(cell.name)}/", *digests])


def schedule(home: Home, seed: int) -> Iterator[Kill]:
    """Kills at every step, in an order that the seed decides, again and again with other victims."""
    chance, steps = random.Random(seed), []
    for operation in OPERATIONS:
        if not operation.name.startswith(READS):
            cell = Cell(home.place(), f"trace-{operation.name.replace(' ', '-').lower()}")
            operation.prepare(cell)
            home.proxy.forget()
            operation.act(cell)
            count = sum(bool(re.search(own(cell), seen.target)) for seen in home.proxy.requests)
            steps += [(operation, step, done) for step in range(count) for done in (False, True)]
    while True:
        chance.shuffle(steps)
        for operation, step, done in steps:
            yield Kill(operation, step, done, chance.choice(VICTIMS))


def run(home: Home, kills: Sequence[Kill], seed: int) -> Report:
    """One kill after another, while other clients go on."""
    report, began = Report(len(kills)), time.monotonic()
    with _clients(home, seed) as clients, ThreadPoolExecutor(1) as thread:
        cells = []
        for number, kill in enumerate(kills):
            try:
                cells.append((kill, _one(home, kill, f"k{seed}-{number}x", thread)))
            except Wrong as error:
                report.wrong.append(f"{kill}: {error}")
                print(report.wrong[-1], flush=True)  # the rest may take long
            report.run += 1
            report.victims[kill.victim] += 1
    report.wrong += clients.wrong
    # All that was ever acknowledged is there, whatever was killed since.
    for kill, cell in cells:
        try:
            kill.operation.promise(cell)
        except Wrong as error:
            report.wrong.append(f"{kill}: lost later: {error}")
    report.wrong += clients.missing(home.place())
    report.acknowledged, report.seconds = len(clients.images), time.monotonic() - began
    report.steps = len({kill[:3] for kill in kills})
    return report


def _one(home: Home, kill: Kill, name: str, thread: ThreadPoolExecutor) -> Cell:
    cell = Cell(home.place(), name)
    kill.operation.prepare(cell)
    home.proxy.forget()
    home.proxy.freeze(path=own(cell), skip=kill.step, times=1, done=kill.done)
    acting = thread.submit(_succeeds, kill.operation, cell)
    struck = home.proxy.wait_frozen(PATIENCE)
    home.kill(kill.victim)
    home.proxy.clear()
    succeeded = acting.result()
    home.recover(kill.victim)
    if not struck:
        raise Wrong("it was over before the kill")
    home.proxy.wait_idle()
    if succeeded and kill.victim != "master":
        raise Wrong("success was said before the last request was answered")
    if succeeded:
        kill.operation.promise(cell)
    _repeat(home, kill.operation, cell)
    return cell


def _repeat(home: Home, operation: Operation, cell: Cell) -> None:
    """Raises Wrong where what was interrupted does not succeed when it is repeated."""
    cell.place = home.place()
    if not _succeeds(operation, cell) and not (operation.ends and cell.answers[-1].status == 404):
        raise Wrong(f"it does not work when it is repeated: {cell.answers[-1]}")
    operation.promise(cell)


def _succeeds(operation: Operation, cell: Cell) -> bool:
    try:
        operation.act(cell)
    except Refused:
        return False
    return True


class _Clients:
    """Others who push images and pull those that were acknowledged."""

    def __init__(self, home: Home):
        self._home = home
        self.over = threading.Event()
        self.images: list[Cell] = []
        self.wrong: list[str] = []

    def push_and_pull(self, number: int, seed: int) -> None:
        chance = random.Random(f"{seed} {number}")
        count = 0
        while not self.over.is_set():
            count += 1
            place = self._home.place()
            cell = Cell(place, f"client-{seed}-{number}-{count}x")
            _BY_NAME["put manifest"].prepare(cell)
            pushed = _succeeds(_BY_NAME["push small"], cell) and _succeeds(_BY_NAME["put manifest"], cell)
            if pushed:
                self.images.append(cell)
            if self.images:
                self._look(place, chance.choice(self.images), may_fail=True)
            place.registry.close()
            self.over.wait(0.05 if pushed else 1.0)

    def missing(self, place: Place) -> list[str]:
        """What is wrong with the images that were acknowledged, once all is over."""
        self.wrong.clear()
        for image in self.images:
            self._look(place, image, may_fail=False)
        return self.wrong

    def _look(self, place: Place, image: Cell, may_fail: bool) -> None:
        reader = Cell(place, image.name)
        for name in ("pull small", "get by tag"):
            try:
                succeeded = _succeeds(_BY_NAME[name], reader)
            except Wrong as error:
                self.wrong.append(f"{image.name}: {error}")
                return
            if not succeeded and not (may_fail and reader.answers[-1].status in (0, 503)):
                self.wrong.append(f"{image.name} was acknowledged: {name}: {reader.answers[-1]}")


@contextmanager
def _clients(home: Home, seed: int) -> Iterator[_Clients]:
    clients = _Clients(home)
    with ThreadPoolExecutor(CLIENTS) as threads:
        running = [threads.submit(clients.push_and_pull, number, seed) for number in range(CLIENTS)]
        try:
            yield clients
        finally:
            clients.over.set()
        for each in running:
            each.result()


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
