# -*- coding: utf-8 -*-
"""What libraries raise, and what becomes of it."""

from __future__ import unicode_literals

import socket

import pytest
import requests.exceptions
import urllib3.exceptions
from swiftclient.exceptions import ClientException

from docker_registry.core import exceptions
from docker_registry.drivers.swift.compat import QuotaError
from docker_registry.drivers.swift.http import errors


def status(code, body=b""):
    return ClientException("x", http_status=code, http_reason="Because", http_response_content=body)


TABLE = [
    (status(404), exceptions.FileNotFoundError, "not there"),
    (status(401), exceptions.BrokenError, "user demo"),
    (status(403), exceptions.BrokenError, "more rights"),
    (status(409, b"  conflict\n here"), exceptions.BrokenError, "409 Because: conflict here"),
    (status(413), exceptions.BrokenError, "swift_segment_size"),
    (status(413, b"Upload exceeds quota."), QuotaError, "Upload exceeds quota."),
    (status(413, b"Upload exceeds policy quota."), QuotaError, "policy quota"),
    (status(403, b"QuotaExceeded"), QuotaError, "QuotaExceeded"),
    (status(412, b"Precondition Failed"), exceptions.UnreachableError, "412"),
    (errors.WrongAnswer("204 is no answer"), exceptions.UnreachableError, "cannot be trusted: 204"),
    (status(416), exceptions.WrongArgumentsError, "range"),
    (status(301), exceptions.BrokenError, "301"),
    (
        status(503, b"<html><h1>Busy</h1><p>Later\n on</p></html>"),
        exceptions.UnreachableError,
        "503 Because: Busy Later on",
    ),
    (status(429), exceptions.UnreachableError, "429"),
    (status(500), exceptions.UnreachableError, "500"),
    (status(503), exceptions.UnreachableError, "503"),
    (status(507), exceptions.UnreachableError, "out of space"),
    (ClientException("no endpoint"), exceptions.BrokenError, "no endpoint"),
    (requests.exceptions.ConnectionError("refused"), exceptions.UnreachableError, "refused"),
    (requests.exceptions.ReadTimeout("timed out"), exceptions.UnreachableError, "timed out"),
    (requests.exceptions.SSLError("self signed"), exceptions.BrokenError, "swift_cacert"),
    (requests.exceptions.InvalidURL("no host"), exceptions.BrokenError, "no usable URL"),
    (urllib3.exceptions.ProtocolError("broken"), exceptions.UnreachableError, "broken"),
    (socket.timeout("timed out"), exceptions.UnreachableError, "timed out"),
]


@pytest.mark.parametrize(("error", "kind", "words"), TABLE)
def test_translate(error, kind, words):
    made = errors.translate(error, "GET a/é in container box", "user demo at http://x")
    assert type(made) is kind
    assert str(words) in str(made)
    assert str(made).startswith(str("GET a/"))


def test_only_404_is_not_found():
    for code in list(range(300, 404)) + list(range(405, 600)):
        assert not isinstance(errors.translate(status(code), "x"), exceptions.FileNotFoundError)


def test_a_drivers_own_error_passes():
    error = exceptions.MissingError("x")
    assert errors.translate(error, "y") is error


def test_what_may_pass_is_tried_again():
    assert errors.is_transient(status(503))
    assert errors.is_transient(status(429))
    assert errors.is_transient(requests.exceptions.ConnectionError("reset"))
    for error in (status(404), status(403), requests.exceptions.SSLError("x"), requests.exceptions.InvalidURL("x")):
        assert not errors.is_transient(error)
