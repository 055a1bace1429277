"""Two clients with one upload's URL, whose requests to the storage interleave: no blob has other bytes than its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import greenlet
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.types import BytesRange, Part, Reader, Stat
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.digest import Digest
from docker_registry.settings import Settings
from tests.distribution.linked import Linked, LinkedStage
from tests.distribution.pushing import blob_url

NAME = "some/repo"


def pause() -> None:
    """Let the test decide who goes next; nothing outside of its greenlets."""
    parent = greenlet.getcurrent().parent
    if parent is not None:
        parent.switch()


class Stepping(Linked):
    """Pauses before every request."""

    def get_content(self, path: str) -> bytes:
        pause()
        return super().get_content(path)

    def put_content(self, path: str, content: bytes) -> str:
        pause()
        return super().put_content(path, content)

    def stat(self, path: str, newest: bool = False) -> Stat:
        pause()
        return super().stat(path)

    def open(self, path: str, bytes_range: BytesRange | None = None) -> Reader:
        pause()
        return super().open(path, bytes_range)

    def stage(self, parts: Iterable[Part] = ()) -> LinkedStage:
        return SteppingStage(self, parts)


class SteppingStage(LinkedStage):
    def keep(self) -> list[Part]:
        pause()
        return super().keep()

    def commit(self, path: str, immutable: bool = False) -> None:
        pause()
        super().commit(path, immutable)

    def discard(self) -> None:
        pause()
        super().discard()


class Race:
    """Clients that each send chunks from the upload's first URL, then close it or give it up."""

    def __init__(self) -> None:
        self.driver = Stepping()
        self.location = self.client().post(f"/v2/{NAME}/blobs/uploads/").headers["Location"]
        self.promised: dict[Digest, bytes] = {}
        self.statuses: list[int] = []

    def client(self) -> Client:
        """A replica of its own."""
        return Client(Registry(self.driver, Settings(secret=b"secret")))

    def push(self, chunks: list[bytes], ends: bool = True) -> None:
        client, location, data = self.client(), self.location, b""
        for chunk in chunks:
            headers = {"Content-Range": f"{len(data)}-{len(data) + len(chunk) - 1}"}
            response = client.patch(location, data=chunk, headers=headers)
            self.statuses.append(response.status_code)
            if response.status_code == 416:
                return
            location, data = response.headers["Location"], data + chunk
        if ends:
            self.close(client, location, data)
        else:
            self.statuses.append(client.delete(location).status_code)

    def close(self, client: Client, location: str, data: bytes) -> None:
        digest = Digest.of(data)
        status = client.put(f"{location}&digest={digest}").status_code
        self.statuses.append(status)
        if status == 201:
            self.promised[digest] = data

    def run(self, pushes: list[tuple[list[bytes], bool]], order: Iterable[int]) -> None:
        """Their requests in this order; what is left when it ends, one client after the other."""
        runners = [greenlet.greenlet(self.push) for _ in pushes]
        for runner, push in zip(runners, pushes, strict=True):
            runner.switch(*push)
        for index in order:
            if not runners[index].dead:
                runners[index].switch()
        for runner in runners:
            while not runner.dead:
                runner.switch()
        assert set(self.statuses) <= {201, 202, 204, 400, 404, 416}
        for digest, data in self.promised.items():
            assert self.client().get(blob_url(NAME, digest)).data == data
        assert self.driver.shared() == set()


ORDERS = st.lists(st.integers(0, 1), max_size=60)
CHUNKS = st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=3)


@settings(max_examples=120, deadline=None)
@given(CHUNKS, CHUNKS, st.booleans(), ORDERS)
def test_two_clients_with_bytes_of_their_own(
    one: list[bytes], two: list[bytes], both_close: bool, order: list[int]
) -> None:
    Race().run([(one, True), (two, both_close)], order)


@settings(max_examples=100, deadline=None)
@given(CHUNKS, ORDERS)
def test_a_client_that_asks_again_before_the_first_answer(chunks: list[bytes], order: list[int]) -> None:
    race = Race()
    race.run([(chunks, True), (chunks, True)], order)
    # Whichever answers got through, the client can go on where the upload is, and end it.
    client, data = race.client(), b"".join(chunks)
    status = client.get(race.location)
    sent = int(status.headers["Range"].removeprefix("0-")) + 1
    rest, location = data[sent:], status.headers["Location"]
    if rest:
        headers = {"Content-Range": f"{sent}-{len(data) - 1}"}
        location = client.patch(location, data=rest, headers=headers).headers["Location"]
    race.close(client, location, data)
    assert race.statuses[-1] == 201


def test_two_first_chunks_in_every_order() -> None:
    for mine in itertools.combinations(range(10), 5):
        race = Race()
        race.run([([b"one"], True), ([b"other"], True)], [int(index in mine) for index in range(10)])
        assert 201 in race.statuses
