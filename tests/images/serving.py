"""A registry in memory over a socket, which can be told to lie, to break off, and to want a login."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from docker_registry.images.inside import Inside

Answer = Callable[[Request, Response], Response]
PASSWORD = "alice:secret of alice"


class Served:
    """`change` makes another answer of each; with `wants_token`, one is asked for, and given for PASSWORD only."""

    def __init__(self, registry: Inside):
        self.registry = registry
        self.url = ""
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.change: Answer = lambda _, answer: answer
        self.wants_token = False

    @property
    def host(self) -> str:
        return self.url.partition("//")[2]

    def paths(self) -> list[str]:
        return [path for path, _ in self.seen]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        self.seen.append((request.path, dict(request.headers)))
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path == "/token":
            if request.headers.get("Authorization") != f"Basic {base64.b64encode(PASSWORD.encode()).decode()}":
                return Response(status=401)
            return Response(json.dumps({"token": "for " + request.args["scope"]}))
        if self.wants_token and request.headers.get("Authorization") != "Bearer for repository:team/app:pull":
            challenge = f'Bearer realm="{self.url}/token",service="here",scope="repository:team/app:pull"'
            return Response(status=401, headers={"WWW-Authenticate": challenge})
        headers = {name: value for name, value in request.headers.items() if name in ("Accept", "Range")}
        query = dict(request.args.items())
        answer = self.registry.ask(request.method, request.path, query=query, headers=headers)
        whole = Response(answer.get_data(), answer.status, dict(answer.headers))
        return self.change(request, whole)


class _Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        pass


@contextmanager
def serving(registry: Inside) -> Iterator[Served]:
    app = Served(registry)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    app.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
