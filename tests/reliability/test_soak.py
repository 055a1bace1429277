"""Mixed load with faults: memory, sockets, threads and temporary files end where they began.

`make soak` says for how long, and prints the figures.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.faults import FaultProxy
from tests.live.ours import Ours

from . import soak
from .matrix import damage
from .place import Container, write_config_through
from .scale import SEED

SECONDS = float(os.environ.get("SOAK", "0"))
ROUNDS = 10 if SECONDS > 60 else 2
POOL = 12  # connections to Swift, all in use by the first round
SLACK = 24.0  # MiB, for memory that is freed and kept


@pytest.mark.skipif(not SECONDS, reason="takes minutes: make soak")
def test_nothing_grows(own_swift: EmbeddedSwift, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environ = {**os.environ, "TMPDIR": str(temporary)}
    options = {"swift_pool_size": POOL, "swift_timeout": 2, "swift_retries": 1}
    with FaultProxy(own_swift.storage_url) as proxy:
        config = write_config_through(proxy, own_swift, "soak", tmp_path, options, cache_size=1 << 20)
        with Ours(tmp_path, config, environ=environ) as server:
            load = soak.Load(server.url, Container(own_swift, "soak"), proxy, SEED)
            found = []
            for number in range(ROUNDS):
                with load.running():
                    time.sleep(SECONDS / ROUNDS)
                found.append(soak.settle(server, temporary))
                print(f"soak, round {number + 1} of {ROUNDS}: {found[-1]}")
            assert "Traceback" not in server.log
    said = ", ".join(f"{count} x {what}" for what, count in load.said.most_common())
    print(f"soak, {SECONDS:.0f} s, seed {SEED}: {said}; {len(load.wrong)} wrong")
    assert not load.wrong, "\n".join(load.wrong)
    first, last = found[0], found[-1]
    assert last.memory <= first.memory + SLACK
    assert last.sockets <= first.sockets + POOL
    assert last.files <= first.files + 1
    assert last.threads <= first.threads + 2
    assert last.temporary == first.temporary
    assert damage(own_swift, "soak") == []
