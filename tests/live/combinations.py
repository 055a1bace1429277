"""Which combinations of host, login and Python a run has tried; printed at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["TRIED", "summarize", "tried"]

TRIED: set[tuple[str, str, str]] = set()


@contextmanager
def tried(host: str, login: str, python: str) -> Iterator[None]:
    """Note a combination, if the block ends well."""
    yield
    TRIED.add((host, login, python))


def summarize(terminalreporter: Any) -> None:
    if TRIED:
        terminalreporter.section(f"{len(TRIED)} combinations run (host, login, Python)")
        for host, login, python in sorted(TRIED):
            terminalreporter.write_line(f"{host:16} {login:60} {python}")
