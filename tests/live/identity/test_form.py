"""The page's form with a real Keystone: right, wrong, another project's, ended, away; and what Keystone is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from werkzeug.test import Client

from docker_registry.core.driver import fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.auth import keystone
from docker_registry.distribution.model.manifest import OCI_INDEX
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Auth, KeystoneDoor, Settings
from docker_registry.web.session import COOKIE
from docker_registry.web.site import Site
from tests.live.identity import furnishing
from tests.live.identity.cloud import Cloud
from tests.live.identity.tls import TlsFront
from tests.live.mirror import Mirror
from tests.live.ours import Ours, write_config
from tests.peers import need

DEMO = ("demo@Default/web", furnishing.PASSWORD)
SALES = ("demo@sales/web", furnishing.SALES_PASSWORD)
TIMEOUT = 60  # s


class Door:
    """A registry whose way to Keystone can be cut."""

    def __init__(self, cloud: Cloud, ours: Ours, ways: ExitStack):
        self.cloud, self.url, self.ways = cloud, ours.url, ways
        self.project, self.other = cloud.ids["demo_project"], cloud.ids["sales_demo_project"]

    def asked(self) -> int:
        """How often Keystone was asked for or about a token."""
        return self.cloud.keystone.log.read_text().count("/auth/tokens")

    def log_in(self, name: str, password: str, following: str = "") -> tuple[requests.Session, requests.Response]:
        session = requests.Session()
        session.trust_env = False
        answer = session.post(
            f"{self.url}/ui/login",
            data={"name": name, "password": password, "next": following},
            headers={"Origin": self.url},
            allow_redirects=False,
            timeout=TIMEOUT,
        )
        return session, answer

    def show(self, session: requests.Session, path: str) -> tuple[int, str]:
        answer = session.get(f"{self.url}/ui/{path}", headers={"Accept": "text/html"}, timeout=TIMEOUT)
        return answer.status_code, answer.text


@pytest.fixture(scope="module")
def door(v3: Cloud, swift: EmbeddedSwift, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Its Swift has users of its own, so Keystone hears of nobody but who logs in."""
    folder = tmp_path_factory.mktemp("form")
    with ExitStack() as ways:
        way = ways.enter_context(TlsFront(v3.keystone.url, v3.certificate))
        section = {"url": way.url + v3.keystone.path, "cacert": str(v3.certificate.cert)}
        config = write_config(folder, swift, "page-keystone", auth={"keystone": section})
        with Ours(folder, config) as ours:
            yield Door(v3, ours, ways)


@pytest.mark.parametrize(("password", "status"), [(DEMO[1], 200), ("wrong", 401)])
def test_eight_first_logins_at_once_are_one_question(door: Door, password: str, status: int) -> None:
    """In greenlets of a real server."""
    user = door.cloud.newcomer()
    door.cloud.admin.roles.grant(door.cloud.ids["role"], user=user, project=door.project)
    before = door.asked()

    def enter(_: int) -> int:
        return requests.get(f"{door.url}/v2/", auth=(f"{user.name}@Default/web", password), timeout=TIMEOUT).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(enter, range(8))) == [status] * 8
    assert door.asked() - before == 1


def test_who_logs_in_sees_the_repositories_of_their_project(door: Door) -> None:
    for (name, password), project in ((DEMO, door.project), (SALES, door.other)):
        pushed = requests.put(
            f"{door.url}/v2/{project}/app/manifests/1.0",
            data=json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}),
            headers={"Content-Type": OCI_INDEX},
            auth=(name.encode(), password.encode()),
            timeout=TIMEOUT,
        )
        assert pushed.status_code == 201
    for login, mine, other in ((DEMO, door.project, door.other), (SALES, door.other, door.project)):
        session, answer = door.log_in(*login, f"/ui/r/{mine}/app")
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/ui/r/{mine}/app")
        attributes = {part.strip() for part in answer.headers["Set-Cookie"].split(";")[1:]}
        assert attributes >= {"HttpOnly", "SameSite=Lax", "Path=/ui/", "Max-Age=43200"}
        assert "Secure" not in attributes  # the test's browser came without TLS
        assert login[1] not in answer.headers["Set-Cookie"]
        status, text = door.show(session, f"r/{mine}/app")
        assert (status, "1.0" in text) == (200, True)
        status, text = door.show(session, "")
        assert (status, f"r/{mine}/app" in text, f"r/{other}/app" in text) == (200, True, False)
        status, text = door.show(session, f"r/{other}/app")
        assert (status, f"may not pull {other}/app" in text) == (403, True)
        assert session.get(f"{door.url}/v2/", timeout=TIMEOUT).status_code == 401  # the cookie is none of the API's
        session.post(f"{door.url}/ui/logout", headers={"Origin": door.url}, timeout=TIMEOUT)
        assert not session.cookies
        assert door.show(session, f"r/{mine}/app")[0] == 401


def test_a_mirror_of_debian_logs_in_by_its_url(door: Door, tmp_path: Path) -> None:
    need("docker-registry")
    name = f"{door.other}/mirrored"
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})
    login = tuple(each.encode() for each in SALES)
    headers = {"Content-Type": OCI_INDEX}
    url = f"{door.url}/v2/{name}/manifests/1.0"
    assert requests.put(url, data=body, headers=headers, auth=login, timeout=TIMEOUT).status_code == 201
    seen = []
    for number, who in enumerate((SALES, DEMO)):
        user, password = (quote(each, safe="") for each in who)
        with Mirror(tmp_path / str(number), door.url.replace("://", f"://{user}:{password}@")) as mirror:
            url = f"{mirror.url}/v2/{name}/manifests/1.0"
            seen.append(requests.get(url, headers={"Accept": OCI_INDEX}, timeout=TIMEOUT).ok)
    assert seen == [True, False]


def test_what_is_wrong_is_one_answer(door: Door) -> None:
    """A password, a project without a role, a user of another domain, no spelling, nobody: told apart by nothing."""
    names = [DEMO[0], "demo@Default/other", "demo@sales/web", "demo", "nobody@Default/web"]
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(lambda name: door.log_in(name, "of no use" if name == DEMO[0] else DEMO[1]), names))
    for name, (session, answer) in zip(names, answers, strict=True):
        assert (answer.status_code, "Name or password is wrong." in answer.text) == (401, True), name
        assert f'value="{name}"' in answer.text
        assert not session.cookies


def test_a_login_ends_with_its_credential_and_outlasts_an_outage(v3: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each replica here is a new one, which remembers nothing."""
    monkeypatch.setattr(keystone.Keystone, "pace", 0.0)

    def replica(url: str = v3.auth_url) -> Client:
        auth = Auth(keystone=KeystoneDoor(url))
        registry = Registry(fetch("memory")("/registry", None), Settings(secret=b"s", auth=auth))
        registry.mount(Site(registry.context))
        return Client(registry)

    made = v3.application_credential()
    first = replica()
    fields = {"name": f"applicationcredential-{made.id}", "password": made.secret}
    assert first.post("/ui/login", data=fields, headers={"Origin": "http://localhost"}).status_code == 303
    cookie = first.get_cookie(COOKIE, path="/ui/")
    assert cookie is not None

    def shown(client: Client) -> tuple[int, str]:
        client.set_cookie(COOKIE, cookie.value, path="/ui/")
        answer = client.get("/ui/")
        assert (client.get_cookie(COOKIE, path="/ui/") is None) == (answer.status_code == 401)
        return answer.status_code, answer.text

    assert shown(replica())[0] == 200
    status, text = shown(replica("http://127.0.0.1:9/v3"))
    assert (status, "Your login cannot be checked" in text, "You are not logged out" in text) == (503, True, True)
    v3.demo().application_credentials.delete(made.id)
    status, text = shown(replica())
    assert (status, "not logged in any more" in text) == (401, True)


def test_while_keystone_is_away_the_form_says_so(door: Door) -> None:
    """The last of this file: nothing leads to Keystone after it."""
    session, _ = door.log_in(*DEMO)
    door.ways.close()
    assert door.show(session, "")[0] == 200  # whom the registry remembers
    other, answer = door.log_in("new@Default/web", "of somebody")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The login cannot be checked now, try again." in answer.text
    assert 'value="new@Default/web"' in answer.text
    assert not other.cookies
