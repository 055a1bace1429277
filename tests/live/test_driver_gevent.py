"""Tests in a process that gevent has patched: its threads are greenlets there, but those that hash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from docker_registry.embedded import EmbeddedSwift

ROOT = Path(__file__).parents[2]


def run(*tests: str, **environ: str) -> str:
    command = [sys.executable, "-m", "tests.live.patched", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def test_the_suite_on_a_real_swift(swift: EmbeddedSwift) -> None:
    assert " passed" in run("tests/drivers/test_real_swift.py", TEST_SWIFT=json.dumps(swift.options()))


def test_the_units() -> None:
    assert " passed" in run(
        "tests/concurrency",
        "tests/distribution/storage/test_cache.py",
        *(f"tests/drivers/test_{name}.py" for name in ("concurrency", "client", "large", "reading")),
    )
