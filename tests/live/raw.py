"""Objects of a Swift, touched by their names as no driver would."""

from __future__ import annotations

from urllib.parse import quote

import requests

from docker_registry.embedded import SwiftProcess
from tests.live.ceph import Ceph


class Raw:
    """One container. Every method raises requests.HTTPError for an answer that is not a success."""

    def __init__(self, swift: SwiftProcess | Ceph, container: str):
        login = {"X-Auth-User": swift.user, "X-Auth-Key": swift.password}
        answer = requests.get(swift.auth_url, headers=login, timeout=60)
        answer.raise_for_status()
        self.container = container
        self._url = f"{swift.storage_url}/{container}"
        self.token = {"X-Auth-Token": answer.headers["X-Auth-Token"]}

    def ask(self, method: str, name: str = "", headers: dict[str, str] | None = None, data: bytes = b"") -> bytes:
        url = f"{self._url}/{quote(name)}" if name else self._url
        answer = requests.request(method, url, headers={**self.token, **(headers or {})}, data=data, timeout=60)
        answer.raise_for_status()
        return answer.content

    def names(self, prefix: str = "") -> list[str]:
        return [name for name in self.ask("GET").decode().split("\n") if name.startswith(prefix) and name]

    def dynamic(self, name: str, prefix: str) -> None:
        """Write the manifest of a dynamic large object, as Distribution 2.8 does."""
        self.ask("PUT", name, {"X-Object-Manifest": f"{self.container}/{prefix}"})
