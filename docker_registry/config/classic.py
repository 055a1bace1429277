"""docker-registry's config.yml: flavors, and values from the environment.

Read off docker-registry 0.9.1 (`config/config_sample.yml`, `lib/config.py`,
`server/env.py`). What that program never had is set in a section `registry`,
which it ignores: one file serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import DriverConfig, Settings

from .auth import NO_LOGIN, checked, fitting, read_section
from .containers import Outer, read_containers
from .gc import read_gc
from .limits import read_limits
from .loaded import Loaded, default_workers
from .notifications import NOTIFICATIONS, read_endpoints
from .options import REGISTRY, SECTIONS
from .quotas import read_quotas
from .secret import secrets
from .tags import read_expire, read_retention
from .tls import read_tls
from .values import (
    Options,
    Problems,
    flag,
    hint,
    seconds,
    text,
    whole,
    word,
)
from .watching import DEBUG, HEALTH, read_checks, read_debug

__all__ = ["read"]

# What has no meaning here; of a mapping, the key that switches it on.
IGNORED = {
    "boto_bucket": None,
    "bugsnag": None,
    "cache": "host",
    "cache_lru": "host",
    "cors": "origins",
    "debug": None,
    "disable_token_auth": None,
    "email_exceptions": "smtp_host",
    "index_endpoint": None,
    "issue": None,
    "mirroring": "source",
    "search_backend": None,
    "sqlalchemy_index_database": None,
    "storage_alternate": None,
}
UNSAFE = {
    "privileged_key": "signed requests would not be checked; remove it and put a proxy that authenticates in front",
}
LOG_LEVELS = {**{name: name for name in ("debug", "info", "warning", "error", "critical")}, "warn": "warning"}
# An all-digit password is YAML's idea of a number, and not its owner's.
TEXTUAL = ("password", "secret", "key", "user", "name", "id", "token", "container")
GUNICORN_IGNORED = ("SILENT_TIMEOUT", "USER", "GROUP", "ACCESS_LOG_FILE", "ERROR_LOG_FILE", "OPTS")


def read(
    document: dict[Any, Any], file: str, environ: Mapping[str, str], flavor: str | None, problems: Problems
) -> Loaded:
    """Read one flavor of a parsed file; nothing it raises, collects or returns as text has a secret.

    Raises ConfigError where there is no flavor to read.
    """
    chosen, where, advice = _choose(document, file, flavor or environ.get("SETTINGS_FLAVOR"))
    values = _Values(environ, where, problems)
    options = Options(values.resolve(chosen), where, problems)
    _refuse_unsafe(options)
    fields = _fields(options)
    fields.update(_environment(environ, problems))
    warnings = _ignored(options, environ)
    own = fields.pop("containers", None)
    driver = _driver_options(options, fields["storage"])
    if own:
        outer = Outer(fields["storage"], fields["storage_path"], driver)
        fields["containers"] = read_containers(own, outer, lambda entry: _of_a_container(entry, outer.storage))
    return Loaded(Settings(driver=DriverConfig(driver), **fields), warnings, where, advice, values.unset)


def _choose(document: dict[Any, Any], file: str, flavor: str | None) -> tuple[object, str, str]:
    """The flavor to read, how to call it, and what to do if its storage is missing."""
    with_storage = [str(name) for name, value in document.items() if isinstance(value, dict) and "storage" in value]
    if flavor:
        if flavor not in document:
            near = hint(flavor, with_storage) or f"; it has: {', '.join(with_storage)}"
            raise ConfigError(f"{file}: has no flavor {flavor}{near}")
        return document[flavor], f"{file}, flavor {flavor}", ""
    if isinstance(document.get("storage"), str):
        return document, file, ""
    if "dev" in document:
        others = ", ".join(name for name in with_storage if name != "dev")
        return document["dev"], f"{file}, flavor dev", f". Choose a flavor with --flavor or SETTINGS_FLAVOR: {others}"
    if len(with_storage) == 1:
        return document[with_storage[0]], f"{file}, flavor {with_storage[0]}", ""
    raise ConfigError(
        f"{file}: choose a flavor with --flavor or SETTINGS_FLAVOR: {', '.join(with_storage) or 'none has a storage'}"
    )


class _Values:
    """Puts the environment's values in the place of `_env:VARIABLE:default`.

    `unset` are the options whose variable is not set and has no default, with its name: they count as not given.
    """

    def __init__(self, environ: Mapping[str, str], where: str, problems: Problems):
        self._environ = environ
        self._where = where
        self._problems = problems
        self.unset: dict[str, str] = {}

    def resolve(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self.resolve(item, str(key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, name) for item in value]
        if not (isinstance(value, str) and value.startswith("_env:")):
            return value
        _, variable, *default = value.split(":", 2)
        given = self._environ.get(variable, "".join(default))
        if not given:
            self.unset[name] = variable
        try:
            parsed = yaml.safe_load(given)
        except yaml.YAMLError:
            self._problems.add(self._where, f"{name}: the value of the variable {variable} is not valid YAML")
            return None
        if name.endswith(TEXTUAL) and parsed is not None and not isinstance(parsed, str):
            return given
        return parsed


def _refuse_unsafe(options: Options) -> None:
    rest = options.rest()
    for name, why in UNSAFE.items():
        if rest.get(name):
            options.refuse(f"{name}: {why}")
    if not options.take("standalone", flag, True) and rest.get("disable_token_auth") is not True:
        options.refuse(
            "standalone: false asks an index who may do what, and there is none any more;"
            " remove it and put a proxy that authenticates in front"
        )


def _fields(options: Options) -> dict[str, Any]:
    """The fields of Settings that the file decides."""
    fields: dict[str, Any] = {
        "storage": options.take("storage", text, "").lower(),
        "storage_path": options.take("storage_path", text, "/"),
        "redirect": options.take("storage_redirect", flag, False),
        "log_level": LOG_LEVELS[options.take("loglevel", word(*LOG_LEVELS), "info")],
        "host": "0.0.0.0",
        "workers": default_workers(),
    }
    none: tuple[bytes, ...] = (b"",)
    fields["secret"], *former = options.take("secret_key", secrets, none)
    fields["former_secrets"] = tuple(former)
    if not fields["storage"]:
        options.refuse("storage: is missing; write storage: swift")
    section = options.section("registry")
    if "auth" in section.empty:
        section.refuse(f"auth: {NO_LOGIN}")
    if "auth" in section.rest():
        own = section.section("auth")
        fields["auth"] = checked(read_section(own), own)
    if "limits" in section.rest():
        fields["limits"] = read_limits(section.section("limits"))
    if "tls" in section.rest():
        fields["tls"] = read_tls(section.section("tls"))
    if "debug" in section.rest():
        fields["debug"] = read_debug(*_flat(section.section("debug"), DEBUG))
    if "health" in section.rest():
        fields["checks"] = read_checks(*_flat(section.section("health"), HEALTH))
    fields["expire"] = read_expire(section)
    fields["retention"] = read_retention(section)
    fields["gc"] = read_gc(section)
    fields["quotas"] = read_quotas(section)
    if "containers" in section.rest():
        fields["containers"] = section.section("containers")
    for name, option in REGISTRY.items():
        if name in section.rest():
            fields[option.field] = section.take(name, option.convert, None)
    if "notifications" in section.rest():
        values, below = _flat(section.section("notifications"), NOTIFICATIONS)
        fields["endpoints"] = read_endpoints(values, below)
        fields["event_references"] = bool(values.get("events.includereferences"))
    if "auth" in fields:
        behind = bool(fields.get("trusted_proxies") or fields.get("socket"))
        fitting(fields["auth"], fields.get("tls"), behind, Options({}, f"{section.where}, auth", options.problems))
    section.refuse_rest([*REGISTRY, *SECTIONS])
    return fields


def _flat(options: Options, keys: Mapping[str, Callable[[Any], Any]]) -> tuple[dict[str, Any], Options]:
    """The values of a section's keys, of which some are one mapping further down (`prometheus.path`), converted."""
    values: dict[str, Any] = {}
    below = {name.partition(".")[0] for name in keys if "." in name}
    for part in below & set(options.rest()):
        inner = options.section(part)
        names = [name.partition(".")[2] for name in keys if name.startswith(f"{part}.")]
        values |= {f"{part}.{name}": inner.take(name, keys[f"{part}.{name}"], None) for name in names}
        inner.refuse_rest(names)
    values |= {name: options.take(name, convert, None) for name, convert in keys.items() if "." not in name}
    options.refuse_rest(keys)
    return values, options


def _environment(environ: Mapping[str, str], problems: Problems) -> dict[str, Any]:
    """What docker-registry's own variables decide, over the file."""
    given = {name: value for name, value in environ.items() if value}
    if given.get("REGISTRY_PORT", "").startswith("tcp://"):
        del given["REGISTRY_PORT"]  # Kubernetes sets it where a service is called "registry"
    options = Options(given, "the environment", problems)
    fields: dict[str, Any] = {
        "host": options.take("REGISTRY_HOST", text, None),
        "port": options.take("REGISTRY_PORT", whole(0, 65535), None),
        "workers": options.take("GUNICORN_WORKERS", whole(1, 256), None),
        "graceful_timeout": options.take("GUNICORN_GRACEFUL_TIMEOUT", seconds, None),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _ignored(options: Options, environ: Mapping[str, str]) -> list[str]:
    """One warning with the names of all that is set, known, and of no use here."""
    names = []
    for name, switch in IGNORED.items():
        value = options.take(name, lambda given: given, None)
        if value.get(switch) if isinstance(value, dict) else value:
            names.append(name)
    names += [f"GUNICORN_{name}" for name in GUNICORN_IGNORED if environ.get(f"GUNICORN_{name}")]
    return [f"{options.where}: without a meaning here, and ignored: {', '.join(names)}"] if names else []


def _driver_options(options: Options, storage: str) -> dict[str, Any]:
    """What is left for the driver, which checks its own options."""
    rest = options.rest()
    if storage == "swift":
        known = ["storage", "storage_path", "storage_redirect", "secret_key", "loglevel", "registry", "standalone"]
        options.only(name for name in rest if not name.startswith("swift_")).refuse_rest([*known, *IGNORED, *UNSAFE])
    return rest


def _of_a_container(options: Options, storage: str) -> dict[str, Any]:
    """What an entry of `registry.containers` says of the driver."""
    path = options.take("storage_path", text, None)
    if storage == "swift":
        strange = {name for name in options.rest() if not name.startswith("swift_")}
        options.only(strange).refuse_rest(["repositories", "storage_path"])
    return {**({} if path is None else {"storage_path": path}), **options.rest()}
