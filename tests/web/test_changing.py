"""Deleting and tagging from the page: only what the API allows, only from its own forms, written down like all else."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from types import SimpleNamespace

import bcrypt
import pytest
from werkzeug.test import Client, TestResponse

from docker_registry.core.driver import Base
from docker_registry.settings import Auth, Immutable, Rule
from docker_registry.web import forms
from tests.distribution.contents import image, push, push_blob, push_image
from tests.web.pages import mounted, visit

ANA, BOB = ("ana", "word"), ("bob", "word")


def hidden(client: Client, path: str, **options: object) -> dict[str, list[str]]:
    """The fields of the form on a page, as its buttons send them."""
    page = visit(client, path, **options)
    form = next(form for form in page.all("form") if form.get("method") == "post")
    fields: dict[str, list[str]] = {}
    for element in form.iter("input"):
        if element.get("type") == "hidden" or "checked" in element.attrib:
            fields.setdefault(element.get("name", ""), []).append(element.get("value", ""))
    return fields


def send(client: Client, path: str, fields: dict[str, list[str]], **options: object) -> TestResponse:
    headers = {"Accept": "text/html", "Origin": "http://localhost", **options.pop("headers", {})}  # type: ignore[dict-item]
    return client.post(path.partition("?")[0], data=fields, headers=headers, **options)  # type: ignore[arg-type]


def token_for(client: Client, caller: str, path: str) -> str:
    """A token that is right in itself, for somebody whose pages have none."""
    visit = SimpleNamespace(context=client.application.context, caller=caller, request=SimpleNamespace(path=path))
    return forms.token(visit)


def tags(client: Client, name: str, **options: object) -> list[str]:
    return client.get(f"/v2/{name}/tags/list", **options).json["tags"] or []  # type: ignore[arg-type]


def two_images(client: Client) -> tuple[str, str]:
    """1.0 and latest mean one image, 2.0 another; their digests."""
    one, body = push_image(client, "app", "1.0", b"one")
    push(client, "app", "latest", body)
    other, _ = push_image(client, "app", "2.0", b"two")
    return str(one), str(other)


def test_a_tag_is_deleted_and_the_image_stays(client: Client) -> None:
    one, _ = two_images(client)
    path = "/ui/delete/app?tag=1.0"
    words = visit(client, path).words()
    assert "go along: latest" in words
    assert "keeps its bytes. No rule takes what nothing needs: it stays until somebody deletes it" in words
    assert tags(client, "app") == ["1.0", "2.0", "latest"]
    answer = send(client, path, hidden(client, path))
    assert answer.status_code == 200
    assert "Deleted" in answer.text
    assert tags(client, "app") == ["2.0", "latest"]
    assert client.get(f"/v2/app/manifests/{one}").status_code == 200
    assert [row[0] for row in visit(client, "/ui/r/app?sort=name").table()] == ["2.0", "latest"]


def test_an_image_is_deleted_with_all_of_its_tags(client: Client) -> None:
    one, _ = two_images(client)
    path = "/ui/delete/app?tag=1.0"
    assert send(client, path, {**hidden(client, path), "what": ["image"]}).status_code == 200
    assert tags(client, "app") == ["2.0"]
    assert client.get(f"/v2/app/manifests/{one}").status_code == 404


def test_several_tags_go_in_one_go_and_each_is_told_of(client: Client) -> None:
    two_images(client)
    path = "/ui/delete/app?tag=1.0&tag=2.0"
    fields = hidden(client, path)
    client.delete("/v2/app/manifests/2.0")
    answer = send(client, path, fields)
    assert answer.status_code == 200
    assert re.search(r"<code>2.0</code>: <span[^>]*>not deleted", answer.text)
    assert tags(client, "app") == ["latest"]
    assert send(client, path, fields).status_code == 409


def test_a_tag_is_given_to_an_image(client: Client) -> None:
    one, other = two_images(client)
    path = f"/ui/tag/app?digest={one}&tag=stable"
    answer = send(client, path, hidden(client, path))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ui/r/app:stable")
    assert client.get("/v2/app/manifests/stable").headers["Docker-Content-Digest"] == one
    path = f"/ui/tag/app?digest={other}&tag=stable"
    assert "It means now" in visit(client, path).words()
    assert send(client, path, hidden(client, path)).status_code == 303
    assert client.get("/v2/app/manifests/stable").headers["Docker-Content-Digest"] == other


def test_what_was_deleted_or_moved_comes_back(client: Client) -> None:
    one, other = two_images(client)
    path = "/ui/delete/app?tag=1.0"
    send(client, path, {**hidden(client, path), "what": ["image"]})
    path = f"/ui/tag/app?digest={other}&tag=2.1"
    send(client, path, hidden(client, path))
    assert {row[0] for row in visit(client, "/ui/history/app").table()} == {"1.0", "latest"}
    fields = hidden(client, "/ui/history/app")
    answer = send(client, "/ui/history/app", {**fields, "back": [f"1.0@{one}"]})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ui/r/app:1.0")
    assert client.get("/v2/app/manifests/1.0").headers["Docker-Content-Digest"] == one
    for wrong, status in ((f"2.0@{one}", 404), (f"none@{other}", 404), ("2.0", 400), ("", 400)):
        assert send(client, "/ui/history/app", {**fields, "back": [wrong]}).status_code == status
    assert client.get("/v2/app/manifests/2.0").headers["Docker-Content-Digest"] == other


def test_who_may_not_push_brings_nothing_back(guarded: Client) -> None:
    digest = guarded.get("/v2/ana/app/manifests/pr-1", auth=ANA).headers["Docker-Content-Digest"]
    guarded.delete("/v2/ana/app/manifests/pr-1", auth=ANA)
    assert "Bring back" in visit(guarded, "/ui/history/ana/app", auth=ANA).words()
    assert "Bring back" not in visit(guarded, "/ui/history/ana/app", auth=BOB).words()
    fields = {**hidden(guarded, "/ui/history/ana/app", auth=ANA), "back": [f"pr-1@{digest}"]}
    bobs = {**fields, "token": [token_for(guarded, "user bob", "/ui/history/ana/app")]}
    assert send(guarded, "/ui/history/ana/app", bobs, auth=BOB).status_code == 403
    assert tags(guarded, "ana/app", auth=ANA) == ["v1"]
    assert send(guarded, "/ui/history/ana/app", fields, auth=ANA).status_code == 303


def test_a_form_is_only_taken_from_its_own_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    two_images(client)
    path = "/ui/delete/app?tag=1.0"
    fields = hidden(client, path)
    refused = [
        send(client, path, fields, headers={"Origin": "https://evil.example"}),
        send(client, path, fields, headers={"Origin": "null"}),
        send(client, path, {**fields, "token": [""]}),
        send(client, path, {**fields, "token": ["9999999999." + "0" * 64]}),
        send(client, path, {**fields, "token": ["x.y"]}),
        send(client, "/ui/delete/other", fields),
        client.post("/ui/delete/app", data=fields, headers={"Sec-Fetch-Site": "cross-site"}),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    unsaid = client.post("/ui/delete/app", data={**fields, "tag": ["none"]})  # by no browser, but with the token
    assert unsaid.status_code == 409
    with monkeypatch.context() as later:
        now = forms.time.time()
        later.setattr(forms.time, "time", lambda: now + 3601)
        assert send(client, path, fields).status_code == 403
    assert tags(client, "app") == ["1.0", "2.0", "latest"]
    large = {**fields, "more": ["x" * 70_000]}
    answer = send(client, path, large)
    assert answer.status_code == 400
    assert "This form is too large" in answer.text
    empty = client.post("/ui/delete/app", headers={"Accept": "text/html", "Origin": "http://localhost"})
    assert empty.status_code == 400
    assert "This request cannot be understood" in empty.text
    assert "No form was sent; go back and use the button of the page." in empty.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ui/delete/app", 400),
        ("/ui/delete/app?tag=-", 400),
        ("/ui/delete/app?" + "&".join(f"tag=t{n}" for n in range(101)), 414),
        ("/ui/delete/app:1.0", 404),
        ("/ui/tag/app?tag=x&digest=y", 400),
        ("/ui/tag/app?tag=-&digest=sha256:" + "0" * 64, 400),
    ],
)
def test_what_cannot_be_asked_for(client: Client, path: str, status: int) -> None:
    two_images(client)
    visit(client, path, status)


@pytest.fixture
def guarded(driver: Base, tmp_path: Path) -> Client:
    """Ana may do everything with her repository, bob may pull; releases stay."""
    push_image(mounted(driver), "ana/app", "v1", b"one")
    push_image(mounted(driver), "ana/app", "pr-1", b"two")
    file = tmp_path / "htpasswd"
    secret = bcrypt.hashpw(b"word", bcrypt.gensalt(4)).decode()
    file.write_text(f"ana:{secret}\nbob:{secret}\n")
    rules = (Rule(("user:ana",), ("ana/**",), ("pull", "push", "delete")), Rule(("user:bob",), ("ana/**",), ("pull",)))
    stay = (Immutable(("**",), ("v*",)),)
    return mounted(driver, auth=Auth(htpasswd=str(file), policy=rules, immutable=stay))


def test_who_may_not_delete_is_not_offered_it_and_cannot(guarded: Client) -> None:
    path = "/ui/delete/ana/app?tag=pr-1"
    assert "Delete chosen" in visit(guarded, "/ui/r/ana/app", auth=ANA).words()
    assert "Delete chosen" not in visit(guarded, "/ui/r/ana/app", auth=BOB).words()
    assert "Delete" not in visit(guarded, "/ui/r/ana/app:pr-1", auth=BOB).words()
    visit(guarded, path, 403, auth=BOB)
    visit(guarded, f"/ui/tag/ana/app?tag=x&digest=sha256:{'0' * 64}", 403, auth=BOB)
    visit(guarded, path, 401)
    fields = hidden(guarded, path, auth=ANA)
    bobs = {**fields, "token": [token_for(guarded, "user bob", "/ui/delete/ana/app")]}
    assert send(guarded, path, bobs, auth=BOB).status_code == 403
    assert send(guarded, path, fields).status_code == 401
    assert tags(guarded, "ana/app", auth=ANA) == ["pr-1", "v1"]


def test_a_form_of_one_person_is_none_of_another_s(driver: Base, guarded: Client) -> None:
    """Whoever may delete cannot make somebody else do it."""
    both = mounted(driver, auth=Auth(htpasswd=guarded.application.settings.auth.htpasswd))
    path = "/ui/delete/ana/app?tag=pr-1"
    assert send(both, path, hidden(both, path, auth=ANA), auth=BOB).status_code == 403
    assert send(both, path, hidden(both, path, auth=ANA), auth=ANA).status_code == 200


def test_immutable_tags_stay_and_deeds_are_written_down(guarded: Client, caplog: pytest.LogCaptureFixture) -> None:
    path = "/ui/delete/ana/app?tag=pr-1&tag=v1"
    with caplog.at_level(logging.INFO, "docker_registry.audit"):
        answer = send(guarded, path, {**hidden(guarded, path, auth=ANA), "tag": ["pr-1", "v1"]}, auth=ANA)
    assert "v1 is immutable" in answer.text
    assert tags(guarded, "ana/app", auth=ANA) == ["v1"]
    assert any("user ana" in line and "deleted ana/app:pr-1" in line for line in caplog.messages)
    digest = guarded.get("/v2/ana/app/manifests/v1", auth=ANA).headers["Docker-Content-Digest"]
    path = f"/ui/tag/ana/app?digest={digest}&tag=x"
    with caplog.at_level(logging.INFO, "docker_registry.audit"):
        assert send(guarded, path, hidden(guarded, path, auth=ANA), auth=ANA).status_code == 303
    assert any("pushed ana/app@" in line and "ana/app:x" in line for line in caplog.messages)


def test_what_was_not_deleted_is_not_said_to_be_gone(guarded: Client) -> None:
    path = "/ui/delete/ana/app?tag=pr-1"
    fields = hidden(guarded, path, auth=ANA)
    for tag, status, why in (("v1", 409, "v1 is immutable"), ("none", 409, "has no manifest none"), ("pr-1", 200, "")):
        answer = send(guarded, path, {**fields, "tag": [tag]}, auth=ANA)
        assert answer.status_code == status
        assert why in answer.text
        assert ("Nothing was deleted" in answer.text) == (status == 409)
        assert ("a pull does not find it any more" in answer.text) == (status == 200)


def test_nothing_is_offered_that_cannot_be_deleted(guarded: Client, driver: Base) -> None:
    """An immutable tag, what is gone already, and the image of an immutable tag."""
    one = guarded.get("/v2/ana/app/manifests/v1", auth=ANA).headers["Docker-Content-Digest"]
    for chosen, why in (
        ("tag=v1", "immutable, so it stays"),
        ("tag=none", "not there any more"),
        (f"digest={one}", "it is v1, which is immutable"),
    ):
        page = visit(guarded, f"/ui/delete/ana/app?{chosen}", auth=ANA)
        assert why in page.words()
        assert not [form for form in page.all("form") if form.get("method") == "post"]
    assert hidden(guarded, "/ui/delete/ana/app?tag=v1&tag=pr-1", auth=ANA)["tag"] == ["pr-1"]
    for shown in (":v1", f"@{one}"):
        page = visit(guarded, f"/ui/r/ana/app{shown}", auth=ANA)
        assert "Cannot be deleted: v1 is immutable" in page.words()
        assert not [link for link in page.links() if "/ui/delete/" in link]
    boxes = [box for box in visit(guarded, "/ui/r/ana/app", auth=ANA).all("input") if box.get("type") == "checkbox"]
    assert [box.get("value") for box in boxes] == ["pr-1"]
    other = mounted(driver)
    push(other, "ana/app", "same", other.get("/v2/ana/app/manifests/v1").data)
    page = visit(guarded, "/ui/delete/ana/app?tag=same", auth=ANA)
    assert "The image stays: v1, which is immutable, means it too." in page.words()
    assert hidden(guarded, "/ui/delete/ana/app?tag=same", auth=ANA)["what"] == ["tag"]


def test_an_immutable_tag_is_not_moved(guarded: Client, driver: Base) -> None:
    other = mounted(driver)
    for blob in (b"{}", b"new"):
        push_blob(other, "ana/app", blob)
    push(other, "ana/app", "new", image(b"new"))
    digest = other.get("/v2/ana/app/manifests/new").headers["Docker-Content-Digest"]
    path = f"/ui/tag/ana/app?digest={digest}&tag=v1"
    assert send(guarded, path, hidden(guarded, path, auth=ANA), auth=ANA).status_code == 403


@pytest.mark.parametrize("settings", [{"delete_enabled": False}, {"read_only": True}])
def test_settings_that_forbid_deleting_do_it_here_too(client: Client, driver: Base, settings: dict[str, bool]) -> None:
    one, _ = two_images(client)
    path = "/ui/delete/app?tag=1.0"
    fields = hidden(client, path)
    strict = mounted(driver, **settings)
    assert "Delete" not in visit(strict, "/ui/r/app:1.0").words()
    why = "registry is read-only" if "read_only" in settings else "deleting is disabled"
    assert why in visit(strict, path, 405).words().lower()
    assert send(strict, path, fields).status_code == 405
    if "read_only" in settings:
        visit(strict, f"/ui/tag/app?digest={one}&tag=x", 405)
    assert tags(strict, "app") == ["1.0", "2.0", "latest"]
