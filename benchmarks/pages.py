"""The web page of a large registry: requests to Swift, milliseconds and bytes of each page, first and again.

    python -m benchmarks.pages [--repositories 10000] [--tags 10000]

Fills the listing of an embedded Swift with rows, without their objects; the
newest tags of the large repository, which a page shows, are really pushed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import requests

from docker_registry.commands import first_image
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from tests.live.ours import Ours, write_config
from tests.live.rows import Planted, plant
from tests.live.wire import Client

_CONTAINER, _LARGE = "pages", "large/app"
_DAY = 86400.0  # s
_SHOWN = 30  # tags that are really there
_RUNS = 9  # of a page that was seen before, the median counts


def rows(repositories: int, tags: int) -> Iterator[Planted]:
    """Links as they are listed: of repositories with one tag each, and of one with many."""
    for number in range(repositories):
        yield from _tag(f"team{number % 100:02}/app{number:05}", "1.0", number)
    for number in range(tags):
        yield from _tag(_LARGE, f"1.0.{number}", number)


def _tag(name: str, tag: str, number: int) -> Iterator[Planted]:
    digest = Digest.of(f"{name}:{tag}".encode())
    etag = hashlib.md5(str(digest).encode(), usedforsecurity=False).hexdigest()
    paths = layout.tag_current(name, tag), layout.tag_index_link(name, tag, digest), layout.revision_link(name, digest)
    for path in paths:
        yield Planted(path, etag, len(str(digest)), (1 + number % 300) * _DAY)


def _config(number: int) -> bytes:
    return json.dumps({"os": "linux", "architecture": "amd64", "config": {"Env": [f"NUMBER={number}"]}}).encode()


class Visit(NamedTuple):
    """One page: milliseconds that a reader waits, and of CPU that the registry takes."""

    requests: int
    waited: float
    cpu: float
    size: int  # bytes


def measure(swift: EmbeddedSwift, registry: Ours, path: str) -> Visit:
    used = _cpu(registry.process.pid)
    with swift.counting() as asked:
        begun = time.perf_counter()
        answer = requests.get(registry.url + path, headers={"Accept": "text/html"}, timeout=120)
        took = time.perf_counter() - begun
    answer.raise_for_status()
    return Visit(len(asked), took * 1000, (_cpu(registry.process.pid) - used) * 1000, len(answer.content))


def _cpu(pid: int) -> float:
    """Seconds of CPU that the workers of a server have had."""
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_ticks(int(worker)) for worker in workers) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _fill(swift: EmbeddedSwift, folder: Path, options: argparse.Namespace) -> None:
    with Ours(folder, write_config(folder, swift, _CONTAINER)) as registry:
        host, _, port = registry.url.removeprefix("http://").rpartition(":")
        first_image.push(host, int(port))
        with Client(registry.url) as client:
            for number in range(_SHOWN):
                client.push_image(_LARGE, f"new-{number}", [b"layer %d" % number], _config(number))
    plant(swift, _CONTAINER, rows(options.repositories, options.tags))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=int, default=10_000)
    parser.add_argument("--tags", type=int, default=10_000)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="pages-") as data,
        EmbeddedSwift(Path(data, "swift"), request_log=True, fsync=False) as swift,
    ):
        _fill(swift, Path(data), options)
        pages = {
            "repositories": "/ui/",
            "a folder of them": "/ui/?ns=team07",
            "a search": "/ui/?q=app0123",
            "repositories by last push": "/ui/?sort=push",
            "tags": f"/ui/r/{_LARGE}",
            "tags by name": f"/ui/r/{_LARGE}?sort=name&q=new",
            "the largest tags": f"/ui/r/{_LARGE}?sort=size",
            "manifests without a tag": f"/ui/untagged/{_LARGE}?all=yes",
            "an image": f"/ui/r/{_LARGE}:new-1",
            "a comparison": f"/ui/r/{_LARGE}:new-1/diff?to=new-2",
            "storage": "/ui/storage",
        }
        print("| page | requests | ms | CPU ms | requests again | ms again | CPU ms again | kB |")
        print("|---|---|---|---|---|---|---|---|")
        for what, path in pages.items():
            with Ours(Path(data), Path(data, "config.yml")) as registry:
                requests.get(f"{registry.url}/v2/", timeout=60)
                first = measure(swift, registry, path)
                visits = [measure(swift, registry, path) for _ in range(_RUNS)]
            again = sorted(visit.waited for visit in visits)[_RUNS // 2]
            cpu = sum(visit.cpu for visit in visits) / _RUNS
            cells = (first.requests, first.waited, first.cpu, visits[0].requests, again, cpu, first.size / 1000)
            print(f"| {what} |", " | ".join(f"{cell:.0f}" for cell in cells), "|", flush=True)


if __name__ == "__main__":
    main()
