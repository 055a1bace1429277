"""Images of docker-registry's v1 on the page: planted as it stores them, shown, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import bcrypt
import pytest
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.settings import Auth, Rule
from tests.distribution.contents import push_image
from tests.images.test_v1 import plant
from tests.web.pages import mounted, visit

CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "author": "ana",
    "config": {"Cmd": ["/bin/app"], "Env": ["PATH=/bin"]},
    "container_config": {"Cmd": ["/bin/sh", "-c", "make <all>"]},
}


def test_repositories_tags_and_an_image(client: Client, driver: Base) -> None:
    ids = plant(driver, "team/app", "1.0", [(b"base" * 100, False), (b"top", False)], **CONFIG)
    plant(driver, "library/base", "latest", [(b"base" * 100, False)])
    assert "/ui/v1" in visit(client, "/ui/").links()
    assert [row[0] for row in visit(client, "/ui/v1").table()] == ["library/base", "team/app"]
    assert [row[0] for row in visit(client, "/ui/v1?q=app").table()] == ["team/app"]
    page = visit(client, "/ui/v1/team/app")
    assert [row[:2] for row in page.table()] == [["1.0", ids[-1][:12]]]
    assert "docker-registry-swift cp --from-v1 --all-tags team/app team/app" in page.words()
    words = visit(client, "/ui/v1/team/app:1.0").words()
    for text in (ids[-1], "2 layers, 403 B", "make <all>", "PATH", "2014-10-01 00:00 UTC", "linux/amd64", "ana"):
        assert text in words, text


def test_what_is_not_there_or_damaged_says_so(client: Client, driver: Base) -> None:
    ids = plant(driver, "team/app", "1.0", [(b"base", False), (b"top", False)])
    plant(driver, "team/app", "odd", [(b"base", False), (b"other", False)])
    driver.remove(driver.image_layer_path(ids[0]))
    assert "1 layer is not in the storage" in visit(client, "/ui/v1/team/app:1.0").words()
    driver.put_content(driver.tag_path("team", "app", "odd"), b"not an id")
    fresh = mounted(driver)
    assert visit(fresh, "/ui/v1/team/app").table()[1][:2][0] == "odd"
    assert "damaged" in visit(fresh, "/ui/v1/team/app").table()[1][1]
    assert "cannot be shown" in visit(fresh, "/ui/v1/team/app:odd", 404).words()
    driver.put_content(driver.image_json_path(ids[1]), b"[1")
    assert "cannot be shown" in visit(mounted(driver), "/ui/v1/team/app:1.0", 404).words()
    for path in ("none/app", "team/none", "team/app:none"):
        visit(client, f"/ui/v1/{path}", 404)
    for path in ("v1/../app", "v1/team/..", "v1/team/app:..", "v1/app", "v1/a/b/c"):
        visit(client, f"/ui/{path}", 404)


def test_a_registry_without_any_does_not_mention_them(client: Client) -> None:
    push_image(client, "app", "1", b"layer")
    assert "v1" not in visit(client, "/ui/").words()
    assert "Nothing here" in visit(client, "/ui/v1").words()


def test_many_are_leafed_through(client: Client, driver: Base) -> None:
    ids = plant(driver, "team/app", "t000", [(b"layer", False)])
    for number in range(1, 120):
        driver.put_content(driver.tag_path("team", "app", f"t{number:03}"), ids[-1].encode())
    seen, link = [], "/ui/v1/team/app"
    while link:
        page = visit(client, link)
        seen += [row[0] for row in page.table()]
        link = next((each for each in page.links() if "after=" in each), "")
    assert seen == [f"t{number:03}" for number in range(120)]


def test_the_policy_counts_for_them(driver: Base, tmp_path: Path) -> None:
    plant(driver, "ana/app", "1", [(b"layer", False)])
    plant(driver, "secret/app", "1", [(b"layer", False)])
    file = tmp_path / "htpasswd"
    file.write_text("ana:" + bcrypt.hashpw(b"word", bcrypt.gensalt(4)).decode() + "\n")
    client = mounted(driver, auth=Auth(htpasswd=str(file), policy=(Rule(("user:ana",), ("ana/**",), ("pull",)),)))
    ana = {"auth": ("ana", "word")}
    assert [row[0] for row in visit(client, "/ui/v1", **ana).table()] == ["ana/app"]
    visit(client, "/ui/v1/ana/app:1", **ana)
    visit(client, "/ui/v1/ana/app:1", 401)
    for path in ("secret/app", "secret/app:1", "secret/none"):
        visit(client, f"/ui/v1/{path}", 403, **ana)


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", "\u202e\x1b[1m", 3, None, ["x"], {"a": {"b": 1}}])
def test_text_of_strangers_is_harmless(driver: Base, value: object) -> None:
    odd = {
        "author": value,
        "created": value,
        "architecture": value,
        "config": value,
        "container_config": {"Cmd": value},
    }
    ids = plant(driver, "team/app", "1", [(b"layer", False)])
    driver.put_content(driver.image_json_path(ids[0]), json.dumps({"id": ids[0], **odd}).encode())
    page = visit(mounted(driver), "/ui/v1/team/app:1")
    assert list(page.dangers()) == []
    assert "\u202e" not in page.text
    visit(mounted(driver), "/ui/v1/team/app")
