"""What stands in X-Forwarded-* and Forwarded counts when a trusted proxy says it, and never else."""

from __future__ import annotations

import logging
from ipaddress import ip_network
from typing import Any

import pytest

from docker_registry.concurrency import trace
from docker_registry.distribution.auth.told import BY_CERTIFICATE, BY_PROXY, Told
from docker_registry.serving import proxies
from docker_registry.serving.proxies import TrustedProxies
from docker_registry.settings import Header

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
PLAIN = {"scheme": "http", "host": "inside:5000", "script": "", "client": "10.0.0.1"}


def through(remote: str, **headers: str) -> dict[str, Any]:
    """What the application behind the middleware is told."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        seen.update(environ)
        return []

    said = {f"HTTP_{name}": value for name, value in headers.items()}
    environ = {"REMOTE_ADDR": remote, "wsgi.url_scheme": "http", "HTTP_HOST": "inside:5000", "SCRIPT_NAME": "", **said}
    TrustedProxies(app, TRUSTED)(environ, lambda *_: None)
    assert not any(name.startswith("HTTP_X_FORWARDED") or name == "HTTP_FORWARDED" for name in seen)
    return {
        "scheme": seen["wsgi.url_scheme"],
        "host": seen["HTTP_HOST"],
        "script": seen["SCRIPT_NAME"],
        "client": seen["REMOTE_ADDR"],
    }


SAID = {
    "X_FORWARDED_FOR": "203.0.113.9",
    "X_FORWARDED_PROTO": "https",
    "X_FORWARDED_HOST": "registry.example.com",
    "X_FORWARDED_PREFIX": "/images",
}
MEANT = {"scheme": "https", "host": "registry.example.com", "script": "/images", "client": "203.0.113.9"}


def test_a_trusted_proxy_is_believed() -> None:
    assert through("10.0.0.1", **SAID) == MEANT


def test_a_stranger_is_not() -> None:
    assert through("203.0.113.5", **SAID) == {**PLAIN, "client": "203.0.113.5"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        # The client wrote the first entry itself; the proxy appended what it saw.
        ({"X_FORWARDED_FOR": "1.1.1.1, 203.0.113.9"}, {"client": "203.0.113.9"}),
        ({"X_FORWARDED_FOR": "203.0.113.9, 10.0.0.7"}, {"client": "203.0.113.9"}),
        ({"X_FORWARDED_FOR": "1.1.1.1, 203.0.113.9, 10.0.0.7"}, {"client": "203.0.113.9"}),
        ({"X_FORWARDED_FOR": "203.0.113.9", "X_FORWARDED_PROTO": "gopher"}, {"client": "203.0.113.9"}),
        ({"X_FORWARDED_FOR": "nonsense", "X_FORWARDED_PROTO": "https"}, {"scheme": "https"}),
        ({"X_FORWARDED_FOR": "[fd00::1]:4711", "X_FORWARDED_HOST": "a.b"}, {"client": "fd00::1", "host": "a.b"}),
        ({"X_FORWARDED_HOST": "a.b, evil/../"}, {}),
        ({"X_FORWARDED_HOST": "a.b\r\nX: y"}, {}),
        ({"X_FORWARDED_PREFIX": "//evil.example.com"}, {}),
        ({"X_FORWARDED_PREFIX": "/images/"}, {"script": "/images"}),
        ({"X_FORWARDED_PROTO": "https"}, {"scheme": "https"}),
        (
            {"FORWARDED": 'for="[2001:db8::1]:4711";proto=https;host=a.b'},
            {"client": "2001:db8::1", "scheme": "https", "host": "a.b"},
        ),
        (
            {"FORWARDED": "for=1.1.1.1;host=evil, for=203.0.113.9;proto=https"},
            {"client": "203.0.113.9", "scheme": "https"},
        ),
        ({"FORWARDED": "for=_hidden;host=evil, for=10.0.0.7;host=a.b"}, {"client": "10.0.0.7", "host": "evil"}),
        ({"FORWARDED": "=;;,"}, {}),
    ],
)
def test_chains_and_malformed_words(headers: dict[str, str], expected: dict[str, str]) -> None:
    assert through("10.0.0.1", **headers) == {**PLAIN, **expected}


def test_who_is_not_believed_is_told_so_once(caplog: pytest.LogCaptureFixture) -> None:
    middleware = TrustedProxies(lambda *_: [], TRUSTED)

    def ask(remote: str, **headers: str) -> None:
        middleware({"REMOTE_ADDR": remote, **headers}, lambda *_: None)

    with caplog.at_level(logging.WARNING):
        ask("203.0.113.5")
        ask("10.0.0.1", HTTP_X_FORWARDED_PROTO="https")
        assert caplog.messages == []
        for _ in range(3):
            ask("203.0.113.5", HTTP_X_FORWARDED_PROTO="https", HTTP_X_FORWARDED_FOR="forged\nline")
        (message,) = caplog.messages
        assert message == (
            "203.0.113.5 is none of the trusted_proxies: what it says in X-Forwarded-For, X-Forwarded-Proto is dropped"
        )
        for number in range(2 * proxies.TOLD):  # strangers do not fill the log
            ask(f"198.51.100.{number}", HTTP_FORWARDED="for=a")
        assert len(caplog.messages) == proxies.TOLD


@pytest.mark.parametrize("host", ["a..b", "xn--\xe4", "a" * 64, "a:99999", "[::g]"])
def test_a_host_that_is_none_is_not_believed(host: str) -> None:
    assert through("10.0.0.1", X_FORWARDED_HOST=host)["host"] == "inside:5000"


def told(remote: str, socket: bool = False, **headers: str) -> Any:
    """Whom the application is told that a proxy let in, and what is left of a certificate and of the headers."""
    seen: dict[str, Any] = {}
    environ = {"REMOTE_ADDR": remote, BY_CERTIFICATE: Told("front"), **{f"HTTP_{key}": headers[key] for key in headers}}
    app = TrustedProxies(lambda inner, _: seen.update(inner) or [], TRUSTED, socket, Header("X-User", "X-Groups"))
    app(environ, lambda *_: None)
    assert not {"HTTP_X_USER", "HTTP_X_GROUPS"} & set(seen)
    return seen.get(BY_PROXY), seen.get(BY_CERTIFICATE)


def test_a_user_by_header_is_believed_of_trusted_proxies_only() -> None:
    assert told("10.0.0.1", X_USER="alice", X_GROUPS="a, b,") == (Told("alice", ("a", "b")), None)
    assert told("192.0.2.1", X_USER="alice") == (None, Told("front"))
    assert told("10.0.0.1", X_FORWARDED_FOR="192.0.2.1", X_USER="alice") == (Told("alice"), None)
    assert told("", X_USER="alice") == (None, Told("front"))
    assert told("", socket=True, X_USER="alice") == (Told("alice"), None)
    # The proxy's own certificate is not its client's.
    assert told("10.0.0.1") == (None, None)


@pytest.mark.parametrize("name", ["", " ", "alice,mallory", "a" * 257])
def test_what_is_no_name_is_nobody(name: str) -> None:
    assert told("10.0.0.1", X_USER=name)[0] is None


@pytest.mark.parametrize(
    ("sender", "identity", "taken"),
    [
        ("10.0.0.1", "0af7-651916.cd_43", True),
        ("10.0.0.1", "x" * 64, True),
        ("10.0.0.1", "x" * 65, False),
        ("10.0.0.1", "two words", False),
        ("10.0.0.1", 'a"b', False),
        ("203.0.113.9", "0af7651916cd43", False),
    ],
)
def test_a_trusted_proxy_may_give_the_request_its_id(sender: str, identity: str, taken: bool) -> None:
    seen: dict[str, Any] = {}
    environ = {"REMOTE_ADDR": sender, "HTTP_X_REQUEST_ID": identity, trace.ENVIRON: "ours"}
    trace.begin("ours")
    try:
        TrustedProxies(lambda environ, _: seen.update(environ) or [], TRUSTED)(environ, lambda *_: None)
        assert seen[trace.ENVIRON] == trace.current() == (identity if taken else "ours")
    finally:
        trace.begin("")
