"""Plants rows in a container's listing, without the objects: 25,000 objects take minutes to store, their rows a second.

`python -m tests.live.rows DATA CONTAINER` reads them from its input. A process of its own, since Swift's modules run on
eventlet.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from docker_registry.embedded import EmbeddedSwift

__all__ = ["Planted", "plant", "plant_rows"]


class Planted(NamedTuple):
    name: str
    etag: str = "0" * 32  # MD5 of the content, hex
    size: int = 1  # bytes
    age: float = 0.0  # s


def plant(swift: EmbeddedSwift, container: str, rows: Iterable[Planted]) -> None:
    """Make a container list these objects; it must exist."""
    command = [sys.executable, "-m", "tests.live.rows", swift.opts.data_dir, container]
    subprocess.run(command, input=json.dumps(list(rows)).encode(), check=True, capture_output=True, timeout=300)


def plant_rows(swift: EmbeddedSwift, container: str, prefix: str, count: int) -> None:
    """Make a container list `count` objects named `<prefix><%08d>` of one byte; it must exist."""
    plant(swift, container, (Planted(f"{prefix}{number:08d}") for number in range(count)))


def main(data_dir: str, container: str) -> None:
    from swift.common.utils import Timestamp
    from swift.container.backend import ContainerBroker

    now = time.time()
    rows = [
        {
            "name": name,
            "created_at": Timestamp(now - age).internal,
            "size": size,
            "content_type": "application/octet-stream",
            "etag": etag,
            "deleted": 0,
            "storage_policy_index": 0,
        }
        for name, etag, size, age in json.load(sys.stdin)
    ]
    for path in Path(data_dir).glob("**/containers/**/*.db"):
        broker = ContainerBroker(str(path))
        if broker.get_info()["container"] == container:
            broker.merge_items(rows)
            return
    sys.exit(f"no container {container} below {data_dir}")


if __name__ == "__main__":
    main(*sys.argv[1:])
