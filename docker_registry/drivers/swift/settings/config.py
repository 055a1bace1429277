"""The options of the swift driver, checked: `read` makes `Settings` of a registry's configuration."""

import difflib
import os

from docker_registry.core.exceptions import ConfigError

from . import clouds, credentials
from .options import BY_NAME, OPTIONS
from .values import READERS, TEXT

__all__ = ["Settings", "read"]

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
    explicit, problems = _explicit(config, environ)
    if not problems:
        values, problems = credentials.resolve(explicit, _ambient(explicit, environ))
    if problems:
        raise ConfigError("; ".join(problems))
    return Settings(values)


def _explicit(config, environ):
    """The options that the configuration sets, and what is wrong with them."""
    values, problems = {}, list(_unknown(config))
    for option in OPTIONS:
        value = _get(config, option.name)
        if value is None or value == "":
            continue
        try:
            values[option.attribute] = READERS[option.kind](_as_written(option, value, environ))
        except ValueError as error:
            problems.append("%s: %s" % (option.name, error))
    return values, problems


def _get(config, name):
    # docker-registry's own configuration has every attribute, None where there is nothing.
    if hasattr(config, "__getitem__") and callable(getattr(config, "get", None)):
        return config.get(name)
    return getattr(config, name, None)


def _unknown(config):
    keys = getattr(config, "keys", None)
    known = [name[len(PREFIX) :] for name in BY_NAME if name.startswith(PREFIX)]
    for name in sorted(str(key) for key in (keys() if callable(keys) else dir(config))):
        if name.startswith(PREFIX) and name not in BY_NAME:
            near = difflib.get_close_matches(name[len(PREFIX) :], known, 1)
            guess = ", did you mean %s%s?" % (PREFIX, near[0]) if near else ""
            yield "%s: there is no such option%s" % (name, guess)


def _as_written(option, value, environ):
    """The text of a value that YAML made something else of, where it can still be found.

    docker-registry reads `_env:OS_PASSWORD` as YAML: a password of `0123` arrives as the number 83.
    """
    if option.kind not in ("text", "secret") or isinstance(value, TEXT):
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
    cloud = explicit.get("cloud") or (environ.get("OS_CLOUD") if "auth_url" not in explicit else None)
    found = clouds.read(cloud, environ) if cloud else _environment(environ)
    values = {}
    for option in OPTIONS:
        if option.attribute in found:
            where, value = found[option.attribute]
            try:
                values[option.attribute] = READERS[option.kind](value)
            except ValueError as error:
                raise ConfigError("%s, which stands for %s: %s" % (where, option.name, error))
    return values


def _environment(environ):
    st_first = environ.get("ST_AUTH") and not environ.get("OS_AUTH_URL")
    found = {}
    for option in OPTIONS:
        for name in sorted(option.env, key=lambda name: name.startswith("ST_") != bool(st_first)):
            if environ.get(name):
                found[option.attribute] = (name, environ[name])
                break
    return found
