"""Mixed load with faults for as long as one likes, and what the registry's worker has of memory, files, threads."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.live.ours import Ours

from .operations import OPERATIONS, Operation
from .place import BUSY, Cell, Container, Place, Refused, Wire, Wrong
from .spoilers import EVERY_KIND, FAULTS, Fault, pattern_of

__all__ = ["Figures", "Load", "figures"]

CLIENTS = 8
FAULT_EVERY = 0.3  # seconds
MIB = 1 << 20
# Those under which a success and an error mean what they say at once.
HONEST = [fault for fault in FAULTS if not (fault.says_missing or fault.hides or fault.alters or fault.refuses)]


class Figures(NamedTuple):
    """What a process has."""

    memory: float  # MiB, resident
    sockets: int
    files: int  # other descriptors
    threads: int
    temporary: int  # files in its folder for these

    def __str__(self) -> str:
        return (
            f"{self.memory:.0f} MiB, {self.sockets} sockets, {self.files} other files, {self.threads} threads,"
            f" {self.temporary} temporary files"
        )


def figures(server: Ours, temporary: Path) -> Figures:
    """Those of a registry's one worker."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.process.pid)], capture_output=True, check=True)
    worker = Path("/proc", listed.stdout.split()[0].decode())
    status = dict(line.split(":", 1) for line in (worker / "status").read_text().splitlines())
    links = [link.readlink().name for link in (worker / "fd").iterdir() if link.is_symlink()]
    sockets = sum(name.startswith("socket:") for name in links)
    memory = int(status["VmRSS"].split()[0]) / 1024
    return Figures(memory, sockets, len(links) - sockets, int(status["Threads"]), sum(1 for _ in temporary.iterdir()))


@dataclass
class Load:
    """Clients that do anything, while any fault may strike."""

    url: str
    container: Container
    proxy: object
    seed: int
    said: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _rounds: int = 0
    _broken_off: list[tuple[Operation, Cell]] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Under load; every client has gone when it ends, and every fault, and what these broke off was repeated."""
        over = threading.Event()
        self._rounds += 1
        with ThreadPoolExecutor(CLIENTS + 1) as threads:
            running = [threads.submit(self._work, number, over) for number in range(CLIENTS)]
            running.append(threads.submit(self._spoil, over))
            try:
                yield
            finally:
                over.set()
            for each in running:
                each.result()
        while self._broken_off:
            self._repeat(*self._broken_off.pop())

    def _work(self, number: int, over: threading.Event) -> None:
        chance = random.Random(f"{self.seed} {self._rounds} {number}")
        wire, count = Wire(self.url), 0
        while not over.is_set():
            count += 1
            operation = chance.choice(OPERATIONS)
            cell = Cell(Place(wire, self.container, self.proxy), f"s{self._rounds}-{number}-{count}x")  # type: ignore[arg-type]
            try:
                operation.prepare(cell)
                operation.act(cell)
                operation.promise(cell)
                self.said["success"] += 1
            except Refused:
                self._judge(cell)
                self._broken_off.append((operation, cell))
            except Wrong as error:
                self.wrong.append(f"{operation.name}: {error}")
        wire.close()

    def _repeat(self, operation: Operation, cell: Cell) -> None:
        """As clients do, who begin again; now it must succeed, though a slow machine may take more than one turn."""
        cell.place, end = Place(Wire(self.url), self.container, self.proxy), time.monotonic() + BUSY  # type: ignore[arg-type]
        try:
            while not self._succeeds(operation, cell):
                if cell.answers[-1].status not in (0, 429, 503) or time.monotonic() > end:
                    raise Wrong(f"it does not work once the faults are over: {cell.answers[-1]}")
        except Wrong as error:
            self.wrong.append(f"{operation.name}, again: {error}")
        cell.place.registry.close()

    def _succeeds(self, operation: Operation, cell: Cell) -> bool:
        try:
            operation.prepare(cell)
            operation.act(cell)
        except Refused:
            return False
        operation.promise(cell)
        return True

    def _judge(self, cell: Cell) -> None:
        status = cell.answers[-1].status
        self.said[str(status or "cut")] += 1
        if status not in (0, 429, 503):
            self.wrong.append(f"{cell.name}: {cell.answers[-1]}")

    def _spoil(self, over: threading.Event) -> None:
        chance = random.Random(f"{self.seed} {self._rounds} faults")
        while not over.wait(FAULT_EVERY):
            fault = chance.choice(HONEST)
            fault.arm(self.proxy, **_requests(fault, chance))
            over.wait(FAULT_EVERY)
            self.proxy.clear()  # type: ignore[attr-defined]
            self.proxy.forget()  # type: ignore[attr-defined]


def _requests(fault: Fault, chance: random.Random) -> dict[str, Any]:
    """Which it befalls. Where it is not for every kind, it may be true of another: 204 is an empty listing."""
    if fault.always:
        return {}
    path = "" if fault.kinds == EVERY_KIND else pattern_of(chance.choice(fault.kinds))
    return {"method": "|".join(fault.methods), "path": path, "times": chance.randint(1, 6)}


def settle(server: Ours, temporary: Path, patience: float = 20.0) -> Figures:
    """The figures once nothing changes any more."""
    before, end = figures(server, temporary), time.monotonic() + patience
    while time.monotonic() < end:
        time.sleep(1.0)
        now = figures(server, temporary)
        if now[1:] == before[1:] and abs(now.memory - before.memory) < 1:
            return now
        before = now
    return before
