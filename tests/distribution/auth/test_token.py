"""Tokens of a token server: right ones of every algorithm, and each way to be wrong."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding

from docker_registry.core.exceptions import ConfigError
from docker_registry.distribution.auth import fetched_keys
from docker_registry.distribution.auth.access import CATALOG, UPKEEP, Access, needed
from docker_registry.distribution.auth.caller import Caller, Kind
from docker_registry.distribution.auth.fetched_keys import LASTS, PAUSE, FetchedKeys
from docker_registry.distribution.auth.gate import RefusedError
from docker_registry.distribution.auth.keys import _thumbprint
from docker_registry.distribution.auth.token import ALGORITHMS, LEEWAY, Token
from docker_registry.distribution.errors import Code, RegistryError
from tests.distribution.auth.issuer import Issuer, access, certificate, new_key

PULL = Access("repository", "team/app", "pull")
PUSH = Access("repository", "team/app", "push")


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("issuer"))


def enter(door: Token, token: str) -> Caller:
    return door.enter(token, "10.0.0.1")


@pytest.mark.parametrize("by", ["certificates", "jwks"])
@pytest.mark.parametrize("algorithm", ["RS256", "PS512", "ES256", "ES384", "ES512", "EdDSA"])
def test_algorithms(tmp_path: Path, algorithm: str, by: str) -> None:
    issuer = Issuer(tmp_path, algorithm)
    header = {"kid": "key-1"} if by == "jwks" else None
    caller = enter(Token(issuer.server(by)), issuer.token(access("team/app", "pull"), header=header))
    assert (caller.kind, caller.name) == (Kind.TOKEN, "alice")
    assert caller.grants(PULL)
    assert not caller.grants(PUSH)


def test_key_ids_of_token_servers(issuer: Issuer) -> None:
    door, public = Token(issuer.server()), issuer.key.public_key()
    for identity in (issuer.key_id, _thumbprint(public)):
        enter(door, issuer.token(header={"kid": identity}))
    with pytest.raises(RefusedError):
        enter(door, issuer.token(header={"kid": "another"}))


def test_the_thumbprint_of_rfc_7638() -> None:
    # The RFC's own example, section 3.1.
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    )
    key = jwt.PyJWK({"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256"}).key
    assert _thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def unsigned(issuer: Issuer) -> str:
    return jwt.encode(
        jwt.decode(issuer.token(access("team/app", "pull")), options={"verify_signature": False}), None, "none"
    )


def confused(issuer: Issuer) -> str:
    """Signed with the public key as if it were a shared secret."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
    body = issuer.token().split(".")[1].encode()
    mac = hmac.digest(issuer.bundle.read_bytes(), head + b"." + body, hashlib.sha256)
    return (head + b"." + body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def tampered(issuer: Issuer) -> str:
    head, body, signature = issuer.token(access("team/app", "pull")).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["access"][0]["actions"].append("push")
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{signature}"


WRONG: dict[str, Any] = {
    "another key": lambda issuer: issuer.token(key=new_key()),
    "another issuer": lambda issuer: issuer.token(iss="other"),
    "no issuer": lambda issuer: issuer.token(iss=None),
    "another service": lambda issuer: issuer.token(aud="other"),
    "another service in a list": lambda issuer: issuer.token(aud=["other"]),
    "no service": lambda issuer: issuer.token(aud=None),
    "expired": lambda issuer: issuer.token(exp=int(time.time() - LEEWAY - 60)),
    "never expires": lambda issuer: issuer.token(exp=None),
    "expires in a word": lambda issuer: issuer.token(exp="tomorrow"),
    "expires at infinity": lambda issuer: issuer.token(exp=float("inf")),
    "expires at no number": lambda issuer: issuer.token(exp=float("nan")),
    "expires in a number of 400 digits": lambda issuer: issuer.token(exp=10**400),
    "not yet valid": lambda issuer: issuer.token(nbf=int(time.time() + LEEWAY + 600)),
    "unsigned": unsigned,
    "a public key as a secret": confused,
    "tampered": tampered,
    "cut": lambda issuer: issuer.token()[:-5],
    "no token": lambda issuer: "hello",
    "empty": lambda issuer: "",
    "huge": lambda issuer: "a" * 100_000,
    "not a mapping": lambda issuer: jwt.api_jws.encode(b"[1]", issuer.key, "ES256"),
    "an unknown algorithm": lambda issuer: issuer.token().replace("eyJ", "eyK", 1),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_tokens(issuer: Issuer, kind: str) -> None:
    with pytest.raises(RefusedError) as refused:
        enter(Token(issuer.server()), WRONG[kind](issuer))
    assert refused.value.code == "invalid_token"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["x", "registry"]},
        {"nbf": None},
        {"iat": lambda now: int(now + 30)},
        {"exp": lambda now: int(now - LEEWAY + 30)},
        {"nbf": lambda now: int(now + 40)},
    ],
)
def test_clocks_and_lists_that_are_right(issuer: Issuer, claims: dict[str, Any]) -> None:
    now = time.time()
    claims = {name: value(now) if callable(value) else value for name, value in claims.items()}
    enter(Token(issuer.server(), lambda: now), issuer.token(**claims))


def test_a_remembered_token_ends_with_its_time(issuer: Issuer) -> None:
    now = time.time()
    door = Token(issuer.server(), lambda: now)
    token = issuer.token(exp=int(now) + 5)
    enter(door, token)
    now += 5 + LEEWAY + 1
    with pytest.raises(RefusedError, match="expired"):
        enter(door, token)


@pytest.mark.parametrize(
    ("claim", "granted"),
    [
        ([access("team/app", "pull", "push")], "pull push"),
        ([access("team/app", "*")], "pull push delete"),
        ([access("team/app", "pull"), access("team/app", "delete")], "pull delete"),
        ([access("team/*", "pull")], ""),
        ([access("team/app", "pull", type="registry")], ""),
        ([{"type": "repository", "name": "team/app", "actions": "pull"}], ""),
        ({"team/app": "pull"}, ""),
        ("pull", ""),
        ([None, 1, [], {}], ""),
    ],
)
def test_what_a_claim_allows(issuer: Issuer, claim: Any, granted: str) -> None:
    caller = enter(Token(issuer.server()), issuer.token(**{"access": claim}))
    found = [action for action in ("pull", "push", "delete") if caller.grants(Access("repository", "team/app", action))]
    assert found == granted.split()


def test_the_catalogue_and_what_is_for_whoever_has_all_of_it(issuer: Issuer) -> None:
    door = Token(issuer.server())
    for claim, granted in (
        (access("catalog", "*", type="registry"), True),
        (access("catalog", "pull"), False),
        (access("upkeep", "*"), False),
    ):
        caller = enter(door, issuer.token(claim))
        assert (caller.grants(CATALOG), caller.grants(UPKEEP)) == (granted, granted)


class TestChains:
    """A token may carry its certificate, which one of the bundle must vouch for."""

    @pytest.fixture(autouse=True)
    def authority(self, tmp_path: Path) -> None:
        self.root_key = new_key()
        self.root = certificate(self.root_key, "root")
        self.issuer = Issuer(tmp_path, "ES256")
        self.issuer.bundle.write_bytes(self.root.public_bytes(Encoding.PEM))
        self.door = Token(self.issuer.server())

    def leaf(self, **fields: Any) -> Any:
        return certificate(self.issuer.key, "leaf", (self.root_key, self.root), **fields)

    def test_one_and_through_another(self) -> None:
        enter(self.door, self.issuer.token(header=Issuer.chain(self.leaf())))
        middle_key = new_key()
        middle = certificate(middle_key, "middle", (self.root_key, self.root), ca=True)
        leaf = certificate(self.issuer.key, "leaf", (middle_key, middle))
        enter(self.door, self.issuer.token(header=Issuer.chain(leaf, middle)))
        with pytest.raises(RefusedError):
            enter(self.door, self.issuer.token(header=Issuer.chain(leaf)))

    def test_those_that_vouch_for_nothing(self) -> None:
        now, day = datetime.now(timezone.utc), timedelta(days=1)
        middle_key = new_key()
        no_authority = certificate(middle_key, "middle", (self.root_key, self.root))
        stranger = new_key()
        false_root = certificate(stranger, "root")  # of the right name
        chains = [
            Issuer.chain(self.leaf(starts=now - 3 * day, ends=now - day)),
            Issuer.chain(self.leaf(starts=now + day, ends=now + 3 * day)),
            Issuer.chain(certificate(self.issuer.key, "leaf", (middle_key, no_authority)), no_authority),
            Issuer.chain(certificate(self.issuer.key, "leaf", (stranger, false_root)), false_root),
            Issuer.chain(certificate(self.issuer.key, "leaf")),
            {"x5c": ["no certificate"]},
            {"x5c": [5]},
        ]
        for header in chains:
            with pytest.raises(RefusedError):
                enter(self.door, self.issuer.token(header=header))

    def test_a_certificate_of_another_key(self) -> None:
        with pytest.raises(RefusedError):
            enter(self.door, self.issuer.token(key=new_key(), header=Issuer.chain(self.leaf())))


@pytest.mark.usefixtures("files_looked_at_each_time")
def test_new_keys_count_and_broken_files_change_nothing(tmp_path: Path) -> None:
    first, second = Issuer(tmp_path), Issuer(tmp_path)
    door = Token(second.server())
    with pytest.raises(RefusedError):
        enter(door, first.token())
    old = second.token()
    enter(door, old)
    second.bundle.write_text("broken")
    enter(door, old)
    second.bundle.write_bytes(first.certificate.public_bytes(Encoding.PEM))
    enter(door, first.token())
    with pytest.raises(RefusedError):
        enter(door, old)


def test_settings_without_a_usable_key(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    with pytest.raises(ConfigError, match="cannot read"):
        Token(issuer.server(certificates=str(tmp_path / "gone")))
    issuer.jwks.write_text(json.dumps({"keys": [{"kty": "oct", "k": "AAAA", "kid": "x", "alg": "HS256"}]}))
    with pytest.raises(ConfigError):
        Token(issuer.server("jwks"))
    with pytest.raises(ConfigError, match="HS256 is not one of"):
        Token(issuer.server(algorithms=("HS256",)))
    assert "none" not in ALGORITHMS


def test_challenges(issuer: Issuer) -> None:
    door = Token(issuer.server())
    assert door.challenge(needed("PUT", {"name": "team/app"}), "insufficient_scope") == (
        'Bearer realm="https://auth.example.org/token",service="registry",'
        'scope="repository:team/app:pull,push",error="insufficient_scope"'
    )
    assert door.challenge([], "") == 'Bearer realm="https://auth.example.org/token",service="registry"'


class KeyServer:
    """A key set at a URL, which may be away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.keys: dict[str, Any] = {"keys": []}
        self.is_away, self.asked, self.now = False, 0, 1000.0
        monkeypatch.setattr(fetched_keys, "_get", self.get)

    def get(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        if self.is_away:
            raise requests.ConnectionError("away")
        return json.dumps(self.keys).encode()

    def clock(self) -> float:
        return self.now

    def publish(self, *issuers: Issuer) -> None:
        sets = [json.loads(issuer.jwks.read_text())["keys"][0] for issuer in issuers]
        self.keys = {"keys": [{**key, "kid": f"key-{number}"} for number, key in enumerate(sets, 1)]}


URL = "https://auth.example.org/keys"


def test_keys_at_a_url_are_asked_for_when_they_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / name for name in ("old", "new")]
    for folder in folders:
        folder.mkdir()
    old, new = map(Issuer, folders)
    server = KeyServer(monkeypatch)
    door = Token(old.server("jwks", jwks=URL))
    door._keys = [FetchedKeys(URL, server.clock)]
    server.is_away = True
    with pytest.raises(RegistryError) as error:
        enter(door, old.token(header={"kid": "key-1"}))
    assert error.value.code is Code.LOGIN_UNCHECKED
    server.is_away = False
    server.publish(old)
    server.now += PAUSE
    enter(door, old.token(header={"kid": "key-1"}))
    assert server.asked == 2
    # A key that is not known: it may have come just now, or be a stranger's whim.
    server.publish(old, new)
    token = new.token(header={"kid": "key-2"})
    with pytest.raises(RefusedError):
        enter(door, token)
    assert server.asked == 2
    server.now += PAUSE
    enter(door, token)
    for number in range(20):
        with pytest.raises(RefusedError):
            enter(door, old.token(header={"kid": f"whim-{number}"}))
    assert server.asked == 3
    # One that is taken back counts no more, as soon as that is heard; while nothing is heard, all stays.
    server.publish(old)
    server.now += LASTS + 1
    server.is_away = True
    enter(door, token)
    server.is_away = False
    server.now += PAUSE
    with pytest.raises(RefusedError):
        enter(door, token)
    enter(door, old.token(header={"kid": "key-1"}))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": 1}', b"\xff", b'{"keys": [{"kty": "EC"}]}'])
def test_what_is_no_key_set_changes_nothing(issuer: Issuer, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    server = KeyServer(monkeypatch)
    server.publish(issuer)
    door = Token(issuer.server("jwks", jwks=URL))
    door._keys = [FetchedKeys(URL, server.clock)]
    token = issuer.token(header={"kid": "key-1"})
    enter(door, token)
    monkeypatch.setattr(fetched_keys, "_get", lambda _: body)
    server.now += LASTS + 1
    enter(door, token)


@contextlib.contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """The URL of a server that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/keys"
        server.shutdown()


def test_a_key_set_over_http(issuer: Issuer) -> None:
    def publish(request: BaseHTTPRequestHandler) -> None:
        moved = request.path == "/moved"
        request.send_response(302 if moved else 200)
        request.send_header("Location", "/keys")
        request.end_headers()
        request.wfile.write(b"" if moved else issuer.jwks.read_bytes())

    with answering(publish) as url:
        token = issuer.token(header={"kid": "key-1"})
        assert enter(Token(issuer.server("jwks", jwks=url)), token).name == "alice"
        # Nobody is followed to elsewhere.
        with pytest.raises(RegistryError):
            enter(Token(issuer.server("jwks", jwks=url.replace("/keys", "/moved"))), token)


def test_a_key_set_that_never_ends_is_cut_off() -> None:
    def go_on(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        with contextlib.suppress(OSError):
            while True:
                request.wfile.write(b" " * 65536)

    with answering(go_on) as url, pytest.raises(ValueError, match="too large"):
        fetched_keys._get(url)
