# -*- coding: utf-8 -*-
"""Retries, the token, the pool, and the container that is made when it is missing."""

from __future__ import unicode_literals

import itertools
import json
import threading

import pytest
import requests.exceptions
from swiftclient.exceptions import ClientException

from docker_registry.concurrency.deadline import Deadline
from docker_registry.core.exceptions import BrokenError, FileNotFoundError, MissingError, UnreachableError
from docker_registry.drivers.swift.http import client, retries
from docker_registry.drivers.swift.http.answers import is_report
from docker_registry.drivers.swift.http.deletion import delete_each, delete_each_once
from docker_registry.drivers.swift.http.errors import WrongAnswer
from docker_registry.drivers.swift.http.habits import Habits
from docker_registry.drivers.swift.http.pool import Pool
from docker_registry.drivers.swift.http.retries import Retries
from docker_registry.drivers.swift.login import token
from tests.drivers.mock_swift import Refused


class Spoiler(object):
    """Spoils the first so many requests of a method."""

    def __init__(self, method, times, what):
        self.method, self.times, self.what = method, times, what

    def __call__(self, method, path, query):
        if method != self.method or not self.times:
            return None
        self.times -= 1
        return self.what


def methods(swift):
    return [method for method, _, _ in swift.requests]


@pytest.mark.parametrize("what", [500, 503, 504, 408, 429, 498, 507, requests.exceptions.ConnectionError("reset")])
def test_what_may_pass_is_tried_again(connect, swift, what):
    driver = connect(swift)
    driver.put_content("f", b"x")
    swift.spoil = Spoiler("GET", 4, what)
    assert driver.get_content("f") == b"x"
    assert methods(swift).count("GET") == 5


@pytest.mark.parametrize("method", ["get_content", "exists", "get_size", "remove", "stat", "open"])
def test_an_outage_is_no_missing_file(connect, swift, method):
    driver = connect(swift)
    driver.put_content("f", b"x")
    swift.spoil = lambda *request: 503
    with pytest.raises(UnreachableError, match="503"):
        getattr(driver, method)("f")


@pytest.mark.parametrize("method", ["get_content", "exists", "get_size", "remove"])
def test_a_refusal_is_no_missing_file(connect, swift, method):
    driver = connect(swift)
    swift.spoil = lambda *request: 403
    with pytest.raises(BrokenError, match=r"container box.*403.*http://swift.test") as caught:
        getattr(driver, method)("f")
    assert "the-token" not in str(caught.value)
    assert len(swift.requests) == 1


def test_tries_are_limited_by_the_configuration(connect, swift):
    driver = connect(swift, swift_retries=1)
    swift.spoil = lambda *request: 503
    with pytest.raises(UnreachableError):
        driver.get_content("f")
    assert len(swift.requests) == 2


def test_pauses_grow_and_honour_the_server():
    def busy(**headers):
        return ClientException("busy", http_response_headers=headers)

    pauses = Retries(60)
    grown = [pauses.pause(busy()) for _ in range(50)]
    assert grown[0] < grown[2] < grown[4]
    assert max(grown) <= retries.LONGEST_PAUSE
    assert pauses.pause(busy(**{str("Retry-After"): "7"})) == 7
    assert pauses.pause(busy(**{str("Retry-After"): "86400"})) == retries.LONGEST_WISH
    assert pauses.pause(busy(), Deadline(1)) is None
    assert pauses.pause(UnreachableError("a login")) <= retries.LONGEST_PAUSE
    assert [Retries(1).pause(busy()) is None, Retries(0).pause(busy()) is None] == [False, True]


def test_a_lost_answer_to_a_put_is_no_conflict(connect, swift):
    driver = connect(swift)
    driver.put_content("there", b"")
    swift.spoil = Spoiler("PUT", 1, "after")
    driver.put_content("f", b"x")
    assert driver.get_content("f") == b"x"


def test_a_lost_answer_to_a_delete_is_no_missing_file(connect, swift):
    driver = connect(swift)
    driver.put_content("f", b"x")
    swift.spoil = Spoiler("DELETE", 1, "after")
    driver.remove("f")
    assert not driver.exists("f")


def test_a_token_is_renewed_once(connect, swift, monkeypatch):
    driver = connect(swift)
    auth, renewed = driver._client._auth, []

    def renew(access):
        renewed.append(access)
        return access

    monkeypatch.setattr(auth, "renew", renew)
    swift.spoil = Spoiler("PUT", 1, 401)
    driver.put_content("f", b"x")
    assert len(renewed) == 1
    swift.spoil = Spoiler("GET", 9, 401)
    with pytest.raises(BrokenError, match="credential is not accepted"):
        driver.get_content("f")
    assert len(renewed) == 2


@pytest.mark.parametrize(
    ("age", "times", "written"), [(token.SHORT + 1, 3, True), (token.SHORT + 1, 99, False), (0, 3, False)]
)
def test_a_token_that_ends_while_a_body_is_sent_is_renewed_again(connect, swift, monkeypatch, age, times, written):
    now = itertools.count(0, age)
    monkeypatch.setattr(client.Client, "_access", lambda self, refused=None: refused or self._auth.access())
    monkeypatch.setattr(token, "clock", lambda: next(now))
    driver = connect(swift)
    swift.spoil = Spoiler("PUT", times, 401)
    if written:
        driver.overwrite("f", b"x")
        assert driver.get_content("f") == b"x"
    else:
        with pytest.raises(BrokenError, match="credential is not accepted"):
            driver.overwrite("f", b"x")


def test_a_token_is_renewed_whose_refusal_was_cut_off(connect, swift, monkeypatch):
    # Swift refuses a token before it has read the body, so the connection may break under who sends it.
    driver = connect(swift)
    driver.overwrite("warm", b"")
    renewed = []
    monkeypatch.setattr(driver._client._auth, "renew", lambda access: renewed.append(access) or access)

    def spoil(method, path, query):
        if renewed:
            return None
        return requests.exceptions.ConnectionError("reset") if method == "PUT" else 401

    swift.spoil = spoil
    driver.overwrite("f", b"x")
    assert len(renewed) == 1
    assert driver.get_content("f") == b"x"


def test_what_a_bulk_delete_could_not_do_since_the_token_ended_is_done_by_name():
    report = {"Number Deleted": 1, "Errors": [["/box/b", "401 Unauthorized"]], "Response Status": "400 Bad Request"}
    deleted = []

    class Half(object):
        container = "box"
        habits = Habits(lambda: {"bulk_delete": {}})

        def request(self, verb, name, query="", *rest, **options):
            if verb == "DELETE":
                deleted.append(name)
                return client.Answer(204, {})
            return client.Answer(200, {}, json.dumps(report).encode("ascii"))

    assert delete_each(Half(), [("box", "a"), ("box", "b")], 2) == {}
    assert "b" in deleted


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ({"Number Deleted": 1, "Number Not Found": 1, "Errors": []}, []),
        ({"Number Deleted": 1, "Errors": [["/box/b", "503 Service Unavailable"]]}, ["b"]),
        ({"Number Deleted": 1, "Errors": [["/box/b", "401 Unauthorized"]]}, ["b"]),
        ({"Number Deleted": 1, "Errors": []}, ["a", "b"]),  # it passed over one, and does not say which
        ({"Number Deleted": 32, "Errors": []}, ["a", "b"]),
        ({"Number Deleted": 2, "Number Not Found": 1, "Errors": []}, ["a", "b"]),
        (UnreachableError("no answer"), ["a", "b"]),
    ],
)
def test_what_is_deleted_once_is_not_asked_for_again(answer, failed):
    sent = []

    class Server(object):
        container = "box"
        habits = Habits(lambda: {"bulk_delete": {}})

        def request(self, verb, name, query="", *rest, **options):
            sent.append((verb, options["once"]))
            if isinstance(answer, Exception):
                raise answer
            return client.Answer(200, {}, json.dumps(answer).encode("ascii"))

    outcome = delete_each_once(Server(), [("box", "a"), ("box", "b")])
    assert (sorted(name for _, name in outcome), sent) == (failed, [("POST", True)])


@pytest.mark.parametrize(
    "report",
    [
        {"Number Deleted": -5, "Number Not Found": 8},
        {"Number Deleted": "3"},
        {"Errors": "x"},
        {"Errors": [["/box/a"]]},
        {"Errors": [["/box/a", 503]]},
        [],
    ],
)
def test_what_is_no_report_of_deletions_is_no_answer(report):
    with pytest.raises(WrongAnswer):
        is_report(client.Answer(200, {}, json.dumps(report).encode("ascii")))


@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_only_one_answer_says_that_an_object_is_deleted(connect, swift, status):
    driver = connect(swift, swift_retries=0)
    driver.put_content("f", b"x")
    swift.spoil = lambda method, path, query: status if method == "DELETE" else None
    for remove in (driver.remove, driver.remove_small, driver.remove_once):
        with pytest.raises(UnreachableError):
            remove("f")
    assert driver.remove_each_once(["f"])


def test_rows_that_a_listing_has_twice_come_once(connect, swift, monkeypatch):
    driver = connect(swift)
    names = ["d/{0:02d}".format(i) for i in range(20)]
    for name in names:
        driver.put_content(name, b"x")
    honest = swift._rows
    monkeypatch.setattr(swift, "_rows", lambda *asked: (row for one in honest(*asked) for row in (one, one)))
    assert [entry.path for entry in driver.walk()] == names
    assert list(driver.list_prefixes("", "/")) == ["d"]
    assert list(driver.list_directory("d")) == names


def test_a_server_without_bulk_deletes_is_asked_for_each_once(connect, swift):
    driver = connect(swift)
    for name in ("a", "b", "c"):
        driver.overwrite(name, b"x")
    swift.info = {}
    # By its name: they go in any order, which Python 2.7 does not keep.
    swift.spoil = lambda method, path, query: 503 if method == "DELETE" and path.endswith("/a") else None
    del swift.requests[:]
    failed = driver.remove_each_once(["a", "b", "missing", "c"])
    assert (list(failed), methods(swift).count("DELETE")) == (["a"], 4)
    assert [entry.path for entry in driver.walk()] == ["a"]


def test_the_container_is_made_when_it_is_missing(connect, swift):
    driver = connect(swift, swift_storage_policy="gold")
    with pytest.raises(FileNotFoundError):
        driver.get_content("f")
    with pytest.raises(FileNotFoundError):
        next(driver.list_directory())
    assert not driver.exists("f")
    assert "box" not in swift.containers
    driver.put_content("f", b"x")
    assert methods(swift)[-3:] == ["PUT", "PUT", "PUT"]
    assert swift.names() == ["some/base/f"]
    assert swift.policies == {"box": "gold"}


def test_a_container_that_may_not_be_made_is_named(connect, swift):
    driver = connect(swift)
    swift.spoil = lambda method, path, query: 403 if path.endswith("/box") else None
    with pytest.raises(MissingError, match=r"container box is not there.*swift_container"):
        driver.put_content("f", b"x")


def test_an_account_that_is_not_there_is_named(connect, swift):
    swift.spoil = lambda *request: 404
    with pytest.raises(
        MissingError, match=r"container box.*account.*http://swift.test/v1/AUTH_test.*swift_object_stor"
    ):
        connect(swift).put_content("f", b"x")
    with pytest.raises(MissingError, match=r"container box.*account"):
        connect(swift).overwrite("f", b"x")


def test_a_container_that_was_made_and_is_not_there_yet_may_be_asked_for_again(connect, swift):
    swift.spoil = lambda method, path, query: 404 if path.endswith("/f") else None
    with pytest.raises(UnreachableError, match="box was made"):
        connect(swift).overwrite("f", b"x")
    swift.spoil = lambda *request: None
    connect(swift).overwrite("f", b"x")


def test_an_outage_while_the_container_is_made_is_one(connect, swift):
    driver = connect(swift)
    swift.spoil = lambda method, path, query: 503 if path.endswith("/box") else None
    with pytest.raises(UnreachableError):
        driver.put_content("f", b"x")


def test_rights_for_the_container_are_enough(connect, swift):
    driver = connect(swift)
    driver.put_content("f", b"x")
    swift.requests[:] = []
    swift.spoil = lambda method, path, query: 403 if path.count("/") < 4 and method == "PUT" else None
    driver.put_content("f", b"y")
    driver.put_content("g", b"y")
    assert sorted(driver.list_directory()) == ["f", "g"]
    driver.remove("f")


def test_building_a_driver_asks_nothing(connect, swift):
    connect(swift)
    assert swift.requests == []


def test_info_is_asked_once_and_after_an_outage_again(connect, swift, monkeypatch):
    driver, clock = connect(swift, swift_retries=0), [1000.0]
    monkeypatch.setattr(client.time, "time", lambda: clock[0])
    asked = []

    def outage(method, path, query):
        asked.append(path)
        return 503

    respond = swift.respond
    monkeypatch.setattr(swift, "respond", lambda method, *rest: (outage(method, *rest[:2]), {}, b""))
    assert driver._client.info == {}
    assert driver._client.info == {}
    assert asked == ["/info"]
    monkeypatch.setattr(swift, "respond", respond)
    clock[0] += client.INFO_PAUSE + 1
    assert driver._client.info == swift.info
    monkeypatch.setattr(swift, "respond", None)
    clock[0] += 1e9
    assert driver._client.info == swift.info


class Thing(object):
    def __init__(self, storage_url):
        self.storage_url = storage_url
        self.closed = False

    def close(self):
        self.closed = True


def test_the_pool_lends_the_last_returned_first():
    pool = Pool(Thing, 3, 1)
    first, second = pool.take("u"), pool.take("u")
    pool.give(first)
    pool.give(second)
    assert pool.take("u") is second
    assert pool.take("u") is first


def test_the_pool_makes_no_more_than_its_size():
    pool = Pool(Thing, 2, 0.01)
    first, _ = pool.take("u"), pool.take("u")
    with pytest.raises(UnreachableError, match="swift_pool_size"):
        pool.take("u")
    pool.drop(first)
    assert first.closed
    assert pool.take("u") is not first


def test_who_waits_for_the_pool_gets_what_comes_back():
    pool = Pool(Thing, 1, 60)
    lent, got = pool.take("u"), []
    waiting = threading.Thread(target=lambda: got.append(pool.take("u")))
    waiting.start()
    pool.give(lent)
    waiting.join()
    assert got == [lent]


def test_the_pool_replaces_connections_to_a_former_url():
    pool = Pool(Thing, 2, 1)
    old = pool.take("old")
    pool.give(old)
    assert pool.take("new").storage_url == "new"
    assert old.closed


def test_a_connection_that_cannot_be_made_is_not_counted():
    def fail(storage_url):
        raise Refused(1)

    pool = Pool(fail, 1, 0.01)
    for _ in range(3):
        with pytest.raises(Refused):
            pool.take("u")
