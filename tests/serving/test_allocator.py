"""The allocator is told once, where the C library can be told; what that gains is a row of the benchmark."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from docker_registry.serving.allocator import keep_freed_memory

PROGRAM = "from docker_registry.serving.allocator import keep_freed_memory; print(keep_freed_memory(64 << 20))"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not glibc")
def test_glibc_takes_the_settings() -> None:
    """In a process of its own: what is set there stays set."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True\n"


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory(64 << 20)
