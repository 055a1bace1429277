"""What a client does to push a blob, each way there is, one call at a time."""

from __future__ import annotations

from typing import Any

from werkzeug.test import Client, TestResponse

from docker_registry.distribution.model.digest import Digest

__all__ = ["Push", "blob_url", "pull"]


def blob_url(name: str, digest: Digest) -> str:
    return f"/v2/{name}/blobs/{digest}"


def pull(client: Client, name: str, digest: Digest) -> bytes:
    """The bytes that the registry serves; fails unless HEAD and GET agree that they are there."""
    url = blob_url(name, digest)
    head, get = client.head(url), client.get(url)
    assert (head.status_code, get.status_code) == (200, 200), (head.status, get.status, get.text)
    assert head.content_length == get.content_length == len(get.data)
    assert head.headers["Docker-Content-Digest"] == get.headers["Docker-Content-Digest"] == str(digest)
    return get.data


class Push:
    """One upload session as a client sees it: it knows the last Location, and checks what each answer must have."""

    def __init__(self, client: Client, name: str = "some/repo", query: str = ""):
        self.client = client
        self.name = name
        self.count = 0  # bytes that the registry has confirmed
        self.location = f"/v2/{name}/blobs/uploads/{query}"
        self.last = self.call("POST", 202)
        self.uuid = self.last.headers["Docker-Upload-UUID"]

    def call(self, method: str, expected: int, query: str = "", **options: Any) -> TestResponse:
        """One request to the last Location; takes the next one over from the answer to a 202."""
        url = self.location + (("&" if "?" in self.location else "?") + query if query else "")
        response = self.client.open(url, method=method, **options)
        assert response.status_code == expected, f"{method}: {response.status}, {response.text}"
        if expected == 202:
            self.location = response.headers["Location"]
            assert len(self.location) < 2000
        return response

    def stream(self, data: bytes, expected: int = 202) -> TestResponse:
        """A PATCH as skopeo, podman and crane send it."""
        return self._counted(self.call("PATCH", expected, data=data), len(data))

    def chunk(self, data: bytes, expected: int = 202, first: int | None = None) -> TestResponse:
        """A PATCH as oras and the conformance suite send it."""
        return self._counted(self.call("PATCH", expected, data=data, headers=self._range(data, first)), len(data))

    def close(self, digest: Digest, data: bytes = b"", expected: int = 201, as_chunk: bool = False) -> TestResponse:
        """The PUT, with the rest of the blob if there is any."""
        headers = self._range(data, None) if as_chunk else {}
        response = self.call("PUT", expected, f"digest={digest}", data=data, headers=headers)
        if expected == 201:
            assert response.headers["Docker-Content-Digest"] == str(digest)
            assert response.headers["Location"].endswith(blob_url(self.name, digest))
        return response

    def status(self) -> int:
        """How many bytes the registry says that it has; it says 1 for none."""
        response = self.call("GET", 204)
        assert response.headers["Docker-Upload-UUID"] == self.uuid
        return int(response.headers["Range"].removeprefix("0-")) + 1

    def cancel(self, expected: int = 204) -> TestResponse:
        return self.call("DELETE", expected)

    def cut(self, method: str, data: bytes, announced: int, query: str = "", **headers: str) -> TestResponse:
        """A request whose client goes away before it has sent all it announced."""
        environ = {"CONTENT_LENGTH": str(announced)}
        return self.call(method, 400, query, data=data, headers=headers, environ_overrides=environ)

    def _range(self, data: bytes, first: int | None) -> dict[str, str]:
        start = self.count if first is None else first
        return {"Content-Range": f"{start}-{start + len(data) - 1}"}

    def _counted(self, response: TestResponse, size: int) -> TestResponse:
        if response.status_code == 202:
            self.count += size
            assert response.headers["Range"] == f"0-{max(self.count - 1, 0)}"
        return response
