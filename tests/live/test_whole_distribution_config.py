"""One file of Distribution's with everything in it, started by both programs: what each key does, side by side."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import requests

from docker_registry.embedded import EmbeddedSwift
from tests.live.distribution2 import Distribution2, storage
from tests.live.nginx import free_address
from tests.live.ours import Ours
from tests.live.receiver import Receiver
from tests.live.redis_server import RedisServer
from tests.live.test_tls import Authority
from tests.live.wire import digest_of
from tests.peers import need

DEADLINE = 30.0  # s
LOGIN = ("alice", "s3cret")


class Theirs(Distribution2):
    def __init__(self, folder: Path, swift: dict[str, Any]):
        super().__init__(folder, swift)
        self._serving = re.compile(r"listening on (127\.0\.0\.1:\d+)")


class OursWithTls(Ours):
    def __init__(self, folder: Path, config: Path):
        super().__init__(folder, config)
        self._serving = re.compile(r"on https://(127\.0\.0\.1:\d+)/v2/")


def everything(
    folder: Path, swift: dict[str, Any], redis: RedisServer, receiver: Receiver, authority: Authority
) -> Any:
    """All that both programs know; each line is a row of docs/distribution-config.md."""
    certificate, key = authority.issue("registry", host="127.0.0.1")
    hashed = bcrypt.hashpw(LOGIN[1].encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"{LOGIN[0]}:{hashed}\n")
    return {
        "version": "0.1",
        "log": {
            "level": "info",
            "formatter": "json",
            "fields": {"service": "a-registry"},
            "accesslog": {"disabled": True},
        },
        "storage": {
            "swift": swift,
            "delete": {"enabled": True},
            "redirect": {"disable": True},
            "cache": {"blobdescriptor": "redis"},
            "maintenance": {"uploadpurging": {"enabled": True, "age": "168h", "interval": "24h", "dryrun": False}},
        },
        "redis": {"addr": f"{redis.host}:{redis.port}", "db": 0, "dialtimeout": "5s", "pool": {"maxidle": 3}},
        "auth": {"htpasswd": {"realm": "the realm", "path": str(folder / "htpasswd")}},
        "http": {
            "addr": "127.0.0.1:0",
            "net": "tcp",
            "host": "https://registry.example.com",
            "secret": "only for tests",
            "headers": {"X-Content-Type-Options": ["nosniff"]},
            "draintimeout": "5s",
            "http2": {"disabled": True},
            "debug": {"addr": free_address(), "prometheus": {"enabled": True, "path": "/numbers"}},
            "tls": {"certificate": str(certificate), "key": str(key), "minimumtls": "tls1.3"},
        },
        "notifications": {
            "events": {"includereferences": True},
            "endpoints": [
                {
                    "name": "listener",
                    "url": receiver.url,
                    "headers": {"Authorization": ["Bearer x"]},
                    "timeout": "20s",
                    "threshold": 5,
                    "backoff": "1s",
                    # Without a media type 2.8.2 ignores no action.
                    "ignore": {"mediatypes": ["text/none"], "actions": ["pull"]},
                }
            ],
        },
        "health": {
            "storagedriver": {"enabled": True, "interval": "1s", "threshold": 3},
            "file": [{"file": str(folder / "down"), "interval": "1s"}],
            "tcp": [{"addr": f"{redis.host}:{redis.port}", "timeout": "3s", "interval": "1s", "threshold": 3}],
        },
        "validation": {"disabled": True},
        "compatibility": {"schema1": {"enabled": True}},
        "policy": {"repository": {"classes": ["image"]}},
    }


def until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not look():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def what_it_does(url: str, debug: str, authority: Authority, receiver: Receiver, down: Path) -> dict[str, Any]:
    """What is seen of each key, of the program that serves at `url`."""
    session = requests.Session()
    session.trust_env, session.verify = False, str(authority.file)
    seen: dict[str, Any] = {}

    def ask(method: str, path: str, **options: Any) -> requests.Response:
        return session.request(method, f"{url}{path}", timeout=DEADLINE, allow_redirects=False, **options)

    answer = ask("GET", "/v2/")
    seen["auth.htpasswd"] = answer.status_code, answer.headers["WWW-Authenticate"]
    seen["auth.htpasswd, wrong"] = ask("GET", "/v2/", auth=("alice", "wrong")).status_code
    seen["http.headers"] = answer.headers["X-Content-Type-Options"]
    session.auth = LOGIN
    seen["auth.htpasswd, right"] = ask("GET", "/v2/").status_code
    begun = ask("POST", "/v2/app/blobs/uploads/")
    seen["http.host"] = begun.headers["Location"].partition("/v2/")[0]
    location = "/v2/" + begun.headers["Location"].partition("/v2/")[2]
    digest = digest_of(b"layer")
    seen["http.secret"] = ask("PUT", location, data=b"layer", params={"digest": digest}).status_code
    seen["storage.redirect.disable"] = ask("GET", f"/v2/app/blobs/{digest}").status_code
    seen["storage.delete.enabled"] = ask("DELETE", f"/v2/app/blobs/{digest}").status_code
    told = receiver.wait_for(2)
    assert [event["action"] for event in told] == ["push", "delete"]
    pushed, deleted = told
    seen["notifications"] = [pushed["action"], pushed["actor"], pushed["target"], deleted["action"], deleted["target"]]
    seen["notifications.headers"] = receiver.requests[0][0]["Authorization"]
    seen["http.tls.minimumtls"] = handshake(url, authority, ssl.TLSVersion.TLSv1_2)
    seen["http.tls"] = handshake(url, authority, ssl.TLSVersion.TLSv1_3)
    health = requests.get(f"{debug}/debug/health", timeout=DEADLINE)
    seen["http.debug"] = health.status_code, health.json()
    numbers = requests.get(f"{debug}/numbers", timeout=DEADLINE).text
    seen["http.debug.prometheus"] = "registry_http_requests_total" in numbers
    down.touch()
    until(lambda: ask("GET", "/v2/").status_code == 503)
    seen["health.file"] = ask("GET", "/v2/").json()
    seen["health.file, /debug/health"] = requests.get(f"{debug}/debug/health", timeout=DEADLINE).json()
    down.unlink()
    until(lambda: ask("GET", "/v2/").status_code == 200)
    return seen


def handshake(url: str, authority: Authority, version: ssl.TLSVersion) -> str:
    """The version of TLS that is agreed on by a client that knows none above `version`."""
    context = ssl.create_default_context(cafile=str(authority.file))
    context.maximum_version = version
    host, port = url.removeprefix("https://").split(":")
    try:
        with (
            socket.create_connection((host, int(port)), DEADLINE) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            return str(wrapped.version())
    except ssl.SSLError:
        return "none"


def test_one_file_with_everything(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    need("docker-registry", "redis-server")
    authority = Authority(tmp_path)
    seen: list[dict[str, Any]] = []
    with RedisServer(tmp_path) as redis:
        for ours in (False, True):
            with Receiver() as receiver:
                program = Theirs(tmp_path, {})
                document = everything(tmp_path, storage(swift, f"{container}-{ours}"), redis, receiver, authority)
                program.config.write_text(json.dumps(document))
                debug = f"http://{document['http']['debug']['addr']}"
                with OursWithTls(tmp_path, program.config) if ours else program as server:
                    url = server.url.replace("http://", "https://")
                    found = what_it_does(url, debug, authority, receiver, tmp_path / "down")
                    log = server.log
            lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
            found["log.formatter, log.fields"] = {line["service"] for line in lines if "service" in line}
            assert LOGIN[1] not in log
            seen.append(found)
    wanted, found = seen
    assert found == wanted
    # Ours says which keys it does not honour, each in a line of its own.
    warned = set(re.findall(r"config.yml: ([a-z.]+) is ignored", log))
    assert warned == {
        "compatibility", "policy", "redis", "storage.cache", "storage.maintenance.uploadpurging", "validation"
    }  # fmt: skip
