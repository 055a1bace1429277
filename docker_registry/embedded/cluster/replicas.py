"""Whether the replicas of a cluster agree. It reads the disks, so it works while nodes are down."""

from __future__ import annotations

import contextlib
import glob
import os
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from swift.common import ring
from swift.obj.diskfile import read_metadata

from .layout import SERVERS, Layout

__all__ = ["differences"]

Container = tuple[str, str]  # account and name


class Replica(NamedTuple):
    """One replica of an object, a container or an account."""

    state: tuple[object, ...]  # the same for all replicas that agree; empty where nothing is left
    container: Container | None = None  # of which it holds `names`
    names: frozenset[str] = frozenset()


def differences(layout: Layout) -> list[str]:
    """What is not as it should be, a line each: replicas that differ or are elsewhere, and listings that are behind."""
    wrong = []
    listed: dict[Container, set[str]] = defaultdict(set)
    stored: dict[Container, set[str]] = defaultdict(set)
    for kind in SERVERS:
        nodes_of = ring.Ring(str(layout.etc), ring_name=kind).get_part_nodes
        for folder, found in _replicas(layout, kind).items():
            primaries = {layout.nodes[device["id"]] for device in nodes_of(int(folder.split("/")[1]))}
            states = {node: replica.state for node, replica in found.items() if replica.state}
            if states and (set(states) != primaries or len(set(states.values())) > 1):
                wrong.append(f"{folder}: should be the same on {', '.join(sorted(primaries))}, is {states}")
            for replica in found.values():
                if replica.container:
                    (stored if kind == "object" else listed)[replica.container] |= replica.names
    for node in layout.nodes:
        wrong += [f"{node}: {path} waits" for path in glob.iglob("async_pending/*/*", root_dir=layout.device(node))]
    for container in listed:
        if not container[0].startswith(".") and listed[container] != stored[container]:
            wrong.append(
                f"{container[1]}: listed but not stored {sorted(listed[container] - stored[container])[:3]},"
                f" stored but not listed {sorted(stored[container] - listed[container])[:3]}"
            )
    return wrong


def _replicas(layout: Layout, kind: str) -> dict[str, dict[str, Replica]]:
    """By folder below the disk, and node."""
    read = _object if kind == "object" else _database
    found: dict[str, dict[str, Replica]] = defaultdict(dict)
    for node in layout.nodes:
        device = layout.device(node)
        # pathlib's glob fails when a folder goes meanwhile.
        for folder in glob.iglob(f"{kind}s/*/*/*", root_dir=device):
            with contextlib.suppress(FileNotFoundError, sqlite3.OperationalError):  # it has gone, or is being written
                found[folder][node] = read(device / folder, kind)
    return found


def _object(folder: Path, kind: str) -> Replica:
    files = tuple(sorted(os.listdir(folder)))
    if not files or not files[-1].endswith(".data"):  # deleted
        return Replica(files)
    _, account, container, name = read_metadata(str(folder / files[-1]))["name"].split("/", 3)
    return Replica(files, (account, container), frozenset([name]))


def _database(folder: Path, kind: str) -> Replica:
    path = f"file:{folder / folder.name}.db?mode=ro"
    with contextlib.closing(sqlite3.connect(path, uri=True, timeout=5)) as database:
        hashed, exists = database.execute(
            f"SELECT hash, put_timestamp > delete_timestamp FROM {kind}_stat"  # noqa: S608 - `kind` is ours
        ).fetchone()
        waits = [str(folder) for pending in folder.glob("*.pending") if pending.stat().st_size]
        state = (hashed, exists, *waits)
        if kind == "account" or not exists:
            return Replica(state)
        key = database.execute("SELECT account, container FROM container_info").fetchone()
        rows = database.execute("SELECT name FROM object WHERE deleted = 0").fetchall()
    return Replica(state, key, frozenset(name for (name,) in rows))
