"""The matrix: every fault at every place where it can strike an operation, and what comes of it.

Where it can strike is what a run without faults shows: each kind of request with its method, the first of them, the
last, or all. Each worker has a registry, a container and a proxy of its own, and tries one cell after another; a hang
of one is no wait of the others.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from docker_registry.core.driver import fetch
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.fsck.findings import Severity
from tests.live.faults import FaultProxy, Seen
from tests.live.settings import driver_config
from tests.maintenance.planting import fsck

from .operations import OPERATIONS, Operation
from .place import BUSY, Cell, Container, Place, Refused, Wire, Wrong, write_config_through
from .spoilers import FAULTS, PATIENCE, Fault, kind_of, pattern_of

__all__ = ["Plan", "Report", "damage", "places", "plan", "run", "sample", "traces"]

TURNS = 3  # of a cell whose fault befell no request, since another one had timed out before it
_MISSING = (404, 400, 416)  # of an unknown name, of a manifest that needs one, of a chunk that goes on elsewhere
_OPTIONS = {
    "swift_timeout": PATIENCE,
    "swift_connect_timeout": PATIENCE,
    "swift_retries": 1,
}


class Plan(NamedTuple):
    """One cell: which fault, in which operation, at which of its requests."""

    operation: Operation
    fault: Fault
    method: str
    kind: str
    where: str  # first, last or every
    skip: int  # requests of that kind before it
    times: int | None  # how many are spoiled; None for all that come

    def __str__(self) -> str:
        return f"{self.operation.name} | {self.fault.name} | {self.where} {self.method} {self.kind}"


@dataclass
class Report:
    """What came of a run."""

    planned: int
    seconds: float = 0.0
    run: int = 0
    missed: list[str] = field(default_factory=list)  # cells whose fault befell no request in any of their turns
    succeeded: int = 0  # though the fault was there
    told: Counter[int] = field(default_factory=Counter)  # statuses of those that did not
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rate = self.run / self.seconds if self.seconds else 0.0
        told = ", ".join(f"{count} x {status or 'cut'}" for status, count in sorted(self.told.items()))
        return (
            f"cells: {self.planned} planned, {self.run} run, {len(self.missed)} without their fault,"
            f" in {self.seconds:.0f} s ({rate:.1f} a second); {self.succeeded} succeeded all the same,"
            f" others were told {told or 'nothing'}; {len(self.wrong)} wrong"
        )


@contextmanager
def places(swift: EmbeddedSwift, number: int, folder: Path, prefix: str) -> Iterator[list[Place]]:
    """So many registries, each with a container and a proxy of its own; fails where one logged a traceback."""
    log = folder / "registries.log"
    with ExitStack() as stack:
        proxies = [stack.enter_context(FaultProxy(swift.storage_url)) for _ in range(number)]
        configs = [
            write_config_through(proxy, swift, f"{prefix}-{index}", folder, _OPTIONS)
            for index, proxy in enumerate(proxies)
        ]
        command = [sys.executable, "-m", "tests.reliability.registries", *map(str, configs)]
        with log.open("wb") as output:
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True)
        stack.callback(child.wait, 30)
        assert child.stdin
        assert child.stdout
        stack.callback(child.stdin.close)
        ports = child.stdout.readline().split()
        assert len(ports) == number, log.read_text()
        yield [
            Place(Wire(f"http://127.0.0.1:{port}"), Container(swift, f"{prefix}-{index}"), proxies[index])
            for index, port in enumerate(ports)
        ]
    assert "Traceback" not in log.read_text(), log.read_text()


def traces(place: Place) -> dict[str, list[Seen]]:
    """The requests that each operation makes of a Swift without faults."""
    found = {}
    for operation in OPERATIONS:
        cell = Cell(place, f"trace-{operation.name.replace(' ', '-').lower()}")
        operation.prepare(cell)
        place.proxy.forget()
        operation.act(cell)
        found[operation.name] = place.proxy.requests
        operation.promise(cell)
    return found


def plan(found: dict[str, list[Seen]]) -> list[Plan]:
    """All cells that make sense, given the requests of each operation."""
    cells = []
    for operation, fault in itertools.product(OPERATIONS, FAULTS):
        if fault.always:
            cells.append(Plan(operation, fault, "", "container", "every", 0, None))
            continue
        if fault.alters and not operation.checks:
            continue
        counts = Counter((seen.method, kind_of(seen.target)) for seen in found[operation.name])
        counts["GET", "token"] = 1  # where Swift does not know the old one any more
        for (method, kind), count in sorted(counts.items()):
            if method in fault.methods and kind in fault.kinds:
                cells.append(Plan(operation, fault, method, kind, "first", 0, 1))
                cells.append(Plan(operation, fault, method, kind, "every", 0, None))
                if count > 1:
                    cells.append(Plan(operation, fault, method, kind, "last", count - 1, 1))
    return cells


def sample(cells: Sequence[Plan], number: int, seed: int) -> list[Plan]:
    """So many cells, with each operation and each fault among them as often as any other, or nearly so."""
    chance = random.Random(seed)
    rest = list(cells)
    chance.shuffle(rest)
    seen: Counter[str] = Counter()
    chosen = []
    for _ in range(min(number, len(rest))):
        best = min(range(len(rest)), key=lambda at: seen[rest[at].operation.name] + seen[rest[at].fault.name])
        cell = rest.pop(best)
        seen.update((cell.operation.name, cell.fault.name))
        chosen.append(cell)
    return chosen


def run(every: Sequence[Place], cells: Sequence[Plan]) -> Report:
    """Try all cells, side by side at all places."""
    report, queue = Report(len(cells)), SimpleQueue[tuple[int, Plan]]()
    for numbered in enumerate(cells):
        queue.put(numbered)
    lock, began = threading.Lock(), time.monotonic()

    def work(place: Place) -> None:
        while True:
            try:
                number, cell = queue.get_nowait()
            except Empty:
                return
            for turn in range(TURNS):
                outcome = _Trial(place, cell, f"r{number}-{turn}x").outcome()
                if outcome.struck or outcome.wrong:
                    break
            with lock:
                _count(report, cell, outcome)

    with ThreadPoolExecutor(len(every)) as threads:
        for done in [threads.submit(work, place) for place in every]:
            done.result()
    report.seconds = time.monotonic() - began
    return report


def damage(swift: EmbeddedSwift, container: str) -> list[str]:
    """What fsck, which reads every blob, finds in a container that a client would notice."""
    driver = fetch("swift")("/", driver_config(swift, swift_container=container))
    found = [finding for finding in fsck(driver, deep=True) if finding.kind.severity is Severity.DAMAGE]
    return [f"{finding.kind.code}: {finding.path} {finding.detail}" for finding in found]


class _Outcome(NamedTuple):
    struck: bool
    status: int  # of the last answer
    wrong: str


def _count(report: Report, cell: Plan, outcome: _Outcome) -> None:
    report.run += 1
    if not outcome.struck:
        report.missed.append(str(cell))
    if outcome.wrong:
        report.wrong.append(f"{cell}: {outcome.wrong}")
        print(report.wrong[-1], flush=True)  # the rest may take long
    elif 200 <= outcome.status < 300:
        report.succeeded += 1
    else:
        report.told[outcome.status] += 1


class _Trial:
    """One cell at one place."""

    def __init__(self, place: Place, cell: Plan, name: str):
        self._proxy = place.proxy
        self._plan = cell
        self._cell = Cell(place, name)

    def outcome(self) -> _Outcome:
        self._prepare()
        self._arm()
        wrong, status, struck = "", 0, False
        try:
            succeeded = self._act_under_fault()
            status = self._cell.answers[-1].status
            struck = bool(self._proxy.spoiled)
            self._proxy.clear()
            if succeeded is not None:
                self._judge(succeeded)
            self._again()
        except Wrong as error:
            wrong = f"{error} [{', '.join(map(str, self._cell.answers))}]"
        finally:
            self._proxy.clear()
        return _Outcome(struck, status, wrong)

    def _prepare(self) -> None:
        end = time.monotonic() + BUSY
        while True:
            try:
                self._plan.operation.prepare(self._cell)
                return
            except Refused:
                assert time.monotonic() < end, self._cell.answers

    def _arm(self) -> None:
        fault, plan = self._plan.fault, self._plan
        self._proxy.forget()
        if fault.always:
            fault.arm(self._proxy)
            return
        fault.arm(self._proxy, method=plan.method, path=pattern_of(plan.kind), times=plan.times, skip=plan.skip)
        if plan.kind == "token":
            self._proxy.answer(401, path="^/v1/", times=1)

    def _act(self) -> bool:
        """Whether it succeeded."""
        try:
            self._plan.operation.act(self._cell)
        except Refused:
            return False
        return True

    def _act_under_fault(self) -> bool | None:
        """Whether it succeeded; None where it rightly says what Swift showed, and that was too little."""
        fault = self._plan.fault
        try:
            return self._act()
        except Wrong:
            if self._plan.operation.shows and (fault.hides or fault.says_missing):
                return None
            raise

    def _judge(self, succeeded: bool) -> None:
        """Raises Wrong for an answer that must not be, whether it was a success or an error."""
        if not self._proxy.wait_idle():
            raise Wrong("Swift is still busy with it")
        fault, operation = self._plan.fault, self._plan.operation
        if succeeded:
            if not (fault.says_missing and operation.ends):  # else Swift said that it was gone
                operation.promise(self._cell)
            return
        allowed = [0, 429, 503]
        if fault.refuses:
            allowed.append(502)
        if fault.alters:
            allowed.append(500)  # the bytes are not those of the digest: so it is said
        if fault.says_missing or (fault.hides and operation.shows):
            allowed += _MISSING
        if self._cell.answers[-1].status not in allowed:
            raise Wrong("the client was told what is not so, or may not be tried again")

    def _again(self) -> None:
        """Raises Wrong where the same does not work once the faults are over."""
        operation, end = self._plan.operation, time.monotonic() + BUSY
        while not self._act():
            said = self._cell.answers.pop()
            if operation.ends and said.status == 404:
                break
            if said.status not in (0, 429, 503) or time.monotonic() > end:
                raise Wrong(f"it does not work once the faults are over: {said}")
        operation.promise(self._cell)
