"""A login on the page where the registry takes a token server's tokens only: a real server on loopback is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.settings import Auth, Rule
from tests.distribution.auth.issuer import Issuer
from tests.distribution.contents import push_image
from tests.live.token_server import TokenService
from tests.web.pages import mounted, visit
from tests.web.test_login import log_in, names

CATALOG = {"catalog": {"*"}}
ALLOWED = {
    "ana": {**CATALOG, "ana/app": {"pull", "push", "delete"}, "team/app": {"pull"}},
    "bob": {"team/app": {"pull"}},
}


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenService]:
    with TokenService(Issuer(tmp_path), ALLOWED) as service:
        yield service


@pytest.fixture
def asked(tokens: TokenService, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The scopes that the token server was asked for."""
    scopes: list[list[str]] = []
    answer = tokens.token

    def token(name: str, wanted: list[str]) -> str:
        scopes.append(wanted)
        return answer(name, wanted)

    monkeypatch.setattr(tokens, "token", token)
    return scopes


def guarded(driver: Base, tokens: TokenService, **auth: object) -> Client:
    for name in ("ana/app", "team/app", "secret/app", "public/app"):
        push_image(mounted(driver), name, "1.0", b"layer")
    return mounted(driver, auth=Auth(token=tokens.issuer.server(realm=tokens.url), **auth))


def test_who_logs_in_sees_what_the_token_server_allows(
    driver: Base, tokens: TokenService, asked: list[list[str]]
) -> None:
    client = guarded(driver, tokens)
    assert "The name and password go to 127.0.0.1:" in visit(client, "/ui/", 401).words()
    assert log_in(client, "ana", "ana", "/ui/r/ana/app").headers["Location"] == "/ui/r/ana/app"
    assert "Delete chosen" in visit(client, "/ui/r/ana/app").words()
    assert "Delete chosen" not in visit(client, "/ui/r/team/app").words()
    assert names(client) == ["app"] * 4  # as the catalogue of the API
    assert "The token server lets ana not pull secret/app" in visit(client, "/ui/r/secret/app", 403).words()
    visit(client, "/ui/delete/team/app?tag=1.0", 403)
    assert client.get("/v2/").status_code == 401
    before = len(asked)
    visit(client, "/ui/r/ana/app")
    visit(client, "/ui/")
    assert len(asked) == before  # for a minute nothing is asked twice
    assert ["repository:ana/app:pull,push,delete"] in asked


def test_who_may_not_list_repositories_sees_those_by_name(driver: Base, tokens: TokenService) -> None:
    client = guarded(driver, tokens)
    assert log_in(client, "bob", "bob").status_code == 303
    assert "lets bob not list all repositories" in visit(client, "/ui/", 403).words()
    assert "Logged in as" in client.get("/ui/").text
    assert visit(client, "/ui/r/team/app:1.0")


def test_wrong_passwords_are_slowed_and_the_server_is_not_asked(
    driver: Base, tokens: TokenService, asked: list[list[str]]
) -> None:
    client = guarded(driver, tokens)
    for number in range(10):
        assert "Name or password is wrong" in log_in(client, "ana", f"wrong {number}").text
    tokens.allowed = {}
    assert log_in(client, "ana", "ana").status_code == 429
    assert asked == []


def test_a_password_that_the_server_takes_no_more_ends_the_login(driver: Base, tokens: TokenService) -> None:
    client = guarded(driver, tokens)
    log_in(client, "ana", "ana")
    tokens.allowed = {}
    assert "not logged in any more" in visit(client, "/ui/r/ana/app", 401).words()
    assert client.get("/ui/r/ana/app").status_code == 401


def test_a_server_that_is_away_is_no_wrong_password(driver: Base, tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    with TokenService(issuer, ALLOWED) as gone:
        url = gone.url
    client = mounted(driver, auth=Auth(token=issuer.server(realm=url)))
    for _ in range(12):
        answer = log_in(client, "ana", "ana")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "nobody can log in here for now" in answer.text


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[" * 60_000, b"x" * 200_000, b"\xff"])
def test_what_is_no_answer_of_a_token_server(
    driver: Base, tokens: TokenService, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    text = body.decode("latin-1")
    monkeypatch.setattr("tests.live.token_server.json", SimpleNamespace(dumps=lambda document: text))
    assert log_in(guarded(driver, tokens), "ana", "ana").status_code == 503


@pytest.mark.parametrize(
    ("url", "sends"),
    [
        ("https://auth.example.org/token", True),
        ("http://auth.example.org/token", False),
        ("http://localhost:5001/token", True),
        ("http://localhost.example.org/", False),
        ("ftp://localhost/", False),
    ],
)
def test_no_password_crosses_a_network_in_the_clear(driver: Base, tmp_path: Path, url: str, sends: bool) -> None:
    client = mounted(driver, auth=Auth(token=Issuer(tmp_path).server(realm=url)))
    page = visit(client, "/ui/login")
    assert (len(page.all("form")) > 1) is sends
    assert ("docker login" in page.words()) or sends


def test_what_everybody_may_see_needs_no_login(driver: Base, tokens: TokenService) -> None:
    client = guarded(driver, tokens, policy=(Rule(("anonymous",), ("public/**",), ("pull",)),))
    assert names(client) == ["app"]
    log_in(client, "bob", "bob")
    assert visit(client, "/ui/r/team/app")
