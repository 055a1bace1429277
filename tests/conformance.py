# -*- coding: utf-8 -*-
"""THE driver suite: what every storage driver has to do. Runs on Python 2.7 too.

    class TestMine(conformance.Suite):
        @pytest.fixture
        def subject(self):
            yield MySubject()

Whatever a test leaves in the storage makes it fail, be it a file, a segment or
a neighbour of the root that was touched.
"""

from __future__ import unicode_literals

import io
import json
import random
import threading
import time

import pytest

from docker_registry.core.exceptions import FileNotFoundError, NotImplementedError, WrongArgumentsError
from tests import trees

__all__ = ["ROOT", "Broken", "GoneAway", "Slow", "Subject", "Suite", "pattern", "read", "together"]

# A root, and names that begin like it.
ROOT = "some/base"
NEIGHBOURS = ("some", "some/roo", "some/base", "some/base-2/a/b", "some/base.d", "some/bases/a/b", "a/b", "segments/a")

ODD_NAMES = (
    "spaces in/a name",
    "grüße/日本語/💥",
    "100%/%2F/%25%41",
    "what?/a=b&c#d",
    "plus+and;semi,colon",
    "a//b",
    "a///b/c",
    "../up",
    "a/../../b",
    "a/./b",
    "...",
    "quo'te\"s",
    "new\nline",
    "back\\slash",
    "segments.txt",
    "deep/" * 40 + "end",
    "é" * 400,
)


class Subject(object):
    """One storage under test, empty at first."""

    root = ROOT
    segment_size = 64 * 1024  # bytes; larger files may consist of segments

    def driver(self, root):
        """A new driver below a root."""
        raise NotImplementedError

    def plant(self, name, content):
        """Put an object into the storage behind the driver's back."""
        raise NotImplementedError

    def names(self):
        """The names of all objects, segments too, wherever they are."""
        raise NotImplementedError


class Slow(object):
    """A stream that gives few bytes at a time, and cannot be rewound."""

    def __init__(self, content, at_once=1000):
        self._file = io.BytesIO(content)
        self._at_once = at_once

    def read(self, size):
        return self._file.read(min(size, self._at_once))


class GoneAway(Exception):
    """The client of an upload has gone."""


class Broken(object):
    """A stream that fails after some bytes."""

    def __init__(self, content):
        self._file = io.BytesIO(content)

    def read(self, size):
        data = self._file.read(size)
        if not data:
            raise GoneAway
        return data


def pattern(size, seed=0):
    """Bytes of which no two stretches are alike for long."""
    block = bytearray((i * i + seed * 7 + i // 251) % 256 for i in range(65521))
    return bytes((block * (size // len(block) + 1))[:size])


def read(driver, path, bytes_range=None):
    return b"".join(driver.stream_read(path, bytes_range))


def together(*tasks):
    """Run tasks side by side in threads (or greenlets); raises what they raised."""
    errors = []

    def run(task):
        try:
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error


def wait_until_gone(driver, path, end):
    """Until nobody is given a file that expires at `end`; it must not be gone sooner."""
    while True:
        asked = time.time()
        try:
            driver.get_newest(path)
        except FileNotFoundError:
            assert time.time() >= end - 1  # clocks of storages may tell whole seconds
            return
        assert asked < end + 30, "{0} has not expired".format(path)
        time.sleep(0.05)


class Suite(object):
    @pytest.fixture
    def driver(self, subject):
        neighbours = NEIGHBOURS if subject.root else ()
        for name in neighbours:
            subject.plant(name, b"a neighbour")
        driver = subject.driver(subject.root)
        yield driver
        for entry in list(driver.walk()):
            driver.remove(entry.path)
        assert sorted(subject.names()) == sorted(neighbours)

    @pytest.fixture
    def sizes(self, subject):
        one = subject.segment_size
        return [0, 1, one - 1, one, one + 1, 2 * one, 3 * one + 17]

    # Small files.

    def test_put_then_get(self, driver):
        assert driver.put_content("a/b", b"hello") == "a/b"
        assert driver.get_content("a/b") == b"hello"

    def test_put_replaces(self, driver):
        for content in (b"one", b"two", b"two", b""):
            driver.put_content("f", content)
            assert driver.get_content("f") == content

    def test_any_byte_comes_back(self, driver):
        content = bytes(bytearray(range(256))) * 3
        driver.put_content("f", content)
        assert driver.get_content("f") == content
        assert isinstance(driver.get_content("f"), bytes)

    def test_keyword_calls(self, driver):
        driver.put_content(path="f", content=b"x")
        assert driver.get_content(path="f") == b"x"
        driver.remove(path="f")

    def test_a_leading_slash_is_ignored(self, driver):
        driver.put_content("/a/b", b"x")
        assert driver.get_content("a/b") == b"x"
        assert driver.get_size("/a/b") == 1
        assert list(driver.list_directory("/a")) == ["a/b"]

    def test_helpers(self, driver):
        driver.put_json("j", {"a": [1, "é"]})
        assert driver.get_json("j") == {"a": [1, "é"]}
        driver.put_unicode("u", "ünï")
        assert driver.get_unicode("u") == "ünï"
        driver.put_bytes("b", b"\xff")
        assert driver.get_bytes("b") == b"\xff"

    def test_what_is_missing(self, driver):
        driver.put_content("folder/file", b"x")
        for path in ("missing", "folder", "folder/fil", "folder/file/x", "missing/also"):
            for method in (driver.get_content, driver.get_size, driver.stat, driver.open, driver.parts):
                with pytest.raises(FileNotFoundError):
                    method(path)
            with pytest.raises(FileNotFoundError):
                read(driver, path)

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names(self, driver, name):
        driver.put_content(name, b"odd")
        assert driver.get_content(name) == b"odd"
        assert driver.get_size(name) == 3
        assert driver.exists(name)
        assert read(driver, name) == b"odd"
        assert [entry.path for entry in driver.walk()] == [name]
        parent = name.rpartition("/")[0]
        assert name in list(driver.list_directory(parent))
        driver.remove(name)
        assert not driver.exists(name)

    def test_odd_names_of_large_files(self, driver, subject):
        content = pattern(2 * subject.segment_size)
        names = ODD_NAMES[:8]
        for name in names:
            driver.stream_write(name, io.BytesIO(content))
        for name in names:
            assert read(driver, name) == content
            driver.remove(name)

    def test_the_root_is_no_file(self, driver):
        for path in ("", "/"):
            with pytest.raises(WrongArgumentsError):
                driver.put_content(path, b"x")
            with pytest.raises(WrongArgumentsError):
                driver.remove(path)

    # Streams.

    def test_streams_of_any_size(self, driver, sizes):
        for size in sizes:
            content = pattern(size)
            driver.stream_write("f", io.BytesIO(content))
            assert driver.get_size("f") == size
            assert read(driver, "f") == content
            assert driver.get_content("f") == content

    def test_streams_with_short_reads(self, driver, subject):
        content = pattern(2 * subject.segment_size + 5)
        driver.stream_write("f", Slow(content))
        assert read(driver, "f") == content

    def test_errors_of_a_read_come_when_it_is_advanced(self, driver):
        chunks = driver.stream_read("missing")
        with pytest.raises(FileNotFoundError):
            next(chunks)

    def test_ranges(self, driver, subject):
        assert driver.supports_bytes_range in (True, False)
        one = subject.segment_size
        content = pattern(2 * one + 100)
        size = len(content)
        driver.stream_write("f", io.BytesIO(content))
        cases = {
            (0, 0): content[:1],
            (0, 9): content[:10],
            (5, 5): content[5:6],
            (one - 1, one): content[one - 1 : one + 1],
            (one, 2 * one - 1): content[one : 2 * one],
            (size - 1, size - 1): content[-1:],
            (0, size - 1): content,
            (size - 10, size + 10): content[-10:],
            (7, None): content[7:],
            (0, None): content,
            (None, 5): content[-5:],
            (None, size + 5): content,
        }
        for bytes_range, expected in cases.items():
            with driver.open("f", bytes_range) as reader:
                assert (reader.size, reader.length) == (size, len(expected))
                assert b"".join(reader) == expected, bytes_range
            if driver.supports_bytes_range:
                assert read(driver, "f", bytes_range) == expected, bytes_range

    def test_ranges_without_a_byte(self, driver):
        driver.put_content("f", b"0123456789")
        driver.put_content("empty", b"")
        for path, bytes_range in (
            ("f", (10, 20)),
            ("f", (10, None)),
            ("f", (None, 0)),
            ("f", (3, 2)),
            ("empty", (0, 0)),
        ):
            with pytest.raises(WrongArgumentsError):
                driver.open(path, bytes_range)
        driver.put_content("empty", b"")
        assert read(driver, "empty") == b""

    def test_readers_do_not_mix(self, driver, subject):
        first, second = pattern(2 * subject.segment_size, 1), pattern(2 * subject.segment_size, 2)
        driver.stream_write("1", io.BytesIO(first))
        driver.stream_write("2", io.BytesIO(second))
        one, two, read_one, read_two = driver.stream_read("1"), driver.stream_read("2"), [], []
        while True:
            left, right = next(one, b""), next(two, b"")
            read_one.append(left)
            read_two.append(right)
            if not left and not right:
                break
        assert b"".join(read_one) == first
        assert b"".join(read_two) == second

    def test_an_abandoned_read_disturbs_nobody(self, driver, subject):
        content = pattern(4 * subject.segment_size)
        driver.stream_write("f", io.BytesIO(content))
        for _ in range(5):
            chunks = driver.stream_read("f")
            next(chunks)
            chunks.close()
            driver.open("f").close()
        assert read(driver, "f") == content

    def test_a_failed_write_changes_nothing(self, driver, subject):
        driver.put_content("there", b"before")
        for size in (10, 3 * subject.segment_size):
            for path in ("there", "new"):
                with pytest.raises(GoneAway):
                    driver.stream_write(path, Broken(pattern(size)))
        assert driver.get_content("there") == b"before"
        assert not driver.exists("new")

    def test_replacing_leaves_nothing(self, driver, subject):
        small, large = pattern(10), pattern(2 * subject.segment_size + 1)
        for content in (large, large, small, large, b"", large):
            driver.stream_write("f", io.BytesIO(content))
            assert read(driver, "f") == content
        driver.put_content("f", b"small")
        assert driver.get_content("f") == b"small"

    def test_streams_side_by_side(self, driver, subject):
        contents = {"f{0}".format(i): pattern(i * subject.segment_size // 2, i) for i in range(8)}

        def write(path, content):
            driver.stream_write(path, Slow(content, 20000))
            assert read(driver, path) == content

        together(*[lambda item=item: write(*item) for item in contents.items()])
        for path, content in contents.items():
            assert driver.get_content(path) == content

    # Looking around.

    def test_size_is_an_int(self, driver):
        driver.put_content("f", b"12345")
        assert driver.get_size("f") == 5
        assert isinstance(driver.get_size("f"), int)

    def test_exists(self, driver):
        assert not driver.exists("")
        driver.put_content("folder/deep/file", b"")
        for path in ("folder/deep/file", "folder/deep", "folder", ""):
            assert driver.exists(path) is True, path
        for path in ("fold", "folder/deep/fil", "folder/deep/file/", "folder/de", "file", "deep", "older"):
            assert driver.exists(path) is False, path

    def test_list_directory(self, driver):
        for path in ("d/a", "d/b/c", "d/b/d", "d/e f", "dd/x", "top"):
            driver.put_content(path, b"x")
        assert sorted(driver.list_directory("d")) == ["d/a", "d/b", "d/e f"]
        assert sorted(driver.list_directory("d/")) == ["d/a", "d/b", "d/e f"]
        assert sorted(driver.list_directory("d/b")) == ["d/b/c", "d/b/d"]
        for root in (None, "", "/"):
            assert sorted(driver.list_directory(root)) == ["d", "dd", "top"]
        assert sorted(driver.list_directory()) == ["d", "dd", "top"]

    def test_list_directory_of_nothing(self, driver):
        driver.put_content("d/a", b"x")
        for path in ("missing", "d/a", "d/b"):
            listing = driver.list_directory(path)
            with pytest.raises(FileNotFoundError):
                next(listing)
        driver.remove("d/a")
        for path in ("d", ""):
            with pytest.raises(FileNotFoundError):
                next(driver.list_directory(path))

    def test_list_directory_hides_how_large_files_are_kept(self, driver, subject):
        driver.stream_write("f", io.BytesIO(pattern(2 * subject.segment_size)))
        assert list(driver.list_directory()) == ["f"]
        assert [entry.path for entry in driver.walk()] == ["f"]

    def test_long_listings(self, driver):
        paths = ["d/{0:02d}".format(i) for i in range(33)]
        for path in paths:
            driver.put_content(path, b"x")
        assert sorted(driver.list_directory("d")) == paths
        assert [entry.path for entry in driver.walk("d")] == paths
        assert list(driver.list_prefixes("", "/0")) == ["d"]
        driver.remove("d")

    @pytest.mark.parametrize("seed", range(6))
    def test_any_set_of_names(self, driver, subject, seed):
        chance = random.Random(seed)
        names = trees.some_names(chance)
        for name in names:
            driver.put_content(name, b"x")
        large = chance.choice(sorted(names))  # its segments lie in the driver's own folder
        driver.stream_write(large, io.BytesIO(pattern(2 * subject.segment_size)))
        trees.check(driver, trees.Tree(names))
        trees.check_removals(driver, trees.Tree(names), chance)

    def test_stat(self, driver):
        driver.put_content("f", b"12345")
        stat = driver.stat("f")
        assert stat.size == 5
        assert stat.modified is None or stat.modified > 1e9

    def test_the_newest_of_a_file(self, driver):
        with pytest.raises(FileNotFoundError):
            driver.get_newest("f")
        with pytest.raises(FileNotFoundError):
            driver.stat("f", newest=True)
        for content in (b"1", b"22"):
            driver.put_content("f", content)
            assert driver.get_newest("f") == driver.get_newest("/f") == content
            assert driver.stat("f", newest=True).size == driver.stat("f").size == len(content)

    def test_walk(self, driver, subject):
        large = pattern(2 * subject.segment_size)
        for path in ("b", "d/a", "d/b/c", "d/b/é", "dd", "d.e"):
            driver.put_content(path, b"123")
        driver.stream_write("d/large", io.BytesIO(large))
        found = {entry.path: entry.size for entry in driver.walk("d")}
        assert found == {"d/a": 3, "d/b/c": 3, "d/b/é": 3, "d/large": len(large)}
        assert set(found) | {"b", "dd", "d.e"} == {entry.path for entry in driver.walk()}
        assert {entry.path for entry in driver.walk("d/")} == set(found)
        assert list(driver.walk("missing")) == []
        assert list(driver.walk("d/a")) == []

    def test_list_prefixes(self, driver):
        for path in ("r/a/_x/1", "r/a/b/_y/2", "r/a/b/_z/3", "r/a-b/_x/4", "r/plain", "r/c/d", "rr/e/_x"):
            driver.put_content(path, b"")
        assert list(driver.list_prefixes("r", "/_")) == ["a-b", "a", "a/b"]
        assert list(driver.list_prefixes("r")) == ["a-b", "a", "c"]
        assert list(driver.list_prefixes("r", page=1)) == ["a-b", "a", "c"]
        assert list(driver.list_prefixes("missing", "/_")) == []
        assert "a/b" in list(driver.list_prefixes("r", "/_", after="a/_"))
        assert "a-b" not in list(driver.list_prefixes("r", "/_", after="a/_"))
        assert list(driver.list_prefixes("r", "/_", after="b")) == []

    def test_walk_outside(self, driver):
        for path in ("r/a/c", "r/a/b/x", "r/a/b/y", "r/a-/c", "r/a-/b/x", "r/d", "rr/e", "r/f/b/x"):
            driver.put_content(path, b"12")
        for page in (None, 1):
            found = list(driver.walk_outside("r", "/b", page=page))
            assert [(entry.path, entry.size) for entry in found] == [("r/a-/c", 2), ("r/a/c", 2), ("r/d", 2)]
        assert [entry.path for entry in driver.walk_outside("r", "/b", after="a.")] == ["r/a/c", "r/d"]
        assert list(driver.walk_outside("missing", "/b")) == []
        # Whoever removes what is old tells by this that a file was not written again since.
        for entry in driver.walk_outside("r", "/b"):
            modified = driver.stat(entry.path, newest=True).modified
            assert modified is entry.modified is None or abs(modified - entry.modified) < 0.005

    # Files that end.

    def test_a_file_that_expires(self, driver):
        end = time.time() + 2
        if not driver.supports_expiry:
            with pytest.raises(NotImplementedError):
                driver.overwrite_until("d/f", b"1", end)
            return
        driver.overwrite_until("d/f", b"1", end)
        driver.overwrite_until("d/kept", b"1", end)
        driver.put_content("d/plain", b"1")
        told = {entry.path: entry.expires for entry in driver.walk("d")}
        assert end <= told.pop("d/f") <= end + 1
        assert end <= told.pop("d/kept") <= end + 1
        assert told == {"d/plain": None}
        driver.overwrite("d/kept", b"2")  # it has no end any more
        assert [entry.expires for entry in driver.walk_outside("d", "/") if entry.path == "d/kept"] == [None]
        wait_until_gone(driver, "d/f", end)
        assert not driver.exists("d/f")
        with pytest.raises(FileNotFoundError):
            driver.stat("d/f", newest=True)
        assert driver.get_newest("d/kept") == b"2"
        assert driver.remove_many(["d/f"]) == {}
        driver.overwrite("d/f", b"3")
        assert driver.get_newest("d/f") == b"3"

    def test_content_redirect_url(self, driver):
        driver.put_content("f", b"x")
        url = driver.content_redirect_url("f")
        assert url is None or url.startswith("http")

    # Removing.

    def test_remove_a_file(self, driver):
        driver.put_content("a/b", b"x")
        driver.put_content("a/bc", b"x")
        driver.remove("a/b")
        assert not driver.exists("a/b")
        assert driver.get_content("a/bc") == b"x"
        with pytest.raises(FileNotFoundError):
            driver.remove("a/b")

    def test_remove_a_folder(self, driver, subject):
        for path in ("d/a", "d/b/c/d", "d/b/é", "d/empty", "d-2/a", "dd"):
            driver.put_content(path, b"" if path == "d/empty" else b"x")
        driver.stream_write("d/large", io.BytesIO(pattern(2 * subject.segment_size)))
        driver.remove("d")
        assert not driver.exists("d")
        assert sorted(entry.path for entry in driver.walk()) == ["d-2/a", "dd"]
        with pytest.raises(FileNotFoundError):
            driver.remove("d")

    def test_removing_a_file_leaves_the_folder_of_its_name(self, driver):
        driver.put_content("x", b"file")
        driver.put_content("x/y", b"below")
        driver.remove("x")
        assert driver.get_content("x/y") == b"below"

    def test_remove_a_small_file(self, driver):
        for path in ("x", "x/y", "xy"):
            driver.overwrite(path, b"small")
        driver.remove_small("x")
        assert sorted(entry.path for entry in driver.walk()) == ["x/y", "xy"]
        for path in ("x", "nothing"):
            with pytest.raises(FileNotFoundError):
                driver.remove_small(path)
        assert sorted(entry.path for entry in driver.walk()) == ["x/y", "xy"]

    def test_remove_many(self, driver, subject):
        large = pattern(2 * subject.segment_size)
        driver.put_content("a", b"x")
        driver.put_content("e", b"")
        driver.stream_write("l", io.BytesIO(large))
        driver.put_content("keep", b"x")
        assert driver.remove_many(["a", "missing", "l", "e"]) == {}
        assert driver.remove_many(iter([])) == {}
        assert [entry.path for entry in driver.walk()] == ["keep"]

    # The two-step write.

    def test_stage_then_commit(self, driver, sizes):
        for size in sizes:
            content = pattern(size)
            with driver.stage() as stage:
                assert stage.fill(io.BytesIO(content)) == size
                assert stage.size == size
                assert not driver.exists("f")
                stage.commit("f")
            assert read(driver, "f") == content
            driver.remove("f")

    def test_stage_takes_several_streams(self, driver, sizes):
        whole = b""
        with driver.stage() as stage:
            for i, size in enumerate(sizes):
                content = pattern(size, i)
                assert stage.fill(io.BytesIO(content)) == size
                whole += content
                assert stage.size == len(whole)
            assert b"".join(stage.read()) == whole
            stage.commit("f")
        assert read(driver, "f") == whole

    def test_a_stage_is_kept_and_opened_again(self, driver, subject):
        whole, parts = b"", []
        for i, size in enumerate((10, subject.segment_size, 0, 2 * subject.segment_size + 3, 1)):
            content = pattern(size, i)
            with driver.stage(parts) as stage:
                assert stage.size == len(whole)
                stage.fill(io.BytesIO(content))
                parts = [type(part)(*json.loads(json.dumps(part))) for part in stage.keep()]
            whole += content
        with driver.stage(parts) as stage:
            assert b"".join(stage.read()) == whole
            stage.commit("f")
        assert read(driver, "f") == whole

    def test_a_stage_goes_on_after_keep(self, driver, subject):
        content = pattern(subject.segment_size + 5)
        with driver.stage() as stage:
            for _ in range(3):
                stage.fill(io.BytesIO(content))
                stage.keep()
            stage.commit("f")
        assert read(driver, "f") == 3 * content

    def test_a_stage_that_is_left_leaves_nothing(self, driver, subject):
        with driver.stage() as stage:
            stage.fill(io.BytesIO(pattern(3 * subject.segment_size)))
        with pytest.raises(GoneAway), driver.stage() as stage:
            stage.fill(Broken(pattern(3 * subject.segment_size)))
        assert list(driver.walk()) == []

    def test_leaving_a_stage_spares_the_parts_it_was_given(self, driver, subject):
        content = pattern(2 * subject.segment_size)
        with driver.stage() as stage:
            stage.fill(io.BytesIO(content))
            parts = stage.keep()
        with driver.stage(parts) as stage:
            stage.fill(io.BytesIO(content))
        with driver.stage(parts) as stage:
            assert b"".join(stage.read()) == content
            stage.discard()

    def test_a_failed_stream_leaves_what_came_before(self, driver, subject):
        content = pattern(2 * subject.segment_size)
        with driver.stage() as stage:
            stage.fill(io.BytesIO(content))
            with pytest.raises(GoneAway):
                stage.fill(Broken(b""))
            stage.commit("f")
        assert read(driver, "f") == content

    def test_immutable_commits(self, driver, sizes):
        for size in sizes:
            content = pattern(size)
            for _ in range(2):
                with driver.stage() as stage:
                    stage.fill(io.BytesIO(content))
                    stage.commit("f", immutable=True)
                assert read(driver, "f") == content
            driver.remove("f")

    def test_an_immutable_commit_heals(self, driver, subject):
        good = pattern(2 * subject.segment_size + 9)
        for damaged in (b"", b"short", good + good):
            driver.stream_write("f", io.BytesIO(damaged))
            with driver.stage() as stage:
                stage.fill(io.BytesIO(good))
                stage.commit("f", immutable=True)
            assert read(driver, "f") == good
            driver.remove("f")

    def test_immutable_commits_side_by_side(self, driver, subject):
        content = pattern(2 * subject.segment_size + 9)

        def push():
            with driver.stage() as stage:
                stage.fill(io.BytesIO(content))
                stage.commit("f", immutable=True)

        together(*[push] * 6)
        assert read(driver, "f") == content
        # Two that overlap may both have won; the segments of the one that lost are for garbage collection to find.
        live = {part.name for part in driver.parts("f") or ()}
        assert driver.remove_parts(entry.path for entry in driver.walk_parts() if entry.path not in live) == {}
        assert read(driver, "f") == content

    def test_parts(self, driver, subject):
        driver.put_content("small", b"x")
        assert driver.parts("small") is None
        size = 3 * subject.segment_size + 1
        driver.stream_write("large", io.BytesIO(pattern(size)))
        parts = driver.parts("large")
        if parts is not None:
            assert sum(part.size for part in parts) == size
            assert {part.name for part in parts} == {entry.path for entry in driver.walk_parts()}
        assert driver.remove_parts([]) == {}
