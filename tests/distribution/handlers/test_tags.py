"""tags/list and _catalog: order, pages, and what counts as a repository."""

from __future__ import annotations

import dataclasses
import itertools
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.http import parse_options_header
from werkzeug.test import Client

from docker_registry.core.driver import Base
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.lexical_order import lexical
from tests.distribution.conftest import SETTINGS
from tests.distribution.contents import push_blob, push_image

SERIAL = itertools.count(1)
DIGEST = Digest.of(b"")

TAGS = st.sets(st.from_regex(r"[a1_][-._a1]{0,3}", fullmatch=True), max_size=12)
PART = st.from_regex(r"[a1]((\.|_|__|-)[a1])?", fullmatch=True)
NAMES = st.sets(st.lists(PART, min_size=1, max_size=3).map("/".join), max_size=10)

# The storage of a function-scoped fixture is shared by all examples; each takes names of its own.
MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def plant_tags(driver: Base, name: str, tags: set[str]) -> None:
    """What a push leaves, without the push."""
    for tag in tags:
        driver.put_content(layout.tag_current(name, tag), str(DIGEST).encode())
        driver.put_content(layout.tag_index_link(name, tag, DIGEST), str(DIGEST).encode())
    driver.put_content(layout.revision_link(name, DIGEST), str(DIGEST).encode())


def plant_repository(driver: Base, name: str) -> None:
    driver.put_content(layout.layer_link(name, DIGEST), str(DIGEST).encode())
    driver.put_content(layout.revision_link(name, DIGEST), str(DIGEST).encode())


def pages(client: Client, url: str, key: str) -> list[list[str]]:
    """Every page, from the first one on, as its Link leads to the next."""
    found: list[list[str]] = []
    while url:
        response = client.get(url)
        assert response.status_code == 200, response.text
        found.append(response.json[key])
        link, options = parse_options_header(response.headers.get("Link", ""))
        assert not link or options == {"rel": "next"}
        url = link.strip("<>")
    return found


@MANY
@given(TAGS, st.integers(1, 5))
@example({"v1", "v1-rc", "v1.0", "v10", "V1", "_1"}, 2)
def test_tags_are_listed_in_order_whole_and_page_by_page(driver: Base, tags: set[str], size: int) -> None:
    client, name = Client(Registry(driver, SETTINGS)), f"order/r{next(SERIAL)}"
    plant_tags(driver, name, tags)
    assert client.get(f"/v2/{name}/tags/list").json == {"name": name, "tags": sorted(tags)}
    found = pages(client, f"/v2/{name}/tags/list?n={size}", "tags")
    assert [tag for page in found for tag in page] == sorted(tags)
    assert all(len(page) == size for page in found[:-1])


@MANY
@given(TAGS, st.sampled_from(["a", "a-", "a.1", "1", "_", "zzz"]))
def test_tags_behind_last_need_not_know_it(driver: Base, tags: set[str], last: str) -> None:
    client, name = Client(Registry(driver, SETTINGS)), f"behind/r{next(SERIAL)}"
    plant_tags(driver, name, tags)
    response = client.get(f"/v2/{name}/tags/list?last={last}")
    assert response.json["tags"] == sorted(tag for tag in tags if tag > last)


@MANY
@given(NAMES, st.integers(1, 4))
@example({"a", "a/1", "a/a", "a-a", "a.1/a", "a__1"}, 2)
def test_the_catalog_is_listed_in_order_whole_and_page_by_page(driver: Base, names: set[str], size: int) -> None:
    run = f"c{next(SERIAL)}"
    client = Client(Registry(driver, SETTINGS))
    full = {f"{run}/{name}" for name in names}
    for name in full:
        plant_repository(driver, name)
    found = [name for page in pages(client, f"/v2/_catalog?n={size}&last={run}", "repositories") for name in page]
    assert found == sorted(found)
    assert [name for name in found if name.startswith(f"{run}/")] == sorted(full)


@pytest.mark.parametrize("short_one_exists", [True, False])
def test_where_too_many_are_held_back_the_short_names_are_asked_for(
    client: Client, driver: Base, monkeypatch: pytest.MonkeyPatch, short_one_exists: bool
) -> None:
    monkeypatch.setattr("docker_registry.distribution.handlers.paging.lexical", partial(lexical, patience=2))
    tags = {f"a-{number}" for number in range(7)} | {"a-1.0", "a.0", "b"} | ({"a"} if short_one_exists else set())
    plant_tags(driver, "app", tags)
    names = {f"x/{number}" for number in range(5)} | {"x-1", "y"} | ({"x"} if short_one_exists else set())
    for name in names:
        plant_repository(driver, name)
    assert [tag for page in pages(client, "/v2/app/tags/list?n=3", "tags") for tag in page] == sorted(tags)
    found = [name for page in pages(client, "/v2/_catalog?n=3", "repositories") for name in page]
    assert found == sorted({"app", *names})


def test_a_list_that_fits_has_no_link(client: Client, driver: Base) -> None:
    plant_tags(driver, "app", {"a", "b"})
    for query in ("", "?n=2", "?n=3", "?n=1&last=a", "?last=b"):
        assert "Link" not in client.get(f"/v2/app/tags/list{query}").headers
    assert client.get("/v2/app/tags/list?n=1").headers["Link"] == '</v2/app/tags/list?n=1&last=a>; rel="next"'


def test_no_tags_wanted_is_an_empty_list(client: Client, driver: Base) -> None:
    plant_tags(driver, "app", {"a", "b"})
    for url, key in (("/v2/app/tags/list?n=0", "tags"), ("/v2/_catalog?n=0", "repositories")):
        response = client.get(url)
        assert (response.status_code, response.json[key]) == (200, [])
        assert "Link" not in response.headers


@pytest.mark.parametrize("n", ["-1", "x", "1.5", "", "1e3", "\u0663", " 1"])
@pytest.mark.parametrize("url", ["/v2/app/tags/list", "/v2/_catalog"])
def test_n_must_be_a_whole_number(client: Client, driver: Base, url: str, n: str) -> None:
    plant_tags(driver, "app", {"a"})
    response = client.get(url, query_string={"n": n})
    assert response.status_code == 400
    assert response.json["errors"][0]["code"] == "PAGINATION_NUMBER_INVALID"


@pytest.mark.parametrize("n", ["3", "1000", "9" * 5000])
def test_a_page_has_a_largest_size_and_says_that_there_is_more(driver: Base, n: str) -> None:
    client = Client(Registry(driver, dataclasses.replace(SETTINGS, page_size_max=2)))
    plant_tags(driver, "app", {"a", "b", "c"})
    response = client.get("/v2/app/tags/list", query_string={"n": n})
    assert response.json["tags"] == ["a", "b"]
    assert [tag for page in pages(client, "/v2/app/tags/list?n=1000", "tags") for tag in page] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("url", "code"),
    [("/v2/app/tags/list?last=.bad", "TAG_INVALID"), ("/v2/_catalog?last=Bad", "NAME_INVALID")],
)
def test_last_must_be_a_proper_name(client: Client, url: str, code: str) -> None:
    response = client.get(url)
    assert (response.status_code, response.json["errors"][0]["code"]) == (400, code)


@pytest.mark.parametrize("query", ["", "?n=1", "?n=0", "?last=a"])
def test_an_unknown_repository_has_no_tags_list(client: Client, driver: Base, query: str) -> None:
    plant_tags(driver, "app/below", {"a"})
    plant_tags(driver, "app-2", {"a"})
    for name in ("app", "ap"):
        response = client.get(f"/v2/{name}/tags/list{query}")
        assert response.status_code == 404
        assert response.json["errors"][0] == {
            "code": "NAME_UNKNOWN",
            "message": f"there is no repository {name}",
            "detail": {"name": name},
        }


@pytest.mark.parametrize("query", ["", "?n=1", "?n=0", "?last=zzz"])
def test_a_repository_without_tags_has_an_empty_list(client: Client, query: str) -> None:
    push_blob(client, "app", b"layer")
    assert client.get(f"/v2/app/tags/list{query}").json == {"name": "app", "tags": []}


def test_the_tags_of_repositories_below_are_not_mixed_in(client: Client) -> None:
    push_image(client, "app", "mine")
    push_image(client, "app/tags", "other")
    push_image(client, "app-2", "other")
    assert client.get("/v2/app/tags/list").json["tags"] == ["mine"]


def test_what_is_no_tag_is_not_listed(client: Client, driver: Base) -> None:
    plant_tags(driver, "app", {"a"})
    driver.put_content(f"{layout.tags('app')}/-bad/current/link", b"")
    assert client.get("/v2/app/tags/list").json["tags"] == ["a"]


def test_an_empty_registry_has_an_empty_catalog(client: Client) -> None:
    assert client.get("/v2/_catalog").json == {"repositories": []}


def test_a_repository_is_in_the_catalog_once_anything_is_in_it(client: Client) -> None:
    push_blob(client, "only/a/blob", b"layer")
    push_image(client, "an/image", "v1")
    assert client.get("/v2/_catalog").json == {"repositories": ["an/image", "only/a/blob"]}


def test_head_of_a_list_has_no_body(client: Client, driver: Base) -> None:
    plant_tags(driver, "app", {"a", "b"})
    got: Any = client.get("/v2/app/tags/list?n=1")
    head: Any = client.head("/v2/app/tags/list?n=1")
    assert (head.status_code, head.data, dict(head.headers)) == (200, b"", dict(got.headers))
