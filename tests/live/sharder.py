"""Run as a program: shard one container of an embedded Swift once, as its operator would by hand.

python -m tests.live.sharder DATA CONTAINER ROWS
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from swift.cli import manage_shard_ranges
from swift.common.ring import Ring
from swift.container.backend import SHARDED, ContainerBroker
from swift.container.sharder import ContainerSharder

from docker_registry.embedded import SwiftOptions, configuration
from docker_registry.embedded.preparation import prepare

ROUNDS = 5  # one is enough where nothing else is going on


def databases(layout: configuration.Layout, container: str) -> Iterator[tuple[str, ContainerBroker]]:
    for path in layout.devices.glob("*/containers/**/*.db"):
        broker = ContainerBroker(str(path))
        broker.get_info()
        if broker.container == container and not broker.account.startswith("."):
            yield str(path), broker


def main(data: str, container: str, rows: str) -> None:
    """`rows` is how many each shard has."""
    options = SwiftOptions(data_dir=data)
    layout = configuration.Layout(options)
    prepare(layout.etc, layout.log, fsync=False)
    for path, _ in databases(layout, container):
        assert not manage_shard_ranges.main([path, "find_and_replace", rows, "--enable", "--force"])
    port = Ring(str(layout.etc), ring_name="container").devs[0]["port"]
    more = {"bind_port": str(port), "internal_client_conf_path": str(layout.internal_conf), "cleave_batch_size": "100"}
    sharder = ContainerSharder(configuration.backend(options) | more)
    for _ in range(ROUNDS):
        sharder.run_once()
        if all(broker.get_db_state() == SHARDED for _, broker in databases(layout, container)):
            return
    raise AssertionError(f"{container} was not sharded, see {layout.log}")


if __name__ == "__main__":
    main(*sys.argv[1:])
