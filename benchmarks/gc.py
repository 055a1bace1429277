"""gc of a container half of whose images were deleted: requests and seconds, beside Distribution 2.8's garbage-collect.

    python -m benchmarks.gc [--images 400] [--alone]
    python -m benchmarks.gc --simulated 1000000

The first fills two containers of an embedded Swift alike, and lets each program remove from one (with --alone there is
one container, and ours only). The second walks so many blobs that a generator makes up, in place of a driver, and says
how much memory the process took.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docker_registry.core.types import Entry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.collection import Terms
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.memory import Storage as Memory
from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.fsck.options import FsckOptions
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.gc.outcome import Clock
from docker_registry.maintenance.progress import Quiet

from .fsck import fill, ours

# Periods so short that a benchmark can wait for them; what is measured does not hang on them.
TERMS = Terms(copy=0.0, veto=5.0, session=0.0, lag=0.0, late=10.0, grace=15.0, sweep=60.0, door=120.0, lease=3600.0)
_IMAGE = [put.name for put in ours(0)]
_WORKERS = 16


class _Driver(SimpleNamespace):
    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def delete_half(driver: Storage, images: int) -> None:
    """As a DELETE of each second image's manifest does: its tag and its revision go."""
    names = [put.name for number in range(0, images, 2) for put in ours(number) if "/_manifests/" in put.name]
    failed = driver.remove_many(names)
    assert not failed, next(iter(failed.values()))


def ours_removes(swift: EmbeddedSwift, driver: Storage) -> str:
    waited = 0.0

    def sleep(seconds: float) -> None:
        nonlocal waited
        waited += seconds
        time.sleep(seconds)

    said = []
    removed = 0
    while not removed:
        began, waited = time.monotonic(), 0.0
        with (
            swift.counting() as counted,
            Collector(
                driver, FsckOptions(repair=True, workers=_WORKERS), Quiet(), TERMS, clock=Clock(sleep=sleep)
            ) as job,
        ):
            for _ in job.run():
                pass
        outcome = job.outcome
        removed = outcome.removed
        if outcome.announced or removed:
            seconds = time.monotonic() - began - waited
            said.append(f"{outcome.stage.value} {outcome.announced or removed} files: {told(counted)}, {seconds:.1f} s")
        time.sleep(2)
    return "; ".join(said)


def theirs_remove(swift: EmbeddedSwift, folder: Path, container: str) -> str:
    config = folder / "distribution.yml"
    parameters = {
        "username": swift.user,
        "password": swift.password,
        "authurl": swift.auth_url,
        "container": container,
    }
    config.write_text(json.dumps({"version": "0.1", "storage": {"swift": parameters}}))
    began = time.monotonic()
    with swift.counting() as counted:
        command = ["docker-registry", "garbage-collect", str(config)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=3600)
    status = "" if done.returncode == 0 else f" (status {done.returncode})"
    return f"{told(counted)}, {time.monotonic() - began:.1f} s{status}"


def told(counted: Any) -> str:
    kinds = Counter(request.method for request in counted.requests)
    return f"{len(counted)} requests ({', '.join(f'{count} {verb}' for verb, count in sorted(kinds.items()))})"


class Endless(Memory):
    """In place of a driver: so many blobs, each with its link, none of which any manifest names."""

    def __init__(self, blobs: int):
        super().__init__("/")
        self._blobs = blobs

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        for number in range(self._blobs):
            digest = Digest.of(b"%d" % number)
            yield Entry(layout.blob_data(digest), 1000, 1.0)
            link = layout.layer_link(f"app{number % 1000}", digest)
            yield Entry(link, 71, 1.0)

    def get_content(self, path: str) -> bytes:
        return ("sha256:" + path.split("/")[-2]).encode()


def simulated(blobs: int) -> str:
    began = time.monotonic()
    with Collector(Endless(blobs), FsckOptions(workers=1), Quiet()) as job:
        found = sum(1 for _ in job.would())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return f"{found} files of {blobs} blobs, {time.monotonic() - began:.0f} s, {peak} MiB of memory at the most"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--alone", action="store_true", help="Without Distribution, which takes hours for 50,000.")
    parser.add_argument("--simulated", type=int, metavar="BLOBS")
    options = parser.parse_args()
    if options.simulated:
        print(simulated(options.simulated))
        return
    images = options.images
    with tempfile.TemporaryDirectory() as data, EmbeddedSwift(data, request_log=True, fsync=False) as swift:
        for container in ("ours",) if options.alone else ("ours", "copy"):
            fill(swift, container, images * len(_IMAGE))
            delete_half(Storage("/", _Driver(**swift.options(swift_container=container))), images)
        print(f"{images} images of 12 blobs, half of them deleted")
        if not options.alone:
            print("garbage-collect:", theirs_remove(swift, Path(data), "copy"), flush=True)
        print("gc:", ours_removes(swift, Storage("/", _Driver(**swift.options(swift_container="ours")))))


if __name__ == "__main__":
    main()
