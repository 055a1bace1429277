"""Imports of the package go one way: no circle, no arrow that docs/design.md rules out. Those for types count too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "docker_registry").rglob("*.py")
}


@cache
def imports() -> dict[str, set[str]]:
    """What each module of the package imports of it, wherever in the file."""
    return {module: {found for found in _imported(module) if found in FILES} - {module} for module in FILES}


def _imported(module: str) -> Iterator[str]:
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in FILES else base


def below(module: str, rooms: tuple[str, ...]) -> bool:
    return any(f"docker_registry.{room}" == module or module.startswith(f"docker_registry.{room}.") for room in rooms)


def test_there_is_no_circle() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


CONTRACTS = [
    # room, the only parts of the package that it may import beside itself
    ("core", ("drivers",)),
    ("drivers.memory", ("core",)),
    ("own_core", ("core",)),
    ("concurrency", ()),
    ("metrics", ()),
    ("drivers.swift", ("concurrency", "core", "own_core")),
    ("drivers.swift.settings", ("core", "drivers.swift.compat")),
    ("drivers.swift.http", ("concurrency", "core", "drivers.swift.compat", "drivers.swift.names")),
    ("drivers.swift.login", ("core", "drivers.swift.compat", "drivers.swift.http")),
    ("embedded", ()),
    ("settings", ("core",)),
    ("config", ("core", "settings", "drivers.swift.settings", "distribution.auth", "distribution.model")),
    ("distribution", ("concurrency", "core", "settings", "rereading")),
    (
        "distribution.auth",
        ("concurrency", "core", "settings", "rereading", "distribution.errors", "distribution.storage.cache"),
    ),
    ("distribution.events", ("concurrency", "settings", "distribution.auth.caller", "distribution.model")),
    ("distribution.model", ("core", "distribution.errors")),
    ("distribution.storage", ("concurrency", "core", "distribution.model", "distribution.errors")),
    (
        "distribution.handlers",
        (
            "concurrency",
            "core",
            "settings",
            *(f"distribution.{room}" for room in ("auth", "events", "model", "storage")),
            *(f"distribution.{module}" for module in ("container", "context", "errors", "expiry", "resource")),
        ),
    ),
    (
        "distribution.views",
        ("concurrency", "core", *(f"distribution.{room}" for room in ("container", "model", "storage"))),
    ),
    ("plurals", ()),
    ("web", ("concurrency", "core", "settings", "distribution", "plurals")),
    (
        "maintenance",
        (
            *("concurrency", "core", "settings", "drivers.swift", "plurals"),
            *(f"distribution.{room}" for room in ("auth", "container", "events", "homes", "model", "storage")),
        ),
    ),
    (
        "maintenance.fsck",
        (
            "core",
            "plurals",
            "distribution.model",
            *(
                f"maintenance.{each}"
                for each in ("json_lines", "moments", "printable", "progress", "parallel", "wrong_place")
            ),
        ),
    ),
    (
        "maintenance.gc",
        (
            "core",
            "plurals",
            "distribution.model",
            "maintenance.fsck",
            "maintenance.json_lines",
            "maintenance.moments",
            "maintenance.printable",
            "maintenance.progress",
            "maintenance.parallel",
            "maintenance.wrong_place",
        ),
    ),
    ("images", ("concurrency", "core", "settings", "distribution")),
    (
        "maintenance.retention",
        (
            *(
                "core",
                "settings",
                "plurals",
                "maintenance.json_lines",
                "maintenance.opening",
                "maintenance.printable",
                "maintenance.progress",
                "maintenance.parallel",
                "maintenance.wrong_place",
            ),
            *(f"distribution.{room}" for room in ("auth", "container", "events", "model", "storage")),
        ),
    ),
    ("registryctl", ("core", "settings", "config", "distribution")),
    ("rereading", ("core",)),
    (
        "serving",
        (
            "core",
            "settings",
            "rereading",
            "config",
            "concurrency",
            "distribution",
            "maintenance.check",
            "maintenance.progress",
            "maintenance.fsck",
            "maintenance.gc",
            "maintenance.last_run",
            "maintenance.quotas",
            "maintenance.retention",
            "maintenance.wrong_place",
            "metrics",
            "web",
        ),
    ),
]


@pytest.mark.parametrize(("room", "allowed"), CONTRACTS, ids=[room for room, _ in CONTRACTS])
def test_arrows_go_one_way(room: str, allowed: tuple[str, ...]) -> None:
    wrong = {
        f"{module} imports {found}"
        for module, all_found in imports().items()
        if below(module, (room,))
        for found in all_found
        if not below(found, (room, *allowed))
    }
    assert wrong == set()


def test_only_what_explains_a_swift_looks_into_its_driver() -> None:
    inside = {
        module
        for module, all_found in imports().items()
        if not below(module, ("drivers.swift",)) and any(below(found, ("drivers.swift",)) for found in all_found)
    }
    assert all(below(module, ("maintenance.check", "config")) for module in inside)
