"""Every way to push a blob, and every way in which a push can go wrong."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.core.types import BytesRange, Part, Readable, Reader
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage import blob_writer, resumable_sha256, upload_sessions
from docker_registry.settings import Limits, Settings
from tests.distribution.linked import Linked, LinkedStage
from tests.distribution.pushing import Push, blob_url, pull
from tests.live.settings import driver_config

DATA = bytes(range(256)) * 40
DIGEST = Digest.of(DATA)
EMPTY = Digest.of(b"")


@pytest.fixture(params=["memory", "swift"])
def driver(request: pytest.FixtureRequest) -> Base:
    """An empty storage; in Swift, all but the smallest of these blobs are large objects."""
    if request.param == "memory":
        return fetch("memory")("/registry", None)
    swift, container = request.getfixturevalue("swift"), request.getfixturevalue("container")
    return fetch("swift")("/registry", driver_config(swift, swift_container=container, swift_segment_size=4096))


def left_behind(driver: Base) -> list[str]:
    """What is in the storage beside blobs, links and the marks of ended sessions."""
    kept = (layout.BLOBS, layout.REPOSITORIES, layout.SESSIONS)
    files = [entry.path for entry in driver.walk("") if not entry.path.lstrip("/").startswith(kept)]
    owned = {part.name for entry in driver.walk(layout.BLOBS) for part in driver.parts(entry.path) or ()}
    return files + [entry.path for entry in driver.walk_parts() if entry.path not in owned]


class TestStreamed:
    """POST, one PATCH, PUT."""

    @pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "a byte", "more"])
    def test_the_blob_is_there(self, client: Client, driver: Base, data: bytes) -> None:
        push = Push(client)
        push.stream(data)
        push.close(Digest.of(data))
        assert pull(client, "some/repo", Digest.of(data)) == data
        assert left_behind(driver) == []

    def test_nobody_is_served_it_before_it_is_closed(self, client: Client) -> None:
        push = Push(client)
        push.stream(DATA)
        assert client.get(blob_url("some/repo", DIGEST)).status_code == 404
        push.close(DIGEST)
        assert client.get(blob_url("other/repo", DIGEST)).status_code == 404

    def test_a_wrong_digest_is_refused_and_the_right_one_still_closes(self, client: Client) -> None:
        push = Push(client)
        push.stream(DATA)
        refused = push.close(EMPTY, expected=400)
        assert refused.json["errors"][0]["code"] == "DIGEST_INVALID"
        assert client.head(blob_url("some/repo", EMPTY)).status_code == 404
        push.close(DIGEST)
        assert pull(client, "some/repo", DIGEST) == DATA

    def test_a_wrong_digest_takes_nothing_from_a_blob_that_is_served(self, client: Client) -> None:
        first = Push(client)
        first.stream(DATA)
        first.close(DIGEST)
        again = Push(client)
        again.stream(DATA)
        again.close(EMPTY, expected=400)
        again.cancel()
        assert pull(client, "some/repo", DIGEST) == DATA

    @pytest.mark.parametrize("query", ["", "?digest-algorithm=sha512"], ids=["unannounced", "announced"])
    def test_sha512(self, client: Client, driver: Base, query: str) -> None:
        digest = Digest.of(DATA, "sha512")
        push = Push(client, query=query)
        push.stream(DATA)
        push.close(digest)
        assert pull(client, "some/repo", digest) == DATA
        assert client.head(blob_url("some/repo", DIGEST)).status_code == 404
        assert left_behind(driver) == []

    @pytest.mark.parametrize("rest", ["PATCH", "PUT"])
    def test_more_may_follow(self, client: Client, driver: Base, rest: str) -> None:
        push = Push(client)
        push.stream(DATA[:1000])
        if rest == "PATCH":
            push.stream(DATA[1000:5000])
            push.stream(DATA[5000:])
            push.close(DIGEST)
        else:
            push.close(DIGEST, DATA[1000:])
        assert pull(client, "some/repo", DIGEST) == DATA
        early = Digest.of(DATA[:1000])
        assert driver.get_content(layout.blob_data(early)) == DATA[:1000]
        driver.remove(layout.blob_data(early))
        assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []

    def test_a_closing_put_that_comes_late_asks_for_the_data(
        self, registry: Registry, client: Client, driver: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        push = Push(client)
        push.stream(DATA)
        driver.remove(layout.blob_data(DIGEST))
        registry.context.containers.default.store.lost_blob(DIGEST)
        now = time.time() + blob_writer._SURE + 2
        monkeypatch.setattr(blob_writer.time, "time", lambda: now)
        refused = push.close(DIGEST, expected=404)
        assert refused.json["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"
        assert client.head(blob_url("some/repo", DIGEST)).status_code == 404

    def test_more_after_an_early_blob_that_is_gone(self, client: Client, driver: Base) -> None:
        push = Push(client)
        push.stream(DATA[:1000])
        driver.remove(layout.blob_data(Digest.of(DATA[:1000])))
        push.stream(DATA[1000:], expected=404)
        push.close(DIGEST, DATA[1000:], expected=404)
        assert left_behind(driver) == []

    def test_more_after_an_early_blob_that_was_damaged(self, client: Client, driver: Base) -> None:
        push = Push(client)
        push.stream(DATA[:1000])
        driver.put_content(layout.blob_data(Digest.of(DATA[:1000])), b"")
        push.stream(DATA[1000:], expected=404)

    def test_pushing_again_heals_a_damaged_blob(self, registry: Registry, client: Client, driver: Base) -> None:
        driver.put_content(layout.blob_data(DIGEST), DATA[:-1])
        push = Push(client)
        push.stream(DATA)
        push.close(DIGEST)
        assert pull(client, "some/repo", DIGEST) == DATA


class TestChunked:
    """POST, PATCHes with a Content-Range, PUT with or without the last chunk."""

    @pytest.fixture(autouse=True, params=["hash resumed", "parts read again"])
    def hashing(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        if request.param == "parts read again":
            monkeypatch.setattr(resumable_sha256, "is_available", lambda: False)

    @pytest.mark.parametrize("last_in_put", [False, True])
    def test_the_blob_is_there(self, client: Client, driver: Base, last_in_put: bool) -> None:
        push = Push(client)
        push.chunk(DATA[:4000])
        push.chunk(DATA[4000:8000])
        if last_in_put:
            push.close(DIGEST, DATA[8000:], as_chunk=True)
        else:
            push.chunk(DATA[8000:])
            push.close(DIGEST)
        assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []

    def test_sha512(self, client: Client) -> None:
        digest = Digest.of(DATA, "sha512")
        push = Push(client)
        push.chunk(DATA[:4000])
        push.chunk(DATA[4000:])
        push.close(digest)
        assert pull(client, "some/repo", digest) == DATA

    def test_chunks_and_streams_may_alternate(self, client: Client, driver: Base) -> None:
        push = Push(client)
        push.stream(DATA[:10])
        push.chunk(DATA[10:4000])
        push.stream(DATA[4000:])
        push.close(DIGEST)
        assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []

    @pytest.mark.parametrize("first", [0, 3999, 4001, 10**18])
    def test_out_of_order_says_where_to_go_on(self, client: Client, first: int) -> None:
        push = Push(client)
        push.chunk(DATA[:4000])
        refused = push.chunk(DATA[4000:5000], expected=416, first=first)
        assert refused.headers["Range"] == "0-3999"
        push.location = refused.headers["Location"]
        assert push.status() == 4000
        headers = {"Content-Range": f"{first}-{first + len(DATA) - 4001}"}
        push.call("PUT", 416, f"digest={DIGEST}", data=DATA[4000:], headers=headers)
        push.close(DIGEST, DATA[4000:], as_chunk=True)
        assert pull(client, "some/repo", DIGEST) == DATA

    def test_the_first_chunk_starts_at_0(self, client: Client) -> None:
        assert Push(client).chunk(b"abc", expected=416, first=1).headers["Range"] == "0-0"

    @pytest.mark.parametrize("header", ["x", "0-", "3-1", "bytes */9", "0-2,3-4"])
    def test_a_malformed_range(self, client: Client, header: str) -> None:
        refused = Push(client).call("PATCH", 400, data=b"abc", headers={"Content-Range": header})
        assert refused.json["errors"][0]["code"] == "BLOB_UPLOAD_INVALID"

    @pytest.mark.parametrize("last", [8, 10])
    def test_a_range_that_is_not_as_long_as_its_body(self, client: Client, driver: Base, last: int) -> None:
        push = Push(client)
        refused = push.call("PATCH", 400, data=b"0123456789", headers={"Content-Range": f"0-{last}"})
        assert refused.json["errors"][0]["code"] == "SIZE_INVALID"
        assert left_behind(driver) == []
        push.chunk(DATA)
        push.close(DIGEST)

    def test_a_wrong_digest_ends_the_session(self, client: Client, driver: Base) -> None:
        push = Push(client)
        push.chunk(DATA[:4000])
        refused = push.close(EMPTY, DATA[4000:], expected=400)
        assert refused.json["errors"][0]["code"] == "DIGEST_INVALID"
        assert left_behind(driver) == []
        push.close(DIGEST, DATA[4000:], expected=404)

    def test_a_cancel_leaves_nothing(self, client: Client, driver: Base) -> None:
        push = Push(client)
        push.chunk(DATA[:4000])
        push.chunk(DATA[4000:])
        push.cancel()
        assert left_behind(driver) == []
        push.cancel()  # the answer may have been lost
        push.close(DIGEST, expected=404)
        assert client.head(blob_url("some/repo", DIGEST)).status_code == 404

    def test_an_ended_session_gives_no_claim_to_another_repositorys_blob(self, client: Client) -> None:
        Push(client, "private/repo").close(DIGEST, DATA)
        push = Push(client)
        push.chunk(b"something else")
        push.cancel()
        response = client.put(f"{push.location}&digest={DIGEST}")
        assert response.status_code in (400, 404)
        assert client.head(blob_url("some/repo", DIGEST)).status_code == 404

    @pytest.mark.parametrize("rest", [b"", DATA[8000:]], ids=["without", "with"])
    def test_a_closing_put_whose_answer_was_lost_is_answered_again(
        self, client: Client, driver: Base, rest: bytes
    ) -> None:
        push = Push(client)
        push.chunk(DATA[:4000])
        push.chunk(DATA[4000 : len(DATA) - len(rest)])
        push.close(DIGEST, rest)
        push.close(DIGEST, rest)
        push.cancel(expected=404)
        assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []

    def test_no_older_url_harms_the_blob(self, client: Client, driver: Base) -> None:
        push = Push(client)
        older = []
        for end in (5000, 10_000):
            push.chunk(DATA[push.count : end])
            older.append((push.location, Digest.of(DATA[:end])))
        push.close(DIGEST, DATA[10_000:])
        for location, digest in older:
            for url in (f"{location}&digest={digest}", f"{location}&digest={EMPTY}"):
                assert client.put(url).status_code in (400, 404)
            assert client.put(f"{location}&digest={Digest.of(DATA[:5000], 'sha512')}").status_code in (400, 404)
            forked = client.patch(location, data=b"and on").headers["Location"]
            assert client.delete(forked).status_code == 404
            assert client.delete(location).status_code == 404
        assert pull(client, "some/repo", DIGEST) == DATA
        assert len(list(driver.walk(layout.BLOBS))) == 1

    def test_an_older_url_tells_what_has_arrived(self, client: Client) -> None:
        push = Push(client)
        older = [push.location]
        for end in (3000, 6000, 9000):
            push.chunk(DATA[push.count : end])
            older.append(push.location)
        for location in older:
            status = client.get(location)
            assert (status.status_code, status.headers["Range"]) == (204, "0-8999")
        push.location = client.get(older[0]).headers["Location"]
        push.chunk(DATA[9000:])
        push.close(DIGEST)
        assert pull(client, "some/repo", DIGEST) == DATA

    @pytest.mark.parametrize("with_range", [True, False])
    def test_a_chunk_that_has_arrived_is_not_taken_again(self, client: Client, driver: Base, with_range: bool) -> None:
        push = Push(client)
        push.chunk(DATA[:1000])
        older = push.location
        push.chunk(DATA[1000:4000])
        headers = {"Content-Range": "1000-3999"} if with_range else {}
        refused = client.patch(older, data=DATA[1000:4000], headers=headers)
        assert (refused.status_code, refused.headers["Range"]) == (416, "0-3999")
        push.location = refused.headers["Location"]
        push.close(DIGEST, DATA[4000:])
        assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []

    def test_an_older_url_goes_on_from_where_the_upload_is(self, client: Client, driver: Base) -> None:
        push = Push(client)
        first = push.location
        push.chunk(DATA[:4000])
        push.location = first
        push.chunk(DATA[4000:8000])
        push.location = first
        push.close(DIGEST, DATA[8000:], as_chunk=True)
        assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []

    def test_an_older_url_closes_the_whole(self, client: Client, driver: Base) -> None:
        push = Push(client)
        first = push.location
        push.chunk(DATA[:4000])
        push.chunk(DATA[4000:])
        push.location = first
        push.close(DIGEST)
        assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []

    def test_a_wrong_digest_with_an_older_url_ends_nothing(self, client: Client) -> None:
        push = Push(client)
        push.chunk(DATA[:4000])
        older, newest = push.location, push.chunk(DATA[4000:]).headers["Location"]
        push.location = older
        push.close(DIGEST, b"something else", expected=400)
        push.location = newest
        push.close(DIGEST)
        assert pull(client, "some/repo", DIGEST) == DATA

    def test_a_cancel_with_an_older_url_leaves_nothing(self, client: Client, driver: Base) -> None:
        push = Push(client)
        first = push.location
        push.chunk(DATA[:4000])
        push.chunk(DATA[4000:])
        push.location = first
        push.cancel()
        assert left_behind(driver) == []

    def test_what_follows_an_early_blob_is_known_to_the_first_url(self, client: Client) -> None:
        push = Push(client)
        first = push.location
        push.stream(DATA[:4000])
        push.stream(DATA[4000:5000])
        assert client.get(first).headers["Range"] == "0-4999"

    def test_more_chunks_than_a_url_has_room_for(
        self, client: Client, driver: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(upload_sessions, "TOKEN_LIMIT", 400)
        push = Push(client)
        for index in range(12):
            push.chunk(DATA[index * 50 : index * 50 + 50])
        assert len(list(driver.walk(layout.SESSIONS))) > 1  # one is the newest state
        push.close(Digest.of(DATA[:600]))
        assert pull(client, "some/repo", Digest.of(DATA[:600])) == DATA[:600]
        for entry in list(driver.walk(layout.SESSIONS)):  # what garbage collection does some day
            driver.remove(entry.path)
        push.chunk(b"more", expected=404)
        push.cancel(expected=404)
        push.close(Digest.of(DATA[:600]), expected=404)
        assert left_behind(driver) == []

    def test_too_many_chunks_are_refused(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(blob_writer, "PARTS_LIMIT", 2)
        push = Push(client)
        push.chunk(b"a")
        push.chunk(b"b")
        refused = push.chunk(b"c", expected=400)
        assert "larger chunks" in refused.json["errors"][0]["message"]

    def test_the_least_chunk_is_announced(self, client: Client) -> None:
        assert int(Push(client).last.headers["OCI-Chunk-Min-Length"]) > 0

    def test_a_blob_that_is_there_already_is_kept(self, client: Client, driver: Base) -> None:
        for _ in range(2):
            push = Push(client)
            push.chunk(DATA[:4000])
            push.chunk(DATA[4000:])
            push.close(DIGEST)
            assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []


class OneAtATime(Linked):
    """Holds that no file is open while a stage takes bytes: each may need a connection of the same pool."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0
        self.held: list[str] = []

    def open(self, path: str, bytes_range: BytesRange | None = None) -> Reader:
        reader = super().open(path, bytes_range)
        self.opened += 1
        self.held.append(path)
        return Reader(reader.size, reader.length, iter(reader), lambda: self.held.remove(path))

    def stage(self, parts: Iterable[Part] = ()) -> LinkedStage:
        driver = self

        class Watched(LinkedStage):
            def fill(self, fp: Readable) -> int:
                return super().fill(_Watching(fp, driver.held))

        return Watched(self, parts)


class _Watching:
    def __init__(self, fp: Readable, held: list[str]):
        self._fp = fp
        self._held = held

    def read(self, size: int, /) -> bytes:
        data = self._fp.read(size)
        assert self._held == []
        return data


@pytest.mark.parametrize("way", ["sha512", "PATCH", "PUT"])
def test_a_blob_that_is_read_back_is_closed_while_its_copy_is_written(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(blob_writer, "_PIECE", 1000)
    driver = OneAtATime()
    client = Client(Registry(driver, Settings(secret=b"secret")))
    push = Push(client)
    digest = Digest.of(DATA, "sha512" if way == "sha512" else "sha256")
    end = len(DATA) if way == "sha512" else 3500
    push.stream(DATA[:end])
    if way == "PATCH":
        push.stream(DATA[end:])
    push.close(digest, DATA[end:] if way == "PUT" else b"")
    assert driver.opened >= 4
    assert pull(client, "some/repo", digest) == DATA


class TestMonolithic:
    """The whole blob in one PUT or POST."""

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    @pytest.mark.parametrize("data", [b"", DATA], ids=["empty", "more"])
    def test_put(self, client: Client, driver: Base, data: bytes, algorithm: str) -> None:
        digest = Digest.of(data, algorithm)
        Push(client).close(digest, data)
        assert pull(client, "some/repo", digest) == data
        assert left_behind(driver) == []

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    @pytest.mark.parametrize("data", [b"", DATA], ids=["empty", "more"])
    def test_post(self, client: Client, driver: Base, data: bytes, algorithm: str) -> None:
        digest = Digest.of(data, algorithm)
        response = client.post(f"/v2/some/repo/blobs/uploads/?digest={digest}", data=data)
        assert response.status_code == 201
        assert client.get(response.headers["Location"]).data == data
        assert left_behind(driver) == []

    @pytest.mark.parametrize("data", [b"", DATA], ids=["empty", "more"])
    def test_a_wrong_digest(self, client: Client, driver: Base, data: bytes) -> None:
        wrong = Digest.of(b"something else")
        Push(client).close(wrong, data, expected=400)
        assert client.post(f"/v2/some/repo/blobs/uploads/?digest={wrong}", data=data).status_code == 400
        assert client.head(blob_url("some/repo", wrong)).status_code == 404
        assert left_behind(driver) == []
        assert list(driver.walk(layout.BLOBS)) == []


class TestMount:
    @pytest.fixture(autouse=True)
    def source(self, client: Client) -> None:
        Push(client, "from/here").close(DIGEST, DATA)

    def mount(self, client: Client, query: str, name: str = "to/there") -> int:
        response = client.post(f"/v2/{name}/blobs/uploads/?{query}")
        if response.status_code == 202:
            assert "Docker-Upload-UUID" in response.headers
        elif response.status_code == 201:
            assert response.headers["Location"].endswith(blob_url(name, DIGEST))
            assert response.headers["Docker-Content-Digest"] == str(DIGEST)
        return response.status_code

    @pytest.mark.parametrize("name", ["to/there", "from/here"])
    def test_the_blob_is_served_there_too(self, client: Client, name: str) -> None:
        assert self.mount(client, f"mount={DIGEST}&from=from/here", name) == 201
        assert pull(client, name, DIGEST) == DATA

    @pytest.mark.parametrize(
        "query",
        [
            f"mount={DIGEST}",
            f"mount={DIGEST}&from=",
            f"mount={DIGEST}&from=not/there",
            f"mount={DIGEST}&from=Not/A/Name",
            f"mount={DIGEST}&from=../from/here",
            f"mount={Digest.of(b'else')}&from=from/here",
        ],
    )
    def test_a_normal_upload_begins_where_there_is_nothing_to_mount(self, client: Client, query: str) -> None:
        assert self.mount(client, query) == 202
        assert client.head(blob_url("to/there", DIGEST)).status_code == 404

    def test_a_malformed_digest(self, client: Client) -> None:
        assert self.mount(client, "mount=sha256:abc&from=from/here") == 400

    def test_a_link_without_its_data_is_nothing_to_mount(self, driver: Base) -> None:
        driver.remove(layout.blob_data(DIGEST))
        fresh = Client(Registry(driver, Settings(secret=b"x")))
        assert self.mount(fresh, f"mount={DIGEST}&from=from/here") == 202
        assert fresh.head(blob_url("to/there", DIGEST)).status_code == 404

    def test_a_deleted_blob_is_nothing_to_mount(self, client: Client) -> None:
        assert client.delete(blob_url("from/here", DIGEST)).status_code == 202
        assert self.mount(client, f"mount={DIGEST}&from=from/here") == 202


class TestCut:
    """The client goes away in the middle of a body."""

    def test_of_a_streamed_upload(self, client: Client, driver: Base) -> None:
        push = Push(client)
        refused = push.cut("PATCH", DATA[:5000], announced=len(DATA))
        assert refused.json["errors"][0]["code"] == "SIZE_INVALID"
        assert list(driver.walk("")) == []
        assert left_behind(driver) == []
        push.stream(DATA)
        push.close(DIGEST)
        assert pull(client, "some/repo", DIGEST) == DATA

    def test_of_a_chunk(self, client: Client, driver: Base) -> None:
        push = Push(client)
        push.chunk(DATA[:4000])
        push.cut("PATCH", DATA[4000:5000], len(DATA) - 4000, **{"Content-Range": f"4000-{len(DATA) - 1}"})
        assert push.status() == 4000
        push.chunk(DATA[4000:])
        push.close(DIGEST)
        assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []

    @pytest.mark.parametrize("begun", [0, 4000])
    def test_of_a_closing_put(self, client: Client, driver: Base, begun: int) -> None:
        push = Push(client)
        if begun:
            push.chunk(DATA[:begun])
        rest = DATA[begun:]
        push.cut("PUT", rest[:-1], len(rest), f"digest={DIGEST}")
        assert client.head(blob_url("some/repo", DIGEST)).status_code == 404
        push.close(DIGEST, rest)
        assert pull(client, "some/repo", DIGEST) == DATA
        assert left_behind(driver) == []

    def test_of_a_body_without_a_length(self, client: Client, driver: Base) -> None:
        class Breaking(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                data = super().read(size)
                if not data:
                    raise OSError("unexpected end of file while parsing chunked data")
                return data

        push = Push(client)
        environ = {"wsgi.input_terminated": True}
        headers = {"Transfer-Encoding": "chunked"}
        push.call("PATCH", 400, input_stream=Breaking(DATA), headers=headers, environ_overrides=environ)
        assert list(driver.walk("")) == []


class TestSession:
    def test_status_of_each_stage(self, client: Client) -> None:
        push = Push(client)
        assert push.call("GET", 204).headers["Range"] == "0-0"
        push.chunk(DATA[:100])
        assert push.status() == 100
        push.stream(DATA[100:])
        assert push.status() == len(DATA)

    def test_status_of_a_url_to_which_a_client_added_a_digest(self, client: Client) -> None:
        push = Push(client)
        push.chunk(DATA[:100])
        again = push.call("GET", 204, f"digest={DIGEST}")
        assert again.headers["Location"] == push.location

    @pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
    @pytest.mark.parametrize("change", ["other repository", "other session", "forged", "without state", "other secret"])
    def test_a_url_that_is_not_ours_is_unknown(self, client: Client, driver: Base, method: str, change: str) -> None:
        push = Push(client)
        push.chunk(DATA[:100])
        url = {
            "other repository": push.location.replace("some/repo", "other/repo"),
            "other session": push.location.replace(push.uuid, Push(client).uuid),
            "forged": push.location[:-2],
            "without state": push.location.partition("?")[0] + "?x=y",
            "other secret": push.location,
        }[change]
        caller = Client(Registry(driver, Settings(secret=b"other"))) if change == "other secret" else client
        response = caller.open(f"{url}&digest={DIGEST}", method=method, data=DATA[100:] if method[0] == "P" else b"")
        assert response.status_code == 404
        assert response.json["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"
        push.close(DIGEST, DATA[100:])

    def test_an_expired_url_is_unknown(self, driver: Base) -> None:
        push = Push(Client(Registry(driver, Settings(secret=b"x", upload_ttl=-1))))
        push.stream(DATA, expected=404)

    def test_any_replica_goes_on(self, driver: Base) -> None:
        replicas = [Client(Registry(driver, Settings(secret=b"shared"))) for _ in range(4)]
        push = Push(replicas[0])
        push.client = replicas[1]
        push.chunk(DATA[:4000])
        push.client = replicas[2]
        assert push.status() == 4000
        push.chunk(DATA[4000:])
        push.client = replicas[3]
        push.close(DIGEST)
        assert pull(replicas[0], "some/repo", DIGEST) == DATA

    @pytest.mark.parametrize("digest", ["", "sha256:abc", "md5:" + "a" * 32])
    def test_a_malformed_closing_digest(self, client: Client, digest: str) -> None:
        push = Push(client)
        push.stream(DATA)
        assert push.call("PUT", 400, f"digest={digest}").json["errors"][0]["code"] == "DIGEST_INVALID"
        push.close(DIGEST)

    def test_a_closing_put_without_a_digest(self, client: Client) -> None:
        push = Push(client)
        push.stream(DATA)
        assert push.call("PUT", 400).json["errors"][0]["code"] == "DIGEST_INVALID"

    def test_an_unknown_algorithm(self, client: Client) -> None:
        response = client.post("/v2/a/blobs/uploads/?digest-algorithm=md5")
        assert (response.status_code, response.json["errors"][0]["code"]) == (400, "DIGEST_INVALID")

    def test_a_cancel_of_a_session_without_bytes(self, client: Client) -> None:
        Push(client).cancel()

    @pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
    def test_a_read_only_registry_takes_nothing(self, client: Client, driver: Base, method: str) -> None:
        push = Push(client)
        url = push.location if method != "POST" else "/v2/some/repo/blobs/uploads/"
        reader = Client(Registry(driver, Settings(secret=b"a secret of the tests", read_only=True)))
        response = reader.open(url, method=method)
        assert (response.status_code, response.json["errors"][0]["code"]) == (405, "UNSUPPORTED")


def test_no_way_to_send_a_blob_takes_more_than_the_limit(driver: Base) -> None:
    client = Client(Registry(driver, Settings(secret=b"s", limits=Limits(blob_size=len(DATA)))))
    push = Push(client)
    push.stream(DATA)
    push.close(DIGEST)
    larger, open_ended = DATA + b".", {"Transfer-Encoding": "chunked"}
    digest = Digest.of(larger)
    whole = client.post(f"/v2/some/repo/blobs/uploads/?digest={digest}", data=larger)
    assert (whole.status_code, whole.json["errors"][0]["code"]) == (413, "SIZE_INVALID")
    Push(client).stream(larger, 413)
    terminated = {"wsgi.input_terminated": True}
    Push(client).call("PATCH", 413, data=larger, headers=open_ended, environ_overrides=terminated)
    Push(client).close(digest, larger, 413)
    chunked = Push(client)
    chunked.chunk(larger[:-5])
    chunked.chunk(larger[-5:], 413)
    chunked.close(digest, larger[-5:], 413)
    chunked.chunk(larger[-5:-1])
    chunked.close(DIGEST)
    assert client.head(blob_url("some/repo", digest)).status_code == 404
    assert left_behind(driver) == []
