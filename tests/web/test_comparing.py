"""What changed from one image to another, and what holds the bytes."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.distribution.views.tar import Allowance
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
    assert list(rows)[:3] == ["one", "two", "gone"]
    assert rows["one"] == ["8.6 kB", "3.6 kB"]
    assert rows["gone"] == ["6 B", "6 B"]
    assert "Shared by several repositories5.0 kB" in page.words()


def test_repositories_in_the_order_of_their_figures(client: Client) -> None:
    for name, size in (("one", 3000), ("b/two", 5000), ("b/three", 4000)):
        push_image(client, name, "1", name.encode() * 10 + b"x" * size)
        push_image(client, name, "2", b"shared")
    orders = {"push": ["b/three", "b/two", "one"], "size": ["b/two", "b/three", "one"]}
    for order, expected in orders.items():
        page = visit(client, f"/ui/?sort={order}")
        assert [row[:3] for row in page.table()] == [[name, "2", "just now"] for name in expected]
    assert [row[0] for row in visit(client, "/ui/?sort=alone&ns=b").table()] == ["b/two", "b/three"]
    assert [row[0] for row in visit(client, "/ui/?sort=alone&q=o").table()] == ["b/two", "one"]
    assert "/ui/?sort=push" in visit(client, "/ui/").links()
    assert "No repository" in visit(client, "/ui/?sort=push&q=nothing").words()


def test_ordered_repositories_are_leafed_through(client: Client, driver: Base) -> None:
    for number in range(120):
        push_blob(client, f"r{number:03}", b"x" * (number // 3))
    for order in ("push", "size"):
        seen, link = [], f"/ui/?sort={order}"
        while link:
            page = visit(client, link)
            seen += [row[0] for row in page.table()]
            link = next((each for each in page.links() if "after=" in each), "")
        assert sorted(seen) == [f"r{number:03}" for number in range(120)]
    assert seen[0] == "r117"
    (link,) = (each for each in visit(client, "/ui/?sort=size").links() if "after=" in each)
    gone = link.rpartition("_")[2]
    fresh = mounted(driver)
    digest = next(iter(fresh.application.context.containers)).driver.walk(
        f"files/docker/registry/v2/repositories/{gone}"
    )
    for entry in list(digest):
        driver.remove(entry.path)
    assert visit(fresh, link).table()[0][0] not in seen[:50]


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
    for path in ("/ui/storage", "/ui/r/ana/app:1", "/ui/?sort=size", "/ui/?sort=push", "/ui/?sort=alone"):
        page = visit(client, path, auth=("ana", "word"))
        assert "frees</th>" not in page.text  # by what it does not free, one would learn what hidden repositories have
        assert "secret" not in page.text
        assert "50 kB" not in page.words()
        assert "shared by several" not in page.text


def test_the_rules_for_tags_are_said(driver: Base) -> None:
    settings = {
        "expire": (Expire(("team/**",), ("pr-*",), 7 * 86400.0),),
        "retention": Retention(tags=(KeepTags(("**",), ("v*",), last=3),), untagged=(KeepUntagged(("**",), 3600.0),)),
        "auth": Auth(immutable=(Immutable(("**",), ("v*",)),)),
    }
    assert visit(mounted(driver, **settings), "/ui/storage").table()[-4:] == [
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


def layer(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_files_are_compared_once_somebody_asks(client: Client) -> None:
    base, old, new = layer(etc__os=b"linux"), layer(app__a=b"1", app__b=b"2"), layer(app__a=b"111", etc__os=b"bsd")
    push_configured(client, "1.0", [base, old])
    push_configured(client, "2.0", [base, new])
    page = visit(client, "/ui/r/app:2.0/diff?to=1.0")
    (link,) = (link for link in page.links() if "files=yes" in link)
    page = visit(client, link)
    assert "1 removed, 2 changed" in page.words()
    assert page.table()[-3:] == [
        ["app/a", "changed", "content", "1 B", "3 B"],
        ["app/b", "removed", "", "1 B", ""],
        ["etc/os", "changed", "content", "5 B", "3 B"],
    ]
    assert "files=yes" not in "".join(page.links())


def test_files_that_cannot_be_compared_say_why(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    push_configured(client, "1.0", [layer(a=b"1"), b"no archive" * 99])
    push_configured(client, "2.0", [layer(a=b"1"), layer(b=b"2")])
    path = "/ui/r/app:2.0/diff?to=1.0"
    assert "no tar archive" in visit(client, f"{path}&files=yes").words()
    large = json.loads(client.get("/v2/app/manifests/2.0").text)
    for entry in large["layers"]:
        entry["size"] = 40_000_000
    push(client, "app", "2.0", json.dumps(large).encode())
    words = visit(client, path).words()
    assert "The layers that differ have 40 MB: at most 32 MiB are read for this." in words
    push_configured(client, "3.0", [layer(a=b"1"), layer(**{f"f{number}": b"" for number in range(20)})])
    push_configured(client, "4.0", [layer(a=b"1"), layer(b=b"x" * 3_000_000)])
    files = client.application._site._looker.files
    for allowance, why in ((Allowance(files=9), "too many files"), (Allowance(plain=99_000), "when unpacked")):
        monkeypatch.setattr(files, "_allowance", allowance)
        assert why in visit(client, "/ui/r/app:3.0/diff?to=4.0&files=yes").words()


def test_names_of_files_are_text_of_strangers(client: Client) -> None:
    names = ["<script>alert(1)</script>", "a\u202eb\x1b[1m", "x" * 900, "line\nline"]
    push_configured(client, "1.0", [layer(a=b"1")])
    push_configured(client, "2.0", [layer(a=b"1"), layer(**dict.fromkeys(names, b"2"))])
    page = visit(client, "/ui/r/app:2.0/diff?to=1.0&files=yes")
    assert "4 added" in page.words()
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text
    assert "x" * 401 not in page.text


def test_layers_that_both_have_are_read_where_there_is_room(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    base = layer(etc__os=b"x" * 50_000)
    push_configured(client, "1.0", [base])
    push_configured(client, "2.0", [base, layer(etc__os=b"bsd")])
    monkeypatch.setattr(client.application._site._looker.files, "_allowance", Allowance(plain=20_000))
    page = visit(client, "/ui/r/app:2.0/diff?to=1.0&files=yes")
    assert page.table()[-1] == ["etc/os", "added", "", "", "3 B"]
    assert "may replace one of theirs" in page.words()
