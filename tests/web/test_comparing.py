"""What changed from one image to another, and what holds the bytes."""

from __future__ import annotations

import json
from pathlib import Path

import bcrypt
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.settings import Auth, Expire, Immutable, KeepTags, KeepUntagged, Retention, Rule
from docker_registry.web.pictures import bars, tiles
from tests.distribution.contents import image, push, push_blob, push_image
from tests.web.pages import mounted, visit

SIZES = st.lists(st.integers(1, 10**9), min_size=1, max_size=30).map(lambda sizes: sorted(sizes, reverse=True))


def push_configured(client: Client, tag: str, layers: list[bytes], **inner: object) -> None:
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": inner}).encode()
    for blob in (config, *layers):
        push_blob(client, "app", blob)
    assert push(client, "app", tag, image(*layers, config=config)).status_code == 201


def test_what_changed_between_two_tags(client: Client) -> None:
    push_configured(client, "1.0", [b"base", b"old"], Env=["A=1", "B=2"], Labels={"v": "1"})
    push_configured(client, "2.0", [b"base", b"newer"], Env=["A=1", "C=3"], Labels={"v": "2"})
    page = visit(client, "/ui/r/app:2.0/diff?to=1.0")
    rows = page.table()
    assert [row[0] for row in rows] == ["removed", "added", "in both", "removed", "added", "changed"]
    assert rows[3:] == [["removed", "B", "2", ""], ["added", "C", "", "3"], ["changed", "v", "1", "2"]]
    assert "To download, with 1.0 at hand5 B" in page.words()
    assert "Nothing that is shown here" in visit(client, "/ui/r/app:2.0/diff?to=2.0").words()
    visit(client, "/ui/r/app:2.0/diff", 400)
    visit(client, "/ui/r/app:2.0/diff?to=3.0", 404)


def test_storage_tells_what_is_shared(client: Client) -> None:
    push_image(client, "one", "1", b"s" * 5000, b"o" * 3000)
    push_image(client, "two", "1", b"s" * 5000, b"t" * 1000)
    push_blob(client, "gone", b"lonely")
    page = visit(client, "/ui/storage")
    rows = {row[0]: row[1:3] for row in page.table()}
    assert list(rows) == ["one", "two", "gone"]
    assert rows["one"] == ["8.6 kB", "3.6 kB"]
    assert rows["gone"] == ["6 B", "6 B"]
    assert "Shared by several repositories5.0 kB" in page.words()


def test_layers_that_others_have_are_marked_once_storage_was_counted(client: Client) -> None:
    push_image(client, "one", "1", b"s" * 500, b"own")
    push_image(client, "two", "1", b"s" * 500)
    assert "Also in" not in visit(client, "/ui/r/one:1").words()
    visit(client, "/ui/storage")
    page = visit(client, "/ui/r/one:1")
    assert page.words().count("Also in two") == 1


def test_nobody_learns_of_repositories_that_are_not_theirs(driver: Base, tmp_path: Path) -> None:
    push_image(mounted(driver), "ana/app", "1", b"s" * 500, b"own")
    push_image(mounted(driver), "secret/app", "1", b"s" * 500, b"x" * 50_000)
    file = tmp_path / "htpasswd"
    file.write_text("ana:" + bcrypt.hashpw(b"word", bcrypt.gensalt(4)).decode() + "\n")
    rules = (Rule(("user:ana",), ("ana/**",), ("pull",)),)
    client = mounted(driver, auth=Auth(htpasswd=str(file), policy=rules))
    for path in ("/ui/storage", "/ui/r/ana/app:1"):
        page = visit(client, path, auth=("ana", "word"))
        assert "secret" not in page.text
        assert "50 kB" not in page.words()
        assert "shared by several" not in page.text


def test_the_rules_for_tags_are_said(driver: Base) -> None:
    settings = {
        "expire": (Expire(("team/**",), ("pr-*",), 7 * 86400.0),),
        "retention": Retention(tags=(KeepTags(("**",), ("v*",), last=3),), untagged=(KeepUntagged(("**",), 3600.0),)),
        "auth": Auth(immutable=(Immutable(("**",), ("v*",)),)),
    }
    assert visit(mounted(driver, **settings), "/ui/storage").table() == [
        ["**", "v*", "are neither moved nor deleted"],
        ["team/**", "pr-*", "vanish 7 days after their push"],
        ["**", "v*", "the last 3 stay; others go"],
        ["**", "", "images without a tag go after 1 hour"],
    ]


def test_storage_of_nothing(client: Client) -> None:
    assert "Nothing is stored" in visit(client, "/ui/storage").words()


@given(sizes=SIZES, width=st.floats(50, 2000), height=st.floats(50, 2000))
def test_a_treemap_is_true(sizes: list[int], width: float, height: float) -> None:
    """Areas are in proportion, nothing overlaps or lies outside."""
    drawn = tiles(sizes, width, height)
    scale = width * height / sum(sizes)
    slack = 0.02 * (width + height)  # places are rounded
    for size, tile in zip(sizes, drawn, strict=True):
        assert abs(tile.width * tile.height - size * scale) <= slack
        assert tile.x >= 0
        assert tile.y >= 0
        assert tile.x + tile.width <= width + 0.1
        assert tile.y + tile.height <= height + 0.1
    for place, one in enumerate(drawn):
        for other in drawn[place + 1 :]:
            apart = (
                one.x + one.width <= other.x + 0.1,
                other.x + other.width <= one.x + 0.1,
                one.y + one.height <= other.y + 0.1,
                other.y + other.height <= one.y + 0.1,
            )
            assert any(apart)


@given(sizes=st.lists(st.integers(0, 10**12), max_size=200))
def test_bars_fill_their_width_in_order(sizes: list[int]) -> None:
    drawn = bars(sizes)
    if not sum(sizes):
        assert drawn == []
        return
    assert abs(sum(bar.width for bar in drawn) - 1000) < 0.01 * len(drawn) + 0.01
    assert [bar.x for bar in drawn] == sorted(bar.x for bar in drawn)
