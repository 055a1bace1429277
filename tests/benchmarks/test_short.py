"""The benchmark runs, and every call costs the requests that it should. Times are never looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.results import Results
from benchmarks.rig import DISTRIBUTION, OURS, WIRE
from tests.peers import need, program

_DEADLINE = 580  # seconds; a minute is enough where nothing else runs
pytestmark = pytest.mark.timeout(_DEADLINE + 20)

# v1's rows need two environments of Python 2.7; what they do is tested with docker-registry itself.
GROUPS = "large,images,small,doors,crowd,memory,start,driver,seed,lists"


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    need("curl")
    folder: Path = tmp_path_factory.mktemp("bench")
    file, page = folder / "figures.json", folder / "page.md"
    command = [sys.executable, "-m", "benchmarks", "--short", "--rows", GROUPS, "--json", file, "--page", page]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=_DEADLINE)
    assert done.returncode == 0, done.stdout.partition("## Failed")[2] or done.stderr
    assert "| push 3 MiB " in done.stdout
    assert page.read_text().startswith("# Benchmarks")
    return Results.load(file)


def requests(results: Results, row: str, subject: str = OURS) -> float:
    (count,) = results.row(row).cells[subject].requests
    return count


def test_every_row_was_measured(results):
    assert results.failures == {}
    assert [row.id for row in results.rows if not row.cells[OURS].values] == []


def test_a_large_layer_costs_its_segments_a_manifest_and_a_link(results):
    assert requests(results, "push-1", WIRE) == 1
    assert requests(results, "push-1") == 3 + 1 + 1
    assert requests(results, "push-4") == 4 * requests(results, "push-1")


def test_a_pull_asks_once_for_the_blob(results):
    # And for the link, where the last look at it is too long ago.
    assert 1 <= requests(results, "pull-1") <= 2
    assert 1 <= requests(results, "pull-1-redirect") <= 2
    assert requests(results, "pull-1-stored", WIRE) == 1


@pytest.mark.parametrize("row", ["push-image-10", "push-image-10-far"])
def test_an_image_of_ten_layers_is_pushed_within_the_budget(results, row):
    assert requests(results, row, WIRE) == 12
    assert requests(results, row) <= 40


@pytest.mark.parametrize(("row", "most"), [("pull-image-10-cold", 26), ("pull-image-10", 26)])
def test_an_image_of_ten_layers_is_pulled_within_the_budget(results, row, most):
    assert 12 <= requests(results, row) <= most


def test_what_cannot_change_is_remembered(results):
    assert requests(results, "get-tag-4") == pytest.approx(1, abs=0.1)
    assert requests(results, "get-same-tag-4") < 1
    assert requests(results, "get-digest-4") < 0.5
    assert requests(results, "head-blob-4") < 0.5


def test_lists_come_in_pages(results):
    assert requests(results, "tags") <= 2
    assert requests(results, "catalog") <= 2


def test_the_driver_alone_needs_one_request_for_a_small_file(results):
    assert requests(results, "driver-put") == 1
    assert requests(results, "driver-get") == 1
    assert results.row("driver-memory").cells[OURS].peak[0] > 0


def test_a_copy_from_a_layout_asks_once_for_what_is_there(results):
    # For each of two layers: a look, 2 segments, their manifest, a link.
    assert requests(results, "seed") <= 30


@pytest.mark.skipif(not program("docker-registry"), reason="not installed: docker-registry")
def test_distribution_needs_ten_times_the_requests(results):
    assert requests(results, "push-image-10", DISTRIBUTION) > 10 * requests(results, "push-image-10")
