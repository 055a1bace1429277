"""Reading the requests that an embedded Swift has noted.

One line of JSON per request, written before its answer's first byte leaves
Swift, so a client that has an answer finds its line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Request", "Requests"]


class Request(NamedTuple):
    """What a client asked, and the status of the answer."""

    method: str
    path: str  # decoded
    query: str  # as sent
    status: int
    user_agent: str

    @property
    def of_storage(self) -> bool:
        """Whether it was neither for a token, nor for `/info`, nor for the notice of garbage collection.

        Each is asked for now and then, whatever else is done.
        """
        return self.path.startswith("/v1/") and not self.path.endswith("/_gc/notice")


class Requests:
    """The requests noted since this object was made, until `end`; in the order of the answers."""

    def __init__(self, log: Path, everything: bool = False):
        self._log = log
        self._everything = everything
        self._start = log.stat().st_size
        self._end: int | None = None

    def end(self) -> None:
        self._end = self._log.stat().st_size

    @property
    def requests(self) -> list[Request]:
        with self._log.open("rb") as file:
            file.seek(self._start)
            lines = file.read(-1 if self._end is None else self._end - self._start).splitlines()
        noted = (Request(*json.loads(line)) for line in lines)
        return [request for request in noted if self._everything or request.of_storage]

    def by_method(self) -> dict[str, int]:
        return dict(Counter(request.method for request in self.requests))

    def __len__(self) -> int:
        return len(self.requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(self.requests)

    def __repr__(self) -> str:
        rows = (f"{r.status} {r.method} {r.path}{'?' + r.query if r.query else ''}" for r in self.requests)
        return "\n".join([f"{len(self)} requests:", *rows])
