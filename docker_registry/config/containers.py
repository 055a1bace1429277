"""The section `registry.containers`: repositories that are kept apart, as either config file says it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from docker_registry.drivers.swift.settings.options import BY_NAME
from docker_registry.settings import DEFAULT, ContainerRule, DriverConfig

from .lists import repository_patterns
from .values import Options, Problems

__all__ = ["Outer", "read_containers"]

ReadDriver = Callable[[Options], dict[str, Any]]

_ELSEWHERE = {"swift_authurl", "swift_cloud"}
_CREDENTIAL = {name for name, option in BY_NAME.items() if option.env}  # and what belongs to it
_SECRETS = {name for name in _CREDENTIAL if BY_NAME[name].kind == "secret"}
_PROJECT = {name for name in _CREDENTIAL if name.startswith(("swift_project_", "swift_tenant_", "swift_trust_"))}
_LOGIN = _SECRETS | {
    name for name in _CREDENTIAL if name.startswith(("swift_application_", "swift_user", "swift_domain_"))
}
_URL = "swift_object_storage_url"  # counts for more than project and region
_OF_THE_PROCESS = "swift_memory"


class Outer(NamedTuple):
    """What the rest of the file says: a container has it too, where its entry says nothing else."""

    storage: str
    storage_path: str
    driver: Mapping[str, Any]


def read_containers(options: Options, outer: Outer, read_driver: ReadDriver) -> tuple[ContainerRule, ...]:
    """The entries in the order of the file, in which they are asked.

    `read_driver` takes what an entry says of the driver, by its option's names,
    with `storage_path`; it refuses what it does not know.
    """
    rules = [_rule(name, options.section(name), outer, read_driver) for name in options.rest()]
    for name in sorted(options.empty):
        options.refuse(f"{name}: is empty; write repositories: [{name}/**]")
    _refuse_doubles(rules, outer, options.where, options.problems)
    return tuple(rules)


def _rule(name: str, options: Options, outer: Outer, read_driver: ReadDriver) -> ContainerRule:
    if name == DEFAULT:
        options.refuse("is the name of the container for all other repositories; choose another one")
    nothing: tuple[str, ...] = ()
    repositories = options.take("repositories", repository_patterns, nothing)
    if not repositories:
        options.refuse(f"repositories: is missing; write patterns such as {name}/**")
    own = read_driver(options)
    if _OF_THE_PROCESS in own:
        options.refuse(f"{_OF_THE_PROCESS}: is for the whole process; it cannot be set for one container")
    path = own.pop("storage_path", outer.storage_path)
    driver = {**_inherited(own, outer.driver), **own}
    if outer.storage == "swift":
        driver.setdefault("swift_container", name)
    return ContainerRule(name, repositories, path, DriverConfig(driver), _place(driver))


def _inherited(own: Mapping[str, Any], outer: Mapping[str, Any]) -> dict[str, Any]:
    """What of the registry's own options holds for a container too.

    Never the password for another server, nor what would win over the entry's own login, project or endpoint.
    """
    left_out = {"swift_container", "swift_temp_url_key"}
    if _ELSEWHERE & own.keys():
        left_out |= _CREDENTIAL | {"swift_storage_policy"}
    elif _LOGIN & own.keys():
        left_out |= _LOGIN | _PROJECT | {_URL}
    elif _PROJECT & own.keys():
        left_out |= _PROJECT | {_URL}
    elif "swift_region_name" in own or "swift_endpoint_type" in own:
        left_out |= {_URL}
    return {name: value for name, value in outer.items() if name not in left_out}


def _place(driver: Mapping[str, Any]) -> str:
    leading = {"swift_container"} | _CREDENTIAL - _SECRETS
    return json.dumps({name: str(driver[name]) for name in sorted(leading & driver.keys())})


def _refuse_doubles(rules: list[ContainerRule], outer: Outer, where: str, problems: Problems) -> None:
    """Two in one container would take each other's blobs for waste, and a pattern's second place is never reached."""
    if outer.storage != "swift":
        return
    places = {_place({"swift_container": BY_NAME["swift_container"].default, **outer.driver}): DEFAULT}
    for rule in rules:
        if rule.place in places:
            problems.add(f"{where}, {rule.name}", f"swift_container: is the container of {places[rule.place]} too")
        places.setdefault(rule.place, rule.name)
    for name, pattern, first in _again(rules):
        problems.add(f"{where}, {name}", f"repositories: {pattern} is {first}'s already, and the first one counts")


def _again(rules: list[ContainerRule]) -> Iterator[tuple[str, str, str]]:
    seen: dict[str, str] = {}
    for rule in rules:
        for pattern in rule.repositories:
            if pattern in seen:
                yield rule.name, pattern, seen[pattern]
            seen.setdefault(pattern, rule.name)
