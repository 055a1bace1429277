"""Which combinations of host, login and Python a run has tried; printed at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["pytest_terminal_summary", "tried"]

_tried: set[tuple[str, str, str]] = set()


@contextmanager
def tried(host: str, login: str, python: str) -> Iterator[None]:
    """Note a combination, if the block ends well."""
    yield
    _tried.add((host, login, python))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _tried:
        terminalreporter.section(f"{len(_tried)} combinations run (host, login, Python)")
        for host, login, python in sorted(_tried):
            terminalreporter.write_line(f"{host:16} {login:60} {python}")
