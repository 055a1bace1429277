"""The programs and packages that tests run the project against.

A test that needs one says so with `need("skopeo")`. Where it is missing the
test is skipped, and the reason names it; with REQUIRE_PEERS=1 in the
environment (as in CI) it fails instead.
"""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest

__all__ = ["need", "need_module", "program"]

# Debian keeps servers where a plain user's PATH does not look.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def program(name: str) -> str | None:
    """The full path of a program; None where it is not installed."""
    return shutil.which(name, path=PATH)


def need(*names: str) -> str:
    """Skip the test where one of these programs is missing; returns the path of the first."""
    missing = [name for name in names if program(name) is None]
    if missing:
        lack(f"not installed: {', '.join(missing)}")
    return program(names[0]) or ""


def need_module(name: str, package: str | None = None) -> None:
    """Skip the test where a Python module (of a package by another name) is missing."""
    if importlib.util.find_spec(name) is None:
        lack(f"not installed: the Python package {package or name}")


def lack(reason: str) -> None:
    """Skip the test, or fail it where peers are required."""
    if os.environ.get("REQUIRE_PEERS") == "1":
        pytest.fail(f"{reason} (REQUIRE_PEERS=1)", pytrace=False)
    pytest.skip(reason)
