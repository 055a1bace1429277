# -*- coding: utf-8 -*-
"""Requests in somebody's name: with their token, wherever they are made from; never renewed, and refused as theirs."""

from __future__ import unicode_literals

import io

import pytest

from docker_registry.concurrency import acting
from docker_registry.concurrency.acting import Acting
from docker_registry.concurrency.workers import gather
from docker_registry.drivers.swift.compat import CallerRefusedError, QuotaError
from tests.conformance import pattern
from tests.drivers.mock_swift import ACCOUNT, TOKEN, Refused
from tests.drivers.test_reading import Breaking

READ, WRITE = ("GET", "HEAD"), ("GET", "HEAD", "PUT", "POST", "DELETE")
CONTENT = pattern(300000)  # five segments


def ann():
    return Acting("ann", "ann@here", "ann-token")


def test_all_that_a_call_sends_is_in_the_caller_s_name(connect, swift):
    driver, caller = connect(swift), ann()
    driver.put_content("f", b"x")
    swift.rights["ann-token"] = WRITE
    del swift.tokens[:]
    with acting.within(caller):
        driver.stream_write("large", io.BytesIO(CONTENT))
        assert b"".join(driver.stream_read("large")) == CONTENT
        assert sorted(driver.list_directory("")) == ["f", "large"]
        driver.remove("large")
        gather([lambda: driver.get_content("f")] * 5)
    assert set(swift.tokens) == {"ann-token"}
    driver.get_content("f")
    assert swift.tokens[-1] == TOKEN


def test_a_body_goes_on_in_the_name_that_opened_it(connect, swift, monkeypatch):
    driver = connect(swift)
    swift.put("some/base/f", CONTENT)
    swift.rights["ann-token"] = READ
    Breaking(monkeypatch, [100000, 1])
    with acting.within(ann()):
        reader = driver.open_for_client("f")
    assert b"".join(reader) == CONTENT
    assert swift.tokens == ["ann-token"] * 3


@pytest.mark.parametrize(("rights", "has_ended"), [(READ, False), (None, True)])
def test_a_refusal_is_the_caller_s(connect, swift, rights, has_ended):
    driver, caller = connect(swift), ann()
    driver.put_content("f", b"x")
    if rights:
        swift.rights["ann-token"] = rights
    del swift.requests[:]
    with acting.within(caller), pytest.raises(CallerRefusedError) as error:
        driver.put_content("f", b"y")
    assert "ann@here" in str(error.value)
    assert "ann-token" not in str(error.value) + repr(caller)
    assert caller.has_ended is error.value.has_ended is has_ended
    assert len(swift.requests) == 1
    assert driver.get_content("f") == b"x"


def test_a_full_container_is_no_matter_of_rights(connect, swift):
    driver = connect(swift)
    driver.put_content("f", b"x")
    swift.rights["ann-token"] = WRITE

    def full(*_request):
        raise Refused(413, b"Upload exceeds quota.")

    swift._put = full
    with acting.within(ann()), pytest.raises(QuotaError):
        driver.overwrite("g", b"y")


def test_the_key_of_a_temporary_url_is_read_in_the_registry_s_name(connect, swift):
    driver = connect(swift)
    swift.account_headers["x-account-meta-temp-url-key"] = "secret"
    with acting.within(ann()):
        assert "temp_url_sig" in driver.content_redirect_url("f")
    assert set(swift.tokens) == {TOKEN}
    assert swift.requests[-1][:2] == ("HEAD", ACCOUNT)
