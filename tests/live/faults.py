"""A proxy in front of a real Swift that spoils chosen requests.

    with FaultProxy(swift.storage_url) as faults:
        config = driver_config(swift, swift_object_storage_url=faults.url, ...)
        faults.answer(503, method="PUT", path="/segments/", times=2)

Rules are asked in the order they were made; the first that matches a request
decides. `path` is a regular expression, searched for in the path and query as
sent. `times` is how many matching requests are spoiled, after the first `skip`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

__all__ = ["FaultProxy", "Seen"]

SERVER = Path(__file__).with_name("fault_server.py")


class Seen(NamedTuple):
    """One request that came by."""

    method: str
    target: str  # path and query, as sent
    status: int | None  # Swift's, or a rule's; None where nobody answered
    fault: str | None  # of the rule that spoiled it
    range: str  # the header
    newest: bool  # whether X-Newest asked for that


class FaultProxy:
    """Stands in front of `target`, a URL; `url` is the same one through the proxy."""

    def __init__(self, target: str):
        self._target = urlsplit(target)
        self._child: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> FaultProxy:
        command = [sys.executable, str(SERVER), self._target.hostname or "", str(self._target.port)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout
        self.url = f"http://127.0.0.1:{self._child.stdout.readline().strip()}{self._target.path}"
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._child
        self._child.kill()
        self._child.communicate()

    # The request does not reach Swift.

    def answer(self, status: int, *, headers: dict[str, str] | None = None, **match: Any) -> None:
        """Read the request whole and answer it with `status` and no body."""
        self._add("status", status=status, headers=headers or {}, **match)

    def refuse(self, **match: Any) -> None:
        """Reset the connection."""
        self._add("refuse", **match)

    # The request reaches Swift.

    def delay(self, seconds: float, **match: Any) -> None:
        """Pass the request on after this time."""
        self._add("delay", seconds=seconds, **match)

    def swallow(self, **match: Any) -> None:
        """Let Swift do its work, then reset the connection instead of answering."""
        self._add("swallow", **match)

    def cut(self, size: int, **match: Any) -> None:
        """Close the connection after exactly `size` bytes of the answer's body."""
        self._add("cut", size=size, **match)

    def hang(self, size: int, seconds: float, **match: Any) -> None:
        """Send nothing for this time after `size` bytes of the answer's body, then close."""
        self._add("hang", size=size, seconds=seconds, **match)

    def corrupt(self, **match: Any) -> None:
        """Change the first byte of the answer's body."""
        self._add("corrupt", **match)

    def hide(self, names: str, **match: Any) -> None:
        """Leave rows out of JSON listings whose name (or subdir) has this regular expression."""
        self._add("hide", method="GET", names=names, **match)

    def hold(self, **match: Any) -> None:
        """Repeat the first answer of each listing, whatever happens to the container since."""
        self._add("hold", method="GET", **match)

    def clear(self) -> None:
        """Remove all rules."""
        self._command("clear")

    # What came by.

    @property
    def requests(self) -> list[Seen]:
        """Every request since the start, or since `forget`."""
        return [Seen(**seen) for seen in self._command("seen")]

    @property
    def spoiled(self) -> list[Seen]:
        return [seen for seen in self.requests if seen.fault]

    def forget(self) -> None:
        self._command("forget")

    def _add(self, fault: str, **rule: Any) -> None:
        self._command("add", {"fault": fault, **rule})

    def _command(self, name: str, argument: Any = None) -> Any:
        assert self._child
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.write(json.dumps({"name": name, "argument": argument}) + "\n")
        self._child.stdin.flush()
        return json.loads(self._child.stdout.readline())
