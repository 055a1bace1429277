"""docker-registry 0.9.1 with this driver and with the former one, 0.2.1, on the same Swift, in turns.

    python -m benchmarks.former_driver [ROUNDS]

Prints seconds (medians) and Swift requests of a v1 push and pull. Needs what
the tests of docker-registry need: CPython 2.7, and Debian's gcc and swig.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import swiftclient

from docker_registry.embedded import EmbeddedSwift
from tests.live.v1_registry import Client, DockerRegistry, chain, installed
from tests.wheels import build_wheel

FORMER = "docker-registry-driver-swift==0.2.1"
MIB = 1 << 20
IMAGES = ((1, 64 * MIB), (10, MIB))  # layers, and bytes of each


class Cost(NamedTuple):
    seconds: float
    requests: int


def main(rounds: int = 5) -> None:
    costs: dict[tuple[str, str], list[tuple[Cost, Cost]]] = defaultdict(list)
    with registries() as (swift, clients):
        for number in range(rounds):
            for layers, size in IMAGES:
                for who, client in clients.items():
                    pair = push_and_pull(swift, client, f"bench/{number}-{layers}", layers, size)
                    costs[f"{layers} x {size // MIB} MiB", who].append(pair)
    print("| image | driver | push s | pull s | Swift requests push / pull |\n|---|---|---|---|---|")
    for (image, who), pairs in costs.items():
        ways = list(zip(*pairs, strict=True))
        seconds = " | ".join(f"{statistics.median(cost.seconds for cost in way):.2f}" for way in ways)
        requests = " / ".join(f"{statistics.median(cost.requests for cost in way):.0f}" for way in ways)
        print(f"| {image} | {who} | {seconds} | {requests} |")


def push_and_pull(swift: EmbeddedSwift, client: Client, name: str, layers: int, size: int) -> tuple[Cost, Cost]:
    images = chain([os.urandom(size) for _ in range(layers)])
    return spent(swift, lambda: client.push(name, "1", images)), spent(swift, lambda: client.pull(name, "1"))


def spent(swift: EmbeddedSwift, work: Callable[[], object]) -> Cost:
    with swift.counting() as requests:
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
    return Cost(seconds, len(requests))


@contextmanager
def registries() -> Iterator[tuple[EmbeddedSwift, dict[str, Client]]]:
    """Both registries, on one Swift, each on a container of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="former-")))
        environments = {
            "former 0.2.1": installed(FORMER, "docker-registry-py27-former"),
            "this one": installed(build_wheel("2.7", folder / "wheel")),
        }
        swift = stack.enter_context(EmbeddedSwift(folder / "swift", request_log=True))
        clients = {}
        for number, (who, where) in enumerate(environments.items()):
            # The former driver takes no version from the URL, and creates no container.
            swiftclient.Connection(swift.auth_url, swift.user, swift.password).put_container(f"v1-{number}")
            options = {"swift_auth_version": 1}
            registry = DockerRegistry(
                where, swift, f"v1-{number}", folder / f"v1-{number}", options, GUNICORN_WORKERS="1"
            )
            clients[who] = Client(stack.enter_context(registry).url)
        yield swift, clients


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
