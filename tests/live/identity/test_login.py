"""OpenStack's users log in to the registry: a real Keystone, and a registry over memory."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

import pytest
from keystoneauth1.identity import v3 as plugins
from keystoneauth1.session import Session
from keystoneclient.v3.client import Client as KeystoneClient
from werkzeug.test import Client

from docker_registry.core.driver import fetch
from docker_registry.core.exceptions import ConfigError
from docker_registry.distribution.app import Registry
from docker_registry.distribution.auth import keystone
from docker_registry.distribution.model.digest import Digest
from docker_registry.settings import Auth, KeystoneDoor, Rule, Settings
from docker_registry.web.site import Site
from tests.live.identity import furnishing
from tests.live.identity.cloud import Cloud

CONTENT = b"some bytes"
DIGEST = Digest.of(CONTENT)
DEMO = ("demo@Default/web", furnishing.PASSWORD)
SALES = ("demo@sales/web", furnishing.SALES_PASSWORD)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals without the wait that hides which names Keystone knows."""
    monkeypatch.setattr(keystone.Keystone, "pace", 0.0)


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def registry(cloud: Cloud, policy: tuple[Rule, ...] = (), **door: Any) -> Client:
    auth = Auth(keystone=KeystoneDoor(cloud.auth_url, **door), policy=policy)
    return Client(Registry(fetch("memory")("/registry", None), Settings(secret=b"s", auth=auth)))


def push(client: Client, name: str, login: tuple[str, str]) -> int:
    return client.post(f"/v2/{name}/blobs/uploads/?digest={DIGEST}", data=CONTENT, headers=basic(*login)).status_code


def pull(client: Client, name: str, login: tuple[str, str]) -> int:
    return client.get(f"/v2/{name}/blobs/{DIGEST}", headers=basic(*login)).status_code


def test_a_project_s_repositories_are_its_own(v3: Cloud) -> None:
    client, demo, sales = registry(v3), v3.ids["demo_project"], v3.ids["sales_demo_project"]
    assert push(client, f"{demo}/app", DEMO) == 201
    assert push(client, f"{sales}/app", DEMO) == 403
    assert push(client, demo, DEMO) == push(client, "app", DEMO) == push(client, f"{demo}x/app", DEMO) == 403
    assert pull(client, f"{demo}/app", DEMO) == 200
    assert pull(client, f"{demo}/app", SALES) == 403
    assert push(client, f"{sales}/app", SALES) == 201
    for login, project in ((DEMO, demo), (SALES, sales)):
        assert client.get("/v2/_catalog", headers=basic(*login)).json == {"repositories": [f"{project}/app"]}


def test_spellings(v3: Cloud) -> None:
    client = registry(v3)
    for name in ("demo@Default/web", "demo@Default/web@Default"):
        assert client.get("/v2/", headers=basic(name, furnishing.PASSWORD)).status_code == 200
    wrong = ["demo", "demo@Default", "demo/web", "demo@Default/other", "demo@Default/none", "demo@none/web", "@/"]
    wrong += ["demo@Default/web@sales", "demo@Default/web@Default@x", "demo@Default//web", "x" * 600]
    wrong += ["applicationcredential-", "applicationcredential-x/../y", "token"]
    for name in wrong:
        assert client.get("/v2/", headers=basic(name, furnishing.PASSWORD)).status_code == 401, name
    for password in ("", "0124", "x" * 600, "\u00fc"):
        assert client.get("/v2/", headers=basic(DEMO[0], password)).status_code == 401, password


def test_an_application_credential_and_a_token(v3: Cloud) -> None:
    plugin = plugins.Password(
        v3.auth_url,
        username="demo",
        password=furnishing.PASSWORD,
        user_domain_name="Default",
        project_name="web",
        project_domain_name="Default",
    )
    session = Session(auth=plugin)
    credential = KeystoneClient(session=session).application_credentials.create("of the registry")
    client, name = registry(v3), f"{v3.ids['demo_project']}/app"
    try:
        login = (f"applicationcredential-{credential.id}", credential.secret)
        assert push(client, name, login) == 201
        assert push(client, name, (login[0], "wrong")) == 401
        assert push(client, "other/app", login) == 403
        token = session.get_token()
        assert pull(client, name, ("token", token)) == 200
        assert pull(client, name, ("token", token[:-3])) == 401
        assert pull(client, name, ("token", "")) == 401
    finally:
        KeystoneClient(session=session).application_credentials.delete(credential.id)


def test_names_in_place_of_ids(v3: Cloud) -> None:
    client = registry(v3, prefix="{project_name}", domain="Default")
    assert push(client, "web/app", DEMO) == 201
    # A project of the same name in another domain is another project.
    assert pull(client, "web/app", SALES) == 403
    client = registry(v3, prefix="{domain_name}/{project_name}")
    assert push(client, "sales/web/app", SALES) == 201
    assert pull(client, "sales/web/app", DEMO) == 403
    assert push(client, "default/web/app", DEMO) == 403  # the domain is called Default
    assert push(registry(v3, prefix="{domain_id}/{project_name}"), "default/web/app", DEMO) == 201


@pytest.mark.usefixtures("files_looked_at_each_time")
def test_rules_of_the_operator(v3: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"registry:push": "role:uploader"\n"registry:pull": "@"\n')
    client, name = registry(v3, policy_file=str(file)), f"{v3.ids['demo_project']}/app"
    assert push(client, name, DEMO) == 403
    assert pull(client, name, SALES) == 404  # it may, and nothing is there
    # A changed file counts, for those who are logged in too; one that is broken or gone changes nothing.
    file.write_text('"registry:push": "role:member"\n"registry:pull": "@"\n')
    assert (push(client, name, DEMO), pull(client, name, SALES)) == (201, 200)
    for broken in ("", "[", '"registry:pull": "role:member and"', '"registry:push":', '"registry:push": "rule:other"'):
        file.write_text(broken)
        assert (push(client, name, DEMO), pull(client, name, SALES)) == (201, 200)
    file.unlink()
    assert (push(client, name, DEMO), pull(client, name, SALES)) == (201, 200)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot read .*policy.yaml: No such file"),
        ('"registry:push": [', "cannot be used"),
        ("- a", "must be a mapping of names to rules"),
        ('"registry:pul": "@"', "registry:pul is not one of registry:pull, registry:push"),
        ('"registry:pull": "role:member and nonsense"', "registry:pull has no rule that can be understood"),
        ('"registry:pull": "rule:uploader or (role:member"', "registry:pull has no rule that can be understood"),
        ("\n", "it is empty"),
        ('"registry:pull":', 'registry:pull has no rule: "@" is for everybody'),
        ('"registry:pull": []', "registry:pull has no rule"),
        ('"registry:pull": "not rule:uploader"', "registry:pull names rule:uploader, which is not there"),
        ('"a": "rule:b"\n"b": "rule:a"\n"registry:pull": "rule:a"', "name each other in a circle"),
        ('"registry:pull": "project_id:%d"', "cannot be used"),
        ('"registry:pull": "http://127.0.0.1/may"', "registry:pull asks another server"),
    ],
)
def test_rules_that_cannot_be_used(
    tmp_path: Path, content: str | None, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "policy.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=f"^auth.keystone.policy: .*{complaint}") as error:
        keystone.Rules(str(file))
    assert "\n" not in str(error.value)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("content", "unused"),
    [
        ('"registry-pull": "@"', "registry-pull"),
        ('"regsitry:pull": "@"\n"up": "role:a"\n"registry:push": "rule:up"', "regsitry:pull"),
        ('"up": "role:a"\n"registry:push": "rule:up or not role:b"', ""),
        ("# nothing", ""),
    ],
)
def test_a_rule_that_counts_nowhere_is_named(
    tmp_path: Path, content: str, unused: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(content)
    keystone.Rules(str(file))
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == ([f"{file}: no rule of the registry has the name {unused}, and none names it"] if unused else [])


def test_rules_of_any_form_that_oslo_policy_has(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(
        '{"up": "role:uploader", "registry:push": "rule:up or not role:member", "registry:pull": [["role:a"]]}'
    )
    rules = keystone.Rules(str(file))
    allowed = [
        [rules.allow(action, {"roles": [role], "project_id": "p"}, "p") for action in ("push", "pull", "delete")]
        for role in ("uploader", "member", "a")
    ]
    assert allowed == [[True, False, False], [False, False, True], [True, True, False]]


def test_who_sees_upkeep_is_a_rule_too(v3: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f'"registry:pull": "@"\n"registry:admin": "user_id:{v3.ids["demo"]}"\n')
    for door, expected in (({"policy_file": str(file)}, [True, False]), ({}, [True, True])):
        client = registry(v3, **door)
        client.application.mount(Site(client.application.context))
        shown = [client.get("/ui/storage", headers=basic(*login)).text for login in (DEMO, SALES)]
        assert ["Garbage collection" in text for text in shown] == expected  # nothing is stored, so both see all of it


def test_the_policy_table_narrows(v3: Cloud) -> None:
    rules = (Rule(("role:member",), ("**",), ("pull",)),)
    client, name = registry(v3, rules), f"{v3.ids['demo_project']}/app"
    assert pull(client, name, DEMO) == 404
    assert push(client, name, DEMO) == 403


def test_groups_of_keystone(v3: Cloud) -> None:
    group = v3.admin.groups.create("pushers", domain="default")
    v3.admin.users.add_to_group(v3.ids["demo"], group)
    rules = (Rule(("*",), ("**",), ("pull",)), Rule(("group:pushers@Default",), ("**",), ("pull", "push")))
    demo = f"{v3.ids['demo_project']}/app"
    try:
        client = registry(v3, rules, groups=True)
        assert push(client, demo, DEMO) == 201
        # Of what a credential may not ask, nothing is known.
        narrow = v3.application_credential(access_rules=[{"method": "GET", "path": "/v2.1/**", "service": "compute"}])
        login = (f"applicationcredential-{narrow.id}", narrow.secret)
        assert (pull(client, demo, login), push(client, demo, login)) == (200, 403)
    finally:
        v3.admin.groups.delete(group)


def test_keystone_is_asked_once_a_minute(v3: Cloud) -> None:
    client, name = registry(v3), f"{v3.ids['demo_project']}/app"
    before = v3.keystone.log.read_text().count("/auth/tokens")
    for _ in range(5):
        pull(client, name, DEMO)
    for _ in range(5):
        pull(client, name, (DEMO[0], "wrong"))
    assert v3.keystone.log.read_text().count("/auth/tokens") - before == 2


def test_an_outage_is_no_wrong_password() -> None:
    door = Auth(keystone=KeystoneDoor("http://127.0.0.1:9/v3"))
    down = Client(Registry(fetch("memory")("/registry", None), Settings(secret=b"s", auth=door)))
    answer = down.get("/v2/", headers=basic(*DEMO))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
