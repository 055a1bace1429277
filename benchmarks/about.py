"""When, where and with what a run was measured."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

__all__ = ["begin", "end"]

_PACKAGES = ("swift", "python-swiftclient", "gevent", "gunicorn", "werkzeug")


def begin(short: bool) -> dict[str, str]:
    """What is known before the first row."""
    return {
        "form": "short: little work, the times mean nothing" if short else "full",
        "date": _now(),
        "commit": _first_line("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"),
        "machine": f"{os.cpu_count()} cores, {_cpu_model()}, {_memory()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
        "Distribution": _first_line("docker-registry", "--version"),
        "curl": _first_line("curl", "--version").partition(" (")[0],
        "load at the beginning": _load(),
    }


def end(measured: Sequence[str], missing: Sequence[str]) -> dict[str, str]:
    """What is known after these groups of rows, with those that are still to come."""
    rows = ", ".join(measured) + (f"; stopped before {', '.join(missing)}" if missing else "")
    return {"rows": rows, "ended": _now(), "load at the end": _load()}


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _load() -> str:
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


def _first_line(*argv: str) -> str:
    if shutil.which(argv[0]) is None:
        return "not installed"
    done = subprocess.run(argv, capture_output=True, text=True)
    lines = (done.stdout or done.stderr).splitlines()
    return lines[0] if lines and not done.returncode else "unknown"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_model() -> str:
    return _proc("/proc/cpuinfo", "model name")


def _memory() -> str:
    return f"{int(_proc('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB of memory"


def _proc(path: str, key: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return "unknown"
