"""What the server counts of requests, once each is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker_registry.distribution.resource import HANDLER, REPOSITORY
from docker_registry.metrics.figures import Figures
from docker_registry.metrics.table import OTHER

__all__ = ["Traffic"]

_METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))
_UPLOADS = ("blob_upload", "blob_upload_chunk")
_PREFIXES = 100  # that are told apart; each is two series for ever, and their names are clients' to choose
_LONGEST = 64  # characters of one


class Traffic:
    """Counts into `figures`; a GET by digest costs three additions and three searches in a list of 22 numbers."""

    def __init__(self, figures: Figures):
        self._figures = figures
        self._prefixes: set[str] = set()

    def count(
        self, environ: Mapping[str, Any], status: int, seconds: float, asked: int, received: int, sent: int
    ) -> None:
        """`asked` are the bytes of the request's head; `received` and `sent` those of bodies."""
        handler = environ.get(HANDLER)
        if handler is None:
            return
        sent_as = environ["REQUEST_METHOD"]
        method = sent_as.lower() if sent_as in _METHODS else "unknown"
        figures = self._figures
        figures.count("registry_http_requests_total", str(status), handler, method)
        figures.observe(seconds, "registry_http_request_duration_seconds", handler, method)
        figures.observe(asked + received, "registry_http_request_size_bytes", handler)
        figures.observe(sent, "registry_http_response_size_bytes", handler)
        if status < 300:
            self._count_bytes(handler, method, environ.get(REPOSITORY, ""), received, sent)

    def _count_bytes(self, handler: str, method: str, repository: str, received: int, sent: int) -> None:
        if method == "get" and sent and handler in ("blob", "manifest"):
            self._figures.count("registry_repository_bytes_total", "pull", self._prefix(repository), by=sent)
        elif received and (handler in _UPLOADS or handler == "manifest"):
            self._figures.count("registry_repository_bytes_total", "push", self._prefix(repository), by=received)

    def _prefix(self, repository: str) -> str:
        prefix = repository.partition("/")[0][:_LONGEST]
        if prefix not in self._prefixes:
            if len(self._prefixes) >= _PREFIXES or not prefix:
                return OTHER
            self._prefixes.add(prefix)
        return prefix
