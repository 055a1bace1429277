"""Where docker-registry's v1 protocol keeps things: pure path arithmetic."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec
from urllib.parse import quote_plus

__all__ = ["Paths", "check", "filter_args"]

P = ParamSpec("P")

_DOTS = {".": "%2E", "..": "%2E%2E"}


def check(value: object) -> str:
    """One path segment: quoted, and never a name that a file system would resolve.

    >>> check(".."), check("a b/c")
    ('%252E%252E', 'a+b%2Fc')
    """
    text = str(value)
    return quote_plus(_DOTS.get(text, text))


def filter_args(method: Callable[P, str]) -> Callable[P, str]:
    """Decorate a path helper: `check` makes path segments of its arguments, but for one that is None."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> str:
        driver, *given = args
        values = [value if value is None else check(value) for value in given]
        named = {name: value if value is None else check(value) for name, value in kwargs.items()}
        return method(driver, *values, **named)  # type: ignore[arg-type]

    return wrapper


class Paths:
    """The path helpers of the v1 driver interface; every argument is quoted."""

    repositories = "repositories"
    images = "images"

    def _repository_path(self, namespace: str, repository: str) -> str:
        """The folder of a repository whose names are quoted already."""
        return f"{self.repositories}/{namespace}/{repository}"

    @filter_args
    def repository_path(self, namespace: str, repository: str) -> str:
        return self._repository_path(namespace, repository)

    @filter_args
    def images_list_path(self, namespace: str, repository: str) -> str:
        return f"{self._repository_path(namespace, repository)}/_images_list"

    @filter_args
    def index_images_path(self, namespace: str, repository: str) -> str:
        return f"{self._repository_path(namespace, repository)}/_index_images"

    @filter_args
    def private_flag_path(self, namespace: str, repository: str) -> str:
        return f"{self._repository_path(namespace, repository)}/_private"

    @filter_args
    def repository_json_path(self, namespace: str, repository: str) -> str:
        return f"{self._repository_path(namespace, repository)}/json"

    @filter_args
    def tag_path(self, namespace: str, repository: str, tagname: str | None = None) -> str:
        folder = self._repository_path(namespace, repository)
        return f"{folder}/tag_{tagname}" if tagname else folder

    @filter_args
    def repository_tag_json_path(self, namespace: str, repository: str, tag: str) -> str:
        return f"{self._repository_path(namespace, repository)}/tag{tag}_json"

    @filter_args
    def image_json_path(self, image_id: str) -> str:
        return f"{self.images}/{image_id}/json"

    @filter_args
    def image_mark_path(self, image_id: str) -> str:
        return f"{self.images}/{image_id}/_inprogress"

    @filter_args
    def image_checksum_path(self, image_id: str) -> str:
        return f"{self.images}/{image_id}/_checksum"

    @filter_args
    def image_layer_path(self, image_id: str) -> str:
        return f"{self.images}/{image_id}/layer"

    @filter_args
    def image_ancestry_path(self, image_id: str) -> str:
        return f"{self.images}/{image_id}/ancestry"

    @filter_args
    def image_files_path(self, image_id: str) -> str:
        return f"{self.images}/{image_id}/_files"

    @filter_args
    def image_diff_path(self, image_id: str) -> str:
        return f"{self.images}/{image_id}/_diff"
