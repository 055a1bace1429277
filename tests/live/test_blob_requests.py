"""What each call on blobs and uploads costs in requests to Swift: the budget of docs/uploads.md."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage import resumable_sha256
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings
from tests.distribution.pushing import Push, blob_url
from tests.live.settings import driver_config

MIB = 1 << 20
SETTINGS = Settings(secret=b"a secret of the tests")
SMALL = b"0123456789" * 1000
LARGE = bytes(range(256)) * (10 * MIB // 1024)  # two and a half segments
DIGEST = Digest.of(SMALL)
URL = blob_url("some/repo", DIGEST)


@pytest.fixture
def driver(swift: EmbeddedSwift, container: str) -> Base:
    config = driver_config(swift, swift_container=container, swift_segment_size=MIB)
    driver = fetch("swift")("/", config)
    driver.put_content("warm", b"")  # token, container, /info
    return driver


@pytest.fixture
def fresh(driver: Base) -> Callable[..., Client]:
    """A registry that has just started."""

    def make(**changes: object) -> Client:
        return Client(Registry(driver, dataclasses.replace(SETTINGS, **changes)))  # type: ignore[arg-type]

    return make


@pytest.fixture
def cost(swift: EmbeddedSwift) -> Callable[[Callable[[], object]], int]:
    """How many requests a call makes."""

    def count(call: Callable[[], object]) -> int:
        with swift.counting() as counted:
            call()
        print(counted)
        return len(counted)

    return count


Fresh = Callable[..., Client]
Cost = Callable[[Callable[[], object]], int]


def expect(status: int, call: Callable[[], object]) -> Callable[[], object]:
    def checked() -> None:
        response = call()
        assert response.status_code == status, response.text  # type: ignore[attr-defined]

    return checked


class TestPull:
    @pytest.fixture(autouse=True)
    def pushed(self, fresh: Fresh) -> None:
        Push(fresh()).close(DIGEST, SMALL)

    def test_head(self, fresh: Fresh, cost: Cost) -> None:
        client = fresh()
        assert cost(expect(200, lambda: client.head(URL))) == 2
        assert cost(expect(200, lambda: client.head(URL))) == 0

    def test_head_of_what_is_not_there(self, fresh: Fresh, cost: Cost) -> None:
        assert cost(expect(404, lambda: fresh().head(blob_url("some/repo", Digest.of(b"else"))))) == 1

    @pytest.mark.parametrize(("headers", "status"), [({}, 200), ({"Range": "bytes=5-9"}, 206)])
    def test_get(self, fresh: Fresh, cost: Cost, headers: dict[str, str], status: int) -> None:
        client = fresh()
        assert cost(expect(status, lambda: client.get(URL, headers=headers))) == 2
        assert cost(expect(status, lambda: client.get(URL, headers=headers))) == 1
        assert cost(expect(200, lambda: client.head(URL))) == 0

    def test_get_by_redirect(self, fresh: Fresh, cost: Cost, monkeypatch: pytest.MonkeyPatch, driver: Base) -> None:
        monkeypatch.setattr(driver, "content_redirect_url", lambda path: f"http://swift.example/{path}")
        client = fresh(redirect=True)
        assert cost(expect(307, lambda: client.get(URL))) == 1
        assert cost(expect(307, lambda: client.get(URL))) == 0

    def test_delete(self, fresh: Fresh, cost: Cost) -> None:
        assert cost(expect(202, lambda: fresh().delete(URL))) == 2  # the link is read, then removed

    def test_mount(self, fresh: Fresh, cost: Cost) -> None:
        client = fresh()
        mount = f"/v2/other/repo/blobs/uploads/?mount={DIGEST}&from=some/repo"
        assert cost(expect(201, lambda: client.post(mount))) == 3
        assert cost(expect(201, lambda: client.post(mount.replace("other", "third")))) <= 2

    def test_mount_of_what_is_not_there(self, fresh: Fresh, cost: Cost) -> None:
        mount = f"/v2/other/repo/blobs/uploads/?mount={Digest.of(b'else')}&from=some/repo"
        assert cost(expect(202, lambda: fresh().post(mount))) == 1

    @pytest.mark.parametrize("source", ["", "Not/A/Name", "../some/repo"])
    def test_mount_from_what_is_no_name(self, fresh: Fresh, cost: Cost, source: str) -> None:
        mount = f"/v2/other/repo/blobs/uploads/?mount={DIGEST}&from={source}"
        assert cost(expect(202, lambda: fresh().post(mount))) == 0


class TestPush:
    @pytest.mark.parametrize(("data", "objects"), [(SMALL, 1), (LARGE, 4)], ids=["one segment", "three segments"])
    @pytest.mark.parametrize("elsewhere", [False, True], ids=["one replica", "another each time"])
    def test_streamed(self, fresh: Fresh, cost: Cost, data: bytes, objects: int, elsewhere: bool) -> None:
        pushes: list[Push] = []
        client = fresh()
        assert cost(lambda: pushes.append(Push(client))) == 0
        push = pushes[0]
        push.client = fresh() if elsewhere else client
        assert cost(lambda: push.stream(data)) == objects
        push.client = fresh() if elsewhere else client
        assert cost(lambda: push.close(Digest.of(data))) == 1
        assert cost(push.status) == 1  # whether a chunk has followed
        assert cost(push.cancel) == 1

    @pytest.mark.parametrize(
        ("data", "objects"), [(b"", 1), (SMALL, 1), (LARGE, 4)], ids=["empty", "one segment", "three segments"]
    )
    def test_monolithic(self, fresh: Fresh, cost: Cost, data: bytes, objects: int) -> None:
        digest = Digest.of(data)
        push = Push(fresh())
        assert cost(lambda: push.close(digest, data)) == objects + 1

    def test_in_one_post(self, fresh: Fresh, cost: Cost) -> None:
        url = f"/v2/some/repo/blobs/uploads/?digest={DIGEST}"
        assert cost(expect(201, lambda: fresh().post(url, data=SMALL))) == 2

    def test_of_what_is_there(self, fresh: Fresh, cost: Cost) -> None:
        Push(fresh()).close(DIGEST, SMALL)
        push = Push(fresh())
        assert cost(lambda: push.stream(SMALL)) == 2
        assert cost(lambda: push.close(DIGEST)) <= 2

    @pytest.mark.parametrize("can_resume", [True, False])
    def test_chunked(self, fresh: Fresh, cost: Cost, monkeypatch: pytest.MonkeyPatch, can_resume: bool) -> None:
        if can_resume and not resumable_sha256.is_available():
            pytest.skip("this Python's libcrypto keeps its SHA-256 to itself")
        monkeypatch.setattr(resumable_sha256, "is_available", lambda: can_resume)
        push = Push(fresh())
        for start in range(0, 5000, 1000):
            # Whether the chunk has come before, the chunk, and that it has.
            assert cost(lambda start=start: push.chunk(SMALL[start : start + 1000])) == 3  # type: ignore[misc]
        read = 0 if can_resume else 5
        # That the session ends so and not otherwise, the manifest, that it is there, the link.
        closing = 6 + 1 + 1 + 1
        assert cost(lambda: push.close(Digest.of(SMALL[:5000]))) == read + closing

    def test_cancelled(self, fresh: Fresh, cost: Cost) -> None:
        push = Push(fresh())
        push.chunk(SMALL)
        assert cost(push.cancel) == 1 + 6 + 1

    def test_with_an_older_url(self, fresh: Fresh, cost: Cost) -> None:
        push = Push(fresh())
        older = push.location
        push.chunk(SMALL)
        headers = {"Content-Range": f"0-{len(SMALL) - 1}"}
        assert cost(expect(204, lambda: fresh().get(older))) == 1
        assert cost(expect(416, lambda: fresh().patch(older, data=SMALL, headers=headers))) == 1
        assert cost(expect(201, lambda: fresh().put(f"{older}&digest={DIGEST}"))) == 1 + 6 + 1 + 1 + 1


def test_uploads_that_are_read_back_do_not_wait_for_each_others_connections(
    swift: EmbeddedSwift, container: str
) -> None:
    limits = {"swift_pool_size": 2, "swift_pool_timeout": 10, "swift_concurrency": 1, "swift_segment_size": MIB // 4}
    config = driver_config(swift, swift_container=container, **limits)
    registry = Registry(fetch("swift")("/", config), SETTINGS)

    def push(number: int) -> Push:
        push = Push(Client(registry))
        push.stream(bytes([number]) + LARGE)
        return push

    pushes = [push(number) for number in range(6)]
    with ThreadPoolExecutor(len(pushes)) as pool:  # hashed with sha512, from what is stored, into a second object
        digests = [Digest.of(bytes([number]) + LARGE, "sha512") for number in range(len(pushes))]
        list(pool.map(lambda push, digest: push.close(digest), pushes, digests))
