"""The genuine docker-registry 0.9.1 on Python 2.7, with this driver and with its predecessor 0.2.1.

They live in the environments that the tests make below `.peers`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.live.v1_registry import Client, DockerRegistry, chain, installed  # type: ignore[import-not-found]
from tests.wheels import Environment, build_wheel

from ..measure import Goal, Row, metered
from ..plan import Plan, sized
from ..processes import Process
from ..rig import FORMER, OURS, Rig

__all__ = ["v1"]


_UNCHECKED = "ours-unchecked"


class _Shape(NamedTuple):
    """An image, and the rows of what is done with it."""

    layers: int
    size: int  # bytes of each
    push: Row
    pull: Row

    @classmethod
    def of(cls, layers: int, size: int, how: str = "") -> _Shape:
        def row(verb: str) -> Row:
            title = f"docker-registry 0.9.1: {verb} {layers} x {sized(size)}{how}"
            id = f"v1-{verb}-{layers}x{size}{'-unchecked' if how else ''}"
            return Row(id, title, gib=layers * size / 2**30, peer=FORMER)

        return cls(layers, size, row("push"), row("pull"))


def v1(rig: Rig, plan: Plan) -> Iterator[Row]:
    shapes = [_Shape.of(*shape) for shape in plan.v1]
    largest = max(shapes, key=lambda shape: shape.size)
    unchecked = _Shape.of(largest.layers, largest.size, ", swift_checksums: false")
    memory = Row("v1-memory", "docker-registry 0.9.1: peak memory of its worker after all that", "MB", peer=FORMER)
    rows = [row for shape in shapes for row in (shape.push, shape.pull)] + [unchecked.push, memory]
    for row in (largest.push, largest.pull):
        row.goals = [Goal(OURS, 1.0, FORMER)]
    with ExitStack() as stack:
        try:
            registries = _registries(rig, stack)
        except (pytest.skip.Exception, pytest.fail.Exception) as why:
            for row in rows:
                row.cell(OURS).note = row.cell(FORMER).note = str(why)
            registries = {}
        for number in range(plan.few_rounds):
            for shape in [*shapes, unchecked]:
                for name in (OURS, FORMER):
                    kind = _UNCHECKED if shape is unchecked and name == OURS else name
                    if kind in registries:
                        _round(rig, name, registries[kind], shape, f"bench/{number}-{shape.push.id}")
                        rig.empty(_container(name))
        for name in registries.keys() & {OURS, FORMER}:
            memory.cell(name).values.append(Process(registries[name].pid).peak() / 1e6)
    yield from rows


def _registries(rig: Rig, stack: ExitStack) -> dict[str, DockerRegistry]:
    folder = Path(tempfile.mkdtemp(dir=rig.folder, prefix="v1-"))
    drivers = {
        OURS: installed(build_wheel("2.7", folder)),
        FORMER: installed("docker-registry-driver-swift==0.2.1", "docker-registry-py27-former"),
    }
    options: dict[str, Any] = {"swift_auth_version": 1}
    found = {}
    for name, where in drivers.items():
        rig.make(_container(name))
        found[name] = _start(rig, stack, where, name, folder / name, options)
    options["swift_checksums"] = False
    found[_UNCHECKED] = _start(rig, stack, drivers[OURS], OURS, folder / _UNCHECKED, options)
    return found


def _start(
    rig: Rig, stack: ExitStack, where: Environment, name: str, folder: Path, options: dict[str, Any]
) -> DockerRegistry:
    registry = DockerRegistry(where, rig.swift, _container(name), folder, options, GUNICORN_WORKERS="1")
    return stack.enter_context(registry)


def _container(name: str) -> str:
    return "v1-ours" if name == OURS else "v1-former"


def _round(rig: Rig, name: str, registry: DockerRegistry, shape: _Shape, repository: str) -> None:
    images = chain(os.urandom(shape.size) for _ in range(shape.layers))
    client, process = Client(registry.url), Process(registry.pid)
    with metered(rig, shape.push.cell(name), process):
        began = time.perf_counter()
        client.push(repository, "latest", images)
        shape.push.cell(name).values.append(time.perf_counter() - began)
    with metered(rig, shape.pull.cell(name), process):
        began = time.perf_counter()
        layers = client.pull(repository, "latest")
        shape.pull.cell(name).values.append(time.perf_counter() - began)
    if layers != [image.layer for image in images]:
        raise RuntimeError(f"docker-registry with {name} driver: other layers came back")
