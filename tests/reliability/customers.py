"""Clients that push, pull, move tags and delete, and a dictionary of what they were told.

Each has a repository of its own, so that a plain dictionary says what every answer must be; all push one common layer,
and move one common tag. A request that fails in a way that clients repeat (a broken connection, 502, 503, 504) is sent
again, and counted; anything else that is not as the dictionary says is a failure.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests

from tests.live.wire import ACCEPTED, MANIFEST, digest_of, image

REPEATED = {502, 503, 504}
PATIENCE = 60.0  # s for one request, repeated
PAUSE = 0.1  # s before a request is repeated
REMEMBERED = 20.0  # s; `link_ttl` is 5, and busy machines are slow
ANSWER = 90.0  # s for one answer
COMMON = "common/app"  # where everybody moves the tag "latest"
BASE = random.Random("base").randbytes(200_000)  # the layer that everybody pushes
SIZES = (100, 5_000, 100_000, 400_000)  # bytes of layers
TAGS = ("1", "2", "3")


@dataclass
class Told:
    """What a client was told of its repository."""

    tags: dict[str, str] = field(default_factory=dict)  # digests of manifests
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)  # digests of manifests


class Repeating:
    """Sends requests until they get an answer that counts; for one thread."""

    def __init__(self, url: str):
        self.url = url
        self.counts: Counter[str] = Counter()
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()

    def ask(
        self, method: str, path: str, *accepted: int, again: bool = True, **options: Any
    ) -> requests.Response | None:
        """An answer with one of these statuses; None where it broke and is not to be sent `again`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.counts["requests"] += 1
            try:
                answer = self._session.request(method, urljoin(self.url, path), timeout=ANSWER, **options)
                failure = f"{answer.status_code} {answer.text[:200] if answer.status_code >= 400 else ''}"
                if answer.status_code in accepted:
                    return answer
                assert answer.status_code in REPEATED, f"{method} {path}: {failure}"
            except requests.RequestException as error:
                failure = type(error).__name__
            self.counts["repeated"] += 1
            self.counts[f"{method} {failure[:60]}"] += 1
            assert time.monotonic() < deadline, f"{method} {path} was repeated for {PATIENCE:.0f} s: {failure}"
            if not again:
                return None
            time.sleep(PAUSE)

    def push_blob(self, name: str, data: bytes, patches: bool) -> str:
        """As clients do: where an upload breaks, another one is begun."""
        digest = digest_of(data)
        while True:
            location = self._where(self.ask("POST", f"/v2/{name}/blobs/uploads/", 202))
            if patches:
                headers = {"Content-Type": "application/octet-stream"}
                patched = self.ask("PATCH", location, 202, again=False, data=data, headers=headers)
                if patched is None:
                    continue
                location = self._where(patched)
            body = b"" if patches else data
            closed = self.ask("PUT", location, 201, params={"digest": digest}, data=body)
            assert closed is not None
            assert closed.headers["Docker-Content-Digest"] == digest
            return digest

    def _where(self, answer: requests.Response | None) -> str:
        assert answer is not None
        return urljoin(self.url, answer.headers["Location"])

    def push_manifest(self, name: str, reference: str, body: bytes) -> None:
        self.ask("PUT", f"/v2/{name}/manifests/{reference}", 201, data=body, headers={"Content-Type": MANIFEST})

    def manifest(self, name: str, reference: str) -> bytes | None:
        answer = self.ask("GET", f"/v2/{name}/manifests/{reference}", 200, 404, headers={"Accept": ACCEPTED})
        assert answer is not None
        return answer.content if answer.status_code == 200 else None

    def blob(self, name: str, digest: str) -> bytes | None:
        answer = self.ask("GET", f"/v2/{name}/blobs/{digest}", 200, 404)
        assert answer is not None
        return answer.content if answer.status_code == 200 else None

    def tags(self, name: str) -> set[str]:
        answer = self.ask("GET", f"/v2/{name}/tags/list", 200, 404)
        assert answer is not None
        return set(answer.json()["tags"] or []) if answer.status_code == 200 else set()


class Customer(threading.Thread):
    """One client, at work until `stop` is set; `failure` is what it saw that must not be."""

    def __init__(self, number: int, url: str, stop: threading.Event, common: set[str], lists: bool):
        super().__init__(name=f"customer {number}", daemon=True)
        self.repository = f"customer{number}/app"
        self.told = Told()
        self.failure: Exception | None = None
        self.client = Repeating(url)
        self.done: Counter[str] = Counter()
        self._random = random.Random(number)
        self._lists = lists
        self._stop_working = stop
        self.common = common  # manifests

    def run(self) -> None:
        try:
            while not self._stop_working.is_set():
                work = self._random.choices(self._works, self._weights)[0]
                work(self)
                self.done[work.__name__] += 1
        except Exception as failure:  # noqa: BLE001 - the test raises it
            self.failure = failure
            self._stop_working.set()
        finally:
            self.client.close()

    def push(self) -> None:
        layers = [self._layer() for _ in range(self._random.randint(1, 2))]
        body = self._push_blobs(self.repository, layers)
        self._tag(self._random.choice(TAGS), body)
        self.told.blobs.update({digest_of(layer): layer for layer in (*layers, BASE)})

    def push_common(self) -> None:
        body = self._push_blobs(COMMON, [self._layer()])
        self.common.add(body.decode())
        self.client.push_manifest(COMMON, "latest", body)

    def pull(self) -> None:
        tag = self._random.choice(TAGS)
        body = self.client.manifest(self.repository, tag)
        expected = self.told.tags.get(tag)
        if body and not expected and not self._lists and digest_of(body) in self.told.removed:
            # A listing hid the tag when its manifest was deleted, so it lives as long as the manifest is remembered.
            assert self._is_gone(tag), f"{self.repository}:{tag} is back"
            return
        assert body == (self.told.manifests[expected] if expected else None), (
            f"{self.repository}:{tag} is {body and digest_of(body)}, and not {expected}"
        )
        if expected:
            self._check_blobs(expected)

    def pull_common(self) -> None:
        body = self.client.manifest(COMMON, "latest")
        assert body is None or body.decode() in self.common

    def move(self) -> None:
        """Give a tag to a manifest that is there."""
        if self.told.manifests:
            digest = self._random.choice(sorted(self.told.manifests))
            self._tag(self._random.choice(TAGS), self.told.manifests[digest])

    def delete_tag(self) -> None:
        if self.told.tags:
            tag = self._random.choice(sorted(self.told.tags))
            self.client.ask("DELETE", f"/v2/{self.repository}/manifests/{tag}", 202, 404)
            del self.told.tags[tag]

    def delete_manifest(self) -> None:
        if len(self.told.manifests) > 1:
            digest = self._random.choice(sorted(self.told.manifests))
            self.client.ask("DELETE", f"/v2/{self.repository}/manifests/{digest}", 202, 404)
            del self.told.manifests[digest]
            self.told.removed.add(digest)
            self.told.tags = {tag: held for tag, held in self.told.tags.items() if held != digest}

    def list_tags(self) -> None:
        """Listings lag on a cluster, so there it is only asked for."""
        found = self.client.tags(self.repository)
        assert not self._lists or found == set(self.told.tags)

    _works: tuple[Callable[[Customer], None], ...] = (
        push,
        push_common,
        pull,
        pull_common,
        move,
        delete_tag,
        delete_manifest,
        list_tags,
    )
    _weights = (6, 1, 12, 1, 2, 1, 2, 2)

    def _layer(self) -> bytes:
        return self._random.randbytes(self._random.choice(SIZES))

    def _push_blobs(self, name: str, layers: list[bytes]) -> bytes:
        """Push an image's blobs; returns its manifest."""
        for data in (*layers, BASE, b"{}"):
            self.client.push_blob(name, data, patches=self._random.random() < 0.5)
        return image([*layers, BASE])

    def _tag(self, tag: str, body: bytes) -> None:
        self.client.push_manifest(self.repository, tag, body)
        digest = digest_of(body)
        self.told.manifests[digest] = body
        self.told.removed.discard(digest)
        self.told.tags[tag] = digest

    def _check_blobs(self, digest: str) -> None:
        body = self.told.manifests[digest]
        for found, data in self.told.blobs.items():
            if found.encode() in body:
                assert self.client.blob(self.repository, found) == data, f"{self.repository}: {found} is not as pushed"

    def _is_gone(self, reference: str) -> bool:
        """A worker may remember for some seconds what a node that had been away still had."""
        deadline = time.monotonic() + REMEMBERED
        while self.client.manifest(self.repository, reference) is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
        return True

    def _check_tags(self) -> None:
        """A tag that a listing hid when its manifest was deleted is listed later: dead, until that is deleted again."""
        expected = set(self.told.tags)
        found = self.client.tags(self.repository)
        assert expected <= found, f"{self.repository}: not listed {expected - found}"
        dead = found - expected
        assert not dead or not self._lists, f"{self.repository}: still listed {dead}"
        for tag in dead:
            assert self.client.manifest(self.repository, tag) is None, f"{self.repository}:{tag} is back"
        for digest in self.told.removed if dead else ():
            self.client.ask("DELETE", f"/v2/{self.repository}/manifests/{digest}", 202, 404)
        deadline = time.monotonic() + REMEMBERED
        while (found := self.client.tags(self.repository)) != expected:
            assert time.monotonic() < deadline, f"{self.repository}: listed {found}, and not {expected}"
            time.sleep(PAUSE)

    def judge(self, url: str, gone: bool = True) -> None:
        """Whether a registry has all that this client was told, and nothing of what it was told is `gone`.

        A Swift most of whose nodes are down cannot say that something is gone: there only ask for what is there.
        """
        counts = self.client.counts
        self.client = Repeating(url)
        try:
            for tag, digest in self.told.tags.items():
                assert self.client.manifest(self.repository, tag) == self.told.manifests[digest]
            for digest, body in self.told.manifests.items():
                assert self.client.manifest(self.repository, digest) == body
                self._check_blobs(digest)
            for digest in self.told.removed if gone else ():
                assert self._is_gone(digest), f"{digest} is back"
            self._check_tags()
        finally:
            self.client.close()
            self.client.counts = counts


def work(url: str, count: int, until: Callable[[], object], lists: bool = True) -> list[Customer]:
    """Let so many customers work while `until` does what it does; raises the first failure that one saw.

    `lists` says whether lists of tags must be right at once, so that a delete by digest finds all tags.
    """
    stop, common = threading.Event(), set[str]()
    customers = [Customer(number, url, stop, common, lists) for number in range(count)]
    for customer in customers:
        customer.start()
    try:
        until()
    finally:
        stop.set()
        for customer in customers:
            customer.join(PATIENCE + ANSWER)
    for customer in customers:
        if customer.failure is not None:
            raise customer.failure
    return customers


def summary(customers: list[Customer]) -> str:
    """What was done and repeated, in a line."""
    done: Counter[str] = sum((customer.done for customer in customers), Counter())
    asked: Counter[str] = sum((customer.client.counts for customer in customers), Counter())
    return f"{asked['requests']} requests, {asked['repeated']} repeated; {dict(done)}; {dict(asked)}"
