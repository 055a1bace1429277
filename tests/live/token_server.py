"""A token server on loopback that clients ask as they ask any: `GET ?service=&scope=` with a name and a password."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.distribution.auth.issuer import Issuer, access

__all__ = ["TokenService"]


class TokenService:
    """Gives `allowed[name]` (pattern-less: repository -> actions) of what is asked; the password of a name is the name.

    `claims` are put into all tokens from now on, `spoil` changes the finished ones. Use it as a context manager; `url`
    is its address.
    """

    def __init__(self, issuer: Issuer, allowed: dict[str, dict[str, set[str]]]):
        self.issuer = issuer
        self.allowed = allowed
        self.claims: dict[str, Any] = {}
        self.spoil: Callable[[str], str] = lambda token: token
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = service.who(self.headers.get("Authorization", ""))
                if name is None:
                    self.answer(401, {"details": "incorrect username or password"})
                    return
                query = parse_qs(urlsplit(self.path).query)
                token = service.token(name, query.get("scope", []))
                self.answer(200, {"token": token, "access_token": token, "expires_in": 300})

            def answer(self, status: int, document: dict[str, Any]) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"

    def who(self, header: str) -> str | None:
        """The name of a right password, "" for nobody, None for a wrong one."""
        if not header:
            return ""
        name, _, password = base64.b64decode(header.partition(" ")[2]).decode().partition(":")
        return name if name in self.allowed and password == name else None

    def token(self, name: str, scopes: list[str]) -> str:
        claims = []
        for scope in " ".join(scopes).split():
            kind, repository, actions = scope.rsplit(":", 2)[0].split(":", 1)[0], *scope.split(":", 1)[1].rsplit(":", 1)
            granted = self.allowed.get(name, {}).get(repository, set()) & set(actions.split(","))
            claims.append(access(repository, *sorted(granted), type=kind))
        token = self.issuer.token(*claims, header={"kid": self.issuer.key_id}, **{"sub": name, **self.claims})
        return self.spoil(token)

    def __enter__(self) -> TokenService:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
