# -*- coding: utf-8 -*-
"""Servers that answer out of step, by halves, or too late. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import hashlib
import itertools
import random
import threading

import pytest

from docker_registry.core.exceptions import FileNotFoundError, UnreachableError
from docker_registry.drivers.swift import Storage
from docker_registry.drivers.swift.compat import QuotaError
from docker_registry.drivers.swift.http import wire
from tests.drivers.raw_server import without_proxies

EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
FOREIGN = b"of another request"


def md5(data):
    return hashlib.md5(data).hexdigest()


def head(status, fields, reason=b"Because"):
    lines = [b"HTTP/1.1 " + str(status).encode("ascii") + b" " + reason]
    lines += [name + b": " + value for name, value in fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def whole(body, status=200, etag=None):
    etag = (etag or md5(body)).encode("ascii")
    return head(status, [(b"Content-Length", str(len(body)).encode("ascii")), (b"ETag", etag)]) + body


def chunked(body):
    framed = b"".join(b"1\r\n" + body[i : i + 1] + b"\r\n" for i in range(len(body))) + b"0\r\n\r\n"
    return head(200, [(b"Transfer-Encoding", b"chunked"), (b"ETag", md5(body).encode("ascii"))]) + framed


def content(request):
    """What is stored under the name that a GET asks for."""
    return b"content of " + request.line.split(" ")[1].rpartition("/")[2].encode("ascii")


@pytest.fixture
def connect(server, monkeypatch):
    without_proxies(monkeypatch)

    def make(**options):
        common = {"swift_object_storage_url": server.url, "swift_token": "t", "swift_container": "box"}
        return Storage("/", dict(common, **dict({"swift_timeout": 5}, **options)))

    return make


# The ways of a server. Each takes the request and what is right to answer.

WAYS = {
    "whole": lambda request, right: whole(right),
    "chunked": lambda request, right: chunked(right),
    "early hints": lambda request, right: EARLY_HINTS + whole(right),
    "processing": lambda request, right: b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + chunked(right),
    "continue": lambda request, right: b"HTTP/1.1 100 Continue\r\n\r\n" + whole(right),
    "longer than said": lambda request, right: whole(right) + b"and more",
    "two answers": lambda request, right: whole(right) + whole(FOREIGN),
    "two, chunked": lambda request, right: chunked(right) + chunked(FOREIGN),
    "404 and another": lambda request, right: whole(b"no", 404) + whole(FOREIGN),
    "204 with a body": lambda request, right: head(204, [(b"Content-Length", b"5")]) + b"body?" + whole(FOREIGN),
    "503 and another": lambda request, right: whole(b"busy", 503) + whole(FOREIGN),
    "two lengths": lambda request, right: (
        head(200, [(b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked"), (b"ETag", b"x")])
        + b"0\r\n\r\n"
        + whole(FOREIGN)
    ),
    "another protocol": lambda request, right: b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + whole(FOREIGN),
    "interim for ever": lambda request, right: EARLY_HINTS * (wire.INTERIM + 1) + whole(right),
    "cut head": lambda request, right: b"HTTP/1.1 200 OK\r\nETag: " + md5(b"").encode("ascii"),
    "damaged head": lambda request, right: whole(right).replace(b"ETag:", b"ETag;"),
    "no HTTP": lambda request, right: right,
}
HANGS_UP = {"cut head", "no HTTP"}


def play(server, seed):
    """Let a server answer in all these ways, in an order of its own."""
    chance = random.Random(seed)
    ways = [name for name in sorted(WAYS) for _ in range(4)]
    chance.shuffle(ways)
    played = iter(ways)

    def answer(request, sock):
        name = next(played, "whole")
        sock.sendall(WAYS[name](request, content(request)))
        if name in HANGS_UP:
            sock.shutdown(2)

    server.answers = [answer]
    return len(ways)


@pytest.mark.parametrize("seed", range(5))
def test_no_answer_is_another_requests(server, connect, seed):
    driver, missing = connect(swift_retries=0), []
    for number in range(play(server, seed)):
        name = "n{0}".format(number)
        try:
            assert driver.get_content(name) == b"content of " + name.encode("ascii")
        except UnreachableError:
            pass
        except FileNotFoundError:
            missing.append(name)
    assert len(missing) == 4


@pytest.mark.parametrize("name", sorted(set(WAYS) - {"404 and another"}))
def test_what_is_wrong_once_is_asked_again(server, connect, name):
    last = lambda request, sock: sock.sendall(whole(content(request)))  # noqa: E731

    def first(request, sock):
        sock.sendall(WAYS[name](request, content(request)))
        if name in HANGS_UP:
            sock.shutdown(2)

    server.answers = [first, last]
    driver = connect()
    assert [driver.get_content(str(number)) for number in range(3)] == [
        b"content of 0",
        b"content of 1",
        b"content of 2",
    ]


@pytest.mark.parametrize("name", ["whole", "chunked", "early hints", "processing", "continue"])
def test_what_is_right_keeps_its_connection(server, connect, name):
    server.answers = [lambda request, sock: sock.sendall(WAYS[name](request, content(request)))]
    driver = connect()
    for number in range(3):
        driver.get_content(str(number))
    assert {request.number for request in server.requests} == {1}


def test_what_comes_after_an_answer_is_no_answer_to_the_next_request(server, connect):
    server.answers = [lambda request, sock: sock.sendall(whole(content(request)))]
    driver = connect(swift_retries=0)
    assert driver.get_content("a") == b"content of a"
    server.sockets[0].sendall(whole(FOREIGN))
    assert driver.get_content("b") == b"content of b"


def stored(request, sock):
    sock.sendall(whole(b"", 201, md5(request.body)))


def test_a_success_before_the_request_was_sent_is_none(server, connect):
    body = b"x" * (64 << 20)
    early = itertools.chain([True], itertools.repeat(False))
    server.before_body = lambda line, sock: next(early) and sock.sendall(whole(b"", 201, md5(body)))

    def answer(request, sock):
        if request.line.startswith("HEAD"):
            sock.sendall(head(204, []))  # the container is there
        elif request.number > 1:
            stored(request, sock)

    server.answers = [answer]
    connect(swift_retries=1).overwrite("f", body)
    last = server.requests[-1]
    assert (last.line.split(" ")[0], last.number, last.body) == ("PUT", 2, body)


def test_an_early_refusal_does_not_keep_its_connection(server, connect):
    early = itertools.chain([True], itertools.repeat(False))
    server.before_body = lambda line, sock: next(early) and sock.sendall(whole(b"", 413))
    server.answers = [lambda request, sock: request.number == 1 or sock.sendall(whole(content(request)))]
    driver = connect(swift_retries=0)
    with pytest.raises(Exception, match="413"):
        driver.overwrite("f", b"x" * (64 << 20))
    assert driver.get_content("a") == b"content of a"
    assert server.requests[-1].number == 2


def test_a_body_is_sent_under_the_time_out_of_the_exchange(server, connect):
    late = threading.Event()
    server.before_body = lambda line, sock: late.wait(1)
    server.answers = [stored]
    driver = connect(swift_connect_timeout=0.2, swift_timeout=30, swift_retries=0)
    driver.overwrite("f", b"x" * (64 << 20))
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 202, 203, 204, 206])
def test_only_201_says_that_something_is_stored(server, connect, status):
    def lie(request, sock):
        sock.sendall(whole(b"", status if request.line.startswith("PUT") else 204, md5(request.body)))

    server.answers = [lie]
    with pytest.raises(UnreachableError, match="cannot be trusted"):
        connect(swift_retries=1).overwrite("f", b"x")
    assert len([request for request in server.requests if request.line.startswith("PUT")]) == 2


@pytest.mark.parametrize("etag", [b"", b"0" * 32])
@pytest.mark.parametrize("checksums", [True, False])
def test_only_the_etag_of_what_was_sent_says_that_it_is_stored(server, connect, etag, checksums):
    server.answers = [head(201, [(b"Content-Length", b"0")] + ([(b"ETag", etag)] if etag else []))]
    driver = connect(swift_retries=0, swift_checksums=checksums)
    with pytest.raises(UnreachableError, match=r"ETag|other bytes"):
        driver.overwrite("f", b"x")
    if checksums or not etag:
        with pytest.raises(UnreachableError, match=r"ETag|other bytes"), driver.stage() as stage:
            stage._buffer.append(b"x")
            stage.keep()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: whole(body).replace(b"content", b"cantent"),
        lambda body: whole(body)[:-3],
        lambda body: whole(body).replace(b"Content-Length: 12\r\n", b""),
        lambda body: head(200, [(b"Content-Length", b"12")]) + body,
        lambda body: head(206, [(b"Content-Length", b"12"), (b"ETag", md5(body).encode("ascii"))]) + body,
        lambda body: head(204, [(b"ETag", md5(b"").encode("ascii"))]),
        lambda body: whole(body)[:40],
    ],
)
def test_a_small_file_that_is_not_whole_is_asked_for_again_and_never_missing(server, connect, spoil):
    def lie(request, sock):
        sock.sendall(spoil(content(request)))
        sock.shutdown(2)

    server.answers = [lie, lie, lambda request, sock: sock.sendall(whole(content(request)))]
    assert connect().get_content("a") == b"content of a"
    server.answers = [lie]
    with pytest.raises(UnreachableError):
        connect(swift_retries=1).get_content("a")


def test_the_etag_of_a_large_object_is_not_that_of_its_bytes(server, connect):
    large = [(b"Content-Length", b"1"), (b"ETag", b'"%s"' % md5(b"other").encode("ascii"))]
    for name in (b"X-Static-Large-Object", b"X-Object-Manifest"):
        server.answers = [head(200, large + [(name, b"True")]) + b"x"]
        assert connect().get_content("f") == b"x"


@pytest.mark.parametrize("body", [b"", b"[", b"{}", b"null", b"\xff"])
def test_a_listing_that_is_no_list_is_an_outage(server, connect, body):
    server.answers = [whole(body)]
    with pytest.raises(UnreachableError, match="JSON"):
        list(connect(swift_retries=0).walk("f"))


@pytest.mark.parametrize("span", [b"", b"bytes 5-9/*", b"bytes x-9/10", b"bytes 6-9/10"])
def test_a_part_that_was_not_asked_for_is_an_outage(server, connect, span):
    fields = [(b"Content-Length", b"5"), (b"ETag", b"x")] + ([(b"Content-Range", span)] if span else [])
    server.answers = [head(206, fields) + b"12345"]
    with pytest.raises(UnreachableError):
        connect(swift_retries=0).open("f", (5, 9))


def test_a_server_that_ignores_ranges_and_breaks_is_an_outage(server, connect):
    def cut(request, sock):
        sock.sendall(head(200, [(b"Content-Length", b"1000"), (b"ETag", b"x")]) + b"x" * 100)
        sock.shutdown(2)

    server.answers = [cut]
    with pytest.raises(UnreachableError), connect(swift_retries=1).open("f", (500, 600)) as reader:
        b"".join(reader)


def test_a_full_quota_is_named(server, connect):
    quota = [(b"X-Container-Meta-Quota-Bytes", b"1000"), (b"X-Container-Bytes-Used", b"998"), (b"X-Other", b"1")]

    def answer(request, sock):
        is_put = request.line.startswith("PUT")
        sock.sendall(whole(b"Upload exceeds quota.", 413) if is_put else head(204, quota))

    server.answers = [answer]
    with pytest.raises(QuotaError, match=r"exceeds quota.*bytes-used: 998.*quota-bytes: 1000") as caught:
        connect().overwrite("f", b"xyz")
    assert "other" not in str(caught.value)


@pytest.mark.parametrize("body", [b"[", b"{", b"\xff"])
def test_a_manifest_that_is_no_json_is_an_outage(server, connect, body):
    large = head(200, [(b"X-Static-Large-Object", b"True")])
    manifest = whole(body).replace(b"ETag", b"Content-Type: application/json\r\nETag")
    server.answers = [lambda request, sock: sock.sendall(large if request.line.startswith("HEAD") else manifest)]
    with pytest.raises(UnreachableError, match="JSON"):
        connect(swift_retries=0).parts("f")


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff"])
def test_a_report_of_deletions_that_is_no_json_is_an_outage(server, connect, body):
    large = head(200, [(b"X-Static-Large-Object", b"True")])
    server.answers = [lambda request, sock: sock.sendall(large if request.line.startswith("HEAD") else whole(body))]
    with pytest.raises(UnreachableError, match="JSON"):
        connect(swift_retries=0).remove("f")
