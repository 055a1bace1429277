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
        """Read the request and answer it with `status` and no body; with `done=True`, after Swift did its work."""
        self._add("status", status=status, headers=headers or {}, **match)

    def refuse(self, **match: Any) -> None:
        """Reset the connection."""
        self._add("refuse", **match)

    def close(self, **match: Any) -> None:
        """End the connection in good order, without an answer."""
        self._add("close", **match)

    def stall(self, seconds: float, **match: Any) -> None:
        """Read the request, say nothing for this time, then close; with `done=True`, after Swift did its work."""
        self._add("stall", seconds=seconds, **match)

    # The request reaches Swift.

    def delay(self, seconds: float, **match: Any) -> None:
        """Pass the request on after this time."""
        self._add("delay", seconds=seconds, **match)

    def break_off(self, size: int, **match: Any) -> None:
        """Pass on so many bytes of the request's body, then reset the connection and leave Swift waiting."""
        self._add("break_off", size=size, **match)

    def twice(self, **match: Any) -> None:
        """Deliver the request to Swift twice; the second answer is the client's."""
        self._add("twice", **match)

    def freeze(self, **match: Any) -> None:
        """Keep the request from Swift, or with `done=True` its answer, until `clear`; then reset. See `wait_frozen`."""
        self._add("freeze", **match)

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

    def interim(self, status: int, times_over: int = 1, **match: Any) -> None:
        """Send so many interim answers in front of the true one."""
        self._add("interim", status=status, size=times_over, **match)

    def cut_head(self, size: int, **match: Any) -> None:
        """Close the connection after so many bytes of the answer's head."""
        self._add("cut_head", size=size, **match)

    def lengthen(self, size: int, **match: Any) -> None:
        """Send so many bytes behind the answer's end."""
        self._add("lengthen", size=size, **match)

    def shorten(self, size: int, **match: Any) -> None:
        """Leave out the body's last bytes, and say a length that fits."""
        self._add("shorten", size=size, **match)

    def rewrite(self, headers: dict[str, str | None], **match: Any) -> None:
        """Replace headers of the answer; None removes one."""
        self._add("rewrite", headers=headers, **match)

    def stale(self, **match: Any) -> None:
        """Answer a GET or HEAD that does not ask for the newest as before the first PUT or DELETE since."""
        self._add("stale", **match)

    def hide(self, names: str, **match: Any) -> None:
        """Leave rows out of JSON listings whose name (or subdir) has this regular expression."""
        self._add("hide", names=names, **{"method": "GET", **match})

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
        seen = self._command("seen")
        return [Seen(**{name: each[name] for name in Seen._fields}) for each in seen]

    @property
    def spoiled(self) -> list[Seen]:
        return [seen for seen in self.requests if seen.fault]

    def forget(self) -> None:
        self._command("forget")

    def wait_frozen(self, seconds: float = 30.0) -> bool:
        """Until a request is held back by `freeze`; whether one is."""
        return bool(self._command("frozen", seconds))

    def wait_idle(self, seconds: float = 30.0) -> bool:
        """Until Swift gets no request any more that was seen so far; whether that is so."""
        return bool(self._command("idle", seconds))

    def _add(self, fault: str, **rule: Any) -> None:
        self._command("add", {"fault": fault, **rule})

    def _command(self, name: str, argument: Any = None) -> Any:
        assert self._child
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.write(json.dumps({"name": name, "argument": argument}) + "\n")
        self._child.stdin.flush()
        return json.loads(self._child.stdout.readline())
