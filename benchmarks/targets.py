"""Whom the benchmark measures. Each target does the same work its own way: a registry, or Swift itself as the wire."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest

from . import curl
from .content import MANIFEST, Blob, Image, Source, digest_of
from .processes import Process, Server
from .session import Session

__all__ = ["Registry", "Sessions", "Target", "Wire", "side_by_side"]

_JOBS = 6  # blobs that a client moves at a time; skopeo's and podman's number
_ACCEPT = {"Accept": f"{MANIFEST}, application/vnd.docker.distribution.manifest.v2+json"}

Item = TypeVar("Item")


def side_by_side(items: Iterable[Item], work: Callable[[Item], object], jobs: int) -> None:
    """Do `work` on every item, up to `jobs` at a time; the first error is raised."""
    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(work, item) for item in items]:
            done.result()


class Target(Protocol):
    name: str
    process: Process | None  # None if its cost is not measured
    base: str  # below which it answers
    headers: dict[str, str]  # that every request needs

    def push_file(self, source: Source, rate: int | None = None) -> None: ...

    def pull_file(self, source: Source) -> None: ...

    def push_image(self, image: Image, *tags: str) -> None: ...

    def pull_image(self, image: Image, tag: str) -> None: ...


class Registry:
    """A registry that speaks Distribution's protocol, asked as skopeo, crane and podman do."""

    def __init__(self, name: str, server: Server, repository: str = "bench/image"):
        self.name = name
        self.server = server
        self.process: Process | None = server.process
        self.base = f"{server.url}/v2/{repository}/"
        self.headers: dict[str, str] = {}

    def push_file(self, source: Source, rate: int | None = None) -> None:
        with Session(self.base) as session:
            location = session.ask("POST", "blobs/uploads/", 202).headers["Location"]
            headers = ("Content-Type: application/octet-stream",)
            url = urljoin(self.base, location)
            answer = curl.upload("PATCH", url, source.path, *headers, chunked=True, rate=rate)
            session.ask("PUT", _closing(answer["location"], source.digest), 201)

    def pull_file(self, source: Source) -> None:
        _expect(curl.download(f"{self.base}blobs/{source.digest}"), source.size)

    def push_image(self, image: Image, *tags: str) -> None:
        with Sessions(self.base) as sessions:
            side_by_side(image.blobs, lambda blob: self._push_blob(sessions.mine(), blob), _JOBS)
            headers = {"Content-Type": MANIFEST}
            for tag in tags:
                sessions.mine().ask("PUT", f"manifests/{tag}", 201, body=image.manifest.content, headers=headers)

    @staticmethod
    def _push_blob(session: Session, blob: Blob) -> None:
        if session.ask("HEAD", f"blobs/{blob.digest}", 200, 404).status == 200:
            raise RuntimeError(f"{blob.digest} is there already: nothing to measure")
        location = session.ask("POST", "blobs/uploads/", 202).headers["Location"]
        headers = {"Content-Type": "application/octet-stream"}
        answer = session.ask("PATCH", location, 202, body=blob.content, chunked=True, headers=headers)
        session.ask("PUT", _closing(answer.headers["Location"], blob.digest), 201)

    def pull_image(self, image: Image, tag: str) -> None:
        with Sessions(self.base) as sessions:
            manifest = sessions.mine().ask("GET", f"manifests/{tag}", 200, headers=_ACCEPT).body
            _expect(digest_of(manifest), image.manifest.digest)
            side_by_side(image.blobs, lambda blob: self._pull_blob(sessions.mine(), blob), _JOBS)

    @staticmethod
    def _pull_blob(session: Session, blob: Blob) -> None:
        _expect(digest_of(session.ask("GET", f"blobs/{blob.digest}", 200).body), blob.digest)


class Wire:
    """Swift itself, asked for the same bytes with no registry between: what no registry can beat."""

    def __init__(self, name: str, storage_url: str, container: str, token: str):
        self.name = name
        self.process: Process | None = None
        self.base = f"{storage_url}/{container}/"
        self.headers = {"X-Auth-Token": token}
        self._header = [f"X-Auth-Token: {token}"]
        with Session(self.base, self.headers) as session:
            session.ask("PUT", "", 201, 202)

    def push_file(self, source: Source, rate: int | None = None) -> None:
        curl.upload("PUT", f"{self.base}{source.digest}", source.path, *self._header, rate=rate)

    def pull_file(self, source: Source) -> None:
        _expect(curl.download(f"{self.base}{source.digest}", *self._header), source.size)

    def pull_stored(self, container: str, source: Source) -> None:
        """The object that our registry made of it, by its name: Swift puts the segments together, and hashes each."""
        name = layout.blob_data(Digest.parse(source.digest))
        _expect(curl.download(urljoin(self.base, f"../{container}/{name}"), *self._header), source.size)

    def push_image(self, image: Image, *tags: str) -> None:
        with Sessions(self.base, self.headers) as sessions:
            side_by_side(image.blobs, lambda blob: self._push(sessions.mine(), blob.digest, blob), _JOBS)
            for tag in tags:
                self._push(sessions.mine(), tag, image.manifest)

    @staticmethod
    def _push(session: Session, name: str, blob: Blob) -> None:
        session.ask("PUT", f"./{name}", 201, body=blob.content)

    def pull_image(self, image: Image, tag: str) -> None:
        with Sessions(self.base, self.headers) as sessions:
            self._pull(sessions.mine(), tag, image.manifest)
            side_by_side(image.blobs, lambda blob: self._pull(sessions.mine(), blob.digest, blob), _JOBS)

    @staticmethod
    def _pull(session: Session, name: str, blob: Blob) -> None:
        _expect(digest_of(session.ask("GET", f"./{name}", 200).body), blob.digest)


class Sessions:
    """One session for each thread, all closed at the end."""

    def __init__(self, base: str, headers: dict[str, str] | None = None):
        self._base = base
        self._headers = headers
        self._local = threading.local()
        self._all: list[Session] = []

    def mine(self) -> Session:
        if not hasattr(self._local, "session"):
            self._local.session = Session(self._base, self._headers)
            self._all.append(self._local.session)
        session: Session = self._local.session
        return session

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for session in self._all:
            session.__exit__(None, None, None)


def _closing(location: str, digest: str) -> str:
    return f"{location}{'&' if urlsplit(location).query else '?'}digest={digest}"


def _expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise RuntimeError(f"wrong content came back: {got}, not {wanted}")
