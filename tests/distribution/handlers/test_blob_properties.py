"""Whatever way an upload is cut, the blob is the same; whatever part is asked for, it is that slice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.driver import fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.settings import Settings
from tests.distribution.pushing import Push, blob_url, pull

EDGES = st.one_of(st.none(), st.integers(0, 60))
CALLS = st.sampled_from(["stream", "chunk", "cut", "status", "elsewhere", "old"])


def fresh() -> Registry:
    return Registry(fetch("memory")("/", None), Settings(secret=b"secret"))


@given(
    data=st.binary(max_size=200),
    steps=st.lists(st.tuples(CALLS, st.integers(0, 80)), max_size=8),
    rest_in_put=st.booleans(),
    as_chunk=st.booleans(),
    algorithm=st.sampled_from(["sha256", "sha512"]),
    announced=st.booleans(),
)
def test_any_way_of_cutting_an_upload_gives_the_same_blob(
    data: bytes,
    steps: list[tuple[str, int]],
    rest_in_put: bool,
    as_chunk: bool,
    algorithm: str,
    announced: bool,
) -> None:
    registry = fresh()
    replica = Client(Registry(registry.context.containers.default.driver, registry.settings))
    digest = Digest.of(data, algorithm)
    push = Push(Client(registry), query=f"?digest-algorithm={algorithm}" if announced else "")
    older = push.location
    for call, size in steps:
        before, piece = push.location, data[push.count : push.count + size]
        if call == "stream":
            push.stream(piece)
        elif call == "chunk" and piece:
            push.chunk(piece)
        elif call == "cut":
            push.cut("PATCH", piece, len(piece) + 1)
        elif call == "status":
            assert push.status() == max(push.count, 1)
        elif call == "elsewhere":
            push.client, replica = replica, push.client
        elif call == "old":  # its answer is lost: the client asks with the URL it had
            push.client.patch(push.location, data=piece)
            if push.count and piece:  # else it was a whole blob, which is sent again
                push.count += len(piece)
                push.location = push.call("GET", 204).headers["Location"]
                assert push.status() == push.count
        older = before
    rest = data[push.count :]
    if rest and not rest_in_put:
        push.stream(rest)
        rest = b""
    push.close(digest, rest, as_chunk=bool(as_chunk and rest))
    assert pull(push.client, "some/repo", digest) == data
    push.client.delete(older)
    assert pull(replica, "some/repo", digest) == data
    stored = [
        entry.path
        for entry in registry.context.containers.default.driver.walk(layout.BLOBS)
        if entry.path.endswith(f"{digest.hex}/data")
    ]
    assert len(stored) == 1


@given(st.binary(max_size=50), EDGES, EDGES)
def test_a_range_is_a_slice(data: bytes, first: int | None, last: int | None) -> None:
    client = Client(fresh())
    digest = Digest.of(data)
    Push(client, "a").close(digest, data)
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    response = client.get(blob_url("a", digest), headers={"Range": header})
    if first is None:
        expected = data if last is None else data[max(len(data) - last, 0) :]
    else:
        expected = data[first:] if last is None else data[first : last + 1]
    if response.status_code == 416:
        assert expected == b""
        assert response.headers["Content-Range"] == f"bytes */{len(data)}"
    else:
        assert response.data == expected
