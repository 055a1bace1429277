"""Logging in at another registry: whose password, and the token that it is changed for.

Passwords come from the command line, or from the files in which docker, podman
and skopeo keep them (containers-auth.json(5)). The protocol is that of
Distribution's "Token Authentication" and RFC 7617. No password is ever part of a message.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from docker_registry.core.exceptions import UsageError

__all__ = ["ANSWER_MAX", "Login", "Password", "find_password", "parse_password"]

ANSWER_MAX = 16 << 20  # bytes of an answer in JSON
_FIELD = re.compile(r'([a-zA-Z_]{1,20})="([^"]{0,2000})"')


class Password(NamedTuple):
    user: str
    secret: str

    def __repr__(self) -> str:
        return f"Password({self.user!r})"


def parse_password(text: str) -> Password:
    """`USER:PASSWORD`; raises ValueError."""
    user, colon, secret = text.partition(":")
    if not (user and colon):
        raise ValueError("write USER:PASSWORD")
    return Password(user, secret)


def find_password(host: str, repository: str, path: str | None, environ: Mapping[str, str]) -> Password | None:
    """What the first auth file that has something for a repository says. Raises UsageError for a broken file.

    `path` is the only file to look into, if given.
    """
    for file in [Path(path)] if path else _files(environ):
        found = _in_file(file, host, repository, must=bool(path))
        if found:
            return found
    return None


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("REGISTRY_AUTH_FILE"):
        yield Path(environ["REGISTRY_AUTH_FILE"])
        return
    if environ.get("XDG_RUNTIME_DIR"):
        yield Path(environ["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"
    home = Path(environ.get("HOME") or "/")
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"
    yield Path(environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json"


def _in_file(file: Path, host: str, repository: str, must: bool) -> Password | None:
    try:
        entries = json.loads(file.read_text("utf8")).get("auths") or {}
        # The most exact entry counts: host/team/app, host/team, host; docker writes https://host/v1/.
        parts = repository.split("/")
        names = ["/".join([host, *parts[:length]]) for length in range(len(parts), -1, -1)]
        plain = {_plain(key): entry for key, entry in entries.items()}
        for name in names:
            if name in plain and plain[name].get("auth"):
                return parse_password(base64.b64decode(plain[name]["auth"], validate=True).decode("utf8"))
    except FileNotFoundError:
        if must:
            raise UsageError(f"there is no auth file {file}") from None
    except OSError as error:
        raise UsageError(f"cannot read the auth file {file}: {error.strerror}") from None
    except (ValueError, AttributeError, TypeError, binascii.Error):
        raise UsageError(f"{file} cannot be read as an auth file (containers-auth.json)") from None
    return None


def _plain(key: str) -> str:
    """What a file calls a registry, without what docker adds.

    >>> _plain("https://index.docker.io/v1/"), _plain("quay.io/team")
    ('docker.io', 'quay.io/team')
    """
    name = re.sub(r"^https?://|/v[12]/?$|/$", "", key)
    return "docker.io" if name == "index.docker.io" else name


class Login(AuthBase):
    """Puts into requests what one registry wants to see; `renew` learns that from its 401.

    `ask` sends a GET, and returns the answer before its body is read.
    """

    def __init__(self, ask: Callable[..., requests.Response], password: Password | None):
        self._get = ask
        self._password = password
        self._header = ""
        self._lock = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._header:
            request.headers["Authorization"] = self._header
        return request

    def renew(self, answer: requests.Response) -> bool:
        """Whether it is worth asking again. Raises UsageError where no login is to be had."""
        with self._lock:
            sent = answer.request.headers.get("Authorization", "")
            if self._header != sent:  # another thread was faster
                return True
            header = self._ask(answer)
            changed, self._header = header != sent, header
            return changed

    def advice(self, answer: requests.Response) -> str:
        """What to do about an answer, to go behind its status; "" where that is not about logins."""
        if answer.status_code not in (401, 403):
            return ""
        if not self._password:
            return ": give --src-creds, or log in with skopeo login"
        if "Authorization" not in answer.request.headers:  # as where a blob is redirected to
            return ""
        if answer.status_code == 403:
            return f": {self._password.user} may not read it"
        return f": the login as {self._password.user} was refused; check --src-creds, or log in anew with skopeo login"

    def _ask(self, answer: requests.Response) -> str:
        challenge = answer.headers.get("WWW-Authenticate", "")
        scheme = challenge.partition(" ")[0].lower()
        if scheme == "bearer":
            fields = dict(reversed(_FIELD.findall(challenge)))  # another challenge may follow this one
            return f"Bearer {self._token(fields, answer.url)}"
        if scheme == "basic" and self._password:
            return _basic(self._password)
        return ""

    def _token(self, fields: dict[str, str], asked: str) -> str:
        realm = fields.get("realm", "")
        host = urlsplit(realm).netloc
        if not realm.startswith(("https://", "http://")) or not host:
            raise UsageError(f"{urlsplit(asked).netloc} names no server of tokens that can be asked")
        if self._password and asked.startswith("https://") and not realm.startswith("https://"):
            raise UsageError(f"{urlsplit(asked).netloc} wants the password to be sent without TLS, to {host}")
        query = {name: fields[name] for name in ("service", "scope") if name in fields}
        headers = {"Authorization": _basic(self._password)} if self._password else {}
        try:
            with self._get(realm, params=query, auth=_Given(headers)) as answer:
                if answer.status_code != 200:
                    whose = f"as {self._password.user}" if self._password else "without a login"
                    status = f"{answer.status_code} {answer.reason}{self.advice(answer)}"
                    raise UsageError(f"{host} gives no token {whose}: {status}")
                document = json.loads(answer.raw.read(ANSWER_MAX, decode_content=True))
            return str(document.get("token") or document["access_token"])
        except (requests.RequestException, OSError) as error:
            raise UsageError(f"{host} gives no token: {type(error).__name__}") from None
        except (ValueError, LookupError, AttributeError):
            raise UsageError(f"{host} gives no token: its answer cannot be understood") from None


class _Given(AuthBase):
    """These headers and no others: without it, requests looks for a password in .netrc."""

    def __init__(self, headers: Mapping[str, str]):
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


def _basic(password: Password) -> str:
    return "Basic " + base64.b64encode(f"{password.user}:{password.secret}".encode()).decode("ascii")
