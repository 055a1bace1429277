"""What stands on each page, and what each address answers."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import bcrypt
import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import UnreachableError
from docker_registry.distribution.auth.robots import Grant, Robots
from docker_registry.settings import Auth, Expire, Rule
from tests.distribution.contents import descriptor, image, index, push, push_blob, push_image, subject_of
from tests.web.pages import mounted, visit

CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "created": "2026-03-01T12:00:00Z",
    "config": {"Cmd": ["/bin/app"], "Env": ["PATH=/bin"], "Labels": {"team": "blue"}, "User": "1000"},
    "history": [{"created_by": "/bin/sh -c #(nop) ADD rootfs"}, {"created_by": "CMD app", "empty_layer": True}],
}


def push_real(client: Client, name: str, tag: str, **changes: object) -> bytes:
    """An image with a config that says something; its manifest."""
    config = json.dumps({**CONFIG, **changes}).encode()
    for blob in (config, b"a layer"):
        push_blob(client, name, blob)
    body = image(b"a layer", config=config)
    assert push(client, name, tag, body).status_code == 201
    return body


def test_a_browser_is_shown_the_page_and_a_program_what_it_was_always_told(client: Client) -> None:
    answer = client.get("/", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/ui/")
    assert client.get("/ui").headers["Location"] == "/ui/"
    assert client.get("/").text.startswith("A container registry")
    assert client.get("/v2/", headers={"Accept": "text/html"}).json == {}


def test_an_empty_registry_says_how_to_push(client: Client) -> None:
    assert "podman push --tls-verify=false app localhost/team/app:1.0" in visit(client, "/ui/").words()


def test_repositories_stand_below_their_folders(client: Client) -> None:
    for name in ("zoo", "team/app", "team/web"):
        push_image(client, name, "1.0", b"layer")
    rows = visit(client, "/ui/").table()
    assert [row[0] for row in rows] == ["zoo", "team/", "app", "web"]
    assert rows[2][1:3] == ["1", "just now"]


def test_many_repositories_are_folded(client: Client) -> None:
    for number in range(51):
        push_image(client, f"team/app{number:02}", "1.0", b"layer")
    push_image(client, "zoo", "1.0", b"layer")
    page = visit(client, "/ui/")
    assert [row[:2] for row in page.table()] == [["team/", "51 repositories"], ["zoo", "1"]]
    first = visit(client, "/ui/?ns=team")
    assert len(first.table()) == 50
    (following,) = (link for link in first.links() if "after=" in link)
    assert [row[0] for row in visit(client, following).table()] == ["app50"]


def test_search_finds_names_and_goes_to_what_is_pasted(client: Client) -> None:
    for name in ("team/app", "team/web"):
        push_image(client, name, "1.0", b"layer")
    assert [row[0] for row in visit(client, "/ui/?q=WEB").table()] == ["team/", "web"]
    assert "No repository has this in its name" in visit(client, "/ui/?q=nothing").words()
    for pasted in ("team/app:1.0", "localhost/team/app:1.0", "docker pull localhost/team/app:1.0"):
        answer = client.get("/ui/", query_string={"q": pasted})
        assert answer.headers["Location"] == "/ui/r/team/app:1.0", pasted
    assert client.get("/ui/?q=team/app").headers["Location"] == "/ui/r/team/app"


def test_a_repository_s_tags(client: Client) -> None:
    body = push_real(client, "team/app", "1.0")
    push(client, "team/app", "latest", body)
    page = visit(client, "/ui/r/team/app?sort=name")
    rows = page.table()
    assert [row[:2] for row in rows] == [["1.0 same as latest", "amd64"], ["latest same as 1.0", "amd64"]]
    assert rows[0][2] == f"{7 + len(json.dumps(CONFIG))} B"
    assert "docker pull localhost/team/app:latest" in page.commands()
    assert [row[0] for row in visit(client, "/ui/r/team/app?q=1.").table()] == ["1.0 same as latest"]
    assert "No tag has" in visit(client, "/ui/r/team/app?q=nothing").words()


def test_tags_are_leafed_through_and_nothing_is_lost(client: Client) -> None:
    body = push_real(client, "app", "t000")
    for number in range(1, 60):
        push(client, "app", f"t{number:03}", body)
    for order in ("", "?sort=name"):
        seen, link = [], f"/ui/r/app{order}"
        while link:
            page = visit(client, link)
            seen += [row[0].split()[0] for row in page.table()]
            link = next((each for each in page.links() if "after=" in each), "")
        assert sorted(seen) == [f"t{number:03}" for number in range(60)]


def test_the_largest_tags_come_first_where_that_is_asked_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, size in enumerate((20, 3000, 100)):
        push_image(client, "app", f"t{number}", b"x" * size)
    assert [row[0] for row in visit(client, "/ui/r/app?sort=size").table()] == ["t1", "t2", "t0"]
    monkeypatch.setattr("docker_registry.web.pages.repository._MEASURED", 2)
    page = visit(client, "/ui/r/app?sort=size")
    assert len(page.table()) == 2
    assert "2 of 3, the newest ones" in page.words()


def test_a_tag_that_vanishes_says_when_and_is_gone_then(driver: Base) -> None:
    client = mounted(driver, expire=(Expire(("**",), ("pr-*",), 3 * 86400.0),))
    push_image(client, "app", "pr-1", b"layer")
    push_image(client, "app", "v1", b"layer")
    rows = visit(client, "/ui/r/app?sort=name").table()
    assert rows[0][3] == "just now 2 days left"
    assert rows[1][3] == "just now"
    store = client.application.context.containers.default.store
    later = mounted(driver)
    later.application.context.containers.default.store.clock = lambda: store.clock() + 4 * 86400
    assert [row[0].split()[0] for row in visit(later, "/ui/r/app").table()] == ["v1"]
    assert visit(later, "/ui/").table()[0][1] == "1"


def test_a_page_goes_on_where_its_marker_s_tag_is_gone(client: Client) -> None:
    body = push_real(client, "app", "t000")
    for number in range(1, 30):
        push(client, "app", f"t{number:03}", body)
    (link,) = {each for each in visit(client, "/ui/r/app?sort=name").links() if "after=" in each}
    marker = link.rpartition("_")[2]
    client.delete(f"/v2/app/manifests/{marker}")
    fresh = mounted(client.application.context.containers.default.driver)
    assert visit(fresh, link).table()[0][0].split()[0] == f"t{int(marker[1:]) + 1:03}"


def test_an_image_says_what_it_is(client: Client) -> None:
    push_real(client, "team/app", "1.0")
    page = visit(client, "/ui/r/team/app:1.0")
    words = page.words()
    for text in ("ADD rootfs", "CMD app", "/bin/app", "PATH", "team", "blue", "2026-03-01 12:00 UTC", "7 B"):
        assert text in words, text
    digest = json.loads(client.get("/v2/team/app/manifests/1.0").text)["config"]["digest"]
    assert digest not in words
    assert visit(client, f"/ui/r/team/app@{client.get('/v2/team/app/manifests/1.0').headers['ETag'][1:-1]}")


def test_an_index_shows_its_platforms_and_what_is_attached(client: Client) -> None:
    bodies = [push_real(client, "app", f"only-{one}", architecture=one) for one in ("amd64", "arm64")]
    entries = [
        {**json.loads(index(body))["manifests"][0], "platform": {"os": "linux", "architecture": one}}
        for body, one in zip(bodies, ("amd64", "arm64"), strict=True)
    ]
    attestation = {
        **entries[0],
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    body = json.dumps({**json.loads(index()), "manifests": [*entries, attestation]}).encode()
    assert push(client, "app", "all", body).status_code == 201
    signature = image(b"{}", artifactType="application/vnd.dev.cosign.artifact.sig.v1+json", subject=subject_of(body))
    push_blob(client, "app", b"{}")
    assert push(client, "app", "sig", signature).status_code == 201
    row = next(row for row in visit(client, "/ui/r/app").table() if row[0] == "all")
    assert row[1] == "amd64 arm64"
    assert row[4] == "Signature, Attestation"
    page = visit(client, "/ui/r/app:all")
    assert "linux/amd64" in page.words()
    assert "unknown" not in page.words()
    assert ["Signature", "application/vnd.dev.cosign.artifact.sig.v1+json"] in [row[:2] for row in page.table()]
    (other,) = (link for link in page.links() if "platform=" in link and entries[1]["digest"][7:] in link)
    assert visit(client, other)


@pytest.mark.parametrize(
    ("config_type", "word"),
    [
        ("application/vnd.cncf.helm.config.v1+json", "Helm chart"),
        ("application/vnd.wasm.config.v0+json", "WebAssembly"),
        ("application/vnd.buildkit.cacheconfig.v0", "BuildKit cache"),
        ("application/vnd.example.anything.v1+json", "Artifact"),
    ],
)
def test_artifacts_are_called_by_their_names(client: Client, config_type: str, word: str) -> None:
    config = b'{"name": "thing", "version": "0.1.0"}'
    for blob in (config, b"content"):
        push_blob(client, "things/one", blob)
    body = json.dumps({**json.loads(image(b"content")), "config": descriptor(config, config_type)}).encode()
    assert push(client, "things/one", "0.1.0", body).status_code == 201
    assert visit(client, "/ui/r/things/one").table()[0][1] == word
    page = visit(client, "/ui/r/things/one:0.1.0")
    assert page.words().count(word) >= 1
    assert "thing" in page.words()
    assert not any(command.startswith("docker") for command in page.commands())
    assert any(command.startswith("helm pull oci://") for command in page.commands()) is (word == "Helm chart")


def test_what_is_broken_says_so(client: Client, driver: Base) -> None:
    body = push_real(client, "app", "1.0")
    config = json.loads(body)["config"]["digest"]
    client.delete(f"/v2/app/blobs/{config}")
    fresh = mounted(driver)
    assert "does not pull" in visit(fresh, "/ui/r/app:1.0").words()
    push_blob(client, "app", json.dumps(CONFIG).encode())
    driver.put_content(f"files/docker/registry/v2/blobs/sha256/{config[7:9]}/{config[7:]}/data", b'{"os": "plan9"}')
    words = visit(mounted(driver), "/ui/r/app:1.0").words()
    assert "bytes are damaged" in words
    assert "plan9" not in words
    hexes = descriptor(body)["digest"][7:]
    driver.put_content(f"files/docker/registry/v2/blobs/sha256/{hexes[:2]}/{hexes}/data", b"rubbish")
    fresh = mounted(driver)
    assert visit(fresh, "/ui/r/app").table()[0][1] == "does not pull"
    assert "cannot be read" in visit(fresh, "/ui/r/app:1.0", 404).words()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/ui/r/nothing/here", 404, "There is no repository nothing/here."),
        ("/ui/r/app:none", 404, "There is no tag none in app."),
        ("/ui/r/app@sha256:" + "0" * 64, 404, "manifest sha256:000"),
        ("/ui/r/APP", 400, "is not a repository name"),
        ("/ui/r/app:-", 400, "is not a tag"),
        ("/ui/r/app@sha256:12", 400, "is not sha256"),
        ("/ui/somewhere", 404, "Not found"),
        ("/ui/static/none.css", 404, "Not found"),
    ],
)
def test_errors_are_pages(client: Client, path: str, status: int, words: str) -> None:
    push_image(client, "app", "1.0", b"layer")
    assert words in visit(client, path, status).words()


def test_a_name_that_was_nearly_right_is_offered(client: Client) -> None:
    push_image(client, "team/app", "1.0", b"layer")
    assert "/ui/r/team/app" in visit(client, "/ui/r/app", 404).links()


def test_an_outage_is_a_page_too(client: Client, driver: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise UnreachableError("nobody there")

    monkeypatch.setattr(type(driver), "walk", down)
    push_image(client, "app", "1.0", b"layer")
    response = client.get("/ui/r/app")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "Nothing is lost" in visit(client, "/ui/r/app", 503).words()


def test_only_reading_methods_are_answered(client: Client) -> None:
    assert client.post("/ui/").status_code == 405
    assert client.head("/ui/").status_code == 200


def test_static_files_are_kept_for_a_year_by_an_address_of_their_content(client: Client) -> None:
    page = visit(client, "/ui/")
    addresses = [element.get("href", "") for element in page.all("link")]
    addresses += [element.get("src", "") for element in [*page.all("script"), *page.all("img")]]
    assert len(set(addresses)) == 3
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        packed = client.get(address, headers={"Accept-Encoding": "br, gzip"})
        assert (packed.headers["Content-Encoding"], gzip.decompress(packed.data)) == ("gzip", answer.data)
        assert "Content-Encoding" not in client.get(address, headers={"Accept-Encoding": "gzip;q=0"}).headers
    assert "Content-Encoding" not in client.get("/ui/", headers={"Accept-Encoding": "gzip"}).headers


def test_the_page_can_be_below_a_path(driver: Base) -> None:
    client = mounted(driver, prefix="/images")
    push_image(Client(client.application), "app", "1.0", b"layer")
    response = client.get("/images/ui/")
    assert response.status_code == 200
    assert 'href="/images/ui/r/app"' in response.text


def test_commands_name_the_host_that_clients_use(driver: Base) -> None:
    client = mounted(driver, public_url="https://registry.example.org")
    push_real(client, "app", "1.0")
    page = visit(client, "/ui/r/app:1.0")
    assert page.commands()[:2] == [
        "docker pull registry.example.org/app:1.0",
        "podman pull registry.example.org/app:1.0",
    ]
    insecure = visit(mounted(driver, public_url="http://registry.example.org"), "/ui/r/app:1.0")
    assert insecure.commands()[0] == "podman pull --tls-verify=false registry.example.org/app:1.0"


@pytest.fixture
def guarded(driver: Base, tmp_path: Path) -> Client:
    """Everybody may pull what is public, ana what is hers."""
    push_real(mounted(driver), "public/app", "1.0")
    push_real(mounted(driver), "ana/app", "1.0")
    push_real(mounted(driver), "secret/app", "1.0")
    file = tmp_path / "htpasswd"
    file.write_text("ana:" + bcrypt.hashpw(b"word", bcrypt.gensalt(4)).decode() + "\n")
    rules = (
        Rule(("anonymous", "*"), ("public/**",), ("pull",)),
        Rule(("user:ana",), ("ana/**",), ("pull", "push", "delete")),
    )
    return mounted(driver, auth=Auth(htpasswd=str(file), policy=rules))


def test_everybody_sees_what_everybody_may_pull(guarded: Client) -> None:
    page = visit(guarded, "/ui/")
    assert [row[0] for row in page.table()] == ["public/", "app"]
    assert "/ui/login?next=%2Fui%2F" in page.links()
    answer = guarded.get("/ui/r/ana/app")
    assert answer.status_code == 401
    assert not answer.headers["WWW-Authenticate"].lower().startswith("basic")  # a browser would open a prompt


def test_who_has_logged_in_sees_what_is_theirs(guarded: Client) -> None:
    ana = {"auth": ("ana", "word")}
    assert [row[0] for row in visit(guarded, "/ui/", **ana).table()] == ["ana/", "app", "public/", "app"]
    assert visit(guarded, "/ui/r/ana/app:1.0", **ana)
    assert guarded.get("/ui/login", **ana).headers["Location"] == "/ui/"
    assert "user ana" not in visit(guarded, "/ui/r/secret/app", 403, **ana).text.partition("<main")[0]
    assert "Logged in as </span>ana" in visit(guarded, "/ui/r/secret/app", 403, **ana).text
    assert "may not pull secret/app" in visit(guarded, "/ui/r/secret/app", 403, **ana).words()
    assert "may not pull secret/none" in visit(guarded, "/ui/r/secret/none", 403, **ana).words()
    assert guarded.get("/ui/r/app", **ana).status_code == 403


def test_two_passwords_of_one_robot_see_what_each_allows(driver: Base) -> None:
    for name in ("blue/app", "red/app"):
        push_image(mounted(driver), name, "1.0", b"layer")
    client = mounted(driver, auth=Auth(robots=True))
    robots = Robots([b"a secret of the tests"])
    for team in ("blue", "red", "blue"):
        _, password = robots.create("deploy", [Grant(f"{team}/**", ("pull",))], time.time() + 60)
        page = visit(client, "/ui/", auth=("deploy", password))
        assert [row[0] for row in page.table()] == [f"{team}/", "app"]


def test_names_that_may_not_be_seen_are_not_offered(guarded: Client) -> None:
    page = visit(guarded, "/ui/r/public/ap", 404)
    assert "/ui/r/public/app" in page.links()
    assert not any("secret" in link or "ana" in link for link in page.links())


def test_without_rules_a_login_is_asked_for(driver: Base, tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    file.write_text("ana:" + bcrypt.hashpw(b"word", bcrypt.gensalt(4)).decode() + "\n")
    client = mounted(driver, auth=Auth(htpasswd=str(file)))
    assert visit(client, "/ui/", 401)
    assert "Nothing here that you may see" in visit(client, "/ui/", auth=("ana", "word")).words()
    assert client.get("/ui/", auth=("ana", "wrong")).status_code == 401


@pytest.mark.parametrize("path", ["/ui/", "/ui/r/a", "/ui/r/a@latest", "/ui/login", "/ui/static/x"])
def test_a_query_that_is_no_text_is_the_client_s_fault(client: Client, path: str) -> None:
    assert client.get(path, environ_overrides={"QUERY_STRING": "\xff=\xff"}).status_code == 400
