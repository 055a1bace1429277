"""The WSGI callable: paths, methods, errors, URLs behind proxies, outages and the access log. One storage is enough."""

from __future__ import annotations

import dataclasses
import json
import socket
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import Client, EnvironBuilder

from docker_registry.concurrency import deadline
from docker_registry.concurrency.workers import gather
from docker_registry.core.busy import BusyError
from docker_registry.core.driver import Base
from docker_registry.core.exceptions import BrokenError, ConfigError, FileNotFoundError, MissingError, UnreachableError
from docker_registry.core.quota import QuotaError
from docker_registry.distribution.app import Registry
from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers import swift
from tests.distribution.conftest import SETTINGS

DIGEST = Digest.of(b"")


class Empty(Base):
    """A storage in which nothing is."""

    def list_prefixes(self, path: str, delimiter: str = "/", after: str = "", page: int | None = None) -> Any:
        return iter(())

    def walk(self, path: str | None = None) -> Any:
        return iter(())


class Missing(Empty):
    """A storage that has no file."""

    def get_content(self, path: str) -> bytes:
        raise FileNotFoundError(path)


class Failing(Base):
    """A storage that answers every read with one error."""

    def __init__(self, error: Exception):
        super().__init__()
        self.error = error

    def get_content(self, path: str) -> bytes:
        raise self.error


def registry(driver: Base | None = None, **changes: Any) -> Client:
    return Client(Registry(driver or Empty(), dataclasses.replace(SETTINGS, **changes)))


def raw_answer(prefix: str = "", **environ: str) -> tuple[str, bytes]:
    """What the registry answers to a request as a server hands it over, which werkzeug's client would make tidy."""
    statuses = []

    def start_response(status: str, _headers: Any, _info: Any = None) -> Any:
        statuses.append(status[:3])

    answer = registry(prefix=prefix).application({**EnvironBuilder().get_environ(), **environ}, start_response)
    return statuses[-1], b"".join(answer)


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_the_base_says_that_this_is_a_registry(path: str) -> None:
    response = registry().get(path)
    assert (response.status_code, response.json) == (200, {})
    assert response.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    assert registry().head(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v",
        "/v1/_ping",
        "/v2/x",
        "/v2/manifests/latest",
        "/v2/app/manifests/",
        "/v2/app/manifests/a/b",
        "/v2/app/blobs/uploads/a/b",
        "/v2/app/tags",
        "/v2/app/tags/list/more",
        "/v3/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_an_unknown_path_is_a_404_in_the_specs_form(path: str, method: str) -> None:
    response = registry().open(path, method=method)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    (error,) = response.json["errors"]
    assert set(error) == {"code", "message", "detail"}
    assert error["code"] == "UNSUPPORTED"


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v2/", "GET, HEAD"),
        ("/v2/_catalog", "GET, HEAD"),
        ("/v2/app/tags/list", "GET, HEAD"),
        ("/v2/app/manifests/latest", "GET, HEAD, PUT, DELETE"),
        (f"/v2/app/referrers/{DIGEST}", "GET, HEAD"),
        (f"/v2/app/blobs/{DIGEST}", "GET, HEAD, DELETE"),
        ("/v2/app/blobs/uploads/", "POST"),
        ("/v2/app/blobs/uploads/some-id", "GET, HEAD, PUT, PATCH, DELETE"),
    ],
)
def test_a_method_that_a_path_lacks_is_a_405_with_those_it_has(path: str, allow: str) -> None:
    response = registry().open(path, method="TRACE")
    assert response.status_code == 405
    assert response.json["errors"][0]["code"] == "UNSUPPORTED"
    assert sorted(response.headers["Allow"].split(", ")) == sorted(allow.split(", "))
    options = registry().open(path, method="OPTIONS")
    assert (options.status_code, options.headers["Allow"]) == (204, response.headers["Allow"])


@pytest.mark.parametrize("method", ["get", "Get", "delete", "dElete", "put", "options"])
def test_a_method_is_what_it_is_in_its_letters_case(method: str) -> None:
    status, body = raw_answer(PATH_INFO="/v2/app/manifests/latest", REQUEST_METHOD=method)
    assert status == "405"
    assert f"{method} is not a method of this path".encode() in body


@pytest.mark.parametrize("path", ["//", "//v2/", "//v2/app/tags/list", "///v2/_catalog"])
def test_slashes_at_the_start_of_a_path_count(path: str) -> None:
    for prefix in ("", "/prefix"):
        status, body = raw_answer(prefix, PATH_INFO=prefix + path)
        assert status == "404"
        assert b"UNSUPPORTED" in body, "an unknown path, and not an unknown name"


@given(st.text(max_size=30), st.sampled_from(["manifests/latest", "tags/list", f"blobs/{DIGEST}", "blobs/uploads/"]))
def test_any_text_as_a_name_is_a_4xx(name: str, rest: str) -> None:
    response = registry(Missing()).open(f"/v2/{name}/{rest}".replace("?", "").replace("#", ""), method="GET")
    assert 400 <= response.status_code < 500
    assert response.json["errors"]


@pytest.mark.parametrize("name", ["A", "a//b", "a/", "-a", "a" * 256, "a/b/_x", "a%20b", "ä"])
@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", "manifests/latest"),
        ("PUT", "manifests/latest"),
        ("GET", f"blobs/{DIGEST}"),
        ("POST", "blobs/uploads/"),
        ("GET", "tags/list"),
        ("GET", f"referrers/{DIGEST}"),
    ],
)
def test_a_malformed_name_is_a_400(name: str, method: str, rest: str) -> None:
    response = registry().open(f"/v2/{name}/{rest}", method=method)
    assert (response.status_code, response.json["errors"][0]["code"]) == (400, "NAME_INVALID")


@pytest.mark.parametrize(
    "path", ["/v2/a/manifests/b/manifests/x", "/v2/a/blobs/uploads/tags/list", "/v2/tags/tags/list"]
)
def test_names_may_contain_the_words_of_paths(path: str) -> None:
    response = registry(Missing()).get(path)
    assert response.json["errors"][0]["code"] in ("MANIFEST_UNKNOWN", "NAME_UNKNOWN")
    assert response.json["errors"][0]["detail"]["name"] in ("a/manifests/b", "a/blobs/uploads", "tags")


# Outages.


def test_an_outage_is_a_503_that_says_when_to_come_back(caplog: pytest.LogCaptureFixture) -> None:
    response = registry(Failing(UnreachableError("no answer from Swift in 30 s"))).get("/v2/app/manifests/latest")
    assert (response.status_code, response.json["errors"][0]["code"]) == (503, "UNAVAILABLE")
    assert int(response.headers["Retry-After"]) > 0
    (record,) = caplog.records
    assert record.getMessage() == "GET /v2/app/manifests/latest: the storage: no answer from Swift in 30 s"
    assert record.exc_info is None


@pytest.mark.parametrize(
    ("error", "status"),
    [(BrokenError("403 from Swift"), 502), (MissingError("no container"), 502), (ConfigError("swift_key"), 500)],
)
def test_a_refusal_of_the_storage_tells_the_client_nothing_of_it(
    error: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    response = registry(Failing(error)).get("/v2/app/manifests/latest")
    assert (response.status_code, response.json["errors"][0]["code"]) == (status, "UNKNOWN")
    assert str(error) not in response.text
    assert str(error) in caplog.text
    assert "Traceback" not in caplog.text


def test_too_many_readers_are_a_503_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    response = registry(Failing(BusyError("clients read slowly"))).get("/v2/app/manifests/latest")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_client_is_told_of_a_full_quota(caplog: pytest.LogCaptureFixture) -> None:
    response = registry(Failing(QuotaError("413: quota of 1000 bytes"))).get("/v2/app/manifests/latest")
    (error,) = response.json["errors"]
    assert (response.status_code, error["code"]) == (403, "DENIED")
    assert "quota" in error["message"]
    assert "quota of 1000 bytes" in caplog.text


def test_a_fault_of_the_registry_is_a_500_and_logged_with_where_it_is(caplog: pytest.LogCaptureFixture) -> None:
    response = registry(Failing(ZeroDivisionError("secret"))).get("/v2/app/manifests/latest")
    assert (response.status_code, response.json["errors"][0]["code"]) == (500, "UNKNOWN")
    assert "secret" not in response.text
    assert "Traceback" in caplog.text


def test_a_client_cannot_write_lines_of_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise UnreachableError("gone")

    monkeypatch.setattr("docker_registry.distribution.storage.upload_sessions.Sessions.open", fail)
    assert registry().get("/v2/app/blobs/uploads/x%0AERROR%20forged").status_code == 503
    (record,) = caplog.records
    assert record.getMessage() == "GET /v2/app/blobs/uploads/x%0AERROR%20forged: the storage: gone"


# Errors.


def test_the_wire_codes_are_the_specs_and_few_more() -> None:
    spec = """BLOB_UNKNOWN BLOB_UPLOAD_INVALID BLOB_UPLOAD_UNKNOWN DIGEST_INVALID MANIFEST_BLOB_UNKNOWN MANIFEST_INVALID
        MANIFEST_UNKNOWN NAME_INVALID NAME_UNKNOWN SIZE_INVALID UNAUTHORIZED DENIED UNSUPPORTED TOOMANYREQUESTS"""
    # The first two are for 5xx, which the spec leaves free; all four are Distribution's.
    more = {"UNAVAILABLE", "UNKNOWN", "TAG_INVALID", "PAGINATION_NUMBER_INVALID"}
    assert {code.wire for code in Code} == {*spec.split(), *more}


@pytest.mark.parametrize("code", list(Code))
def test_every_error_has_the_specs_form(code: Code) -> None:
    response = RegistryError(code, detail={"é": 1}, headers={"X-More": "yes"}).response()
    assert response.status_code == code.status
    assert response.headers["X-More"] == "yes"
    assert json.loads(response.get_data()) == {
        "errors": [{"code": code.wire, "message": code.message, "detail": {"é": 1}}]
    }


def test_several_faults_are_told_apart() -> None:
    error = RegistryError.several(Code.MANIFEST_BLOB_UNKNOWN, [("one", 1), ("two", 2)])
    assert [(entry["message"], entry["detail"]) for entry in error.entries] == [("one", 1), ("two", 2)]


# Settings.


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/app/blobs/uploads/"),
        ("PATCH", "/v2/app/blobs/uploads/x"),
        ("PUT", "/v2/app/manifests/latest"),
        ("DELETE", "/v2/app/manifests/latest"),
        ("DELETE", f"/v2/app/blobs/{DIGEST}"),
    ],
)
def test_a_read_only_registry_takes_nothing(method: str, path: str) -> None:
    response = registry(read_only=True).open(path, method=method)
    assert (response.status_code, response.json["errors"][0]["code"]) == (405, "UNSUPPORTED")
    assert "read-only" in response.json["errors"][0]["message"]
    assert registry(read_only=True).get("/v2/").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v2/"),
        ("GET", "/nowhere"),
        ("OPTIONS", "/v2/app/manifests/latest"),
        ("PUT", "/v2/"),
        ("GET", "/v2/app/tags/list?n=x"),
    ],
)
def test_configured_headers_are_in_every_answer_with_all_their_values(method: str, path: str) -> None:
    headers = (("Access-Control-Allow-Methods", "GET"), ("Access-Control-Allow-Methods", "HEAD"), ("date", "never"))
    answer = registry(headers=headers).open(path, method=method)
    assert answer.headers.getlist("Access-Control-Allow-Methods") == ["GET", "HEAD"]
    assert answer.headers.getlist("Date") == ["never"]


def test_the_registrys_own_headers_can_be_replaced() -> None:
    answer = registry(headers=(("docker-distribution-api-version", "none"),)).get("/v2/")
    assert answer.headers.getlist("Docker-Distribution-API-Version") == ["none"]


@pytest.mark.parametrize("path", ["/", ""])
def test_the_root_answers_probes(path: str) -> None:
    client = registry(prefix="/some/where")
    for full in (path, f"/some/where{path}"):
        assert client.head(full).status_code == 200
        assert client.get(full).text == "A container registry; its API is below /some/where/v2/\n"


@given(st.binary(max_size=20))
@example(b"n=\xff")
@pytest.mark.parametrize("path", ["/", "/v2/_catalog", "/v2/app/tags/list", "/v2/app/blobs/uploads/x", "/nowhere"])
def test_any_bytes_as_a_query_are_no_fault_of_the_registry(path: str, query: bytes) -> None:
    answer = registry().get(path, environ_overrides={"QUERY_STRING": query.decode("latin-1")})
    assert answer.status_code < 500
    if not is_text(query):
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (400, "UNSUPPORTED")


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("changes", "path", "options", "location"),
    [
        ({}, "/v2", {}, "/v2/"),
        ({}, "/v2", {"base_url": "https://registry.example.com:5000"}, "/v2/"),
        ({"relative_urls": True, "public_url": "https://public.example.com"}, "/v2", {}, "/v2/"),
        ({"public_url": "https://public.example.com"}, "/v2", {}, "https://public.example.com/v2/"),
        ({"prefix": "/some/where"}, "/some/where/v2", {}, "/some/where/v2/"),
        ({"prefix": "/some/where/"}, "/v2", {}, "/some/where/v2/"),
        ({}, "/v2", {"environ_overrides": {"SCRIPT_NAME": "/proxied"}}, "/proxied/v2/"),
        ({"prefix": "/proxied"}, "/v2", {"environ_overrides": {"SCRIPT_NAME": "/proxied"}}, "/proxied/v2/"),
        (
            {"prefix": "/where", "public_url": "https://public.example.com/"},
            "/where/v2",
            {},
            "https://public.example.com/where/v2/",
        ),
    ],
)
def test_locations_lead_back_the_way_the_client_came(
    changes: dict[str, Any], path: str, options: dict[str, Any], location: str
) -> None:
    response = registry(**changes).post(f"{path}/app/blobs/uploads/", **options)
    assert response.status_code == 202, response.text
    assert response.headers["Location"].startswith(f"{location}app/blobs/uploads/")


def test_a_link_to_the_next_page_is_right_behind_a_prefix() -> None:
    class Two(Empty):
        def list_prefixes(self, path: str, delimiter: str = "/", after: str = "", page: int | None = None) -> Any:
            return iter(["a", "b"])

    client = registry(Two(), prefix="/some/where", public_url="https://public.example.com")
    link = client.get("/some/where/v2/_catalog?n=1").headers["Link"]
    assert link == '</some/where/v2/_catalog?n=1&last=a>; rel="next"'
    assert client.get(link.partition(">")[0][1:]).status_code == 200


# The access log.


# Time.


def test_a_silent_storage_is_waited_for_as_long_as_the_settings_say() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = {
            "swift_object_storage_url": f"http://127.0.0.1:{silent.getsockname()[1]}/v1/a",
            "swift_token": "t",
            "swift_container": "c",
        }
        settings = dataclasses.replace(SETTINGS, storage_timeout=0.2)
        response = Client(Registry(swift.Storage("/", config), settings)).get("/v2/app/manifests/latest")
    assert response.status_code == 503
    assert response.headers["Retry-After"]


def test_all_who_work_for_a_client_share_its_time() -> None:
    seen: list[object] = []
    with swift.Storage("/", {"swift_object_storage_url": "http://x/v1/a", "swift_token": "t"}).time_limit(5):
        gather([lambda: seen.append(deadline.current())] * 8)
    assert len(set(map(id, seen))) == 1
    assert seen[0] is not None


def test_nothing_that_is_pushed_is_a_page_of_this_host(client: Client) -> None:
    page = b"<script>alert(1)</script>"
    digest = Digest.of(page)
    client.post(f"/v2/a/blobs/uploads/?digest={digest}", data=page)
    for path in (f"/v2/a/blobs/{digest}", "/v2/a/tags/list", "/v2/nothing/here", "/v2/"):
        headers = client.get(path, headers={"Accept": "text/html"}).headers
        assert "sandbox" in headers["Content-Security-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Type"] in ("application/octet-stream", "application/json")
