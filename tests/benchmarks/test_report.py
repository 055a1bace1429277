"""The figures survive JSON, and the tables say what they mean."""

from __future__ import annotations

import pytest

from benchmarks import report
from benchmarks.measure import Cell, Goal, Row
from benchmarks.results import Results
from benchmarks.rig import DISTRIBUTION, OURS, WIRE


@pytest.fixture
def results(tmp_path) -> Results:
    push = Row("push", "push it", gib=0.5, goals=[Goal(OURS, 1.2, WIRE), Goal(OURS, 5, what="requests")])
    push.cells = {
        WIRE: Cell([1.0, 3.0, 2.0], [1, 1, 1]),
        OURS: Cell([3.0, 3.0, 9.0], [5, 5, 5], [1.0, 2.0, 1.5]),
        DISTRIBUTION: Cell([12.0], [50]),
    }
    rate = Row("rate", "ask it", "1/s", more_is_better=True, goals=[Goal(OURS, 3.0, DISTRIBUTION)])
    rate.cells = {OURS: Cell([400.0]), DISTRIBUTION: Cell([100.0])}
    absent = Row("absent", "without a peer")
    absent.cells = {OURS: Cell([1.0]), DISTRIBUTION: Cell(note="apt install docker-registry")}
    measured = Results({"commit": "abc"}, [push, rate, absent], {"other": "Traceback"})
    file = tmp_path / "figures.json"
    file.write_text(measured.to_json())
    loaded = Results.load(file)
    assert loaded == measured
    return loaded


def cells(text: str, *beginning: str) -> list[str]:
    """The row of a table that begins with these cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
    (found,) = [row for row in rows if row[: len(beginning)] == list(beginning)]
    return found


def test_medians_and_ratios(results):
    text = report.tables(results)
    assert cells(text, "push it", "2 s") == ["push it", "2 s", "3 s", "12 s", "1.50x", "4.00x"]
    assert cells(text, "ask it", "") == ["ask it", "", "400 1/s", "100 1/s", "", "4.00x"]


def test_a_missing_peer_says_how_to_get_it(results):
    assert cells(report.tables(results), "without a peer", "")[3] == "apt install docker-registry"


def test_goals(results):
    text = report.tables(results)
    assert cells(text, "push it", "at most 1.2 x wire")[2:] == ["1.50x", "short"]
    assert cells(text, "push it", "at most 5 Swift requests")[2:] == ["5", "reached"]
    assert cells(text, "ask it", "at least 3 x distribution")[2:] == ["4.00x", "reached"]


def test_costs_are_also_given_for_a_gib(results):
    assert cells(report.tables(results), "push it", "1")[1:] == ["1", "5", "50", "1.5", "", "3", ""]


def test_a_failure_is_shown(results):
    assert "## Failed: other\n\nTraceback" in report.tables(results)


def test_the_page_says_what_it_lacks(results):
    page = report.page(results)
    assert "| commit | abc |" in page
    assert "Not simulated" in page
    assert "{" not in page
