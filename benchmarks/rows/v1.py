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

import pytest

from tests.live.v1_registry import Client, DockerRegistry, Image, installed  # type: ignore[import-not-found]
from tests.wheels import build_wheel

from ..measure import Goal, Row, metered
from ..plan import MIB, Plan
from ..processes import Process
from ..rig import FORMER, OURS, Rig

__all__ = ["v1"]


def v1(rig: Rig, plan: Plan) -> Iterator[Row]:
    size = plan.layer
    push = Row("v1-push", f"docker-registry 0.9.1: push {size // MIB} MiB", gib=size / 2**30, peer=FORMER)
    pull = Row("v1-pull", f"docker-registry 0.9.1: pull {size // MIB} MiB", gib=size / 2**30, peer=FORMER)
    memory = Row("v1-memory", f"docker-registry 0.9.1: peak memory of a worker, {size // MIB} MiB", "MB", peer=FORMER)
    push.goals, pull.goals = [Goal(OURS, 1.0, FORMER)], [Goal(OURS, 1.0, FORMER)]
    with ExitStack() as stack:
        try:
            registries = _registries(rig, stack)
        except pytest.skip.Exception as why:
            for row in (push, pull, memory):
                row.cell(OURS).note = row.cell(FORMER).note = str(why)
            registries = {}
        for _ in range(plan.few_rounds):
            image = Image(os.urandom(MIB) * (size // MIB), None)
            for name, registry in registries.items():
                _round(rig, name, registry, image, push, pull)
                memory.cell(name).values.append(Process(registry.pid).peak() / 1e6)
                rig.empty(_container(name))
    yield from (push, pull, memory)


def _registries(rig: Rig, stack: ExitStack) -> dict[str, DockerRegistry]:
    folder = Path(tempfile.mkdtemp(dir=rig.folder, prefix="v1-"))
    drivers = {
        OURS: installed(build_wheel("2.7", folder)),
        FORMER: installed("docker-registry-driver-swift==0.2.1", "docker-registry-py27-former"),
    }
    found = {}
    for name, where in drivers.items():
        container = _container(name)
        rig.make(container)
        found[name] = stack.enter_context(
            DockerRegistry(
                where, rig.swift, container, folder / container, {"swift_auth_version": 1}, GUNICORN_WORKERS="1"
            )
        )
    return found


def _container(name: str) -> str:
    return "v1-ours" if name == OURS else "v1-former"


def _round(rig: Rig, name: str, registry: DockerRegistry, image: Image, push: Row, pull: Row) -> None:
    client, process = Client(registry.url), Process(registry.pid)
    with metered(rig, push.cell(name), process):
        began = time.perf_counter()
        client.push("bench/layer", "latest", [image])
        push.cell(name).values.append(time.perf_counter() - began)
    with metered(rig, pull.cell(name), process):
        began = time.perf_counter()
        layers = client.pull("bench/layer", "latest")
        pull.cell(name).values.append(time.perf_counter() - began)
    if layers != [image.layer]:
        raise RuntimeError(f"docker-registry with {name} driver: another layer came back")
