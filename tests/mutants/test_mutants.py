"""The table of breakages is whole and up to date, and a sample of it is noticed; `make mutants` runs all."""

from __future__ import annotations

import random

import pytest

from tests.distribution.test_spec_table import NAME, rows
from tests.mutants.breakages import BREAKAGES, Breakage
from tests.mutants.running import HOME, Copy, source

SAMPLE = random.Random(1).sample(BREAKAGES, 8)


def name_of(breakage: Breakage) -> str:
    return f"{breakage.file}: {breakage.before[:40]}"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("mutants") / "copy")


@pytest.mark.parametrize("breakage", SAMPLE, ids=name_of)
def test_a_sample_is_noticed(copy: Copy, breakage: Breakage) -> None:
    assert copy.survives(breakage) is None


@pytest.mark.parametrize("breakage", BREAKAGES, ids=name_of)
def test_each_breakage_is_up_to_date(breakage: Breakage) -> None:
    text = source(HOME, breakage).read_text(encoding="utf8")
    assert text.count(breakage.before) == 1
    compile(text.replace(breakage.before, breakage.after), breakage.file, "exec")


def test_every_test_that_the_spec_page_names_has_a_breakage() -> None:
    named = {f"{file.removeprefix('distribution/')}::{test}" for row in rows() for file, test in NAME.findall(row[2])}
    assert named - {test for breakage in BREAKAGES for test in breakage.tests} == set()
