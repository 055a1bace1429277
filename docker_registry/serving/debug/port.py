"""What the second port answers: `/metrics` (or where the settings say), `/debug/health`, `/healthz`, `/readyz`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

from docker_registry.metrics.figures import Totals

from .exposition import CONTENT_TYPE, expose
from .health import Health, Readiness

__all__ = ["DebugPort"]

_JSON = "application/json; charset=utf-8"


class DebugPort:
    """A WSGI application. `totals` gives the numbers of all workers; `is_stopping` whether the server ends."""

    def __init__(
        self,
        metrics_path: str,
        totals: Callable[[], Totals],
        health: Health | None,
        readiness: Readiness | None,
        is_stopping: Callable[[], bool],
    ):
        self._totals = totals
        self._health = health
        self._readiness = readiness
        self._is_stopping = is_stopping
        self._pages: dict[str, Callable[[], Response]] = {
            "/debug/health": self._show_health,
            "/healthz": lambda: Response("ok\n", content_type="text/plain"),
            "/readyz": self._show_readiness,
        }
        if metrics_path:
            self._pages[metrics_path] = self._show_metrics

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        page = self._pages.get(request.path)
        if page is None:
            response = Response("this port has: " + ", ".join(sorted(self._pages)) + "\n", 404)
        elif request.method not in ("GET", "HEAD"):
            response = Response("only GET and HEAD\n", 405, {"Allow": "GET, HEAD"})
        else:
            response = page()
        return response(environ, start_response)

    def _show_metrics(self) -> Response:
        return Response(expose(self._totals()), content_type=CONTENT_TYPE)

    def _show_health(self) -> Response:
        return _report(self._failing())

    def _show_readiness(self) -> Response:
        """Whether requests should come here: not while it drains, a check fails, or the storage cannot be reached."""
        wrong = self._failing()
        if self._is_stopping():
            wrong["server"] = "it is stopping"
        complaint = self._readiness.complaint() if self._readiness and not wrong else ""
        if complaint:
            wrong["storage"] = complaint
        return _report(wrong)

    def _failing(self) -> dict[str, str]:
        return dict(self._health.failing) if self._health else {}


def _report(wrong: dict[str, str]) -> Response:
    return Response(json.dumps(wrong), 503 if wrong else 200, content_type=_JSON)
