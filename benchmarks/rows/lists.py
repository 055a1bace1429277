"""Long lists: tags and the catalog; the end of an image; and fsck, which reads a whole container."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from ..content import image
from ..measure import Cell, Row, metered, turn
from ..plan import KIB, Plan
from ..rig import DISTRIBUTION, OURS, Rig, Unavailable
from ..session import Session
from ..targets import Registry, Sessions, side_by_side

__all__ = ["lists"]

_CONTAINER = "lists"
_ROOT = "files/docker/registry/v2/repositories"
_SMALL = "bench/unwanted"
_WRITERS = 8
_PATIENCE = 20.0  # seconds for one answer
_FSCK_PATIENCE = 180.0
_NEXT = re.compile(r"<([^>]+)>")


def lists(rig: Rig, plan: Plan) -> Iterator[Row]:
    """Both registries serve one container. It stays: to remove so much takes longer than to measure it."""
    tags = Row("tags", f"tags/list of {plan.tags:,} tags")
    first = Row("catalog-first", f"_catalog, 100 of {plan.repositories:,} repositories")
    catalog = Row("catalog", f"_catalog, all of {plan.repositories:,} repositories")
    delete = Row("delete", "delete an image by its digest, in a repository of two tags")
    with ExitStack() as stack:
        registries = _registries(rig, stack, [tags, first, catalog, delete])
        _fill(rig, plan, registries[OURS])
        for _ in range(plan.few_rounds):
            _patient_turn(rig, tags, registries, lambda registry: _expect(_tags(registry), plan.tags))
            _delete(rig, delete, registries)
        some = min(100, plan.repositories)
        _patient_turn(rig, first, registries, lambda registry: _expect(len(_names(registry, 100)), some))
        _patient_turn(rig, catalog, registries, lambda registry: _expect(_everything(registry), plan.repositories))
    yield from (tags, first, catalog, delete)
    yield _fsck(rig, plan)


def _registries(rig: Rig, stack: ExitStack, rows: list[Row]) -> dict[str, Registry]:
    found = {}
    for name in (OURS, DISTRIBUTION):
        try:
            server = stack.enter_context(rig.server(name, container=_CONTAINER))
            found[name] = Registry(name, server, "bench/many")
        except Unavailable as why:
            for row in rows:
                row.cell(name).note = str(why)
    return found


def _fill(rig: Rig, plan: Plan, registry: Registry) -> None:
    """Tags of one image, and repositories that each have one of its layers; most are written straight to Swift."""
    known = image(10, KIB)
    registry.push_image(known, "tag-0")
    Registry(OURS, registry.server, _SMALL).push_image(known, "kept")
    layer = known.blobs[0].digest
    end = f"_layers/{layer.replace(':', '/')}/link"
    links = {
        f"{_ROOT}/bench/many/_manifests/tags/tag-{n}/current/link": known.manifest.digest for n in range(1, plan.tags)
    }
    links |= {f"{_ROOT}/team{n % 100}/app{n}/{end}": layer for n in range(2, plan.repositories)}
    with Sessions(f"{rig.swift.storage_url}/{_CONTAINER}/", {"X-Auth-Token": rig.token()}) as sessions:

        def write(name: str) -> None:
            sessions.mine().ask("PUT", name, 201, body=links[name].encode())

        side_by_side(links, write, _WRITERS)


def _patient_turn(rig: Rig, row: Row, registries: Mapping[str, Registry], work: Callable[[Registry], object]) -> None:
    """One round, in which each answer may take at most `_PATIENCE`; a target that needs longer gets a note."""
    for name, registry in registries.items():
        try:
            turn(rig, row, {name: registry}, work)
        except TimeoutError:
            row.cells[name] = Cell(note=f"more than {_PATIENCE:.0f} s")


def _tags(registry: Registry) -> int:
    return sum(len(page["tags"]) for page in _pages(registry, "tags/list"))


def _names(registry: Registry, count: int) -> list[str]:
    names: list[str] = next(_pages(registry, f"/v2/_catalog?n={count}"))["repositories"]
    return names


def _everything(registry: Registry) -> int:
    return sum(len(page["repositories"]) for page in _pages(registry, "/v2/_catalog?n=1000"))


def _pages(registry: Registry, url: str) -> Iterator[dict[str, list[str]]]:
    with Session(registry.base, timeout=_PATIENCE) as session:
        while url:
            answer = session.ask("GET", url, 200)
            yield json.loads(answer.body)
            following = _NEXT.search(answer.headers.get("Link", ""))
            url = following[1] if following else ""


def _delete(rig: Rig, row: Row, registries: Mapping[str, Registry]) -> None:
    """In a repository of its own, since deleting a manifest has to read every tag of the repository."""
    for name, registry in registries.items():
        unwanted = image(10, KIB)
        small = Registry(name, registry.server, _SMALL)
        small.push_image(unwanted, "latest")
        path = f"manifests/{unwanted.manifest.digest}"
        with Session(small.base) as session:
            turn(rig, row, {name: small}, lambda _: session.ask("DELETE", path, 202))  # noqa: B023


def _fsck(rig: Rig, plan: Plan) -> Row:
    row = Row("fsck", f"fsck of {plan.tags + plan.repositories:,} objects")
    config = rig.config(OURS, container=_CONTAINER)
    argv = [sys.executable, "-m", "docker_registry.cli", "fsck", "--config", str(config)]
    began = time.perf_counter()
    with metered(rig, row.cell(OURS), None):
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, timeout=_FSCK_PATIENCE)
    row.cell(OURS).values.append(time.perf_counter() - began)
    return row


def _expect(got: int, wanted: int) -> None:
    if got != wanted:
        raise RuntimeError(f"a list has {got} entries, not {wanted}")
