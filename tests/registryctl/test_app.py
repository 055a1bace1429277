"""registryctl's API beside the registry whose storage it is, over the memory driver and a real Swift."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import ConnectionError, UnreachableError
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.memory import Storage
from docker_registry.registryctl.app import Registryctl
from docker_registry.settings import ContainerRule, DriverConfig, Settings
from tests.distribution.conftest import client, container, driver, registry, swift
from tests.distribution.contents import manifest_url, push, push_blob, push_image
from tests.distribution.pushing import blob_url

__all__ = ["client", "container", "driver", "registry", "swift"]

SECRET = {"Authorization": "Harbor-Secret job"}
ABSENT = Digest.of(b"nobody pushed this")


@pytest.fixture
def ctl(driver: Base) -> Client:
    """For a collector that comes long after the pushes."""
    return Client(Registryctl(driver, Settings(read_only=True), "job", settled=0))


def delete(ctl: Client, path: str) -> TestResponse:
    return ctl.delete(f"/api/registry/{path}", headers=SECRET)


def error(answer: TestResponse) -> tuple[int, str]:
    document = answer.get_json()
    assert isinstance(document, dict)
    (entry,) = document["errors"]
    assert set(entry) == {"code", "message"}
    return answer.status_code, entry["code"]


def test_health_is_for_everybody(ctl: Client) -> None:
    answer = ctl.get("/api/health")
    assert (answer.status_code, answer.get_json()) == (200, "healthy")


@pytest.mark.parametrize("shown", [None, "", "Harbor-Secret ", "Harbor-Secret jo", "Basic job", "Harbor-Secret j\xf6b"])
def test_all_else_wants_the_secret(ctl: Client, shown: str | None) -> None:
    headers = {} if shown is None else {"Authorization": shown}
    for method, path in (("DELETE", f"blob/{ABSENT}"), ("DELETE", f"a/manifests/{ABSENT}"), ("GET", "no-such")):
        answer = ctl.open(f"/api/registry/{path}", method=method, headers=headers)
        assert error(answer) == (401, "UNAUTHORIZED")


def test_a_blob_goes_whoever_links_it_and_once(ctl: Client, client: Client, driver: Base) -> None:
    digest = push_blob(client, "project/one", b"layer" * 1000)
    push_blob(client, "project/two", b"layer" * 1000)
    assert delete(ctl, f"blob/{digest}").status_code == 200
    assert [entry.path for entry in driver.walk("files/docker/registry/v2/blobs")] == []
    assert error(delete(ctl, f"blob/{digest}")) == (404, "NOT_FOUND")
    assert push_blob(client, "project/one", b"layer" * 1000) == digest
    assert client.get(blob_url("project/one", digest)).data == b"layer" * 1000


def test_a_blob_of_which_a_registry_may_be_sure_stays(client: Client, driver: Base) -> None:
    ctl = Client(Registryctl(driver, Settings(), "job"))
    digest = push_blob(client, "project/one", b"layer")
    answer = delete(ctl, f"blob/{digest}")
    assert (error(answer), answer.headers["Retry-After"]) == ((409, "CONFLICT"), "900")
    assert client.get(blob_url("project/one", digest)).data == b"layer"


def test_a_manifest_goes_with_its_tags_and_leaves_the_others(ctl: Client, client: Client) -> None:
    gone, _ = push_image(client, "project/app", "gone", b"one")
    kept, body = push_image(client, "project/app", "kept", b"two")
    push(client, "project/other", gone, client.get(manifest_url("project/app", gone)).data)
    assert delete(ctl, f"project/app/manifests/{gone}").status_code == 200
    assert error(delete(ctl, f"project/app/manifests/{gone}")) == (404, "NOT_FOUND")
    assert client.get(manifest_url("project/app", "gone")).status_code == 404
    assert client.get("/v2/project/app/tags/list").get_json()["tags"] == ["kept"]
    assert client.get(manifest_url("project/app", kept)).data == body


@pytest.mark.parametrize(
    "path",
    [
        "blob/sha256:xyz",
        "blob/md5:" + "0" * 32,
        "project/app/manifests/latest",
        f"Project/manifests/{ABSENT}",
        f"../a/manifests/{ABSENT}",
        f"/manifests/{ABSENT}",
    ],
)
def test_what_cannot_be_meant_is_refused(ctl: Client, path: str) -> None:
    assert error(delete(ctl, path)) == (400, "BAD_REQUEST")


def test_what_is_not_there_counts_as_done_for_harbor(ctl: Client) -> None:
    for path in (f"blob/{ABSENT}", f"project/app/manifests/{ABSENT}", "no-such-path"):
        assert error(delete(ctl, path)) == (404, "NOT_FOUND")


def test_other_methods_are_named(ctl: Client) -> None:
    answer = ctl.get(f"/api/registry/blob/{ABSENT}", headers=SECRET)
    assert (error(answer), answer.headers["Allow"]) == ((405, "METHOD_NOT_ALLOWED"), "DELETE")


@pytest.mark.parametrize(
    ("fault", "status"), [(UnreachableError("down"), 503), (ConnectionError("refused: secret detail"), 502)]
)
def test_an_outage_is_never_told_as_done(
    ctl: Client, driver: Base, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    def fail(*_args: Any, **_options: Any) -> Any:
        raise fault

    for verb in ("remove", "stat", "open", "get_newest", "get_content"):
        monkeypatch.setattr(driver, verb, fail)
    for path in (f"blob/{ABSENT}", f"project/app/manifests/{ABSENT}"):
        answer = delete(ctl, path)
        assert error(answer) == (status, "UNKNOWN")
        assert "secret detail" not in answer.text


def test_a_blob_goes_from_each_container_and_a_manifest_from_its_repositorys() -> None:
    rule = ContainerRule("team", ("team/**",), "/registry", DriverConfig(), "elsewhere")
    settings = Settings(secret=b"s", containers=(rule,))
    drivers = [Storage("/registry"), Storage("/registry")]
    client = Client(Registry(drivers[0], settings, drivers[1:]))
    ctl = Client(Registryctl(drivers[0], settings, "job", drivers[1:], settled=0))
    for name in ("team/app", "other/app"):
        image, _ = push_image(client, name, "latest", b"layer")
    layer = Digest.of(b"layer")
    assert delete(ctl, f"team/app/manifests/{image}").status_code == 200
    assert client.get(manifest_url("team/app", "latest")).status_code == 404
    assert client.get(manifest_url("other/app", "latest")).status_code == 200
    assert delete(ctl, f"blob/{layer}").status_code == 200
    paths = [entry.path for driver in drivers for entry in driver.walk("files/docker/registry/v2/blobs")]
    assert not [path for path in paths if layer.hex in path]
