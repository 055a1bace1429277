"""Large bodies go through curl, to Swift and to every registry alike, so that no client favours anyone."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["download", "upload"]

_CURL = ("curl", "--silent", "--show-error", "--globoff", "--max-time", "120", "--header", "Expect:")


def upload(
    method: str, url: str, file: Path, *headers: str, chunked: bool = False, rate: int | None = None
) -> dict[str, str]:
    """Send a file, with its length or in chunks; returns the answer's headers, names in lower case.

    With a `rate`, that many bytes a second are sent at most.
    """
    if chunked:
        headers = (*headers, "Transfer-Encoding: chunked")
    limit = ("--limit-rate", str(rate)) if rate else ()
    answer = _run("--request", method, "--upload-file", str(file), "--dump-header", "-", *limit, *_flags(headers), url)
    status, *lines = answer.split("\n\n")[0].splitlines()
    if " 20" not in status:
        raise RuntimeError(f"{method} {url}: {answer}")
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def download(url: str, *headers: str) -> int:
    """Get a body and throw it away, redirects followed; returns how many bytes it had."""
    shown = _run(
        "--location", "--output", "/dev/null", "--write-out", "%{http_code} %{size_download}", *_flags(headers), url
    )
    status, size = shown.split()
    if status != "200":
        raise RuntimeError(f"GET {url}: {status}")
    return int(size)


def _flags(headers: tuple[str, ...]) -> list[str]:
    return [word for header in headers for word in ("--header", header)]


def _run(*arguments: str) -> str:
    done = subprocess.run([*_CURL, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"curl {arguments[-1]}: {done.stderr.strip()}")
    return done.stdout
