"""The page's login over sockets: each worker knows whom a cookie names."""

from __future__ import annotations

import json
from pathlib import Path

import bcrypt
import requests

from docker_registry.distribution.model.manifest import OCI_INDEX
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


def test_upkeep_is_for_admins(tmp_path: Path, swift: EmbeddedSwift) -> None:
    users = ("reader", "pusher", "leader", "admin")
    (tmp_path / "htpasswd").write_text(
        "".join(f"{user}:{bcrypt.hashpw(user.encode(), bcrypt.gensalt(4)).decode()}\n" for user in users)
    )
    rules = [
        {"who": "*", "may": "pull"},
        {"who": "user:pusher", "may": ["pull", "push"]},
        {"who": "user:leader", "repositories": "team/**", "may": "admin"},
        {"who": "user:admin", "may": "admin"},
    ]
    auth = {"htpasswd": str(tmp_path / "htpasswd"), "policy": rules, "immutable": [{"tags": "v*"}]}
    quotas = {"rules": [{"repositories": "team/**", "bytes": "1g"}]}
    config = write_config(tmp_path, swift, "page-admin", auth=auth, quotas=quotas)
    with Ours(tmp_path, config) as ours:
        shown, deeds = {}, {}
        for user in users:
            answer = requests.get(f"{ours.url}/ui/storage", auth=(user, user), timeout=_TIMEOUT)
            assert answer.status_code == 200
            shown[user] = [word for word in ("Garbage collection", "Quotas", "Stored</dt>") if word in answer.text]
            deeds[user] = [
                requests.put(
                    f"{ours.url}/v2/{name}/manifests/{tag}",
                    data=json.dumps(
                        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"a": user}}
                    ),
                    headers={"Content-Type": OCI_INDEX},
                    auth=(user, user),
                    timeout=_TIMEOUT,
                ).status_code
                for name, tag in (("team/app", "latest"), ("other", "latest"), ("team/app", "v1"))
            ]
        everything = ["Garbage collection", "Quotas", "Stored</dt>"]
        assert shown == {"reader": [], "pusher": [], "leader": [], "admin": everything}
        # The second to push v1 finds that it stays, whatever else they may.
        assert deeds == {
            "reader": [403, 403, 403],
            "pusher": [201, 201, 201],
            "leader": [201, 403, 403],
            "admin": [201, 201, 403],
        }


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
