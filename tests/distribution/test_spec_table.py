"""docs/spec.md names, for every MUST and SHOULD, tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "spec.md"
NAME = re.compile(r"`([\w/]+\.py)::((?:\w+::)?test_\w+)`")


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "section" and not set(row[0]) <= {"-"}]


@cache
def names_in(file: str) -> set[str]:
    """The names of a file's tests, as pytest writes them."""
    found: set[str] = set()
    for node in ast.parse((TESTS / file).read_text(encoding="utf8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[1][:60])
def test_each_row_names_tests_that_exist(row: list[str]) -> None:
    named = NAME.findall(row[2])
    assert named, "a row without a test"
    assert NAME.sub("", row[2]).strip(" ,") == "", "something else than tests"
    for file, test in named:
        assert test in names_in(file), f"{file} has no {test}"


def test_the_table_has_every_section_of_the_spec_that_speaks_to_registries() -> None:
    sections = {re.sub(r" \(\*main\*\)", "", row[0]) for row in rows()}
    assert sections == {
        "API",
        "Cancel a blob upload",
        "Checking if content exists",
        "Deleting blobs",
        "Deleting manifests",
        "Deleting tags",
        "Determining support",
        "Enabling the referrers API",
        "Error codes",
        "Listing referrers",
        "Listing tags",
        "Manifests with subject",
        "Mounting a blob",
        "POST then PUT",
        "Pulling blobs",
        "Pulling manifests",
        "Push",
        "Pushing a blob in chunks",
        "Pushing blobs",
        "Pushing manifests",
        "Requirements",
        "Single POST",
    }
