"""A group of rows that fails spoils no other, and what was measured so far is always there."""

from __future__ import annotations

import pytest

from benchmarks import __main__ as benchmark
from benchmarks.measure import Row
from benchmarks.plan import SHORT
from benchmarks.results import Results


class _Rig:
    """Without any server; notes how it was tidied."""

    def __init__(self, **options: object):
        self.restarts: list[bool] = []

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass

    def tidy(self, restart: bool = False) -> None:
        self.restarts.append(restart)


@pytest.fixture
def rig(monkeypatch) -> _Rig:
    rig = _Rig()
    monkeypatch.setattr(benchmark, "Rig", lambda **options: rig)
    monkeypatch.setattr(benchmark, "GROUPS", {"first": _good, "second": _bad, "third": _good})
    return rig


def _good(rig, plan):
    yield Row("good", "goes well")


def _bad(rig, plan):
    yield Row("half", "still goes well")
    raise ZeroDivisionError("and then not")


def test_a_failure_is_noted_and_the_next_group_starts_afresh(rig):
    results = benchmark.run(SHORT, ["first", "second", "third"], lambda _: None)
    assert [row.id for row in results.rows] == ["good", "half", "good"]
    assert list(results.failures) == ["second"]
    assert "and then not" in results.failures["second"]
    assert rig.restarts == [False, True, False]


def test_what_was_measured_is_saved_after_each_group(rig):
    saved: list[tuple[int, str]] = []

    def save(results: Results) -> None:
        saved.append((len(results.rows), results.about["rows"]))

    benchmark.run(SHORT, ["first", "third"], save)
    assert saved == [(1, "first; stopped before third"), (2, "first, third")]
