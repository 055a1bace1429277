"""The registry acts on Swift with its callers' tokens: a real Keystone, and a Swift that asks it who may do what."""

from __future__ import annotations

import base64
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from werkzeug.test import Client

from docker_registry.distribution.app import Registry
from docker_registry.distribution.auth.robots import Grant, Robots
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Auth, KeystoneDoor, Settings
from tests.live.identity import furnishing
from tests.live.identity.cloud import Cloud
from tests.live.ours import Ours as Server

OWNER = ("demo@Default/web", furnishing.PASSWORD)
OTHER = ("demo@sales/web", furnishing.SALES_PASSWORD)
SECRET = b"a secret of these tests"
MIB = 1 << 20
CONTENT = b"0123456789abcdef" * (MIB // 16) + b"."  # two segments

serial = itertools.count(1)


class Ours:
    """A registry over a container of the project `web`."""

    def __init__(self, cloud: Cloud, swift: EmbeddedSwift, content: bytes = b"bytes"):
        self.content, self.digest = content, Digest.of(content)
        account = f"{swift.url}/v1/AUTH_{cloud.ids['demo_project']}"
        options = cloud.options(swift_object_storage_url=account, swift_container=f"own-{next(serial)}")
        self.options = {**options, "swift_segment_size": MIB, "swift_retries": 1}
        self.storage = Storage(path="/", config=self.options)
        self.storage.put_content("made", b"")
        auth = Auth(keystone=KeystoneDoor(cloud.auth_url, acts_for_callers=True), robots=True)
        self.client = Client(Registry(self.storage, Settings(secret=SECRET, auth=auth, link_ttl=0.0)))

    def let(self, read: str = "", write: str = "") -> None:
        self.storage._client.request("POST", headers={"X-Container-Read": read, "X-Container-Write": write})

    def push(self, login: tuple[str, str], name: str = "team/app") -> int:
        answer = self.client.post(f"/v2/{name}/blobs/uploads/", headers=basic(*login))
        if answer.status_code != 202:
            return answer.status_code
        answer = self.client.patch(answer.headers["Location"], data=self.content, headers=basic(*login))
        if answer.status_code != 202:
            return answer.status_code
        where = f"{answer.headers['Location']}&digest={self.digest}"
        return self.client.put(where, headers=basic(*login)).status_code

    def pull(self, login: tuple[str, str], name: str = "team/app") -> int:
        answer = self.client.get(f"/v2/{name}/blobs/{self.digest}", headers=basic(*login))
        assert answer.status_code != 200 or answer.data == self.content
        return answer.status_code


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_the_container_s_acls_are_the_rights(v3: Cloud) -> None:
    ours, other = Ours(v3, v3.swift, CONTENT), f"{v3.ids['sales_demo_project']}:*"
    assert (ours.push(OWNER), ours.pull(OWNER)) == (201, 200)
    assert (ours.pull(OTHER), ours.push(OTHER)) == (403, 403)
    assert ours.client.get("/v2/_catalog", headers=basic(*OTHER)).json == {"repositories": []}
    ours.let(read=other)
    assert (ours.pull(OTHER), ours.push(OTHER)) == (200, 403)
    assert ours.client.get("/v2/_catalog", headers=basic(*OTHER)).json == {"repositories": ["team/app"]}
    ours.let(read=other, write=other)
    assert (ours.push(OTHER, "theirs"), ours.pull(OTHER, "theirs"), ours.pull(OWNER, "theirs")) == (201, 200, 200)
    ours.let()
    assert (ours.pull(OTHER), ours.pull(OWNER)) == (403, 200)


def test_a_token_that_is_revoked_ends_what_it_opened(v3: Cloud) -> None:
    client, token = Ours(v3, v3.swift).client, v3.token()
    headers = basic("token", token)
    assert client.get("/v2/", headers=headers).status_code == 200
    v3.revoke(token)
    # Swift, which sees it for the first time, says so while the login is remembered; then Keystone does.
    assert [client.get("/v2/_catalog", headers=headers).status_code for _ in range(2)] == [401, 401]


def test_an_application_credential_s_own_rules_hold(v3: Cloud) -> None:
    ours = Ours(v3, v3.swift)
    ours.push(OWNER)
    readers = v3.application_credential()
    narrow = v3.application_credential(access_rules=[{"method": "GET", "path": "/v2.1/**", "service": "compute"}])
    assert ours.pull((f"applicationcredential-{readers.id}", readers.secret)) == 200
    # Of the same user and project, but not for Swift.
    assert ours.pull((f"applicationcredential-{narrow.id}", narrow.secret)) == 401


def test_a_robot_acts_for_the_registry(v3: Cloud) -> None:
    ours = Ours(v3, v3.swift)
    _, password = Robots([SECRET]).create("ci", [Grant("team/**", ("pull", "push"))], 4e9)
    assert (ours.push(("ci", password)), ours.pull(("ci", password))) == (201, 200)
    assert (ours.push(("ci", password), "other"), ours.pull(OTHER)) == (403, 403)


def test_greenlets_of_a_server_do_not_mix_their_callers(v3: Cloud, tmp_path: Path) -> None:
    ours = Ours(v3, v3.swift)
    ours.push(OWNER)
    config = tmp_path / "config.yml"
    section = {"auth": {"keystone": {"url": v3.auth_url, "own_token": True}}}
    options = {**ours.options, "swift_domain_name": "Default"}
    config.write_text(json.dumps({"test": {"storage": "swift", **options, "registry": section}}))
    with Server(tmp_path, config) as server, ThreadPoolExecutor(8) as pool:

        def pull(number: int) -> tuple[int, int]:
            login = basic(*(OTHER if number % 2 else OWNER))
            url = f"{server.url}/v2/team/app/blobs/{ours.digest}"
            with requests.get(url, headers=login, timeout=60) as answer:
                return answer.status_code, len(answer.content) if answer.ok else 0

        assert [pull(0)[0], pull(1)[0]] == [200, 403]  # after it, nobody waits for Keystone
        outcomes = list(pool.map(pull, range(24)))
        assert outcomes == [(200, len(ours.content)), (403, 0)] * 12
        assert "Traceback" not in server.log
