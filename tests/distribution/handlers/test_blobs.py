"""Pulling and deleting blobs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import BrokenError, UnreachableError
from docker_registry.core.types import Reader
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from tests.distribution.conftest import SETTINGS
from tests.distribution.pushing import Push, blob_url, pull

DATA = bytes(range(256)) * 40
DIGEST = Digest.of(DATA)
URL = blob_url("some/repo", DIGEST)


@pytest.fixture(autouse=True)
def pushed(client: Client) -> None:
    Push(client).close(DIGEST, DATA)


def test_get_and_head(client: Client) -> None:
    assert pull(client, "some/repo", DIGEST) == DATA
    for response in (client.get(URL), client.head(URL)):
        assert response.headers["ETag"] == f'"{DIGEST}"'
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_blob_of_another_repository_is_unknown(client: Client, method: str) -> None:
    response = client.open(blob_url("other/repo", DIGEST), method=method)
    assert response.status_code == 404
    if method != "HEAD":
        assert response.json["errors"][0]["code"] == "BLOB_UNKNOWN"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_whose_data_is_gone_is_no_blob(driver: Base, method: str) -> None:
    driver.remove(layout.blob_data(DIGEST))
    assert Client(Registry(driver, SETTINGS)).open(URL, method=method).status_code == 404


def test_data_that_went_away_is_noticed(client: Client, driver: Base) -> None:
    assert client.head(URL).status_code == 200
    driver.remove(layout.blob_data(DIGEST))
    assert client.get(URL).status_code == 404
    assert client.head(URL).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_data_that_lost_its_bytes_is_no_blob_and_can_be_pushed_again(driver: Base, method: str) -> None:
    driver.put_content(layout.blob_data(DIGEST), b"")
    client = Client(Registry(driver, SETTINGS))
    assert client.open(URL, method=method).status_code == 404
    Push(client).close(DIGEST, DATA)
    assert pull(client, "some/repo", DIGEST) == DATA


@pytest.mark.parametrize("text", ["sha256:abc", "sha256:" + "A" * 64, "md5:" + "a" * 32, "x"])
def test_a_malformed_digest(client: Client, text: str) -> None:
    assert client.get(f"/v2/some/repo/blobs/{text}").status_code == 400


RANGES = [
    ("bytes=0-0", 206, DATA[:1], "bytes 0-0/10240"),
    ("bytes=500-1499", 206, DATA[500:1500], "bytes 500-1499/10240"),
    ("bytes=500-", 206, DATA[500:], "bytes 500-10239/10240"),
    ("bytes=-500", 206, DATA[-500:], "bytes 9740-10239/10240"),
    ("bytes=10000-99999", 206, DATA[10000:], "bytes 10000-10239/10240"),
    ("bytes=-99999", 206, DATA, "bytes 0-10239/10240"),
    ("bytes=500-0", 416, None, "bytes */10240"),
    ("bytes=-0", 416, None, "bytes */10240"),
    ("bytes=10240-", 416, None, "bytes */10240"),
    ("bytes=99999999999999999999999999-", 416, None, "bytes */10240"),
    ("bytes=0-1,5-6", 200, DATA, None),
    ("bytes=x-y", 200, DATA, None),
    ("lines=0-5", 200, DATA, None),
]


@pytest.mark.parametrize(("header", "status", "body", "content_range"), RANGES)
def test_ranges(client: Client, header: str, status: int, body: bytes | None, content_range: str | None) -> None:
    response = client.get(URL, headers={"Range": header})
    assert response.status_code == status
    assert response.headers.get("Content-Range") == content_range
    if body is not None:
        assert response.data == body
        assert response.content_length == len(body)


def test_a_head_knows_no_ranges(client: Client) -> None:
    response = client.head(URL, headers={"Range": "bytes=0-0"})
    assert (response.status_code, response.content_length) == (200, len(DATA))


@pytest.mark.parametrize(
    ("condition", "status"),
    [(f'"{DIGEST}"', 206), (f'W/"{DIGEST}"', 200), ('"other"', 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200)],
)
def test_a_range_may_have_a_condition(client: Client, condition: str, status: int) -> None:
    response = client.get(URL, headers={"Range": "bytes=0-9", "If-Range": condition})
    assert response.status_code == status
    assert response.data == (DATA[:10] if status == 206 else DATA)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("etag", [f'"{DIGEST}"', f'W/"{DIGEST}"', f'"other", W/"{DIGEST}"', "*"])
def test_what_a_client_has_is_not_sent_again(client: Client, method: str, etag: str) -> None:
    response = client.open(URL, method=method, headers={"If-None-Match": etag})
    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["ETag"] == f'"{DIGEST}"'
    for other in ('"other"', f'W/"{DIGEST}x"'):
        assert client.open(URL, method=method, headers={"If-None-Match": other}).status_code == 200
    absent = blob_url("some/repo", Digest.of(b"absent"))
    assert client.open(absent, method=method, headers={"If-None-Match": "*"}).status_code == 404


@pytest.mark.parametrize("data", [b"one block", bytes(range(256)) * 4096])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_can_be_checked_while_it_is_sent(driver: Base, data: bytes, algorithm: str) -> None:
    client = Client(Registry(driver, dataclasses.replace(SETTINGS, verify_blobs=True)))
    digest = Digest.of(data, algorithm)
    Push(client).close(digest, data)
    url = blob_url("some/repo", digest)
    assert client.get(url).data == data
    wrong = bytes([data[0] ^ 1]) + data[1:]
    driver.put_content(layout.blob_data(digest), wrong)
    sent: list[bytes] = []
    with pytest.raises(BrokenError, match="other bytes"):
        sent.extend(client.get(url, buffered=False).response)
    assert sum(map(len, sent)) < len(data)
    assert client.get(url, headers={"Range": "bytes=0-3"}).data == wrong[:4], "no part can be checked"


def test_an_empty_blob_has_no_ranges(client: Client) -> None:
    empty = Digest.of(b"")
    Push(client).close(empty)
    assert pull(client, "some/repo", empty) == b""
    response = client.get(blob_url("some/repo", empty), headers={"Range": "bytes=0-"})
    assert (response.status_code, response.headers["Content-Range"]) == (416, "bytes */0")


def test_delete_takes_the_blob_out_of_one_repository(client: Client, driver: Base) -> None:
    Push(client, "other/repo").close(DIGEST, DATA)
    assert client.delete(URL).status_code == 202
    assert client.head(URL).status_code == 404
    assert client.delete(URL).status_code == 404
    assert pull(client, "other/repo", DIGEST) == DATA
    Push(client).close(DIGEST, DATA)
    assert pull(client, "some/repo", DIGEST) == DATA


def test_deleting_can_be_disabled(client: Client, driver: Base) -> None:
    keeper = Client(Registry(driver, dataclasses.replace(SETTINGS, delete_enabled=False)))
    response = keeper.delete(URL)
    assert (response.status_code, response.json["errors"][0]["code"]) == (405, "UNSUPPORTED")
    assert pull(client, "some/repo", DIGEST) == DATA


def test_redirects(registry: Registry, driver: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = "https://swift.example/v1/signed"
    monkeypatch.setattr(type(driver), "content_redirect_url", lambda self, path: f"{elsewhere}/{path}")
    client = Client(Registry(driver, dataclasses.replace(SETTINGS, redirect=True)))
    response = client.get(URL)
    assert response.status_code == 307
    assert response.headers["Location"] == f"{elsewhere}/{layout.blob_data(DIGEST)}"
    assert client.head(URL).status_code == 200
    assert client.get(blob_url("other/repo", DIGEST)).status_code == 404


def test_a_storage_that_cannot_redirect_is_read(driver: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(driver), "content_redirect_url", lambda self, path: None)
    client = Client(Registry(driver, dataclasses.replace(SETTINGS, redirect=True)))
    assert pull(client, "some/repo", DIGEST) == DATA


def test_a_client_that_leaves_lets_go_of_the_storage(
    client: Client, driver: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    def chunks() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    reader = Reader(10**9, 10**9, chunks(), lambda: closed.append(True))
    monkeypatch.setattr(type(driver), "open_for_client", lambda self, path, bytes_range=None: reader)
    response = client.get(URL, buffered=False)
    assert next(iter(response.response))
    response.close()
    assert closed == [True]


def test_an_outage_is_not_a_missing_blob(driver: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Base, path: str, bytes_range: object = None) -> Reader:
        raise UnreachableError("no answer")

    monkeypatch.setattr(type(driver), "open_for_client", fail)
    client = Client(Registry(driver, SETTINGS))
    assert client.get(URL).status_code == 503
