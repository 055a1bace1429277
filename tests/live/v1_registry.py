"""docker-registry 0.9.1, the genuine one, on Python 2.7; and a small client of its v1 protocol."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import requests

from docker_registry.embedded import EmbeddedSwift
from tests.live import venvs
from tests.wheels import Environment, with_driver

__all__ = ["Client", "DockerRegistry", "Image", "chain", "installed", "sample_config"]

START_TIMEOUT = 60.0  # seconds; two interpreters import a good deal
STOP_TIMEOUT = 20.0
CALL_TIMEOUT = 120.0
# gunicorn says the port that it got for port 0.
LISTENING = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")
# The line of the sample's flavor `swift` before which a user adds more of them.
LINE = "    swift_container:"


def installed(driver: str | Path, name: str = "docker-registry-py27") -> Environment:
    """The environment `name`: docker-registry, and this driver, a wheel or a requirement such as `NAME==VERSION`."""
    folder = venvs.venv(name, venvs.PINS / "docker-registry-py27.txt", venvs.python2(), exact=True)
    return with_driver(folder, driver)


def sample_config(where: Environment) -> Path:
    """The configuration that docker-registry brings along."""
    (path,) = where.bin.parent.glob("lib/python2.7/site-packages/config/config_sample.yml")
    return path


class DockerRegistry:
    """One docker-registry: gunicorn with gevent workers, its sample config, flavor `swift`, `OS_*` environment.

    With `options`, the config file is a copy of the sample with lines more in
    that flavor. `environ` is added to its environment.
    """

    def __init__(
        self,
        where: Environment,
        swift: EmbeddedSwift,
        container: str,
        folder: Path,
        options: Mapping[str, Any] | None = None,
        **environ: str,
    ):
        self._where = where
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._log = folder / "log.txt"
        self.environ = {
            "PATH": os.pathsep.join([str(where.bin), os.environ["PATH"]]),
            "DOCKER_REGISTRY_CONFIG": str(self._config(options or {})),
            "SETTINGS_FLAVOR": "swift",
            "REGISTRY_HOST": "127.0.0.1",
            "REGISTRY_PORT": "0",
            "GUNICORN_WORKERS": "2",
            "OS_AUTH_URL": swift.auth_url,
            "OS_USERNAME": swift.user,
            "OS_PASSWORD": swift.password,
            "OS_CONTAINER": container,
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def _config(self, options: Mapping[str, Any]) -> Path:
        sample = sample_config(self._where)
        if not options:
            return sample
        own = self._folder / "config.yml"
        lines = "".join(f"    {name}: {json.dumps(value)}\n" for name, value in options.items())
        own.write_text(sample.read_text().replace(LINE, lines + LINE, 1))
        return own

    @property
    def pid(self) -> int:
        """Of gunicorn's master."""
        assert self._process
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def __enter__(self) -> DockerRegistry:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(self._where.bin / "docker-registry")],
                cwd=self._folder,
                env=self.environ,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_it_answers(time.monotonic() + START_TIMEOUT)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_until_it_answers(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            assert self._process
            assert self._process.poll() is None, self.log
            if found := LISTENING.search(self.log):
                self.url = f"http://127.0.0.1:{found[1]}"
                if _answers(f"{self.url}/v1/_ping"):
                    return
            time.sleep(0.05)
        raise AssertionError(f"docker-registry does not answer:\n{self.log}")

    def __exit__(self, *exc_info: object) -> None:
        assert self._process
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


class Image:
    """One layer of an image: v1 calls each an image, with the one below as its parent."""

    def __init__(self, layer: bytes, parent: str | None):
        self.layer = layer
        self.id = hashlib.sha256(layer + (parent or "").encode()).hexdigest()
        description = {"id": self.id, "created": "2014-10-01T00:00:00Z", "architecture": "amd64", "os": "linux"}
        self.json = json.dumps(description | ({"parent": parent} if parent else {})).encode()
        self.checksum = "sha256:" + hashlib.sha256(self.json + b"\n" + layer).hexdigest()


def chain(layers: Iterable[bytes]) -> list[Image]:
    """The images of these layers, the base first."""
    images: list[Image] = []
    for layer in layers:
        images.append(Image(layer, images[-1].id if images else None))
    return images


class Client:
    """What `docker push` and `docker pull` of 2014 ask of a registry."""

    def __init__(self, url: str):
        self._url = url
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "docker/1.3.0 go/go1.3.3 kernel/3.16 os/linux arch/amd64"

    def call(self, method: str, path: str, status: int | None = 200, **options: Any) -> requests.Response:
        """One request, whose answer must have this status (None: any)."""
        answer = self._session.request(method, f"{self._url}/v1/{path}", timeout=CALL_TIMEOUT, **options)
        assert status in (None, answer.status_code), f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer

    def push(self, repository: str, tag: str, images: list[Image]) -> None:
        listing = [{"id": image.id} for image in images]
        self.call("PUT", f"repositories/{repository}/", json=[*listing, {"id": images[-1].id, "Tag": tag}])
        for image in images:
            self._push_image(image)
        self.call("PUT", f"repositories/{repository}/tags/{tag}", json=images[-1].id)
        self.call("PUT", f"repositories/{repository}/images", 204, json=listing)

    def _push_image(self, image: Image) -> None:
        self.call("GET", f"images/{image.id}/json", 404)
        self.call("PUT", f"images/{image.id}/json", data=image.json)
        pieces = (image.layer[start : start + 65536] for start in range(0, len(image.layer), 65536))
        self.call("PUT", f"images/{image.id}/layer", data=pieces)  # chunked, as docker sends it
        self.call("PUT", f"images/{image.id}/checksum", headers={"X-Docker-Checksum-Payload": image.checksum})

    def pull(self, repository: str, tag: str) -> list[bytes]:
        """The layers, the base first; each image's JSON is checked against its layer."""
        self.call("GET", f"repositories/{repository}/images")
        top = self.tags(repository)[tag]
        layers = []
        for image_id in reversed(self.call("GET", f"images/{top}/ancestry").json()):
            described = self.call("GET", f"images/{image_id}/json")
            layer = self.call("GET", f"images/{image_id}/layer").content
            digest = hashlib.sha256(described.content + b"\n" + layer).hexdigest()
            assert f"sha256:{digest}" in described.headers["X-Docker-Checksum-Payload"]
            assert described.headers["X-Docker-Size"] == str(len(layer))
            layers.append(layer)
        return layers

    def tags(self, repository: str) -> dict[str, str]:
        return self.call("GET", f"repositories/{repository}/tags").json()
