"""The options of the swift driver, checked: `read` makes `Settings` of a registry's configuration."""

import difflib
import os
import re

from docker_registry.core.exceptions import ConfigError

from ..compat import plain, shown
from . import clouds, credentials
from .options import BY_NAME, OPTIONS
from .values import READERS, TEXT

__all__ = ["Settings", "problems", "read"]

PREFIX = "swift_"


class Settings(object):
    """Every option of `options.OPTIONS` by its attribute name; None where one is unset and has no default.

    Further: `method` (password, application_credential or token). `auth_version` is None where the server is to be
    asked, and `auth_url` names the version where that is known.
    """

    def __init__(self, values):
        self.method = values["method"]
        for option in OPTIONS:
            setattr(self, option.attribute, values.get(option.attribute, option.default))

    def __repr__(self):
        shown = ["method=%r" % self.method]
        for option in OPTIONS:
            value = getattr(self, option.attribute)
            if value is not None:
                shown.append("%s=%s" % (option.attribute, "***" if option.kind == "secret" else repr(value)))
        return "Settings(%s)" % ", ".join(shown)


def read(config, environ=None):
    """The checked settings of a driver.

    `config` has the registry's options as attributes or as items, None where one is unset; `environ` (a mapping, the
    process's own by default) and `clouds.yaml` fill in the credential and what belongs to it.

    Raises ConfigError, which names each wrong option and says what to write.
    """
    environ = os.environ if environ is None else environ
    explicit, wrong = _explicit(config, environ)
    values, missing = credentials.resolve(explicit, _ambient(explicit, environ))
    _refuse(wrong + _not_said(missing, wrong))
    return Settings(values)


def problems(config, environ=None):
    """What is wrong with a driver's options, a sentence for each; what a `clouds.yaml` has to say is left out."""
    environ = os.environ if environ is None else environ
    explicit, wrong = _explicit(config, environ)
    if _cloud(explicit, environ):
        return wrong
    try:
        missing = credentials.resolve(explicit, _ambient(explicit, environ))[1]
    except ConfigError as error:
        missing = ["%s" % error]
    return wrong + _not_said(missing, wrong)


def _refuse(wrong):
    if wrong:
        raise ConfigError(plain("; ".join(wrong)))


def _not_said(missing, wrong):
    """Without those options whose value, or whose name as it was written, is known to be wrong."""
    said = " ".join(wrong)
    return [text for text in missing if not re.search(r"\b%s\b" % text.split(" ", 1)[0], said)]


def _explicit(config, environ):
    """The options that the configuration sets, and what is wrong with them."""
    values, wrong = {}, list(_unknown(config))
    for option in OPTIONS:
        value = _get(config, option.name)
        if value is None or value == "":
            continue
        try:
            values[option.attribute] = READERS[option.kind](_as_written(option, value, environ))
        except ValueError as error:
            wrong.append("%s: %s" % (option.name, error))
    return values, wrong


def _get(config, name):
    # docker-registry's own configuration has every attribute, None where there is nothing.
    if hasattr(config, "__getitem__") and callable(getattr(config, "get", None)):
        return config.get(name)
    return getattr(config, name, None)


def _unknown(config):
    keys = getattr(config, "keys", None)
    known = [name[len(PREFIX) :] for name in BY_NAME if name.startswith(PREFIX)]
    for name in sorted(shown(key) for key in (keys() if callable(keys) else dir(config))):
        if name.startswith(PREFIX) and name not in BY_NAME:
            near = difflib.get_close_matches(name[len(PREFIX) :], known, 1)
            guess = ", did you mean %s%s?" % (PREFIX, near[0]) if near else ""
            yield "%s: there is no such option%s" % (name, guess)


def _as_written(option, value, environ):
    """The text of a value that YAML made something else of, where it can still be found.

    docker-registry reads `_env:OS_PASSWORD` as YAML: a password of `0123` arrives as the number 83.
    """
    if option.kind not in ("text", "secret", "container") or isinstance(value, TEXT):
        return value
    try:
        import yaml
    except ImportError:
        return value
    for name in option.env:
        if name in environ and yaml.safe_load(environ[name]) == value:
            return environ[name]
    return value


def _ambient(explicit, environ):
    """What a cloud of clouds.yaml says, else the environment."""
    cloud = _cloud(explicit, environ)
    if not cloud and "auth_url" not in explicit:
        clouds.refuse_type(environ.get("OS_AUTH_TYPE"), "OS_AUTH_TYPE")
    found = clouds.read(cloud, environ) if cloud else _environment(environ)
    values = {}
    for option in OPTIONS:
        if option.attribute in found:
            where, value = found[option.attribute]
            try:
                values[option.attribute] = READERS[option.kind](value)
            except ValueError as error:
                raise ConfigError(plain("%s, which stands for %s: %s" % (where, option.name, error)))
    return values


def _cloud(explicit, environ):
    """The cloud of clouds.yaml that is asked for, or None."""
    return explicit.get("cloud") or (environ.get("OS_CLOUD") if "auth_url" not in explicit else None)


def _environment(environ):
    st_first = environ.get("ST_AUTH") and not environ.get("OS_AUTH_URL")
    found = {}
    for option in OPTIONS:
        for name in sorted(option.env, key=lambda name: name.startswith("ST_") != bool(st_first)):
            if environ.get(name):
                found[option.attribute] = (name, environ[name])
                break
    return found
