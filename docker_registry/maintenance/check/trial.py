"""What a Swift really does, tried in the container under names of its own, which are removed again.

`/info` says what a server is able to do, not that nothing on the way takes a
header off, and some servers say nothing. What is learned here the driver's
`Habits` get to know; what a server says and does not do is an error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.drivers.swift.http import listing
from docker_registry.drivers.swift.names import url

from .lines import Line, error, ok, warning

__all__ = ["Trial"]

_CONTENT = b"written by docker-registry-swift check, which removes it again\n"

# What a registry loses where the server says that it does this, and does not.
_NEEDED = {
    "keeps_conditions": "a PUT that must not replace anything (If-None-Match) replaced a file",
    "gives_manifests": "a large object does not tell its segments",
    "nests_manifests": "a large object of large objects is refused: blobs of more than 1000 segments cannot be stored",
    "matches_large": "a GET of a large object with If-Match and its own ETag is refused: broken pulls are not resumed",
}


class Trial:
    """On one container, below `folder`. `client` is the swift driver's."""

    def __init__(self, client: Any, folder: str):
        self._client = client
        self._folder = folder
        self._written: list[str] = []

    def run(self) -> Iterator[Line]:
        """Try everything; generate what there is to tell beside the habits."""
        try:
            yield from self._habit("keeps_conditions", self._keeps_conditions)
            yield from self._told("compare and delete", self._compares_before_it_deletes, "kept", "ignored; never used")
            if "slo" in self._client.info:
                self._make_large("large")
                yield from self._habit("gives_manifests", self._gives_manifests)
                yield from self._habit("matches_large", self._matches_large)
                yield from self._habit("nests_manifests", self._nests_manifests)
                yield from self._told(
                    "rows of large objects",
                    self._lists_sizes,
                    "have the size of the object",
                    "have another size: one request more for each large object of a listing",
                )
                yield from self._told(
                    "deleting a large object twice",
                    self._deletes_twice,
                    "is no error",
                    "is reported as an error: one request more to see that it is gone",
                )
        except UnspecifiedError as failure:
            yield warning("trial", str(failure) or failure.message, "What was not tried is not relied on")
        finally:
            yield from self._clean()

    def _habit(self, habit: str, ask: Callable[[], bool]) -> Iterator[Line]:
        works, habits = ask(), self._client.habits
        habits.saw(habit, works)
        if getattr(habits, habit) and not works:
            yield error(
                "trial",
                f"{_NEEDED[habit]}, though the server says that it is OpenStack Swift",
                "Look for what takes headers or queries off on the way, such as a proxy or a middleware",
            )

    def _told(self, subject: str, ask: Callable[[], bool], works: str, lacks: str) -> Iterator[Line]:
        yield ok(subject, works if ask() else lacks)

    def _keeps_conditions(self) -> bool:
        self._put("plain", _CONTENT)
        answer = self._client.request(
            "PUT", self._name("plain"), headers={"If-None-Match": "*"}, data=_CONTENT, accept=(412,)
        )
        return bool(answer.status == 412)

    def _compares_before_it_deletes(self) -> bool:
        answer = self._client.request("DELETE", self._name("plain"), headers={"X-If-Delete-At": "1"}, accept=(404, 412))
        return bool(answer.status == 412)

    def _make_large(self, name: str, of: str = "segment") -> int:
        """Make a large object of one segment; returns the status."""
        if of == "segment":
            self._put(of, _CONTENT)
        row = {"path": f"/{self._client.container}/{self._name(of)}", "size_bytes": len(_CONTENT)}
        if of == "segment":
            row["etag"] = hashlib.md5(_CONTENT, usedforsecurity=False).hexdigest()
        self._written.append(name)
        body = json.dumps([row]).encode()
        answer = self._client.request("PUT", self._name(name), "multipart-manifest=put", data=body, accept=(400,))
        return int(answer.status)

    def _gives_manifests(self) -> bool:
        return isinstance(self._client.get_json(self._name("large"), "multipart-manifest=get"), list)

    def _matches_large(self) -> bool:
        etag = self._client.request("HEAD", self._name("large")).headers.get("etag", "")
        answer = self._client.request("GET", self._name("large"), headers={"If-Match": etag}, accept=(412,))
        return bool(answer.status == 200)

    def _nests_manifests(self) -> bool:
        return self._make_large("larger", of="large") == 201

    def _lists_sizes(self) -> bool:
        rows = listing.rows(self._client, self._name("large"), limit=1)  # type: ignore[no-untyped-call]
        return all(row["bytes"] == len(_CONTENT) for row in rows)

    def _deletes_twice(self) -> bool:
        last: dict[str, Any] = {}
        for _ in range(2):
            headers = {"Accept": "application/json"}
            answer = self._client.request(
                "DELETE", self._name("large"), "multipart-manifest=delete", headers, accept=(404,)
            )
            last = answer.json() if answer.status == 200 and answer.body else {}
        return not last.get("Errors")

    def _put(self, name: str, content: bytes) -> None:
        self._written.append(name)
        self._client.put(self._name(name), content)

    def _name(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _clean(self) -> Iterator[Line]:
        # Manifests before what they are made of.
        for name in reversed(dict.fromkeys(self._written)):
            try:
                self._client.request("DELETE", self._name(name), accept=(404,))
            except UnspecifiedError as failure:
                path = url(self._client.container, self._name(name))  # type: ignore[no-untyped-call]
                yield error("trial", str(failure) or failure.message, f"Remove {path} by hand")
