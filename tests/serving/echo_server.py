"""The registry's server around a small application; test_server.py starts it in a process of its own.

    python -m tests.serving.echo_server '{"workers": 2}'

The first line on stdout is the port. On SIGHUP the settings are read from the
file that the second argument names, if there is one.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docker_registry.core.exceptions import ConfigError, UnreachableError
from docker_registry.metrics.figures import Figures
from docker_registry.serving import server
from docker_registry.serving.proxies import TrustedProxies
from docker_registry.settings import Limits, Settings


def load(settings: Settings, _figures: Figures) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/fail":
            raise RuntimeError("the application failed")
        if path == "/break":
            return broken(start_response)
        if path == "/ignore":
            return answer(start_response, "404 Not Found", {})
        if path == "/sleep":
            time.sleep(float(environ["QUERY_STRING"]))
        if path == "/large":
            start_response("200 OK", [])
            return (bytes(1 << 20) for _ in range(int(environ["QUERY_STRING"])))
        body = environ["wsgi.input"].read()
        seen = {
            "sha256": hashlib.sha256(body).hexdigest(),
            "pid": os.getpid(),
            "host": settings.host,
            "body_timeout": settings.body_timeout,
        }
        return answer(start_response, "200 OK", seen)

    return TrustedProxies(app, settings.trusted_proxies)


def broken(start_response: Any) -> Iterator[bytes]:
    """An answer whose storage fails in the middle."""
    start_response("200 OK", [("Content-Length", "10")])
    yield b"12345"
    raise UnreachableError("the storage went away")


def answer(start_response: Any, status: str, seen: dict[str, Any]) -> list[bytes]:
    body = json.dumps(seen).encode()
    start_response(status, [("Content-Length", str(len(body)))])
    return [body]


def settings_of(text: str, **more: Any) -> Settings:
    fields = json.loads(text)
    return Settings(limits=Limits(**fields.pop("limits", {})), **fields, **more)


def reread() -> Settings:
    text = Path(sys.argv[2]).read_text()
    if not text:
        raise ConfigError("the file is empty")
    return settings_of(text)


if __name__ == "__main__":
    given = settings_of(sys.argv[1], port=0)
    listener = server.bind(given)
    server.listen(listener)
    print(0 if given.socket else listener.getsockname()[1], flush=True)
    server.run(given, listener, reread, load)
