"""fsck of a container with real images: requests and seconds, beside Distribution 2.8's garbage-collect --dry-run.

    python -m benchmarks.fsck [--objects 20000]

Fills two containers of an embedded Swift: one as Distribution 2.8 writes (every
blob a dynamic large object), one as this registry does (plain objects, every
tenth layer a static large object of two segments).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_MANIFEST
from docker_registry.embedded import EmbeddedSwift

_LAYERS = 10  # of an image
_WRITERS = 16
_PATIENCE = 900.0  # seconds for one program
# A Swift whose disk is slow answers 503 at times.
_AGAIN = Retry(6, status_forcelist=[503], allowed_methods=["PUT"], backoff_factor=0.5)


class Put(NamedTuple):
    """One object to write; `query` and `headers` as Swift wants them for large ones."""

    name: str
    data: bytes
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def theirs(number: int) -> Iterator[Put]:
    """An image as Distribution 2.8 writes it."""
    for place, content in enumerate(_contents(number)):
        folder = f"segments/{number % 4096:03x}/{number:08x}{place:04x}"
        yield Put(f"{folder}/{1:016}", content)
        manifest = (("X-Object-Manifest", f"theirs/{folder}"),)
        yield Put(layout.blob_data(Digest.of(content)), b"", headers=manifest)
    yield from _rest(number)


def ours(number: int) -> Iterator[Put]:
    """An image as this registry writes it."""
    for place, content in enumerate(_contents(number)):
        name = layout.blob_data(Digest.of(content))
        if place:
            yield Put(name, content)
            continue
        half = len(content) // 2
        parts = [f"segments/{number:032x}/{part:06}" for part in range(2)]
        yield Put(parts[0], content[:half])
        yield Put(parts[1], content[half:])
        yield Put(name, json.dumps([{"path": f"/ours/{part}"} for part in parts]).encode(), "multipart-manifest=put")
    yield from _rest(number)


def _contents(number: int) -> list[bytes]:
    """The layers of an image, and its config."""
    return [f"{number} {place} ".encode() * 20 for place in range(_LAYERS + 1)]


def _rest(number: int) -> Iterator[Put]:
    """Manifest and links."""
    name, contents = f"bench/app{number % 100}", _contents(number)
    *layers, config = [
        {"mediaType": "application/octet-stream", "digest": str(Digest.of(content)), "size": len(content)}
        for content in contents
    ]
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}).encode()
    digest, tag = Digest.of(body), f"v{number}"
    yield Put(layout.blob_data(digest), body)
    for content in contents:
        yield _link(layout.layer_link(name, Digest.of(content)), Digest.of(content))
    yield _link(layout.revision_link(name, digest), digest)
    yield _link(layout.tag_index_link(name, tag, digest), digest)
    yield _link(layout.tag_current(name, tag), digest)


def _link(path: str, digest: Digest) -> Put:
    return Put(path, str(digest).encode())


def fill(swift: EmbeddedSwift, container: str, objects: int) -> int:
    """Write images into a container until it has about so many objects; returns how many it has."""
    image = {"theirs": theirs}.get(container, ours)
    images = round(objects / sum(1 for _ in image(0)))
    login = {"X-Auth-User": swift.user, "X-Auth-Key": swift.password}
    token = requests.get(swift.auth_url, headers=login, timeout=60).headers["X-Auth-Token"]
    url = f"{swift.storage_url}/{container}"

    def write(number: int) -> int:
        with requests.Session() as session:
            session.headers["X-Auth-Token"] = token
            session.mount("http://", HTTPAdapter(max_retries=_AGAIN))
            puts = list(image(number))
            for put in puts:
                query = f"?{put.query}" if put.query else ""
                answer = session.put(f"{url}/{put.name}{query}", data=put.data, headers=dict(put.headers), timeout=60)
                answer.raise_for_status()
        return len(puts)

    requests.put(url, headers={"X-Auth-Token": token}, timeout=60).raise_for_status()
    with ThreadPoolExecutor(_WRITERS) as pool:
        return sum(pool.map(write, range(images)))


def measure(swift: EmbeddedSwift, folder: Path, container: str, program: str) -> str:
    """Run fsck, or Distribution's garbage-collect, on a container: its requests, seconds and memory in words."""
    config = folder / f"{container}.yml"
    parameters = {
        "username": swift.user,
        "password": swift.password,
        "authurl": swift.auth_url,
        "container": container,
    }
    config.write_text(json.dumps({"version": "0.1", "storage": {"swift": parameters}}))
    argv = {
        "fsck": [sys.executable, "-m", "docker_registry.cli", "fsck", "--quiet", "--config", str(config)],
        "garbage-collect": ["docker-registry", "garbage-collect", "--dry-run", str(config)],
    }[program]
    began = time.monotonic()
    with swift.counting() as counted:
        try:
            child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except FileNotFoundError as error:
            return f"not installed: {error.filename}"
        watch = threading.Timer(_PATIENCE, child.kill)
        watch.start()
        _, status, usage = os.wait4(child.pid, 0)
        watch.cancel()
    seconds = time.monotonic() - began
    ended = "" if status == 0 else f", not done (status {os.waitstatus_to_exitcode(status)})"
    kinds = Counter(request.method for request in counted.requests)
    verbs = ", ".join(f"{count} {verb}" for verb, count in sorted(kinds.items()))
    return f"{len(counted)} requests ({verbs}), {seconds:.1f} s, {usage.ru_maxrss // 1024} MiB of memory{ended}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--objects", type=int, default=20_000)
    objects = parser.parse_args().objects
    with tempfile.TemporaryDirectory() as data, EmbeddedSwift(data, request_log=True, fsync=False) as swift:
        for container in ("theirs", "ours"):
            written = fill(swift, container, objects)
            for program in ("fsck", "garbage-collect"):
                print(f"{container}, {written} objects, {program}: {measure(swift, Path(data), container, program)}")


if __name__ == "__main__":
    main()
