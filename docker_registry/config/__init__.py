"""Config files: docker-registry's format and Distribution's, both read into `Settings`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from docker_registry.core.driver import available
from docker_registry.core.exceptions import ConfigError
from docker_registry.drivers.swift.settings import config as driver_config
from docker_registry.settings import DEFAULT, of_each_container

from . import classic, distribution
from .loaded import Loaded
from .values import Problems

__all__ = ["Loaded", "load"]


def load(path: str | None = None, flavor: str | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read a config file of either format, with its environment.

    `path` defaults to `DOCKER_REGISTRY_CONFIG`, else `config.yml`; `flavor`
    (docker-registry's format only) to `SETTINGS_FLAVOR`. Raises ConfigError
    when the file cannot be read, or says what cannot or must not be done; it
    then names everything that is wrong. What a `clouds.yaml` has to say is left
    to the driver.
    """
    problems = Problems()
    file = Path(path or environ.get("DOCKER_REGISTRY_CONFIG") or "config.yml")
    document = _parse(file)
    if "version" in document:
        if flavor:
            raise ConfigError(f"{file}: --flavor is for docker-registry's format; this is a file of Distribution's")
        loaded = distribution.read(document, str(file), environ, problems)
    else:
        loaded = classic.read(document, str(file), environ, flavor, problems)
    storage = loaded.settings.storage
    if storage and storage not in available():
        drivers = ", ".join(available())
        problems.add(loaded.where, f"storage: {storage} is not installed; what is: {drivers}{loaded.advice}")
    if storage == "swift":
        _judge_drivers(loaded, environ, problems)
    problems.refuse()
    return loaded


def _judge_drivers(loaded: Loaded, environ: Mapping[str, str], problems: Problems) -> None:
    """What is wrong with each container's options; what an entry has from the rest of the file is told once."""
    told: list[str] = []
    for name, settings in of_each_container(loaded.settings):
        where = loaded.where if name == DEFAULT else f"{loaded.where}, registry, containers, {name}"
        found = driver_config.problems(settings.driver, environ)  # type: ignore[no-untyped-call]
        for text in (text for text in found if text not in told):
            problems.add(where, _with_variable(text, loaded.unset))
        told = told or found


def _with_variable(text: str, unset: Mapping[str, str]) -> str:
    """A problem of an option, with the variable that should have given its value."""
    variable = unset.get(re.split("[: ]", text, maxsplit=1)[0])
    return f"{text} (the file takes it from _env:{variable}, and {variable} is not set)" if variable else text


def _parse(file: Path) -> dict[Any, Any]:
    try:
        document = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the config file {file}: {error.strerror}; name one with --config") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: is not valid YAML{_place(error)}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{file}: is not a config file: it must be a mapping")
    return document


def _place(error: yaml.YAMLError) -> str:
    # Not the parser's own text: that quotes the line, and the line may hold a password.
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    return f", line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else ""
