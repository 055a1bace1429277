"""A repository of another registry, read as `docker pull` reads it: OCI Distribution over HTTP."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from docker_registry.core.exceptions import UsageError
from docker_registry.core.types import Readable
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_INDEX, TYPES

from .places import MANIFEST_MAX, Stored, parse_digest, parse_stored
from .remote_login import ANSWER_MAX, Login, Password

__all__ = ["Address", "Remote", "parse_address"]

_TIMEOUT = (20.0, 60.0)  # s, to connect and between two pieces of an answer
_TRIES = 4  # times that a body is gone on with where it broke
_PAGES = 1_000
_BUSY = (429, 502, 503, 504)
_PAUSES = (1.0, 4.0, 15.0)  # s, until a busy registry is asked again, where it does not say itself
_PAUSE_MAX = 60.0  # s
_HUB = "registry-1.docker.io"
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError)


class Address(NamedTuple):
    """`reference` is a tag, a digest, or "" where none was named."""

    host: str
    repository: str
    reference: str

    @property
    def server(self) -> str:
        """Where the requests go."""
        return _HUB if self.host == "docker.io" else self.host

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}"


def parse_address(text: str) -> Address:
    """What docker and skopeo understand behind `docker://`: without a host it is Docker Hub's. Raises RegistryError.

    >>> parse_address("quay.io/team/app:1.0")
    Address(host='quay.io', repository='team/app', reference='1.0')
    >>> parse_address("busybox"), parse_address("localhost:5000/a")[0]
    (Address(host='docker.io', repository='library/busybox', reference=''), 'localhost:5000')
    """
    name, _, digest = text.partition("@")
    host, slash, rest = name.partition("/")
    if not slash or not (set(".:") & set(host) or host == "localhost"):
        host, rest = "docker.io", name
    repository, _, tag = rest.partition(":")
    if host in ("docker.io", "index.docker.io", _HUB):
        host, repository = "docker.io", repository if "/" in repository else f"library/{repository}"
    grammar.check_name(repository)
    reference = digest or tag
    return Address(host, repository, str(grammar.parse_reference(reference)) if reference else "")


class Remote:
    """`cacert` is a file of certificates that sign the registry's, "" for the system's."""

    def __init__(self, address: Address, password: Password | None = None, plain: bool = False, cacert: str = ""):
        """Asks nobody yet. Raises UsageError for a file that has no certificates."""
        self.where = str(address)
        self._root = f"{'http' if plain else 'https'}://{address.server}/v2/{address.repository}/"
        if cacert:
            _check_certificates(cacert)
        session = requests.Session()
        session.headers["User-Agent"] = "docker-registry-swift"
        session.headers["Accept-Encoding"] = "identity"  # ranges and sizes are of the bytes themselves
        # With each request: $REQUESTS_CA_BUNDLE goes before what a session itself is told to verify with.
        self._ask = partial(session.get, verify=cacert or True, timeout=_TIMEOUT, stream=True)
        self._login = Login(self._ask, password)

    def tags(self) -> list[str]:
        found: set[str] = set()
        try:
            for page in self._pages("tags/list?n=1000"):
                found.update(tag for tag in _list(page, "tags") if isinstance(tag, str) and grammar.is_tag(tag))
        except _AbsentError:
            raise UsageError(f"there is no repository {self.where}") from None
        return sorted(found)

    def manifest(self, reference: str) -> Stored:
        with self._get(f"manifests/{reference}", {"Accept": ", ".join(TYPES)}) as answer:
            body = self._whole(answer, MANIFEST_MAX)
            said = answer.headers.get("Docker-Content-Digest")
        digest = parse_digest(reference if ":" in reference else said or Digest.of(body), self.where)
        if Digest.of(body, digest.algorithm) != digest:
            raise UsageError(f"{self.where}: what came as the manifest {digest} has another digest")
        return parse_stored(body, digest, self.where)

    @contextmanager
    def blob(self, digest: Digest) -> Iterator[tuple[Readable, int]]:
        body = _Blob(self, f"blobs/{digest}")
        try:
            yield body, body.size
        finally:
            body.close()

    def referrers(self, digest: Digest) -> list[Digest]:
        """By the API, or where the registry has none, as clients list them under a tag."""
        try:
            pages = list(self._pages(f"referrers/{digest}"))
        except _AbsentError:
            try:
                tagged = self.manifest(f"{digest.algorithm}-{digest.hex[:64]}")
            except _AbsentError:
                return []
            return [each.digest for each in tagged.manifest.references if tagged.manifest.media_type == OCI_INDEX]
        entries = [entry for page in pages for entry in _list(page, "manifests")]
        return [parse_digest(entry.get("digest"), self.where) for entry in entries if isinstance(entry, dict)]

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        for _ in range(_PAGES):
            with self._get(path) as answer:
                try:
                    page = json.loads(self._whole(answer, ANSWER_MAX))
                except (ValueError, RecursionError):
                    page = None
                following = answer.links.get("next", {}).get("url")
            if not isinstance(page, dict):
                raise UsageError(f"{self.where}: what came as a list is none")
            yield page
            if not following:
                return
            path = urljoin(answer.url, following)
            if urlsplit(path)[:2] != urlsplit(self._root)[:2]:
                raise UsageError(f"{self.where}: a list is to go on at another server, {urlsplit(path).netloc}")
        raise UsageError(f"{self.where}: a list does not end")

    def open(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        """The answer, whose body was not read yet; where a login is missing, with one. Its errors are requests'.

        A registry that is busy, or wants fewer requests, is asked again after a while.
        """
        for pause in (*_PAUSES, None):
            answer = self._open(urljoin(self._root, path), headers)
            if answer.status_code not in _BUSY or pause is None:
                break
            answer.close()
            time.sleep(_asked_pause(answer, pause))
        return answer

    def _open(self, url: str, headers: dict[str, str] | None) -> requests.Response:
        answer = self._ask(url, headers=headers, auth=self._login)
        if answer.status_code == 401:
            answer.close()
            if self._login.renew(answer):
                answer = self._ask(url, headers=headers, auth=self._login)
        return answer

    def _get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        try:
            answer = self.open(path, headers)
        except _BROKEN as error:
            raise self.broken(error) from None
        self.check(answer)
        return answer

    def check(self, answer: requests.Response) -> None:
        """Raises UsageError for an answer that does not have what was asked for."""
        if answer.status_code in (200, 206):
            return
        with answer:
            what = urlsplit(answer.url).path.rpartition("/")[2][:80]
            if answer.status_code == 404:
                raise _AbsentError(f"{self.where} has no {what}")
            raise UsageError(
                f"{self.where}: {answer.status_code} {answer.reason} for {what}{self._login.advice(answer)}"
            )

    def broken(self, error: BaseException) -> UsageError:
        """What became of a connection, in a line."""
        host = urlsplit(self._root).netloc
        if isinstance(error, requests.exceptions.SSLError):
            return UsageError(f"{host}: TLS failed; --src-cacert names its CA, --src-plain-http does without TLS")
        if isinstance(error, requests.exceptions.ConnectionError):
            return UsageError(f"{host} cannot be reached: {_innermost(error)}")
        return UsageError(f"{host}: the answer broke ({type(error).__name__})")

    def _whole(self, answer: requests.Response, limit: int) -> bytes:
        try:
            body = answer.raw.read(limit + 1, decode_content=True)
        except _BROKEN as error:
            raise self.broken(error) from None
        if len(body) > limit:
            raise UsageError(f"{self.where}: an answer has more than {limit} bytes")
        return bytes(body)


class _Blob:
    """A blob's bytes; where they break off they are asked for from there on."""

    def __init__(self, remote: Remote, path: str):
        self._remote = remote
        self._path = path
        self._at = 0
        self._answer = self._open()
        self.size = self._length()

    def read(self, size: int, /) -> bytes:
        for tries in range(_TRIES):
            try:
                data = self._answer.raw.read(min(size, self.size - self._at), decode_content=False)
                if data or self._at >= self.size:
                    self._at += len(data)
                    return bytes(data)
                error: BaseException = EOFError()
            except _BROKEN as caught:
                error = caught
            if tries == _TRIES - 1:
                break
            self.close()
            self._answer = self._open()
        raise self._remote.broken(error)

    def close(self) -> None:
        self._answer.close()

    def _open(self) -> requests.Response:
        headers = {"Range": f"bytes={self._at}-"} if self._at else None
        try:
            answer = self._remote.open(self._path, headers)
        except _BROKEN as error:
            raise self._remote.broken(error) from None
        self._remote.check(answer)
        if self._at and answer.status_code != 206:
            answer.close()
            raise UsageError(f"{self._path} broke off, and the registry gives no ranges: try again")
        return answer

    def _length(self) -> int:
        try:
            return int(self._answer.headers["Content-Length"])
        except (LookupError, ValueError):
            self.close()
            raise UsageError(f"the registry does not say how many bytes {self._path} has") from None


def _check_certificates(file: str) -> None:
    """Raises UsageError for a file that cannot be read, or has no certificates."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise UsageError(f"--src-cacert {file}: it has no certificates in PEM") from None
    except OSError as error:
        raise UsageError(f"--src-cacert {file}: {error.strerror}") from None


def _innermost(error: BaseException) -> str:
    """The reason below all others; these repeat the URL at length."""
    for inner in (getattr(error, "reason", None), *error.args, error.__cause__):
        if isinstance(inner, BaseException):
            return _innermost(inner)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _list(document: dict[str, Any], field: str) -> list[Any]:
    value = document.get(field)
    return value if isinstance(value, list) else []


def _asked_pause(answer: requests.Response, pause: float) -> float:
    """What a registry asks for, in seconds, within bounds."""
    text = answer.headers.get("Retry-After", "")
    return min(float(text), _PAUSE_MAX) if text.isascii() and text.isdigit() else pause


class _AbsentError(UsageError):
    """The registry says that it is not there."""
