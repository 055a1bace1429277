"""Finding drivers, ranges, and the path helpers of the v1 interface."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import docker_registry.drivers
from docker_registry.core import driver, exceptions
from docker_registry.core.driver import resolve_range
from docker_registry.core.types import Stat
from docker_registry.drivers import memory


def test_drivers_are_found() -> None:
    assert {"memory", "swift"} <= set(driver.available())
    assert driver.fetch("memory") is memory.Storage
    assert driver.fetch("memory").scheme == "memory"


def test_a_driver_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(exceptions.NotImplementedError, match=r"install docker-registry-driver-floppy.*memory, swift"):
        driver.fetch("floppy")


def test_a_driver_that_cannot_be_imported_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> ModuleType:
        raise ImportError("no module named lzma", name="lzma")

    monkeypatch.setattr(driver.importlib, "import_module", fail)
    with pytest.raises(exceptions.NotImplementedError, match="cannot be imported: no module named lzma"):
        driver.fetch("broken")


def test_a_driver_gets_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    class Storage(driver.Base):
        pass

    module = ModuleType("docker_registry.drivers.mine")
    module.Storage = Storage  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(docker_registry.drivers, "mine", module, raising=False)
    assert driver.fetch("mine").scheme == "mine"


def test_methods_that_a_driver_lacks_are_named() -> None:
    class Storage(driver.Base):
        pass

    for method, arguments in {
        "get_content": ("f",),
        "put_content": ("f", b""),
        "stream_read": ("f",),
        "stream_write": ("f", None),
        "list_directory": ("f",),
        "exists": ("f",),
        "remove": ("f",),
        "get_size": ("f",),
    }.items():
        with pytest.raises(exceptions.NotImplementedError, match=f"Storage has no method {method}"):
            getattr(Storage(), method)(*arguments)
    assert Storage().content_redirect_url("f") is None


def test_a_stat_that_knows_nothing_of_newest_is_asked_without_it() -> None:
    class Old(memory.Storage):
        def stat(self, path: str) -> Stat:  # type: ignore[override]
            """Says what it says."""
            return super().stat(path)

    class New(Old):
        def stat(self, path: str, **more: Any) -> Stat:
            assert more == {"newest": True}
            return super().stat(path)

    for storage in (Old(), New()):
        storage.put_content("f", b"123")
        assert storage.stat("f", newest=True).size == 3
    assert Old().stat.__doc__ == "Says what it says."


@given(st.integers(0, 50), st.none() | st.integers(0, 60), st.none() | st.integers(0, 60))
def test_ranges_mean_what_http_means(size: int, first: int | None, last: int | None) -> None:
    content = bytes(range(size))
    if first is None:
        expected = content[max(size - (last or 0), 0) :]
    else:
        expected = content[first:] if last is None else content[first : last + 1]
    try:
        start, end = resolve_range((first, last), size)
    except exceptions.WrongArgumentsError:
        assert expected == b""
    else:
        assert content[start : end + 1] == expected != b""


def test_path_helpers() -> None:
    paths = driver.Base()
    assert paths.images_list_path("library", "busy box") == "repositories/library/busy+box/_images_list"
    assert paths.tag_path("a", "b") == "repositories/a/b"
    assert paths.tag_path("a", "b", "latest") == "repositories/a/b/tag_latest"
    assert paths.repository_tag_json_path("a", "b", "v1") == "repositories/a/b/tagv1_json"
    assert paths.image_layer_path("../x") == "images/..%2Fx/layer"
    assert paths.image_json_path("..") == "images/%252E%252E/json"
    assert paths.repository_path(".", "..") == "repositories/%252E/%252E%252E"


def test_path_helpers_of_a_driver() -> None:
    class Storage(driver.Base):
        repositories = "mine"

        def _repository_path(self, namespace: str, repository: str) -> str:
            return f"{self.repositories}/{namespace}.{repository}"

        @driver.filter_args
        def own_path(self, name: str, *, kind: str = "a") -> str:
            return f"{name}/{kind}"

    paths = Storage()
    assert driver.check("..") == "%252E%252E"
    assert paths.own_path("a/b", kind=".") == "a%2Fb/%252E"
    assert paths.tag_path(namespace="a", repository="b/c", tagname="1") == "mine/a.b%2Fc/tag_1"
    assert paths.tag_path("a", "b", None) == "mine/a.b"


def test_is_private() -> None:
    storage = memory.Storage()
    assert not storage.is_private("a", "b")
    storage.put_content(storage.private_flag_path("a", "b"), b"")
    assert storage.is_private("a", "b")
