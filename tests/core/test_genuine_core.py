"""The port of docker-registry-core for Python 3 has the names and signatures of the genuine one, or says why not."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core import genuine

# What of the genuine package stays out; docs/docker-registry.md says it too.
LEFT_OUT = {
    "core.boto": "needs boto, which does not run on Python 3.12; a driver for S3 brings its own client",
    "drivers.dumb": "an example, which lists wrongly; drivers/memory.py is one that does not",
    "drivers.file": "a driver for one host; the genuine one runs on this core",
    "testing": "a suite for nose, which does not run on Python 3.10; the name stays docker-registry-core's",
    "core.__version__": "and the like, __author__ to __url__: they are about the other package",
    "core.NullHandler": "for Python 2.6; logging has it",
}


def modules() -> dict[str, Path]:
    """Its modules by their names below docker_registry; the parts of `testing` are one."""
    root = genuine.package()
    names = {path: ".".join(path.relative_to(root).with_suffix("").parts) for path in root.rglob("*.py")}
    names = {path: name.removesuffix(".__init__") for path, name in names.items()}
    return {name: path for path, name in names.items() if name not in ("__init__", "drivers")}


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a module, also of the branches for one Python."""
    for each in body:
        yield each
        for block in ("body", "orelse", "handlers"):
            if isinstance(each, ast.If | ast.Try | ast.ExceptHandler):
                yield from statements(getattr(each, block, []))


def parsed(name: str) -> Iterator[ast.stmt]:
    # Python 2's own words stand in the branch for it.
    return statements(ast.parse(modules()[name].read_text()).body)


def names_of(name: str) -> set[str]:
    """What a module defines: functions, classes, variables."""
    found = set()
    for each in parsed(name):
        if isinstance(each, ast.FunctionDef | ast.ClassDef):
            found.add(each.name)
        elif isinstance(each, ast.Assign):
            found |= {target.id for target in each.targets if isinstance(target, ast.Name)}
    return found


def functions_of(name: str) -> Iterator[tuple[str, list[str], int]]:
    """The functions and methods of a module: where, the names of their arguments, how many have defaults."""
    for each in parsed(name):
        inner = each.body if isinstance(each, ast.ClassDef) else [each]
        owner = f"{each.name}." if isinstance(each, ast.ClassDef) else ""
        for function in inner:
            if isinstance(function, ast.FunctionDef):
                arguments = [argument.arg for argument in function.args.args]
                yield owner + function.name, arguments, len(function.args.defaults)


PORTED = ["core", "core.compat", "core.driver", "core.exceptions", "core.lru"]
INNER = {"logger", "_ver"}  # a module's own


@pytest.mark.parametrize("name", PORTED)
def test_the_port_has_the_names(name: str) -> None:
    ours = importlib.import_module(f"docker_registry.{name}")
    missing = {each for each in names_of(name) - INNER if not hasattr(ours, each)}
    assert {each for each in missing if not each.startswith("__") and f"{name}.{each}" not in LEFT_OUT} == set()


@pytest.mark.parametrize("name", ["core.driver", "core.lru"])
def test_the_port_has_the_signatures(name: str) -> None:
    ours = importlib.import_module(f"docker_registry.{name}")
    for where, arguments, optional in functions_of(name):
        function: Any = ours
        for part in where.split("."):
            function = getattr(function, part)
        parameters = list(inspect.signature(function).parameters.values())
        if where in ("filter_args", "get", "set", "remove"):  # decorators of one function, whatever they call it
            assert len(parameters) == len(arguments) == 1
            continue
        assert [each.name for each in parameters[: len(arguments)]] == arguments, where
        for each in parameters[len(arguments) - optional :]:  # those that it has beyond need not be given
            assert each.default is not inspect.Parameter.empty, where


def test_whatever_is_not_ported_has_its_reason() -> None:
    others = {name for name in modules() if name not in PORTED}
    without = {name for name in others if name not in LEFT_OUT and name.partition(".")[0] not in LEFT_OUT}
    assert without == set()
