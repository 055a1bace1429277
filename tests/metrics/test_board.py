"""What several workers counted, compared with a dictionary: nothing counts twice, nothing falls, gauges end."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.metrics.board import Board
from docker_registry.metrics.figures import Figures, Totals
from docker_registry.metrics.table import METRICS

COUNTER = "registry_swift_requests_total"
GAUGE = "registry_connections"
HISTOGRAM = "registry_http_request_duration_seconds"

steps = st.one_of(
    st.tuples(st.just("start")),
    st.tuples(st.just("count"), st.integers(0, 3), st.sampled_from(["GET", "PUT"]), st.integers(1, 9)),
    st.tuples(st.just("observe"), st.integers(0, 3), st.floats(0, 100)),
    st.tuples(st.just("publish"), st.integers(0, 3)),
    st.tuples(st.just("die"), st.integers(0, 3)),
)


class Worker:
    def __init__(self, board: Board):
        self.place = board.take_place()
        self.figures = Figures()
        self.figures.ask(lambda: [((GAUGE,), 1)])
        self.counted: Counter[str] = Counter()  # since it last published
        self.observed = 0


@given(st.lists(steps, max_size=40))
def test_the_board_is_the_sum_of_what_was_published(given_steps: list[tuple]) -> None:
    board = Board(places=3)
    workers: list[Worker] = []
    published: Counter[str] = Counter()
    for kind, *arguments in given_steps:
        if kind == "start":
            workers.append(Worker(board))
            continue
        if not workers:
            continue
        worker = workers[arguments[0] % len(workers)]
        if kind == "count":
            worker.figures.count(COUNTER, arguments[1], "200", by=arguments[2])
            worker.counted[arguments[1]] += arguments[2]
        elif kind == "observe":
            worker.figures.observe(arguments[1], HISTOGRAM, "blob", "get")
            worker.observed += 1
        elif kind == "publish":
            if board.publish(*worker.place, worker.figures.snapshot()):
                published.update(worker.counted)
                published["observed"] += worker.observed
                worker.counted, worker.observed = Counter(), 0
                published[f"alive {worker.place[1]}"] = 1
        else:
            workers.remove(worker)
            board.bury(worker.place[0])
            published.pop(f"alive {worker.place[1]}", None)
        totals = board.read()
        for verb in ("GET", "PUT"):
            assert totals.values.get((COUNTER, verb, "200"), 0) == published[verb]
        spread = totals.spreads.get((HISTOGRAM, "blob", "get"), [0, 0])
        assert sum(spread[:-1]) == published["observed"]
        assert totals.values.get((GAUGE,), 0) == sum(name.startswith("alive") for name in published)


@pytest.mark.parametrize("moment", range(4))
def test_who_is_added_up_while_somebody_reads_is_counted_once(moment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(places=2)
    for _ in range(2):
        figures = Figures()
        figures.count(COUNTER, "GET", "200", by=10)
        place, serial = board.take_place()
        board.publish(place, serial, figures.snapshot())
    reads, read = [], board._read

    def reading(place: int) -> object:
        reads.append(place)
        if len(reads) == moment + 1:
            monkeypatch.setattr(board, "_read", read)
            board.bury(1)
            monkeypatch.setattr(board, "_read", reading)
        return read(place)

    monkeypatch.setattr(board, "_read", reading)
    assert board.read().values[COUNTER, "GET", "200"] == 20
    assert board.read().values[COUNTER, "GET", "200"] == 20


def test_other_processes_see_it() -> None:
    board = Board(places=1)
    place, serial = board.take_place()
    child = os.fork()
    if not child:
        figures = Figures()
        figures.count(COUNTER, "GET", "200")
        os._exit(0 if board.publish(place, serial, figures.snapshot()) else 1)
    assert os.waitpid(child, 0)[1] == 0
    board.bury(place)
    assert board.read().values == {(COUNTER, "GET", "200"): 1}


class Dying:
    """The board's memory, whose writer is killed at its n-th write."""

    def __init__(self, memory: Any, writes: int):
        self._memory = memory
        self._left = writes

    def __getitem__(self, at: Any) -> Any:
        return self._memory[at]

    def __setitem__(self, at: Any, value: Any) -> None:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        self._memory[at] = value


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_worker_that_is_killed_while_it_writes_leaves_what_it_wrote_before(writes: int) -> None:
    board = Board(places=1)
    place, serial = board.take_place()
    totals = Totals()
    for number in (1, 2):
        totals.add_values([((COUNTER, "GET", "200"), number)])
        board.publish(place, serial, totals)
    memory = board._memory
    board._memory = Dying(memory, writes)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        board.publish(place, serial, Totals())
    board._memory = memory
    assert board.read().values == {(COUNTER, "GET", "200"): 3}


def test_what_does_not_fit_leaves_what_was_there() -> None:
    board = Board(places=1)
    place, serial = board.take_place()
    totals = Totals()
    totals.add_values([((COUNTER, "GET", "200"), 5)])
    assert board.publish(place, serial, totals)
    huge = Totals()
    huge.add_values(((COUNTER, str(number), "x" * 100), 1) for number in range(2000))
    assert not board.publish(place, serial, huge)
    assert board.read().values == totals.values


def test_names_that_clients_choose_do_not_add_up_without_end() -> None:
    board = Board(places=1)
    for generation in range(20):
        figures = Figures()
        for number in range(100):
            figures.count("registry_repository_bytes_total", "pull", f"{generation}-{number}")
        place, serial = board.take_place()
        board.publish(place, serial, figures.snapshot())
        board.bury(place)
    values = board.read().values
    assert len(values) <= METRICS["registry_repository_bytes_total"].most + 1
    assert sum(values.values()) == 2000


def test_a_worker_without_a_place_is_no_harm() -> None:
    board = Board(places=1)
    board.take_place()
    place, serial = board.take_place()
    assert not board.publish(place, serial, Totals())
    board.bury(place)
    assert board.read().values == {}


def test_a_reader_sees_whole_numbers_that_never_fall_while_a_worker_writes() -> None:
    board = Board(places=1)
    place, serial = board.take_place()
    child = os.fork()
    if not child:
        figures = Figures()
        for _ in range(300):
            figures.count(COUNTER, "GET", "200")
            figures.count(COUNTER, "PUT", "201")
            board.publish(place, serial, figures.snapshot())
        os._exit(0)
    last = 0.0
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        values = board.read().values
        got, put = (values.get((COUNTER, *labels), 0) for labels in (("GET", "200"), ("PUT", "201")))
        assert got == put >= last
        last = put
    assert board.read().values[COUNTER, "GET", "200"] == 300


def test_what_was_added_up_long_ago_does_not_come_back() -> None:
    board = Board(places=2)

    def live(place: int, serial: int) -> None:
        figures = Figures()
        figures.count(COUNTER, "GET", "200")
        board.publish(place, serial, figures.snapshot())

    first, second = board.take_place(), board.take_place()
    live(*first)
    board.bury(first[0])
    live(*second)
    board.bury(second[0])
    for _ in range(100):  # all of them in the place that was freed last
        place = board.take_place()
        live(*place)
        board.bury(place[0])
    assert board.read().values[COUNTER, "GET", "200"] == 102
