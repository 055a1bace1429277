"""The page in Chromium: its policy refuses nothing, nothing is wider than a phone, axe has nothing to complain of."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import bcrypt
import pytest
from werkzeug.serving import make_server
from werkzeug.test import Client

from docker_registry.commands import first_image
from docker_registry.core.driver import fetch
from docker_registry.settings import Auth
from tests.peers import lack, need_module, program
from tests.web.pages import mounted

PAGES = (
    "/ui/",
    "/ui/?q=hello",
    "/ui/?q=nothing",
    f"/ui/r/{first_image.NAME}",
    f"/ui/r/{first_image.NAME}:{first_image.TAG}",
    f"/ui/r/{first_image.CHART}:0.1.0",
    "/ui/r/nothing",
    "/ui/storage",
    f"/ui/r/{first_image.NAME}:{first_image.TAG}/diff?to={first_image.OLD_TAG}&files=yes",
    f"/ui/untagged/{first_image.NAME}?all=yes",
    "/ui/?sort=size",
    f"/ui/delete/{first_image.NAME}?tag={first_image.TAG}",
    f"/ui/tag/{first_image.NAME}?tag=new&digest=sha256:{'0' * 64}",
)
WINDOWS = ((1280, "dark"), (390, "light"))


@contextmanager
def served(client: Client) -> Iterator[int]:
    """The port of a registry in a thread."""
    server = make_server("127.0.0.1", 0, client.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """The registry of `demo`."""
    with served(mounted(fetch("memory")("/registry", None))) as port:
        assert first_image.push("127.0.0.1", port)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that asks for a login."""
    file = tmp_path_factory.mktemp("logins") / "htpasswd"
    file.write_text("ana:" + bcrypt.hashpw(b"word", bcrypt.gensalt(4)).decode() + "\n")
    with served(mounted(fetch("memory")("/registry", None), auth=Auth(htpasswd=str(file)))) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser():
    need_module("playwright")
    from playwright.sync_api import sync_playwright

    path = program("chromium")
    if path is None:
        lack("not installed: chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser said on its console: its policy speaks there."""
    return []


@pytest.fixture
def open_page(browser, registry: str, complaints: list[str]):
    """Opens an address in a window of its own."""
    contexts = []

    def opened(path: str, width: int = 1280, theme: str = "light", host: str = registry, **options: object):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if host not in request.url else None)
        page.goto(host + path)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("width", "theme"), WINDOWS)
def test_every_page_fits_and_is_fit_for_everybody(
    open_page, guarded: str, complaints: list[str], width: int, theme: str
) -> None:
    need_module("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    for host, path in [(None, path) for path in PAGES] + [(guarded, "/ui/r/any")]:
        page = open_page(path, width, theme, **({"host": host} if host else {}))
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
        found = Axe().run(page)
        assert found.violations_count == 0, (path, found.generate_report())
    assert [text for text in complaints if "404" not in text and "401" not in text] == []


def test_a_command_is_copied(open_page) -> None:
    page = open_page(f"/ui/r/{first_image.NAME}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy: docker pull").click()
    assert page.get_by_role("button", name="Copy: docker pull").inner_text() == "Copied"
    assert page.evaluate("navigator.clipboard.readText()").startswith("docker pull 127.0.0.1:")


def test_everything_is_reached_by_keyboard(open_page) -> None:
    page = open_page("/ui/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type(f"{first_image.NAME}:{first_image.TAG}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ui/r/{first_image.NAME}:{first_image.TAG}")
    assert page.locator("h1").inner_text() == f"{first_image.NAME}:{first_image.TAG}"


def test_the_list_follows_what_is_typed(open_page) -> None:
    page = open_page("/ui/")
    page.locator("#find").press_sequentially("charts")
    page.wait_for_url("**/ui/?q=charts")
    assert page.locator("tbody a", has_text="hello").count() == 1
    page.locator("#find").fill("")
    page.wait_for_url("**/ui/")
    assert page.locator("tbody a", has_text="hello").count() == 2
    assert page.evaluate("document.activeElement.id") == "find"


def test_a_tag_is_given_and_deleted(open_page) -> None:
    page = open_page(f"/ui/r/{first_image.NAME}:{first_image.TAG}")
    page.get_by_label("Give it another tag").fill("tried")
    page.get_by_role("button", name="Tag…").click()
    page.get_by_role("button", name="Set the tag tried").click()
    page.wait_for_url(f"**/ui/r/{first_image.NAME}:tried")
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete 1 tag").click()
    assert page.locator("h1").inner_text() == "Deleted"
    page.get_by_role("link", name="Back to").click()
    assert page.locator("tbody code", has_text="tried").count() == 0


@pytest.mark.parametrize("script", [True, False])
def test_somebody_logs_in_and_out(open_page, guarded: str, complaints: list[str], script: bool) -> None:
    page = open_page("/ui/storage", host=guarded, java_script_enabled=script)
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == "Name or password is wrong."
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password").fill("word")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/ui/storage")
    assert page.request.get(f"{guarded}/v2/").status == 401
    page.get_by_role("button", name="Log out").click()
    assert page.locator("h1").inner_text() == "Log in"
    assert [text for text in complaints if "401" not in text] == []


def test_it_works_without_javascript(open_page) -> None:
    page = open_page("/ui/", java_script_enabled=False)
    page.locator("#find").fill("hello")
    page.get_by_role("button", name="Search").click()
    page.locator(f'tbody a[href$="/{first_image.NAME}"]').click()
    assert page.locator("textarea").first.input_value().startswith("docker pull")
    assert page.get_by_role("button", name="Copy").count() == 0
