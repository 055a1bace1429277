"""Who may import whom in the registry: the arrows of docs/design.md, those for types alone included."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import docker_registry.distribution

ROOT = Path(docker_registry.distribution.__file__).parent
PACKAGE = docker_registry.distribution.__name__
# What a room may know of the package beside itself; the files on top know all rooms.
ROOMS = {"model": {"errors"}, "storage": {"model", "errors"}}


def modules() -> dict[str, Path]:
    """Every module of the package by its name below it, such as `storage.store`."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in ROOT.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


def imported(name: str, path: Path) -> Iterator[str]:
    """The full names that a module imports, wherever in it it does."""
    parts = [PACKAGE, *name.split(".")] if name != "__init__" else [PACKAGE]
    package = parts if path.name == "__init__.py" else parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def graph() -> dict[str, set[str]]:
    known = modules()
    return {
        name: {other.removeprefix(f"{PACKAGE}.") for other in imported(name, path) if other.startswith(f"{PACKAGE}.")}
        & (known.keys() - {name})
        for name, path in known.items()
    }


def test_nobody_imports_in_a_circle() -> None:
    order = list(graphlib.TopologicalSorter(graph()).static_order())
    assert len(order) > 20


def test_every_room_knows_only_what_lies_below_it() -> None:
    for name, others in graph().items():
        room = name.partition(".")[0]
        if room in ROOMS:
            assert {other.partition(".")[0] for other in others} <= ROOMS[room] | {room}, name
