"""A storage that fails in the middle of a push or a delete: nothing half-done is served, doing it again mends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.core.exceptions import UnreachableError
from docker_registry.core.types import BytesRange, Entry, Reader, Stat
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from tests.distribution.conftest import SETTINGS
from tests.distribution.contents import image, manifest_url, push, push_image, subject_of

SUBJECT = Digest.of(b"subject")
BODY = image(b"layer", subject=subject_of(b"subject"))
DIGEST = Digest.of(BODY)
WRITES = 5  # data, revision, tag's index, referrer, tag
REMOVALS = 9  # two tags with three index links and two notes of what they meant, referrer, revision


class Failing(Base):
    """A memory whose changes all fail from the `allowed`-th on."""

    supports_expiry = True

    def __init__(self, inner: Base, allowed: int):
        super().__init__()
        self.inner = inner
        self.allowed = allowed

    def _change(self) -> None:
        if self.allowed <= 0:
            raise UnreachableError("the storage went away")
        self.allowed -= 1

    def put_content(self, path: str, content: bytes) -> str:
        self._change()
        return self.inner.put_content(path, content)

    def overwrite_until(self, path: str, content: bytes, expires: float) -> None:
        self._change()
        self.inner.overwrite_until(path, content, expires)

    def remove(self, path: str) -> None:
        if self.inner.exists(path):
            self._change()
        self.inner.remove(path)

    def get_content(self, path: str) -> bytes:
        return self.inner.get_content(path)

    def open(self, path: str, bytes_range: BytesRange | None = None) -> Reader:
        return self.inner.open(path, bytes_range)

    def stat(self, path: str) -> Stat:
        return self.inner.stat(path)

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        return self.inner.walk(path)

    def list_prefixes(self, path: str, delimiter: str = "/", after: str = "", page: int | None = None) -> Iterator[str]:
        return self.inner.list_prefixes(path, delimiter, after, page)


@pytest.fixture
def memory() -> Base:
    return fetch("memory")("/registry", None)


def clients(memory: Base, allowed: int) -> tuple[Client, Client]:
    """One over a storage that soon goes away, one over the same when it is back."""
    return Client(Registry(Failing(memory, allowed), SETTINGS)), Client(Registry(memory, SETTINGS))


def links(memory: Base) -> list[str]:
    """Without the notes of what deleted tags meant, which the storage removes in time."""
    return [
        entry.path
        for entry in memory.walk(layout.manifests("app"))
        if not entry.path.startswith(layout.deleted_tags("app"))
    ]


@pytest.mark.parametrize("allowed", range(WRITES))
def test_a_push_that_is_cut_off(memory: Base, allowed: int, caplog: pytest.LogCaptureFixture) -> None:
    failing, healthy = clients(memory, allowed)
    push_image(healthy, "app", "v1", b"layer")
    _, before = push_image(healthy, "app", "v1", b"layer", annotations={"before": "yes"})
    assert push(failing, "app", "v1", BODY).status_code == 503
    assert healthy.get(manifest_url("app", "v1")).data == before
    linked = healthy.get(manifest_url("app", DIGEST))
    assert linked.status_code == 404 or linked.data == BODY
    listed = healthy.get(f"/v2/app/referrers/{SUBJECT}").json["manifests"]
    assert listed == [] or linked.status_code == 200
    assert push(healthy, "app", "v1", BODY).status_code == 201
    assert healthy.get(manifest_url("app", "v1")).data == BODY


@pytest.mark.parametrize("allowed", range(REMOVALS))
def test_a_delete_of_a_manifest_that_is_cut_off(memory: Base, allowed: int) -> None:
    failing, healthy = clients(memory, allowed)
    push_image(healthy, "app", "other", b"layer")
    others = links(memory)
    assert push(healthy, "app", "v2", image(b"layer")).status_code == 201  # v2 once meant something else
    for tag in ("v1", "v2"):
        assert push(healthy, "app", tag, BODY).status_code == 201
    assert failing.delete(manifest_url("app", DIGEST)).status_code == 503
    answers: list[Any] = [healthy.get(manifest_url("app", tag)) for tag in ("v1", "v2")]
    assert all(answer.status_code == 404 or answer.data == BODY for answer in answers)
    assert healthy.delete(manifest_url("app", DIGEST)).status_code == 202
    assert links(memory) == others


@pytest.mark.parametrize("allowed", range(3))
def test_a_delete_of_a_tag_that_is_cut_off(memory: Base, allowed: int) -> None:
    failing, healthy = clients(memory, allowed)
    push_image(healthy, "app", "v1", b"layer")
    before = links(memory)
    push_image(healthy, "app", "v2", b"layer")
    assert push(healthy, "app", "v2", BODY).status_code == 201
    assert failing.delete(manifest_url("app", "v2")).status_code == 503
    assert healthy.get(manifest_url("app", "v2")).status_code == 200
    assert healthy.delete(manifest_url("app", "v2")).status_code == 202
    assert healthy.get("/v2/app/tags/list").json["tags"] == ["v1"]
    assert healthy.delete(manifest_url("app", DIGEST)).status_code == 202
    assert links(memory) == before
