"""Any call of a session, at any time, with any URL that it ever handed out: all agree, and no blob is ever harmed.

Beside the registry runs a model of what a session is: the bytes that each URL
stands for, the longest that a chunk has recorded, and how the session ended.
A client that loses answers is one that goes on with an older URL, or asks
again: both are here, since the URL of any earlier answer may be used.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from werkzeug.test import Client, TestResponse

from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage import resumable_sha256
from docker_registry.settings import Settings
from tests.distribution.linked import Linked
from tests.distribution.pushing import blob_url

NAME = "some/repo"
BODIES = st.binary(max_size=3)
CHUNKS = st.binary(min_size=1, max_size=3)
CANCELLED = "cancelled"


class Url(NamedTuple):
    """A Location, and what it stands for."""

    location: str
    data: bytes
    has_parts: bool


def reached(data: bytes) -> str:
    """The Range that says so."""
    return f"0-{max(len(data) - 1, 0)}"


class Replays(RuleBasedStateMachine):
    """One session over two replicas; `urls` are all that it handed out."""

    urls = Bundle("urls")

    def __init__(self) -> None:
        super().__init__()
        self.driver = Linked()
        self.replicas = [Client(Registry(self.driver, Settings(secret=b"secret"))) for _ in range(2)]
        location = self.replicas[0].post(f"/v2/{NAME}/blobs/uploads/").headers["Location"]
        self.start = Url(location, b"", False)
        self.recorded: Url | None = None
        self.ended: str | None = None
        self.promised: dict[Digest, bytes] = {}

    def call(self, method: str, location: str, data: bytes = b"", first: int | None = None) -> TestResponse:
        """One request, each to the other replica than the last one."""
        self.replicas.reverse()
        headers = {} if first is None else {"Content-Range": f"{first}-{first + len(data) - 1}"}
        return self.replicas[0].open(location, method=method, data=data, headers=headers)

    def newest(self, url: Url) -> Url:
        return self.recorded if self.recorded and len(self.recorded.data) > len(url.data) else url

    def stored(self, digest: Digest) -> bool:
        path = f"files/docker/registry/v2/blobs/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data"
        return path in self.driver.large or self.driver.small.exists(path)

    @rule(target=urls)
    def first_url(self) -> Url:
        return self.start

    @rule(target=urls, url=urls)
    def status(self, url: Url) -> Url:
        newest, response = self.newest(url), self.call("GET", url.location)
        assert (response.status_code, response.headers["Range"]) == (204, reached(newest.data))
        return newest._replace(location=response.headers["Location"])

    @rule(target=urls, url=urls, body=BODIES)
    def stream(self, url: Url, body: bytes) -> Url:
        if url.data:
            return self.append(url, body, len(url.data), None)
        response = self.call("PATCH", url.location, body)
        assert (response.status_code, response.headers["Range"]) == (202, reached(body))
        return Url(response.headers["Location"], body, False)

    @rule(target=urls, url=urls, body=CHUNKS)
    def chunk(self, url: Url, body: bytes) -> Url:
        return self.append(url, body, len(url.data), len(url.data))

    @rule(target=urls, url=urls, body=CHUNKS, first=st.integers(0, 12))
    def chunk_anywhere(self, url: Url, body: bytes, first: int) -> Url:
        return self.append(url, body, first, first)

    def append(self, url: Url, body: bytes, first: int, announced: int | None) -> Url:
        newest, response = self.newest(url), self.call("PATCH", url.location, body, announced)
        if first != len(newest.data):
            assert (response.status_code, response.headers["Range"]) == (416, reached(newest.data))
            return newest._replace(location=response.headers["Location"])
        data = newest.data + body
        assert (response.status_code, response.headers["Range"]) == (202, reached(data))
        after = Url(response.headers["Location"], data, newest.has_parts or bool(body))
        if body:
            self.recorded = after
        return after

    @rule(url=urls, body=BODIES, algorithm=st.sampled_from(["sha256", "sha512"]))
    def close(self, url: Url, body: bytes, algorithm: str) -> None:
        digest = Digest.of(url.data + body, algorithm)
        self.closed(url, digest, self.call("PUT", f"{url.location}&digest={digest}", body), url.data + body)

    @rule(url=urls)
    def close_with_an_older_url(self, url: Url) -> None:
        newest = self.newest(url)
        digest = Digest.of(newest.data)
        self.closed(newest, digest, self.call("PUT", f"{url.location}&digest={digest}"), newest.data)

    def closed(self, url: Url, digest: Digest, response: TestResponse, data: bytes) -> None:
        may_end = not url.has_parts or self.ended in (None, str(digest))
        was_there = self.stored(digest)
        if may_end:
            assert response.status_code == 201, response.text
            self.ended = str(digest) if url.has_parts else self.ended
        else:
            assert response.status_code in ((201, 404) if was_there else (404,)), response.text
        if response.status_code == 201:
            self.promised[digest] = data

    @rule(url=urls)
    def close_wrongly(self, url: Url) -> None:
        status = self.call("PUT", f"{url.location}&digest={Digest.of(b'another')}").status_code
        assert status == 400 or (status == 404 and self.ended)
        if status == 400 and self.newest(url).has_parts:
            self.ended = self.ended or CANCELLED

    @rule(url=urls)
    def cancel(self, url: Url) -> None:
        has_parts = self.newest(url).has_parts
        expected = 204 if not has_parts or self.ended in (None, CANCELLED) else 404
        assert self.call("DELETE", url.location).status_code == expected
        if has_parts:
            self.ended = self.ended or CANCELLED

    @invariant()
    def every_promised_blob_is_whole(self) -> None:
        for digest, data in self.promised.items():
            assert self.replicas[0].get(blob_url(NAME, digest)).data == data

    @invariant()
    def no_two_blobs_share_a_segment(self) -> None:
        assert self.driver.shared() == set()


class ReplaysReadingAgain(Replays):
    """The same where a hash cannot be resumed."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_library = pytest.MonkeyPatch()
        self.patch_library.setattr(resumable_sha256, "is_available", lambda: False)

    def teardown(self) -> None:
        self.patch_library.undo()


TestReplays = Replays.TestCase
TestReplaysReadingAgain = ReplaysReadingAgain.TestCase
TestReplays.settings = TestReplaysReadingAgain.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None
)
