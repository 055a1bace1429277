"""Distribution 2.x's config file (`version: 0.1`), with its `REGISTRY_*` environment.

Each key of Distribution 2.8.3's `configuration.go` is in `keys.py`: honoured,
ignored with a warning, or refused since ignoring it would be unsafe. An
unknown key of the file is an error, an unknown variable a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Auth, DriverConfig, Settings

from .auth import add_distribution, fitting, read_section
from .containers import Outer, read_containers
from .gc import read_gc
from .keys import APART, DEBUG, EVENTS, HEALTH, HONOURED, IGNORED, REFUSED, SWIFT, TAGS, is_own
from .limits import read_limits
from .loaded import Loaded, default_workers
from .notifications import read_endpoints
from .quotas import read_quotas
from .tags import read_expire, read_retention
from .tls import read_tls
from .values import Options, Problems, hint, socket_path
from .watching import read_checks, read_debug

__all__ = ["read"]

# Variables that look like ours and are not: skopeo's and podman's, and those that
# Kubernetes makes for a service of the name "registry".
_FOREIGN = re.compile(r"REGISTRY_(AUTH_FILE|SERVICE_(HOST|PORT\w*)|PORT(_\d+_TCP(_\w+)?)?)")

# Its last part is the header's name as it is written: there is no other way to say `-`.
_HEADER = re.compile(r"REGISTRY_HTTP_HEADERS_([A-Za-z0-9-]+)")
_HEADERS = ("http", "headers")
_HOST = ("http", "host")
_CONTAINERS = ("registry", "containers")

# Storages of Distribution's by their names: what they are called here, and those that are not to be had.
_OURS = {"inmemory": "memory", "swift": "swift"}
_OTHERS = ("azure", "filesystem", "gcs", "oss", "s3", "s3aws")
_ENVIRONMENT = "the environment"

Path = tuple[str, ...]


def read(document: dict[Any, Any], file: str, environ: Mapping[str, str], problems: Problems) -> Loaded:
    """Read a parsed file; nothing it raises, collects or returns as text has a secret.

    Raises ConfigError for another version.
    """
    if str(document["version"]) != "0.1":
        raise ConfigError(f"{file}: version: only 0.1 is known")
    storage = document.get("storage")
    if isinstance(storage, str):  # `storage: inmemory` is short for a mapping
        document = {**document, "storage": {storage: {}}}
    values = {path: value for path, value in _leaves(document) if path != ("version",)}
    for path in values:
        _check_known(path, file, problems)
    warnings = _overlay(values, environ, problems)
    storage = _storage(values, file, problems)
    _refuse_unsafe(values, file, problems)
    warnings += _ignored(values, file) + _without_scheme(values, file)
    fields = _fields(values, file, problems)
    driver = _driver_options(values, file, problems) if storage == "swift" else {}
    if values.get(_CONTAINERS):
        outer = Outer(storage, fields.get("storage_path", "/"), driver)
        own = Options(values[_CONTAINERS], f"{file}, {'.'.join(_CONTAINERS)}", problems)
        fields["containers"] = read_containers(own, outer, lambda entry: _of_a_container(entry, storage))
    return Loaded(Settings(storage=storage, driver=DriverConfig(driver), **fields), warnings, file)


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value of the file by its path of keys; a table entry may stand for a whole mapping."""
    if isinstance(value, dict) and path not in HONOURED and not _covered(path, IGNORED) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key).lower()))
    else:
        yield path, value


def _covered(path: Path, table: Mapping[Path, Any]) -> Path | None:
    """The entry of a table that this path, or a mapping above it, has."""
    return next((path[:length] for length in range(1, len(path) + 1) if path[:length] in table), None)


def _known(path: Path) -> bool:
    return (
        path in HONOURED
        or (path[:2] == ("storage", "swift") and (len(path) == 2 or path[2] in SWIFT or is_own(path[2])))
        or path == ("storage", "inmemory")
        or (path[:1] == ("storage",) and path[1:2] and path[1] in _OTHERS)
        or bool(_covered(path, IGNORED) or _covered(path, REFUSED))
        or any(known[: len(path)] == path for known in HONOURED)  # an empty mapping
    )


def _check_known(path: Path, where: str, problems: Problems) -> None:
    if not _known(path):
        problems.add(where, f"unknown option {'.'.join(path)}{hint('.'.join(path), _names())}")


def _names() -> list[str]:
    paths = [*HONOURED, *IGNORED, *REFUSED, *(("storage", "swift", name) for name in SWIFT)]
    return [".".join(path) for path in paths]


def _overlay(values: dict[Path, Any], environ: Mapping[str, str], problems: Problems) -> list[str]:
    """Put the environment over the file; returns a warning for each variable that means nothing."""
    known = {"REGISTRY_" + name.upper().replace(".", "_"): tuple(name.split(".")) for name in _names()}
    sections = {
        "REGISTRY_" + "_".join(path[:length]).upper(): path[:length]
        for path in known.values()
        for length in range(1, len(path))
    }
    warnings = []
    for variable, given in sorted(environ.items()):
        if not variable.startswith("REGISTRY_") or _FOREIGN.fullmatch(variable):
            continue
        if header := _HEADER.fullmatch(variable):
            values[_HEADERS] = _with_header(values.get(_HEADERS), header[1], _yaml(variable, given, problems))
            continue
        path = known.get(variable) or _deeper(variable, known)
        if variable == "REGISTRY_STORAGE" and given in (*_OURS, *_OTHERS):
            _choose_storage(values, given, environ)
            continue
        if path is None and variable in sections:
            _overlay_section(values, variable, sections[variable], _yaml(variable, given, problems), problems)
            continue
        if path is None:
            warnings.append(f"the environment: {variable} is unknown and ignored{hint(variable, known)}")
            continue
        values[path] = _yaml(variable, given, problems)
        if path[:2] == ("storage", "swift") and not isinstance(values[path], bool | str):
            values[path] = given  # an all-digit password stays what its owner wrote
    return warnings


def _with_header(headers: Any, name: str, value: Any) -> dict[str, Any]:
    """The headers with this one in the place of any of its name."""
    kept = headers if isinstance(headers, dict) else {}
    return {**{key: item for key, item in kept.items() if str(key).lower() != name.lower()}, name: value}


def _choose_storage(values: dict[Path, Any], name: str, environ: Mapping[str, str]) -> None:
    """Put `REGISTRY_STORAGE=swift` in place of the whole section, as Distribution does.

    Distribution could not start if the file's section were of this storage and the environment did not name its
    container too: then the file's own is meant.
    """
    if any(path[:2] == ("storage", name) for path in values) and "REGISTRY_STORAGE_SWIFT_CONTAINER" not in environ:
        return
    for old in [old for old in values if old[0] == "storage"]:
        del values[old]
    values["storage", name] = {}


def _overlay_section(values: dict[Path, Any], variable: str, path: Path, mapping: Any, problems: Problems) -> None:
    """Put a variable that stands for a whole mapping in place of it, such as `..._READONLY={"enabled": true}`."""
    if not isinstance(mapping, dict):
        problems.add(_ENVIRONMENT, f"{variable} names a section, so its value must be a mapping")
        return
    for old in [old for old in values if old[: len(path)] == path]:
        del values[old]
    for leaf, value in _leaves(mapping, path):
        _check_known(leaf, f"{_ENVIRONMENT}, {variable}", problems)
        values[leaf] = value


def _yaml(variable: str, given: str, problems: Problems) -> Any:
    try:
        return yaml.safe_load(given)
    except yaml.YAMLError:
        problems.add(_ENVIRONMENT, f"the value of {variable} is not valid YAML")
        return None


def _deeper(variable: str, known: Mapping[str, Path]) -> Path | None:
    """The path below an entry of a table that stands for a whole mapping."""
    for name, path in known.items():
        if variable.startswith(name + "_") and (_covered(path, IGNORED) or _covered(path, REFUSED)):
            return (*path, *variable[len(name) + 1 :].lower().split("_"))
    return None


def _storage(values: dict[Path, Any], file: str, problems: Problems) -> str:
    """The driver's name; "" where the file does not say."""
    kinds = sorted({path[1] for path in values if path[0] == "storage" and path[1:2]} & {*_OURS, *_OTHERS})
    if len(kinds) > 1:
        problems.add(file, f"has two storages, {' and '.join(kinds)}; it must name one")
    elif not kinds:
        problems.add(file, "has no storage.swift")
    elif kinds[0] in _OTHERS:
        problems.add(
            file,
            f"storage.{kinds[0]}: this registry keeps its images in Swift; give it storage.swift, or set "
            "REGISTRY_STORAGE=swift and REGISTRY_STORAGE_SWIFT_...",
        )
    else:
        return _OURS[kinds[0]]
    return ""


def _refuse_unsafe(values: Mapping[Path, Any], file: str, problems: Problems) -> None:
    for path, value in values.items():
        entry = _covered(path, REFUSED)
        if entry and value not in (None, "", [], {}):
            problems.add(file, f"{'.'.join(path)}: {REFUSED[entry]}")


def _ignored(values: Mapping[Path, Any], file: str) -> list[str]:
    """One warning for each ignored entry that is set to something that counts."""
    warnings = {}
    for path, value in values.items():
        entry = _covered(path, IGNORED)
        if entry and value not in (None, False, "", [], {}):
            warnings[entry] = f"{file}: {'.'.join(entry)} is ignored: {IGNORED[entry]}"
    return list(warnings.values())


def _without_scheme(values: dict[Path, Any], file: str) -> list[str]:
    """Drop a host that is no URL, as Distribution does without a word; clients go on where they asked."""
    host = str(values.get(_HOST) or "")
    if not host or re.match("https?://[^/]", host):
        return []
    del values[_HOST]
    return [f"{file}: http.host is ignored: it is no URL; to name scheme and host, write https://{host.lstrip('/')}"]


def _fields(values: Mapping[Path, Any], file: str, problems: Problems) -> dict[str, Any]:
    """The fields of Settings, Distribution's defaults where the file is silent."""
    options = Options({".".join(path): value for path, value in values.items()}, file, problems)
    fields: dict[str, Any] = {
        "workers": default_workers(),
        "delete_enabled": False,
        "host": "0.0.0.0",
        "redirect": True,
    }
    if str(values.get(("http", "net"))).lower() == "unix":
        fields["socket"] = options.take("http.addr", socket_path, "")
        if not fields["socket"]:
            options.refuse("http.addr: must be the path of the socket, as http.net is unix")
    for path, (field, convert) in HONOURED.items():
        name = ".".join(path)
        if name in options.rest() and field not in APART:
            fields[field] = options.take(name, convert, None)
    fields.pop("", None)
    fields["auth"] = _auth(values, options, file, problems)
    limits: Any = options.take("registry.limits", lambda value: value, {})
    fields["limits"] = read_limits(Options(limits, f"{file}, registry.limits", problems))
    of_tags = {path[1]: value for path, value in values.items() if HONOURED.get(path, ("",))[0] == TAGS}
    registry = Options(of_tags, f"{file}, registry", problems)
    fields["expire"], fields["retention"] = read_expire(registry), read_retention(registry)
    fields["gc"] = read_gc(registry)
    fields["quotas"] = read_quotas(registry)
    below_tls = {path[2]: value for path, value in values.items() if path[:2] == ("http", "tls") and len(path) == 3}
    fields["tls"] = read_tls(Options(below_tls, f"{file}, http.tls", problems))
    behind = bool(fields.get("trusted_proxies") or fields.get("socket"))
    fitting(fields["auth"], fields["tls"], behind, Options({}, f"{file}, registry.auth", problems))
    debug, below_debug = _section("http.debug", DEBUG, values, file, problems)
    fields["debug"] = read_debug(debug, below_debug)
    told, below = _section("notifications", EVENTS, values, file, problems)
    fields["endpoints"] = read_endpoints(told, below)
    fields["event_references"] = bool(told["events.includereferences"])
    fields["checks"] = read_checks(*_section("health", HEALTH, values, file, problems))
    fields["secret"], *former = fields.pop("secrets", (b"",))
    fields["former_secrets"] = tuple(former)
    fields["host"], fields["port"] = fields.pop("address", None) or ("0.0.0.0", 5000)
    if fields.get("prefix"):
        # Distribution takes `host` for the whole of its URL, prefix and all.
        fields["public_url"] = fields.get("public_url", "").rstrip("/").removesuffix(fields["prefix"])
    if values.get(("storage", "swift", "prefix")):
        # Distribution puts another slash behind it, also where it ends in one.
        fields["storage_path"] = str(values[("storage", "swift", "prefix")]) + "/"
    return fields


def _section(
    name: str, field: str, values: Mapping[Path, Any], file: str, problems: Problems
) -> tuple[dict[str, Any], Options]:
    """The values of the keys below `name` that make one field, converted, and the Options that they were read by."""
    below = tuple(name.split("."))
    keys = {".".join(path[len(below) :]): read for path, (made, read) in HONOURED.items() if made == field}
    given = {".".join(path[len(below) :]): value for path, value in values.items() if path[: len(below)] == below}
    options = Options({key: value for key, value in given.items() if key in keys}, f"{file}, {name}", problems)
    return {key: options.take(key, convert, None) for key, convert in keys.items()}, options


def _driver_options(values: Mapping[Path, Any], file: str, problems: Problems) -> dict[str, Any]:
    given = {path[2]: value for path, value in values.items() if path[:2] == ("storage", "swift") and len(path) == 3}
    driver = _by_our_names(Options(given, f"{file}, storage.swift", problems))
    if "swift_container" not in driver:
        problems.add(file, "storage.swift.container: is missing")
    return driver


def _by_our_names(options: Options) -> dict[str, Any]:
    """The driver's options out of those of `storage.swift`, which are left where they are."""
    given = options.rest()
    driver = {name: value for name, value in given.items() if is_own(name)}
    for name, (option, convert) in SWIFT.items():
        if option and name in given:
            driver[option] = options.only([name]).take(name, convert, None)
    return driver


def _of_a_container(options: Options, storage: str) -> dict[str, Any]:
    """What an entry of `registry.containers` says of the driver, by the names of `storage.swift`."""
    given = options.rest()
    if storage != "swift":
        return given
    options.only(name for name in given if not (name in SWIFT or is_own(name))).refuse_rest([*SWIFT, "repositories"])
    # As for the registry itself: Distribution puts another slash behind it.
    path = {"storage_path": f"{given['prefix']}/"} if given.get("prefix") else {}
    return {**path, **_by_our_names(options)}


def _auth(values: Mapping[Path, Any], options: Options, file: str, problems: Problems) -> Auth:
    """Distribution's own doors, and the section `registry.auth`, which Distribution does not look at."""
    section = options.take("registry.auth", lambda value: Options(value, f"{file}, registry.auth", problems), None)
    auth = read_section(section) if section else Auth()
    given = {".".join(path[1:]): value for path, value in values.items() if path[0] == "auth" and HONOURED.get(path)}
    found = add_distribution(auth, Options(given, f"{file}, auth", problems))
    named = any(path[:2] in (("auth", "htpasswd"), ("auth", "token")) for path in values) or values.get(("auth",))
    if named and not found.htpasswd and not any(given[name] for name in given if name.startswith("token.")):
        # Distribution does not start with most of these; a path that is blank must not let everybody in.
        problems.add(f"{file}, auth", "asks for no login: set htpasswd.path or token, or remove it")
    return found
