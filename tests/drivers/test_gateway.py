# -*- coding: utf-8 -*-
"""The driver on what behaves as Ceph's gateway: what is lost or left where a server is taken for OpenStack's Swift."""

from __future__ import unicode_literals

import io
import random

import pytest
import requests.exceptions

from docker_registry.core.exceptions import BrokenError
from docker_registry.drivers.swift.compat import Part
from docker_registry.drivers.swift.http import client, deletion
from docker_registry.drivers.swift.objects.merging import groups
from tests.conformance import pattern, read
from tests.drivers.conftest import SEGMENT
from tests.drivers.mock_gateway import MockGateway
from tests.drivers.mock_swift import MockSwift, manifest_etag

LARGE = pattern(2 * SEGMENT + 5)


@pytest.fixture
def gateway():
    return MockGateway()


@pytest.fixture
def driver(connect, gateway):
    return connect(gateway)


def methods(swift):
    return [method for method, _, _ in swift.requests]


def test_short_pages_are_not_the_end(driver):
    folders = ["{0:02d}".format(i) for i in range(23)]
    for name in folders:
        driver.put_content("d/{0}/x".format(name), b"x")
    assert sorted(driver.list_directory("d")) == ["d/" + name for name in folders]
    assert list(driver.list_prefixes("d", "/x")) == list(driver.list_prefixes("d")) == folders
    assert len(list(driver.walk("d"))) == 23
    driver.remove("d")
    assert list(driver.walk()) == []


def test_names_that_a_bulk_delete_passes_over(driver, gateway):
    for i in range(30):
        driver.put_content("d/{0}".format(i), b"x")
    assert driver.remove_many(["d/{0}".format(i) for i in range(15)]) == {}
    driver.remove("d")
    assert gateway.names() == []


def test_a_bulk_delete_that_passes_over_a_name_and_may_not_delete_it(driver, gateway):
    for i in range(15):
        driver.put_content("d/{0:02d}".format(i), b"x")
    gateway.spoil = lambda method, path, query: 403 if method == "DELETE" and path.endswith("/12") else None
    places = [("box", name) for name in gateway.names()]
    failed = deletion.delete_each(driver._client, places, 4)
    assert [name for _, name in failed] == ["some/base/d/12"]
    assert gateway.names() == ["some/base/d/12"]


def test_a_condition_that_is_ignored_replaces_nothing(driver, gateway):
    driver.stream_write("f", io.BytesIO(LARGE))
    for content in (LARGE, pattern(2 * SEGMENT + 5, 3)):
        with driver.stage() as stage:
            stage.fill(io.BytesIO(content))
            stage.commit("f", immutable=True)
        assert read(driver, "f") == LARGE
    driver.put_content("f", b"small")
    assert gateway.names() == ["some/base/f"]


def test_a_condition_that_is_seen_to_be_kept_is_relied_on(connect):
    swift = MockSwift(info=False)
    driver = connect(swift)
    driver.put_content("f", b"x")
    del swift.requests[:]
    # Another writer comes between the look and the PUT.
    swift.spoil = lambda method, path, query: swift.put("some/base/h", b"theirs") if method == "PUT" else None
    driver.put_content("h", b"theirs")
    assert methods(swift) == ["HEAD", "PUT", "HEAD"]
    swift.spoil = lambda method, path, query: None
    del swift.requests[:]
    driver.put_content("g", b"x")
    assert methods(swift) == ["PUT"]


def test_segments_are_found_by_their_list(connect, driver, gateway):
    driver.stream_write("f", io.BytesIO(LARGE))
    parts = connect(gateway).parts("f")
    assert [part.size for part in parts] == [0, SEGMENT, SEGMENT, 5]
    assert {part.name for part in parts} == {entry.path for entry in driver.walk_parts()}
    driver.remove("f")
    assert gateway.names() == []


@pytest.mark.parametrize("damage", ["lost", "short"])
def test_segments_whose_list_does_not_prove_itself_are_found_in_their_folder(driver, gateway, damage):
    driver.stream_write("f", io.BytesIO(LARGE))
    spoil_the_list(gateway, damage)
    assert [part.size for part in driver.parts("f")] == [SEGMENT, SEGMENT, 5]
    assert {part.name for part in driver.parts("f")} <= {entry.path for entry in driver.walk_parts()}


@pytest.mark.parametrize("damage", ["lost", "short"])
@pytest.mark.parametrize("other", ["another's", "one more", "one less", "of another stage"])
def test_what_is_in_the_folder_is_believed_only_with_its_etag(driver, gateway, damage, other):
    if other == "of another stage":
        with driver.stage() as stage:
            stage.fill(io.BytesIO(LARGE[:SEGMENT]))
            kept = stage.keep()
        with driver.stage(kept) as stage:
            stage.fill(io.BytesIO(LARGE[SEGMENT:]))
            stage.commit("f")
    else:
        driver.stream_write("f", io.BytesIO(LARGE))
    spoil_the_list(gateway, damage)
    first = next(name for name in gateway.names() if name.endswith("/00000000"))
    if other == "another's":
        gateway.put(first, b"x" * SEGMENT)
    elif other == "one more":
        gateway.put(first[:-1] + "9", b"x")
    elif other == "one less":
        del gateway.containers["box"][first]
    with pytest.raises(BrokenError, match="no list of its segments"):
        driver._large.parts("some/base/f", headers_of(gateway, "some/base/f"))


def spoil_the_list(gateway, damage):
    [name] = [name for name in gateway.names() if name.endswith("/parts")]
    if damage == "lost":
        del gateway.containers["box"][name]
    else:
        gateway.put(name, b'[["a/00000000", 5]]')


def headers_of(gateway, name):
    """Those of an object whose segments may be gone: a HEAD of the imitation would read them."""
    found = gateway.containers["box"][name]
    size = str(sum(row["bytes"] for row in found.slo))
    return dict(
        found.headers, **{"x-static-large-object": "True", "etag": manifest_etag(found.slo), "content-length": size}
    )


def test_openstacks_swift_gets_no_list(connect, swift):
    connect(swift).stream_write("f", io.BytesIO(LARGE))
    assert len(swift.names()) == 1 + 3


def test_true_sizes_of_large_files(driver):
    driver.stream_write("large", io.BytesIO(LARGE))
    driver.put_content("small", b"12345")
    assert [(entry.path, entry.size, entry.segmented) for entry in driver.walk()] == [
        ("large", len(LARGE), True),
        ("small", 5, None),
    ]


def test_a_folder_with_large_files_goes_with_their_segments(driver, gateway):
    for i in range(7):
        driver.stream_write("d/{0}".format(i), io.BytesIO(LARGE))
    driver.remove("d")
    assert gateway.names() == []


def test_removing_twice(driver, gateway):
    driver.stream_write("f", io.BytesIO(LARGE))
    headers = driver._objects.head("some/base/f")
    driver._large.remove("some/base/f", headers)
    driver._large.remove("some/base/f", headers)
    assert driver.remove_many(["f"]) == {}
    assert gateway.names() == []


class Breaking(object):
    """A body that breaks after some bytes, once."""

    def __init__(self, client_open):
        self._open, self.times = client_open, 1

    def __call__(self, *args, **kwargs):
        answer = self._open(*args, **kwargs)
        if answer.stream is not None and self.times:
            self.times -= 1
            stream = answer.stream
            given = stream.read(100)

            def read_once(size):
                stream.read = broken
                return given

            def broken(size):
                raise requests.exceptions.ConnectionError("it broke")

            stream.read = read_once
        return answer


def test_a_broken_pull_of_a_large_file_resumes(driver, gateway, monkeypatch):
    driver.stream_write("f", io.BytesIO(LARGE))
    for _ in range(2):
        monkeypatch.setattr(driver._client, "open", Breaking(client.Client.open.__get__(driver._client)))
        del gateway.requests[:]
        assert read(driver, "f") == LARGE
    assert methods(gateway) == ["GET", "GET"], "what was learned is not tried again"


def test_a_large_file_that_was_replaced_meanwhile_is_not_resumed(driver, gateway, monkeypatch):
    driver.stream_write("f", io.BytesIO(LARGE))
    monkeypatch.setattr(driver._client, "open", Breaking(driver._client.open))
    chunks = driver.stream_read("f")
    next(chunks)
    gateway.containers["box"]["some/base/f"].time += 1
    with pytest.raises(BrokenError, match="replaced or removed"):
        next(chunks)


def test_more_segments_than_a_manifest_takes(driver, gateway):
    content = pattern(23 * 1000)
    kept = []
    for start in range(0, len(content), 1000):
        with driver.stage(kept) as stage:
            stage.fill(io.BytesIO(content[start : start + 1000]))
            kept = stage.keep()
    with driver.stage(kept) as stage:
        stage.commit("f")
    assert read(driver, "f") == content
    assert len([part for part in driver.parts("f") if part.size]) == 5
    driver.remove("f")
    assert gateway.names() == []


def test_more_full_segments_than_a_manifest_takes(driver, gateway):
    content = pattern(13 * SEGMENT + 1)
    driver.stream_write("f", io.BytesIO(content))
    assert read(driver, "f") == content
    assert len([part for part in driver.parts("f") if part.size]) == 5
    driver.remove("f")
    assert gateway.names() == []


def test_a_refused_commit_of_merged_segments_leaves_those_it_was_given(driver, gateway):
    with driver.stage() as stage:
        stage.fill(io.BytesIO(pattern(6 * SEGMENT)))
        kept = stage.keep()
    gateway.spoil = lambda method, path, query: 403 if method == "PUT" and path.endswith("/f") else None
    with pytest.raises(BrokenError), driver.stage(kept) as stage:
        stage.commit("f")
    assert {entry.path for entry in driver.walk_parts()} == {part.name for part in kept}


@pytest.mark.parametrize("seed", range(20))
def test_groups_have_all_parts_in_order_and_are_few_enough(seed):
    chance = random.Random(seed)
    limit = chance.randint(1, 6)
    parts = [Part(str(i), chance.choice([1, 5, 100])) for i in range(chance.randint(1, 40))]
    found = groups(parts, limit, 100)
    assert [part for group in found for part in group] == parts
    assert len(found) == min(len(parts), limit)
    assert all(found)


def test_a_key_of_the_container_signs_nothing(driver, gateway):
    driver.put_content("f", b"x")
    gateway.container_headers["x-container-meta-temp-url-key"] = "container"
    assert driver.content_redirect_url("f") is None


def test_a_configured_key_that_is_not_the_account_s_gives_way_to_one_that_is(connect, gateway):
    url = connect(gateway, swift_temp_url_key="ours").content_redirect_url("f")
    gateway.account_headers["x-account-meta-temp-url-key"] = "account"
    driver = connect(gateway, swift_temp_url_key="ours")
    assert driver._temp_urls._key() == "account"
    gateway.account_headers["x-account-meta-temp-url-key-2"] = "ours"
    assert connect(gateway, swift_temp_url_key="ours")._temp_urls._key() == "ours"
    assert url, "an account that does not show its keys may have this one"


def test_a_key_of_the_account_signs(driver, gateway):
    driver.put_content("f", b"x")
    gateway.account_headers["x-account-meta-temp-url-key"] = "account"
    assert driver.content_redirect_url("f")


@pytest.mark.parametrize(
    ("make", "costs"),
    [
        (lambda: MockSwift(rows=10000), ["P", "PH", "PPPP", "HG", "HD", "GG"]),
        (MockGateway, ["HP", "HH", "PPPPHPH", "HG", "HDD", "GGGH"]),
    ],
    ids=["openstack", "ceph"],
)
def test_what_it_costs(connect, make, costs):
    """As docs/ceph.md says; the habits are known by then."""
    swift = make()
    driver = connect(swift)
    driver.put_content("there", b"x")
    driver.stream_write("known", io.BytesIO(LARGE))
    driver.parts("known")
    driver.remove("known")
    found = []

    def push():
        with driver.stage() as stage:
            stage.fill(io.BytesIO(LARGE))
            stage.commit("large", immutable=True)

    for call in (
        lambda: driver.put_content("new", b"x"),
        lambda: driver.put_content("new", b"x"),
        push,
        lambda: driver.parts("large"),
        lambda: driver.remove("large"),
    ):
        del swift.requests[:]
        call()
        found.append("".join(method[0] for method in methods(swift)))
    push()
    del swift.requests[:]
    assert len(list(driver.walk())) == 3
    assert found + ["".join(method[0] for method in methods(swift))] == costs
