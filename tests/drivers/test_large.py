# -*- coding: utf-8 -*-
"""Large objects of other writers, of many segments, and of writers that meet."""

from __future__ import unicode_literals

import io
import json

import pytest
import requests.exceptions

from docker_registry.core.exceptions import BrokenError, FileNotFoundError, UnreachableError
from tests.conformance import pattern, read
from tests.drivers.conftest import SEGMENT

ROOT = "some/base/"


def of_box(swift):
    """The names in the container, without the root."""
    return [name[len(ROOT) :] for name in swift.names() if name.startswith(ROOT)]


def segments(swift):
    return [name for name in of_box(swift) if name.startswith("segments/")]


def dynamic(swift, name, manifest, contents, container="box"):
    """A DLO and its segments, as Distribution 2.x writes them."""
    swift.put(ROOT + name, b"", {"x-object-manifest": manifest})
    for segment, content in contents.items():
        swift.put(segment, content, container=container)


# Dynamic large objects.


def test_a_dlo_of_distribution(connect, swift):
    driver = connect(swift)
    prefix = ROOT + "segments/abc/def0123"
    contents = {"{0}/{1:016d}".format(prefix, i): pattern(100, i) for i in (1, 2, 10)}
    dynamic(swift, "files/data", "box/some/base/segments/abc/def0123", contents)
    whole = b"".join(contents[name] for name in sorted(contents))
    assert read(driver, "files/data") == whole
    assert driver.get_size("files/data") == 300
    assert read(driver, "files/data", (99, 201)) == whole[99:202]
    parts = driver.parts("files/data")
    assert [part.name for part in parts] == ["abc/def0123/{0:016d}".format(i) for i in (1, 2, 10)]
    assert [part.size for part in parts] == [100, 100, 100]
    driver.remove("files/data")
    assert of_box(swift) == []


def test_a_dlo_has_what_begins_with_its_prefix(connect, swift):
    driver = connect(swift)
    dynamic(swift, "f", "box/s%20p%C3%A9/1", {"s pé/1": b"a", "s pé/10": b"b", "s pé/1/x": b"c", "s pé/2": b"no"})
    swift.containers["box"]["s pé/0"] = swift.containers["box"]["s pé/2"]
    assert [part.name for part in driver.parts("f")] == ["/box/s pé/1", "/box/s pé/1/x", "/box/s pé/10"]
    assert read(driver, "f") == b"acb"
    driver.remove("f")
    assert swift.names() == ["s pé/0", "s pé/2"]


def test_a_dlo_in_another_container(connect, swift):
    driver = connect(swift)
    dynamic(swift, "f", "box_segments/f/", {"f/1": b"a", "f/2": b"b", "g/1": b"no"}, container="box_segments")
    assert [part.name for part in driver.parts("f")] == ["/box_segments/f/1", "/box_segments/f/2"]
    with driver.stage(driver.parts("f")) as stage:
        assert b"".join(stage.read()) == b"ab"
    driver.remove("f")
    assert swift.names() == []
    assert swift.names("box_segments") == ["g/1"]


def test_the_manifest_of_a_dlo_goes_first(connect, swift):
    driver = connect(swift)
    dynamic(swift, "f", "box/some/base/segments/x", {ROOT + "segments/x/1": b"a", ROOT + "segments/x/2": b"b"})
    swift.spoil = lambda method, path, query: 403 if query == "inner" else None
    with pytest.raises(BrokenError, match="2 of its segments"):
        driver.remove("f")
    assert of_box(swift) == ["segments/x/1", "segments/x/2"]


def test_an_empty_dlo(connect, swift):
    driver = connect(swift)
    dynamic(swift, "f", "box/some/base/segments/none", {})
    assert driver.get_content("f") == b""
    assert read(driver, "f") == b""
    assert driver.parts("f") == []
    driver.remove("f")


@pytest.mark.parametrize("manifest", ["box", "box/", ""])
def test_a_dlo_without_a_prefix_takes_nothing_along(connect, swift, manifest):
    driver = connect(swift)
    swift.put("precious", b"x")
    swift.put(ROOT + "f", b"", {"x-object-manifest": manifest})
    with pytest.raises(BrokenError, match="prefix"):
        driver._large.remove(ROOT + "f", {"x-object-manifest": manifest})
    assert swift.names() == ["precious", ROOT + "f"]


def test_replacing_a_dlo_takes_its_segments_along(connect, swift):
    driver = connect(swift)
    dynamic(swift, "f", "box/some/base/segments/x", {ROOT + "segments/x/1": b"a", ROOT + "segments/x/2": b"b"})
    driver.put_content("f", b"new")
    assert of_box(swift) == ["f"]


def test_a_dlo_too_long_for_one_listing_has_no_size(connect, swift, monkeypatch):
    driver = connect(swift)
    dynamic(swift, "f", "box/s/", {"s/1": b"a"})
    shown = swift._shown
    monkeypatch.setattr(swift, "_shown", lambda *args: {k: v for k, v in shown(*args).items() if k != "content-length"})
    for method in (driver.get_size, driver.open):
        with pytest.raises(BrokenError, match="how large it is"):
            method("f")


# Static large objects.


def test_an_slo_of_slos(connect, swift):
    driver = connect(swift)  # this Swift takes 5 segments a manifest
    content = pattern(27 * SEGMENT + 10)
    driver.stream_write("f", io.BytesIO(content))
    assert read(driver, "f") == content
    assert read(driver, "f", (5 * SEGMENT - 1, 5 * SEGMENT)) == content[5 * SEGMENT - 1 : 5 * SEGMENT + 1]
    parts = driver.parts("f")
    assert sum(part.size for part in parts) == len(content)
    assert sorted("segments/" + part.name for part in parts) == segments(swift)
    # 28 segments, 6 manifests of 5 of them, 2 manifests of 5 of these.
    assert len(parts) == 28 + 6 + 2
    driver.put_content("f", b"")
    assert of_box(swift) == ["f"]


def test_an_slo_of_another_writer(connect, swift):
    driver = connect(swift)
    driver.stream_write("mine", io.BytesIO(pattern(2 * SEGMENT)))
    swift.put("elsewhere/1", b"a", container="other")
    swift.put(ROOT + "f", b"", {})
    swift.containers["box"][ROOT + "f"].slo = [{"name": "/other/elsewhere/1", "bytes": 1, "hash": "x"}]
    assert [tuple(part) for part in driver.parts("f")] == [("/other/elsewhere/1", 1)]
    assert driver.get_content("f") == b"a"
    driver.remove("f")
    assert swift.names("other") == []
    assert read(driver, "mine") == pattern(2 * SEGMENT)


def test_a_server_that_gives_no_manifests(connect, swift, monkeypatch):
    driver = connect(swift)
    driver.stream_write("f", io.BytesIO(pattern(2 * SEGMENT)))
    monkeypatch.setattr(driver._client, "get_json", lambda *args: None)
    assert [part.size for part in driver.parts("f")] == [SEGMENT, SEGMENT]
    [first, _] = [entry.path for entry in driver.walk_parts()]
    swift.put("some/base/segments/{0}/one-more".format(first.split("/")[0]), b"x")
    with pytest.raises(BrokenError, match="does not give the manifests"):
        driver.parts("f")


def test_a_deletion_that_reports_errors_is_one(connect, swift):
    driver = connect(swift)
    driver.stream_write("f", io.BytesIO(pattern(3 * SEGMENT)))
    swift.spoil = lambda method, path, query: "403 Forbidden" if query == "inner" and path.endswith("1") else None
    with pytest.raises(BrokenError, match=r"1 of its objects could not be deleted, such as /box/some/base/segments"):
        driver.remove("f")


def test_a_folder_that_cannot_be_removed_whole(connect, swift):
    driver = connect(swift)
    for i in range(9):
        driver.put_content("d/{0}".format(i), b"x")
    swift.spoil = lambda method, path, query: "503 Busy" if query == "inner" and path.endswith("/3") else None
    with pytest.raises(UnreachableError, match=r"1 files could not be removed, such as some/base/d/3"):
        driver.remove("d")
    assert of_box(swift) == ["d/3"]
    swift.spoil = lambda *request: None
    driver.remove("d")


# Writers that fail, and writers that meet.


def test_a_refused_segment_fails_the_write_and_leaves_nothing(connect, swift):
    driver = connect(swift)
    driver.put_content("f", b"before")
    swift.spoil = lambda method, path, query: 403 if method == "PUT" and path.endswith("/00000002") else None
    with pytest.raises(BrokenError, match="403"):
        driver.stream_write("f", io.BytesIO(pattern(9 * SEGMENT)))
    assert of_box(swift) == ["f"]
    assert driver.get_content("f") == b"before"


def test_spoilt_bytes_are_sent_again(connect, swift):
    driver = connect(swift)
    failures = [422]
    swift.spoil = lambda method, path, query: failures.pop() if failures and method == "PUT" else None
    driver.put_content("f", b"x")
    assert driver.get_content("f") == b"x"
    assert swift.requests[0][0] == swift.requests[1][0] == "PUT"


@pytest.mark.parametrize("size", [SEGMENT, 3 * SEGMENT], ids=["plain", "segments"])
def test_damage_on_the_way_is_found(connect, swift, size):
    driver = connect(swift)
    swift.arrive = lambda body: b"!" * len(body)
    with pytest.raises(UnreachableError, match="422"):
        driver.stream_write("f", io.BytesIO(pattern(size)))
    assert of_box(swift) == []


@pytest.mark.parametrize("size", [0, SEGMENT, 3 * SEGMENT], ids=["empty", "plain", "segments"])
def test_without_checksums_damage_on_the_way_is_not_looked_for(connect, swift, size):
    driver = connect(swift, swift_checksums=False)
    driver.stream_write("f", io.BytesIO(pattern(size)))
    assert read(driver, "f") == pattern(size)
    swift.arrive = lambda body: b"!" * len(body)
    driver.stream_write("f", io.BytesIO(pattern(size)))
    assert driver.get_size("f") == size
    assert (read(driver, "f") == pattern(size)) == (not size)


def test_a_refused_manifest_leaves_nothing(connect, swift):
    driver = connect(swift)
    swift.spoil = lambda method, path, query: 403 if query == "multipart-manifest=put" else None
    with pytest.raises(BrokenError):
        driver.stream_write("f", io.BytesIO(pattern(3 * SEGMENT)))
    assert of_box(swift) == []


@pytest.mark.parametrize("immutable", [False, True])
def test_the_segments_of_a_commit_without_an_answer_stay(connect, swift, immutable):
    driver = connect(swift, swift_retries=0)
    content = pattern(3 * SEGMENT)
    swift.spoil = lambda method, path, query: "after" if "manifest=put" in query else None
    with pytest.raises(UnreachableError), driver.stage() as stage:
        stage.fill(io.BytesIO(content))
        stage.commit("f", immutable=immutable)
    assert read(driver, "f") == content


def commit_three_segments(driver):
    with driver.stage() as stage:
        stage.fill(io.BytesIO(pattern(3 * SEGMENT)))
        stage.commit("f")


def test_the_segments_of_a_commit_that_may_still_arrive_stay(connect, swift):
    driver = connect(swift, swift_retries=0)
    driver.put_content("there", b"x")
    lost = requests.exceptions.ReadTimeout("nothing came")
    swift.spoil = lambda method, path, query: lost if "manifest=put" in query else None
    with pytest.raises(UnreachableError):
        commit_three_segments(driver)
    assert len(segments(swift)) == 3


def test_a_commit_that_worked_without_an_answer_is_not_sent_again(connect, swift):
    driver = connect(swift)
    answers = [403, "after"]
    swift.spoil = lambda method, path, query: answers.pop() if "manifest=put" in query else None
    commit_three_segments(driver)
    assert answers == [403]
    assert read(driver, "f") == pattern(3 * SEGMENT)


def test_the_segments_of_a_commit_that_was_refused_after_it_had_no_answer_stay(connect, swift):
    driver = connect(swift)
    answers = [403, requests.exceptions.ReadTimeout("nothing came")]
    swift.spoil = lambda method, path, query: answers.pop() if "manifest=put" in query else None
    with pytest.raises(BrokenError):
        commit_three_segments(driver)
    assert len(segments(swift)) == 3


def test_a_commit_whose_answer_was_lost_is_ours(connect, swift):
    driver = connect(swift)
    lost = ["after"]
    swift.spoil = lambda method, path, query: lost.pop() if lost and "manifest=put" in query else None
    with driver.stage() as stage:
        stage.fill(io.BytesIO(pattern(3 * SEGMENT)))
        stage.commit("f", immutable=True)
    # Its mark tells, nobody has to read the manifest.
    assert not [query for _, _, query in swift.requests if "manifest=get" in query]
    assert len(segments(swift)) == 3
    assert read(driver, "f") == pattern(3 * SEGMENT)


def test_the_second_of_two_equal_commits_removes_its_own_segments(connect, swift):
    driver = connect(swift)
    content = pattern(3 * SEGMENT)
    for _ in range(2):
        with driver.stage() as stage:
            stage.fill(io.BytesIO(content))
            stage.commit("f", immutable=True)
    assert len(segments(swift)) == 3
    assert read(driver, "f") == content


def test_segments_stay_while_the_live_manifest_cannot_be_read(connect, swift):
    driver = connect(swift, swift_retries=0)
    content = pattern(3 * SEGMENT)
    driver.stream_write("f", io.BytesIO(content))
    with driver.stage() as stage:
        stage.fill(io.BytesIO(content))
        stage.keep()
        swift.spoil = lambda method, path, query: 503 if "manifest=get" in query else None
        stage.commit("f", immutable=True)
    swift.spoil = lambda *request: None
    assert len(segments(swift)) == 6
    assert read(driver, "f") == content


def test_segments_stay_when_what_was_put_is_said_to_be_missing(connect, swift):
    driver = connect(swift)
    driver.stream_write("f", io.BytesIO(b"what is replaced"))
    put = []

    def spoil(method, path, query):
        put.extend([path] if "manifest=put" in query else [])
        return 404 if put and method == "HEAD" and path == put[0] else None

    swift.spoil = spoil
    commit_three_segments(driver)
    swift.spoil = lambda *request: None
    assert put
    assert read(driver, "f") == pattern(3 * SEGMENT)


def test_segments_that_the_live_manifest_names_stay(connect, swift):
    driver = connect(swift)
    content = pattern(3 * SEGMENT)
    driver.stream_write("f", io.BytesIO(content))
    driver._objects.forget(ROOT + "f", driver.parts("f"))
    assert read(driver, "f") == content


def test_a_commit_saves_what_garbage_collection_has_marked(connect, swift):
    driver = connect(swift)
    for content in (b"small", pattern(3 * SEGMENT)):
        driver.stream_write("f", io.BytesIO(content))
        swift.containers["box"][ROOT + "f"].headers["x-delete-at"] = "99999999999"
        with driver.stage() as stage:
            stage.fill(io.BytesIO(content))
            stage.commit("f", immutable=True)
        assert "x-delete-at" not in swift.containers["box"][ROOT + "f"].headers
        assert read(driver, "f") == content
        driver.remove("f")


def test_writing_the_same_again_saves_it_too(connect, swift):
    driver = connect(swift)
    driver.put_content("f", b"x")
    swift.containers["box"][ROOT + "f"].headers["x-delete-at"] = "99999999999"
    driver.put_content("f", b"x")
    assert "x-delete-at" not in swift.containers["box"][ROOT + "f"].headers


def test_no_two_stages_share_a_name(connect, swift):
    driver = connect(swift)
    for name in ("1", "2"):
        driver.stream_write(name, io.BytesIO(pattern(2 * SEGMENT)))
    assert not {part.name for part in driver.parts("1")} & {part.name for part in driver.parts("2")}


def test_parts_are_short_and_fit_into_json(connect, swift):
    driver = connect(swift)
    with driver.stage() as stage:
        stage.fill(io.BytesIO(pattern(2 * SEGMENT)))
        parts = stage.keep()
        assert len(json.dumps(parts[0])) < 70
        stage.discard()
    assert of_box(swift) == []


def test_a_folder_and_a_file_of_one_name_are_listed_once(connect, swift):
    driver = connect(swift)
    for path in ("d/a", "d/a-b", "d/a/c", "d/b"):
        driver.put_content(path, b"x")
    assert list(driver.list_directory("d")) == ["d/a", "d/a-b", "d/b"]


def test_reading_a_part_that_is_gone(connect, swift):
    driver = connect(swift)
    with driver.stage([("gone/0", 5)]) as stage, pytest.raises(FileNotFoundError):
        list(stage.read())
