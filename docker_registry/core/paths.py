"""Where docker-registry's v1 protocol keeps things: pure path arithmetic."""

from __future__ import annotations

from urllib.parse import quote_plus

__all__ = ["Paths"]

_DOTS = {".": "%2E", "..": "%2E%2E"}


def _safe(value: object) -> str:
    """One path segment: quoted, and never a name that a file system would resolve.

    >>> _safe(".."), _safe("a b/c")
    ('%252E%252E', 'a+b%2Fc')
    """
    text = str(value)
    return quote_plus(_DOTS.get(text, text))


class Paths:
    """The path helpers of the v1 driver interface; every argument is quoted."""

    repositories = "repositories"
    images = "images"

    def repository_path(self, namespace: str, repository: str) -> str:
        return f"{self.repositories}/{_safe(namespace)}/{_safe(repository)}"

    def _of_repository(self, namespace: str, repository: str, name: str) -> str:
        return f"{self.repository_path(namespace, repository)}/{name}"

    def images_list_path(self, namespace: str, repository: str) -> str:
        return self._of_repository(namespace, repository, "_images_list")

    def index_images_path(self, namespace: str, repository: str) -> str:
        return self._of_repository(namespace, repository, "_index_images")

    def private_flag_path(self, namespace: str, repository: str) -> str:
        return self._of_repository(namespace, repository, "_private")

    def repository_json_path(self, namespace: str, repository: str) -> str:
        return self._of_repository(namespace, repository, "json")

    def tag_path(self, namespace: str, repository: str, tagname: str | None = None) -> str:
        if not tagname:
            return self.repository_path(namespace, repository)
        return self._of_repository(namespace, repository, f"tag_{_safe(tagname)}")

    def repository_tag_json_path(self, namespace: str, repository: str, tag: str) -> str:
        return self._of_repository(namespace, repository, f"tag{_safe(tag)}_json")

    def _of_image(self, image_id: str, name: str) -> str:
        return f"{self.images}/{_safe(image_id)}/{name}"

    def image_json_path(self, image_id: str) -> str:
        return self._of_image(image_id, "json")

    def image_mark_path(self, image_id: str) -> str:
        return self._of_image(image_id, "_inprogress")

    def image_checksum_path(self, image_id: str) -> str:
        return self._of_image(image_id, "_checksum")

    def image_layer_path(self, image_id: str) -> str:
        return self._of_image(image_id, "layer")

    def image_ancestry_path(self, image_id: str) -> str:
        return self._of_image(image_id, "ancestry")

    def image_files_path(self, image_id: str) -> str:
        return self._of_image(image_id, "_files")

    def image_diff_path(self, image_id: str) -> str:
        return self._of_image(image_id, "_diff")
