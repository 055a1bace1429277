"""Plants rows in a container's listing, without the objects: `python -m tests.live.rows DATA CONTAINER PREFIX COUNT`.

Storing 25,000 objects takes minutes, writing their rows takes a second. A
process of its own, since Swift's modules run on eventlet.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from docker_registry.embedded import EmbeddedSwift

__all__ = ["plant_rows"]


def plant_rows(swift: EmbeddedSwift, container: str, prefix: str, count: int) -> None:
    """Make a container list `count` objects named `<prefix><%08d>` of one byte; it must exist."""
    command = [sys.executable, "-m", "tests.live.rows", swift.opts.data_dir, container, prefix, str(count)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def main(data_dir: str, container: str, prefix: str, count: str) -> None:
    from swift.common.utils import Timestamp
    from swift.container.backend import ContainerBroker

    row = {
        "created_at": Timestamp(time.time()).internal,
        "size": 1,
        "content_type": "application/octet-stream",
        "etag": "0" * 32,
        "deleted": 0,
        "storage_policy_index": 0,
    }
    for path in Path(data_dir).glob("**/containers/**/*.db"):
        broker = ContainerBroker(str(path))
        if broker.get_info()["container"] == container:
            broker.merge_items([{**row, "name": f"{prefix}{i:08d}"} for i in range(int(count))])
            return
    sys.exit(f"no container {container} below {data_dir}")


if __name__ == "__main__":
    main(*sys.argv[1:])
