"""Every way to log in, at a real TempAuth, Keystone v2.0 and Keystone v3, on this Python and on 2.7."""

from __future__ import annotations

import json

import pytest

from docker_registry.drivers.swift.login.token import Auth
from docker_registry.drivers.swift.settings.config import read
from docker_registry.embedded import EmbeddedSwift
from tests.live.combinations import tried
from tests.live.identity import exercise
from tests.live.identity.cloud import Cloud
from tests.live.identity.conftest import PYTHON
from tests.live.identity.ways import V1, V2, V3, Way
from tests.wheels import Environment


def use(name: str, way: Way, container: str, default_base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in way.environ.items():
        monkeypatch.setenv(variable, value)
    options = {**way.options, "swift_container": container}
    access = Auth(read(options)).access()
    assert access.url.startswith((way.base or default_base) + "/v1/")
    with tried("driver", name, PYTHON):
        exercise.exercise(options)


@pytest.mark.parametrize("name", V1)
def test_version_1(name: str, swift: EmbeddedSwift, container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(name, V1[name](swift), container, swift.url, monkeypatch)


@pytest.mark.parametrize("name", V2)
def test_version_2(name: str, v2: Cloud, container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(name, V2[name](v2), container, v2.swift.url, monkeypatch)


@pytest.mark.parametrize("name", V3)
def test_version_3(name: str, v3: Cloud, container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(name, V3[name](v3), container, v3.swift.url, monkeypatch)


def use_on_python2(where: Environment, name: str, way: Way, container: str) -> None:
    options = json.dumps({**way.options, "swift_container": container})
    with tried("driver", name, "2.7"):
        said = where.run("python", exercise.__file__, options, **way.environ)
    assert said.splitlines()[-1] == "2.7"


@pytest.mark.parametrize("name", V1)
def test_version_1_on_python_2(name: str, python2: Environment, swift: EmbeddedSwift, container: str) -> None:
    use_on_python2(python2, name, V1[name](swift), container)


@pytest.mark.parametrize("name", V2)
def test_version_2_on_python_2(name: str, python2: Environment, v2: Cloud, container: str) -> None:
    use_on_python2(python2, name, V2[name](v2), container)


@pytest.mark.parametrize("name", V3)
def test_version_3_on_python_2(name: str, python2: Environment, v3: Cloud, container: str) -> None:
    use_on_python2(python2, name, V3[name](v3), container)
