"""The page's login over sockets: each worker knows whom a cookie names."""

from __future__ import annotations

from pathlib import Path

import requests

from docker_registry.embedded import EmbeddedSwift
from tests.distribution.auth.issuer import Issuer
from tests.live.ours import Ours, write_config
from tests.live.token_server import TokenService

_TIMEOUT = 60  # s


def log_in(url: str, name: str, password: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    answer = session.post(
        f"{url}/ui/login",
        data={"name": name, "password": password, "next": "/ui/storage"},
        headers={"Origin": url, "Connection": "close"},
        allow_redirects=False,
        timeout=_TIMEOUT,
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ui/storage"), answer.text
    return session


def status(session: requests.Session, url: str) -> int:
    """Of a request on a connection of its own, so that any worker may get it."""
    return session.get(url, headers={"Connection": "close"}, allow_redirects=False, timeout=_TIMEOUT).status_code


def test_a_login_with_a_token_server_s_password_holds_at_each_worker(tmp_path: Path, swift: EmbeddedSwift) -> None:
    issuer = Issuer(tmp_path)
    with TokenService(issuer, {"alice": {"catalog": {"*"}, "team/app": {"pull"}}}) as tokens:
        token = {"realm": tokens.url, "service": "registry", "issuer": "auth", "rootcertbundle": str(issuer.bundle)}
        config = write_config(tmp_path, swift, "page-login", auth={"token": token})
        with Ours(tmp_path, config, workers=2) as ours:
            session = log_in(ours.url, "alice", "alice")
            assert {status(session, f"{ours.url}/ui/storage") for _ in range(8)} == {200}
            assert status(session, f"{ours.url}/v2/") == 401
            assert status(session, f"{ours.url}/ui/r/team/app") == 404  # nothing is there
            assert status(session, f"{ours.url}/ui/r/other/app") == 403
            session.post(f"{ours.url}/ui/logout", headers={"Origin": ours.url}, timeout=_TIMEOUT)
            assert status(session, f"{ours.url}/ui/storage") == 401
