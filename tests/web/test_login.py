"""Logging in by the form: a cookie is worth what the name and password in it are worth, and only to pages."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import bcrypt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from docker_registry.core.driver import Base
from docker_registry.distribution.auth.robots import Grant, Robots
from docker_registry.settings import Auth, Rule
from docker_registry.web import session
from tests.distribution.contents import push_image
from tests.web.pages import mounted, visit

HOST = "http://localhost"
PAGES = (
    "/ui/",
    "/ui/?q=app",
    "/ui/storage",
    "/ui/r/ana/app",
    "/ui/r/ana/app:1.0",
    "/ui/r/ana/app:1.0/diff?to=1.0",
    "/ui/delete/ana/app?tag=1.0",
    "/ui/history/ana/app",
    "/ui/r/secret/app",
    "/ui/r/secret/app:1.0",
    "/ui/delete/secret/app?tag=1.0",
    "/ui/history/secret/app",
    "/ui/r/public/app",
)


def log_in(client: Client, name: str, password: str, following: str = "", **options: object) -> TestResponse:
    fields = {"name": name, "password": password, "next": following}
    headers = {"Accept": "text/html", "Origin": HOST}
    return client.post("/ui/login", data=fields, **{"headers": headers, **options})


def names(client: Client) -> list[str]:
    return [row[0] for row in visit(client, "/ui/").table() if not row[0].endswith("/")]


def write(file: Path, **users: str) -> None:
    lines = (f"{name}:{bcrypt.hashpw(word.encode(), bcrypt.gensalt(4)).decode()}\n" for name, word in users.items())
    file.write_text("".join(lines))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "htpasswd"
    write(path, ana="word", bob="word")
    return path


@pytest.fixture
def auth(driver: Base, file: Path) -> Auth:
    """Everybody may pull what is public, ana what is hers."""
    for name in ("public/app", "ana/app", "secret/app"):
        push_image(mounted(driver), name, "1.0", b"layer")
    rules = (
        Rule(("anonymous", "*"), ("public/**",), ("pull",)),
        Rule(("user:ana",), ("ana/**",), ("pull", "delete")),
    )
    return Auth(htpasswd=str(file), robots=True, policy=rules)


@pytest.fixture
def guarded(driver: Base, auth: Auth) -> Client:
    return mounted(driver, auth=auth)


def test_a_login_leads_on_and_lasts(guarded: Client) -> None:
    page = visit(guarded, "/ui/r/ana/app:1.0", 401)
    fields = {element.get("name"): element.get("value") for element in page.all("input")}
    assert fields["next"] == "/ui/r/ana/app:1.0"
    answer = log_in(guarded, "ana", "word", fields["next"])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ui/r/ana/app:1.0")
    attributes = answer.headers["Set-Cookie"].partition(";")[2].lower()
    assert {part.strip() for part in attributes.split(";")} >= {
        "httponly",
        "samesite=lax",
        "path=/ui/",
        "max-age=43200",
    }
    assert "secure" not in attributes
    assert "word" not in answer.headers["Set-Cookie"]
    assert names(guarded) == ["app", "app"]
    assert "Logged in as ana" in " ".join(visit(guarded, "/ui/").text.replace("</span>", "").split())
    assert guarded.get("/ui/login").headers["Location"] == "/ui/"


def test_each_page_is_what_it_is_with_the_password_itself(driver: Base, guarded: Client) -> None:
    by_prompt = mounted(driver, auth=guarded.application.settings.auth)
    log_in(guarded, "ana", "word")
    for path in PAGES:
        typed, kept = by_prompt.get(path, auth=("ana", "word")), guarded.get(path)
        assert typed.status_code == kept.status_code, path
        if typed.status_code == 200:
            assert visit(by_prompt, path, auth=("ana", "word")).words() == visit(guarded, path).words(), path
    assert {guarded.get(path).status_code for path in PAGES if "secret" in path} == {403}


def test_the_api_takes_no_cookie(guarded: Client) -> None:
    cookie = log_in(guarded, "ana", "word").headers["Set-Cookie"].partition(";")[0]
    for path in ("/v2/", "/v2/ana/app/manifests/1.0"):
        assert guarded.get(path).status_code == 401
        assert guarded.get(path, headers={"Cookie": cookie}).status_code == 401


def test_wrong_passwords_are_slowed_as_everywhere(guarded: Client) -> None:
    answer = log_in(guarded, "ana", "wrong", "/ui/storage")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "Name or password is wrong." in answer.text
    assert 'name="next" value="/ui/storage"' in answer.text
    for number in range(9):
        assert log_in(guarded, "ana", f"guess {number}").status_code == 401
    answer = log_in(guarded, "ana", "word")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert guarded.get("/v2/", auth=("ana", "word")).status_code == 429
    assert log_in(guarded, "bob", "word").status_code == 303


@pytest.mark.parametrize(
    ("name", "password"), [("", ""), ("ana", ""), ("ana:word", ""), ("nobody", "word"), ("", "word")]
)
def test_what_is_no_login(guarded: Client, name: str, password: str) -> None:
    assert log_in(guarded, name, password).status_code == 401
    assert names(guarded) == ["app"]


def test_another_site_logs_nobody_in_or_out(guarded: Client) -> None:
    """Not in as somebody else either."""
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        assert log_in(guarded, "ana", "word", headers=headers).status_code == 403
        assert guarded.post("/ui/logout", headers=headers).status_code == 403
    assert guarded.get("/ui/logout").status_code == 405
    assert guarded.post("/ui/logout", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
    assert names(guarded) == ["app"]


def test_who_logs_out_is_nobody_again(guarded: Client) -> None:
    log_in(guarded, "ana", "word")
    assert "Log out" in visit(guarded, "/ui/").text
    answer = guarded.post("/ui/logout", headers={"Origin": HOST})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ui/")
    assert names(guarded) == ["app"]
    # Who is known by the browser's own prompt cannot be forgotten.
    assert "Log out" not in visit(guarded, "/ui/", auth=("ana", "word")).text


@pytest.mark.usefixtures("files_looked_at_each_time")
def test_a_password_that_was_changed_ends_the_login_and_locks_nobody_out(guarded: Client, file: Path) -> None:
    log_in(guarded, "ana", "word")
    write(file, ana="another", bob="word")
    page = visit(guarded, "/ui/r/ana/app", 401)
    assert "not logged in any more" in page.words()
    for _ in range(12):
        assert names(guarded) == ["app"]
    assert log_in(guarded, "ana", "another").status_code == 303


def test_a_login_ends_after_its_time(guarded: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(guarded, "ana", "word")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + session.LASTS - 5)
    assert names(guarded) == ["app", "app"]
    monkeypatch.setattr(time, "time", lambda: now + session.LASTS + 5)
    cookie = guarded.get_cookie(session.COOKIE, path="/ui/")
    assert cookie is None or names(guarded) == ["app"]


def test_no_character_of_a_cookie_can_be_changed(guarded: Client) -> None:
    log_in(guarded, "ana", "word")
    cookie = guarded.get_cookie(session.COOKIE, path="/ui/")
    assert cookie is not None
    value = cookie.value
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place in range(len(value.rstrip("="))):
        other = alphabet[alphabet.index(value[place]) ^ 32]
        guarded.set_cookie(session.COOKIE, value[:place] + other + value[place + 1 :], path="/ui/")
        assert guarded.get("/ui/r/ana/app").status_code == 401, place
    for wrong in ("", "x", value[:-8], value * 40, "é"):
        guarded.set_cookie(session.COOKIE, wrong, path="/ui/")
        assert guarded.get("/ui/r/ana/app").status_code == 401


def test_another_replica_and_the_next_secret_know_it(driver: Base, auth: Auth, guarded: Client) -> None:
    log_in(guarded, "ana", "word")
    cookie = guarded.get_cookie(session.COOKIE, path="/ui/")
    assert cookie is not None
    secret = b"a secret of the tests"
    for secrets, status in (
        ({}, 200),
        ({"secret": b"new", "former_secrets": (secret,)}, 200),
        ({"secret": b"other"}, 401),
    ):
        other = mounted(driver, auth=auth, **secrets)
        other.set_cookie(session.COOKIE, cookie.value, path="/ui/")
        assert other.get("/ui/r/ana/app").status_code == status


def test_a_robot_logs_in_until_it_is_revoked(driver: Base, auth: Auth) -> None:
    revoked, password = Robots([b"a secret of the tests"]).create(
        "ci", [Grant("public/**", ("pull",))], time.time() + 60
    )
    everything = Auth(robots=True)
    client = mounted(driver, auth=everything)
    assert log_in(client, "ci", password).status_code == 303
    assert names(client) == ["app"]
    cookie = client.get_cookie(session.COOKIE, path="/ui/")
    assert cookie is not None
    later = mounted(driver, auth=Auth(robots=True, revoked=(revoked,)))
    later.set_cookie(session.COOKIE, cookie.value, path="/ui/")
    assert later.get("/ui/").status_code == 401


def test_by_tls_the_cookie_stays_there(driver: Base, auth: Auth) -> None:
    client = mounted(driver, auth=auth, public_url="https://registry.example.org", prefix="/images")
    answer = client.post(
        "/images/ui/login",
        data={"name": "ana", "password": "word"},
        headers={"Host": "registry.example.org", "Origin": "https://registry.example.org"},
    )
    assert answer.status_code == 303
    assert "; Secure" in answer.headers["Set-Cookie"]
    assert "Path=/images/ui/" in answer.headers["Set-Cookie"]


def test_behind_a_proxy_that_ends_tls_the_browser_tells(driver: Base, auth: Auth) -> None:
    host = {"Host": "registry.example.org"}
    for more, encrypted in (({}, False), ({"Sec-Fetch-Site": "same-origin"}, True)):
        client = mounted(driver, auth=auth)
        words = visit(client, "/ui/login", headers={**host, **more}).words()
        assert ("not encrypted" in words) is not encrypted
        origin = f"{'https' if encrypted else 'http'}://registry.example.org"
        answer = log_in(client, "ana", "word", headers={**host, "Origin": origin})
        assert ("; Secure" in answer.headers["Set-Cookie"]) is encrypted
    local = log_in(mounted(driver, auth=auth), "ana", "word", headers={"Origin": HOST, "Sec-Fetch-Site": "same-origin"})
    assert "; Secure" not in local.headers["Set-Cookie"]


def test_the_name_that_was_typed_stays(driver: Base, auth: Auth) -> None:
    answer = log_in(mounted(driver, auth=auth), 'ana"><b>', "wrong")
    assert 'value="ana&#34;&gt;&lt;b&gt;"' in answer.text
    assert "wrong" not in answer.text.replace("Name or password is wrong", "")


def test_where_there_is_no_login_the_page_says_so(driver: Base) -> None:
    page = visit(mounted(driver), "/ui/login")
    assert "No login is set up" in page.words()
    assert "show what is there" in page.words()
    assert page.all("main")[0].findall(".//form") == []


def test_the_form_says_what_it_can(driver: Base, auth: Auth) -> None:
    assert "not encrypted" not in visit(mounted(driver, auth=auth), "/ui/login").words()
    elsewhere = visit(mounted(driver, auth=auth), "/ui/login", headers={"Host": "registry.example.org"})
    assert "not encrypted" in elsewhere.words()
    long = mounted(driver, auth=auth)
    assert log_in(long, "ana", "x" * 9000).status_code == 401
    assert "Log in" not in visit(mounted(driver), "/ui/").text
    assert mounted(driver, auth=auth, read_only=True).get("/ui/login").status_code == 200
    assert log_in(mounted(driver, auth=auth, read_only=True), "ana", "word").status_code == 303


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    asked=st.text(st.sampled_from("/\\.:@?#%ui evil-é\n\t"), max_size=14).map(lambda tail: tail)
    | st.just("//evil.example/ui/")
)
@pytest.mark.parametrize("before", ["", "/ui/", "//", "https://evil.example"])
def test_nobody_is_led_to_another_site(guarded: Client, before: str, asked: str) -> None:
    answer = log_in(guarded, "ana", "word", before + asked)
    assert answer.status_code == 303
    where = urlsplit(urljoin(f"{HOST}/ui/login", answer.headers["Location"]))
    assert (where.scheme, where.netloc) == ("http", "localhost")
    assert answer.headers["Location"].startswith("/ui/")
