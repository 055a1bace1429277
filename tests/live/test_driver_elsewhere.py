"""The driver suite on a real Swift in other processes: one that gevent has patched, and one of Python 2.7."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from docker_registry.embedded import EmbeddedSwift

ROOT = Path(__file__).parents[2]
SUITE = "tests/drivers/test_real_swift.py"


def run_suite(swift: EmbeddedSwift, *command: str) -> str:
    done = subprocess.run(
        [*command, "-q", "-p", "no:cacheprovider", SUITE],
        cwd=ROOT,
        env={**os.environ, "TEST_SWIFT": json.dumps(swift.options())},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def test_in_a_process_that_gevent_has_patched(swift: EmbeddedSwift) -> None:
    assert " passed" in run_suite(swift, sys.executable, "-m", "tests.live.patched")
