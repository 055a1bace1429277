"""Where an operation is tried: a registry, the container behind it, and what stands between them."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import requests

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from tests.live.faults import FaultProxy
from tests.live.wire import CONFIG, MANIFEST

SEGMENT = 4096  # bytes; what is larger is a large object
CONFIG_BYTES = b"{}"
BUSY = 180.0  # seconds for which an operation is tried again once the faults are over: the machine may be slow
_TIMEOUT = 30.0  # seconds for one answer


class Answer(NamedTuple):
    """What a server said. `status` is 0 where that was nothing, or not the whole of it."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.status} {ascii(self.body[:160])[2:-1]}"


class Wire:
    """One kept connection to a server, for one request at a time."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None):
        self._lock = threading.Lock()
        self._headers = dict(headers or {})
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT)

    def ask(self, method: str, path: str, data: bytes = b"", **headers: str) -> Answer:
        """One request, sent once; underscores in the names of headers stand for hyphens."""
        sent = {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        with self._lock:
            return self._ask(method, path, data, sent)

    def _ask(self, method: str, path: str, data: bytes, sent: Mapping[str, str]) -> Answer:
        try:
            self._connection.request(method, path, data, sent)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(0, {}, repr(error).encode())
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, body)

    def close(self) -> None:
        self._connection.close()


class Container:
    """One container of a Swift, made here, by the names of the registry's files; no fault comes between.

    It has the one blob that all images of `Cell` consist of.
    """

    def __init__(self, swift: EmbeddedSwift, name: str):
        login = {"X-Auth-User": swift.user, "X-Auth-Key": swift.password}
        token = requests.get(swift.auth_url, headers=login, timeout=60).headers["X-Auth-Token"]
        self._wire = Wire(swift.url, {"X-Auth-Token": token})
        self._path = f"{urlsplit(swift.storage_url).path}/{name}"
        self.name = name
        self.ask("PUT")
        self.put(layout.blob_data(Digest.of(CONFIG_BYTES)), CONFIG_BYTES)

    def ask(self, method: str, path: str = "", data: bytes = b"", query: str = "") -> Answer:
        """One request, which must be a success, or say that there is nothing: 404, or 409 for lost segments."""
        target = f"{self._path}/{quote(path)}" if path else self._path
        answer = self._wire.ask(method, target + query, data)
        assert answer.good or answer.status in (404, 409), f"{method} {path}: {answer}"
        return answer

    def put(self, path: str, data: bytes) -> None:
        assert self.ask("PUT", path, data).status == 201

    def get(self, path: str) -> bytes | None:
        """The bytes of a file, None where there is none."""
        answer = self.ask("GET", path)
        return answer.body if answer.good else None

    def close(self) -> None:
        self._wire.close()


def write_config_through(
    proxy: FaultProxy,
    swift: EmbeddedSwift,
    container: str,
    folder: Path,
    options: Mapping[str, Any] = MappingProxyType({}),
    **registry: Any,
) -> Path:
    """A config file of a registry that asks Swift, also for tokens, through a proxy.

    `options` are the driver's, `registry` those of the section of that name.
    """
    through = proxy.url.removesuffix(swift.storage_url.removeprefix(swift.url))
    urls = {"swift_authurl": f"{through}/auth/v1.0", "swift_object_storage_url": proxy.url}
    driver = swift.options(**{"swift_container": container, "swift_segment_size": SEGMENT, **urls, **options})
    # Clients compare digests; here the registry does it too, so that a flipped byte is no complete answer.
    section = {"port": 0, "link_ttl": 0, "verify_blobs": True, "access_log": False, **registry}
    path = folder / f"{container}.yml"
    path.write_text(json.dumps({"test": {"storage": "swift", **driver, "registry": section}}))
    return path


@dataclass
class Place:
    """A registry with a container of its own."""

    registry: Wire
    container: Container
    proxy: FaultProxy


class Refused(Exception):
    """An operation ended with an answer other than success: the last of its cell."""


class Wrong(Exception):
    """What must never be; the text says what was seen."""


@dataclass
class Cell:
    """One trial of an operation, in repositories of its own, with bytes of its own."""

    place: Place
    name: str
    answers: list[Answer] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)  # what `prepare` leaves for the act

    @cached_property
    def small(self) -> bytes:
        return self._bytes("small", 200)

    @cached_property
    def large(self) -> bytes:
        return self._bytes("large", 2 * SEGMENT + 500)

    @cached_property
    def manifest(self) -> bytes:
        return self.image("manifest")

    def image(self, label: str, **more: Any) -> bytes:
        """A manifest like no other, of one blob that every container has."""
        digest = str(Digest.of(CONFIG_BYTES))
        config = {"mediaType": CONFIG, "digest": digest, "size": len(CONFIG_BYTES)}
        marks = {"cell": f"{self.place.container.name} {self.name} {label}"}
        image = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [], "annotations": marks}
        return json.dumps({**image, **more}).encode()

    def _bytes(self, label: str, size: int) -> bytes:
        return random.Random(f"{self.place.container.name} {self.name} {label}").randbytes(size)

    def ask(self, method: str, path: str, data: bytes = b"", **headers: str) -> Answer:
        """A request of the registry; raises Refused for what is no success."""
        answer = self.place.registry.ask(method, path, data, **headers)
        self.answers.append(answer)
        if not answer.good:
            raise Refused
        return answer

    # Straight into the container, and out of it.

    def plant_blob(self, data: bytes, name: str = "") -> Digest:
        """Have a blob in a repository."""
        digest = Digest.of(data)
        self.place.container.put(layout.blob_data(digest), data)
        self.plant_link(layout.layer_link(name or self.name, digest), digest)
        return digest

    def plant_config(self) -> None:
        """Have the blob that `image` needs in this cell's repository; its data is there."""
        digest = Digest.of(CONFIG_BYTES)
        self.plant_link(layout.layer_link(self.name, digest), digest)

    def plant_manifest(self, body: bytes, *tags: str) -> Digest:
        digest = Digest.of(body)
        self.plant_config()
        self.place.container.put(layout.blob_data(digest), body)
        self.plant_link(layout.revision_link(self.name, digest), digest)
        for tag in tags:
            self.plant_link(layout.tag_index_link(self.name, tag, digest), digest)  # type: ignore[arg-type]
            self.plant_link(layout.tag_current(self.name, tag), digest)
        return digest

    def plant_link(self, path: str, digest: Digest) -> None:
        self.place.container.put(path, str(digest).encode())

    def must_have(self, path: str, expected: bytes) -> None:
        """Raises Wrong unless a file has these bytes."""
        found = self.place.container.get(path)
        if found != expected:
            what = "nothing" if found is None else f"{len(found)} other bytes" if found else "no byte"
            raise Wrong(f"success was said, but {path} has {what}")

    def must_link(self, path: str, digest: Digest) -> None:
        self.must_have(path, str(digest).encode())

    def must_lack(self, path: str) -> None:
        if self.place.container.get(path) is not None:
            raise Wrong(f"success was said, but {path} is there")
