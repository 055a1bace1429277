# -*- coding: utf-8 -*-
"""Every error can be printed anywhere, whatever names and answers are in it. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import logging
import subprocess
import sys

import pytest
from keystoneauth1 import exceptions as failures

from docker_registry.core.exceptions import ConfigError, UnspecifiedError
from docker_registry.drivers.swift.compat import say
from docker_registry.drivers.swift.http import errors
from docker_registry.drivers.swift.login import refusals
from docker_registry.drivers.swift.settings import config

USER = "Jürgen"
CATALOGUE = [{"type": "object-store", "endpoints": [{"region_name": "Köln", "interface": "öffentlich"}]}]


class Said(Exception):
    """What a library raised, with a text of its own."""

    http_status = 599
    http_reason = "Größe".encode("utf8")


def check(error):
    """An error prints in every way in which people print errors."""
    assert isinstance(error, UnspecifiedError)
    forms = [str(error), repr(error), "%s" % error, str("%s") % error, "{0}".format(error), str("{0}").format(error)]
    assert len({form for form in forms if not form.startswith(type(error).__name__)}) == 1
    assert logging.LogRecord("a", logging.INFO, "b", 1, "%s: %s", ("ü", error), None).getMessage() == "ü: " + forms[2]
    if sys.version_info < (3,):
        for form in forms:
            form.encode("ascii")


def settings(**more):
    given = {"swift_authurl": "https://k.test/v3", "swift_user": USER, "swift_password": "ß", "swift_tenant_name": "Bü"}
    return config.read(dict(given, **more), {})


def every_refusal(settings):
    yield refusals.refused(settings, 3, None)
    yield refusals.refused(settings, 2, None)
    yield refusals.refused(settings, 3, ["Größe", "x"])
    yield refusals.no_project(settings, ["Größe"])
    yield refusals.version_1(settings, 401)
    yield refusals.unreadable(settings, ValueError("ß"))
    yield refusals.no_endpoint(settings, [])
    yield refusals.no_endpoint(settings, CATALOGUE)
    for text in ("Ärger: größer", "Ärger".encode("utf8")):
        yield refusals.translate(settings, failures.ConnectFailure(text))
        yield refusals.translate(settings, failures.SSLError(text))
        yield refusals.translate(settings, failures.DiscoveryFailure(text))
        yield refusals.translate(settings, failures.HttpError(text, http_status=409))
        yield refusals.translate(settings, EnvironmentError(5, text))
        yield errors.translate(Said(text), "PUT größe", refusals.describe(settings))


@pytest.mark.parametrize("more", [{}, {"swift_region_name": "Süd"}, {"swift_trust_id": "ü", "swift_tenant_name": None}])
def test_refused_logins(more):
    for error in every_refusal(settings(**more)):
        check(error)


def test_names_from_the_environment_of_python_2():
    environ = {"OS_USERNAME": USER.encode("utf8"), "OS_PASSWORD": b"p", "OS_PROJECT_NAME": "Bü".encode("utf8")}
    if sys.version_info >= (3,):
        environ = {name: value.decode("utf8") for name, value in environ.items()}
    read = config.read({"swift_authurl": "https://k.test/v3", "swift_container": "größe"}, environ)
    assert (read.user, read.tenant_name) == (USER, "Bü")
    for error in every_refusal(read):
        check(error)


def test_wrong_options():
    wrong = {"swift_größe": 1, "swift_cacert": "/no/größe.pem", "swift_insecure": "ü", "swift_segment_size": "ü"}
    with pytest.raises(ConfigError) as caught:
        config.read(wrong, {})
    check(caught.value)
    for name in ("swift_cacert", "swift_insecure", "swift_segment_size", "there is no such option"):
        assert name in str(caught.value)
    assert "codec" not in str(caught.value)


def test_paths(connect, swift):
    driver = connect(swift)
    for path in ("grüße/日本", "grüße".encode("utf8"), "segments/ü", "ü" * 2000, "ü\0"):
        for ask in (driver.get_content, driver.get_size, driver.remove, lambda path: next(driver.list_directory(path))):
            try:
                ask(path)
            except UnspecifiedError as error:
                check(error)
    swift.spoil = lambda method, path, query: 403 if "gr" in path else None
    with pytest.raises(UnspecifiedError) as caught:
        driver.get_content("grüße")
    check(caught.value)


def test_a_pipe_takes_them():
    program = str("import sys; sys.stderr.write(sys.argv[1])")
    message = say("{0}: nothing is there", "grüße")
    assert subprocess.call([sys.executable, str("-c"), program, message]) == 0
    assert message == ("grüße: nothing is there" if sys.version_info >= (3,) else "gr\\xfc\\xdfe: nothing is there")
