"""The registry's file as Harbor writes it, started by Distribution 2.8 and by ours: each key, side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import requests
import yaml

from docker_registry.embedded import EmbeddedSwift
from tests.live.distribution2 import Distribution2, storage
from tests.live.nginx import free_address
from tests.live.ours import Ours
from tests.live.redis_server import RedisServer
from tests.live.test_harbor import PAGE, example
from tests.live.wire import digest_of
from tests.peers import need

ROOT = Path(__file__).parents[2]
FILE = "the registry's, as Harbor writes it"
LOGIN = ("harbor_registry_user", "of the tests")
# What Harbor adds: with metrics, with TLS between its parts, for a Redis with sentinels or TLS.
SOMETIMES = {
    "http.debug.prometheus.enabled",
    "http.debug.prometheus.path",
    "http.tls.certificate",
    "http.tls.key",
    "http.tls.minimumtls",
    "redis.sentinelMasterSet",
    "redis.enableTLS",
}


def keys(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from keys(item, f"{path}.{name}" if path else name)
    else:
        yield path


def rows() -> list[tuple[list[str], str]]:
    """The keys of each row of the page's table, and the test that it names."""
    table = PAGE.read_text().partition("### Key by key\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?m)^\| (`.*?) \|.*\| `(tests/[^`]+)` \|$", table)
    return [(re.findall(r"`([\w.*]+)`", first), test) for first, test in found]


def test_every_key_that_harbor_writes_has_its_row() -> None:
    listed = {key for first, _ in rows() for key in first}
    written = {*keys(yaml.safe_load(example(FILE))), *SOMETIMES} - {"version"}
    covered = {
        key
        for key in written
        if key in listed or any(key.startswith(entry.removesuffix("*")) for entry in listed if entry.endswith(".*"))
    }
    assert written - covered == set()
    assert {entry for entry in listed if not entry.endswith(".*")} <= written


def test_each_row_names_a_test_that_is_there() -> None:
    assert len(rows()) == 12
    for _, test in rows():
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(), test


def written_by_harbor(folder: Path, swift: EmbeddedSwift, container: str, redis: RedisServer) -> dict[str, Any]:
    """The page's file, with the tests' addresses and its metrics."""
    document: dict[str, Any] = yaml.safe_load(example(FILE))
    hashed = bcrypt.hashpw(LOGIN[1].encode(), bcrypt.gensalt(4)).decode()
    (folder / "passwd").write_text(f"{LOGIN[0]}:{hashed}\n")
    document["storage"]["swift"] = storage(swift, container)
    document["redis"]["addr"] = f"{redis.host}:{redis.port}"
    document["http"]["addr"] = "127.0.0.1:0"
    document["http"]["debug"] = {"addr": free_address(), "prometheus": {"enabled": True, "path": "/metrics"}}
    document["auth"]["htpasswd"]["path"] = str(folder / "passwd")
    return document


def what_it_does(url: str, debug: str) -> dict[str, Any]:
    session = requests.Session()
    session.trust_env = False
    seen: dict[str, Any] = {}

    def ask(method: str, path: str, **options: Any) -> requests.Response:
        target = path if path.startswith("http") else f"{url}{path}"
        return session.request(method, target, timeout=60, allow_redirects=False, **options)

    answer = ask("GET", "/v2/")
    seen["auth.htpasswd.realm"] = answer.status_code, answer.headers["WWW-Authenticate"]
    session.auth = LOGIN
    seen["auth.htpasswd.path"] = ask("GET", "/v2/").status_code
    begun = ask("POST", "/v2/library/app/blobs/uploads/")
    first = begun.headers["Location"].partition("/v2/")[2]
    sent = ask("PATCH", f"/v2/{first}", data=b"layer")
    second = sent.headers["Location"].partition("/v2/")[2]
    seen["what core reads for its quotas"] = (
        sent.status_code,
        sent.headers["Range"],
        session_of(first) == session_of(second),
    )
    digest = digest_of(b"layer")
    seen["http.secret"] = ask("PUT", f"/v2/{second}", params={"digest": digest}).status_code
    seen["storage.redirect.disable"] = ask("GET", f"/v2/library/app/blobs/{digest}").status_code
    seen["storage.delete.enabled"] = ask("DELETE", f"/v2/library/app/blobs/{digest}").status_code
    seen["http.debug.addr"] = ask("GET", f"{debug}/debug/health").json()
    seen["http.debug.prometheus"] = "registry_http_requests_total" in ask("GET", f"{debug}/metrics").text
    return seen


def session_of(location: str) -> str:
    return re.split("[/?]", location.partition("/blobs/uploads/")[2])[0]


def test_both_programs_do_the_same(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    need("docker-registry", "redis-server")
    seen: list[dict[str, Any]] = []
    with RedisServer(tmp_path) as redis:
        for ours in (False, True):
            theirs = Distribution2(tmp_path, {})
            document = written_by_harbor(tmp_path, swift, f"{container}-{ours}", redis)
            theirs.config.write_text(json.dumps(document))
            with Ours(tmp_path, theirs.config) if ours else theirs as program:
                found = what_it_does(program.url, f"http://{document['http']['debug']['addr']}")
                found["log.fields.service"] = bool(re.search(r"\bservice=registry\b", program.log))
                log = program.log
            seen.append(found)
    assert seen[1] == seen[0]
    assert LOGIN[1] not in log
    ignored = set(re.findall(r"config.yml: ([a-z.]+) is ignored", log))
    assert ignored == {"compatibility", "redis", "storage.cache", "storage.maintenance.uploadpurging", "validation"}
    assert "secret_key (http.secret) has fewer than 16 characters" in log
