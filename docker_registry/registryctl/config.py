"""registryctl's own config file, as Harbor writes it, and the environment that Harbor's containers have.

Names and precedence are those of Harbor's `src/registryctl/config/config.go`.
Nothing here imports what gevent patches: the server's master reads this.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from docker_registry.config import load
from docker_registry.config.values import Options, Problems, text, whole, word
from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Settings, Tls

__all__ = ["CALLERS", "read"]

CALLERS = "JOBSERVICE_SECRET"  # the variable with what callers must show
_REGISTRY = "/etc/registry/config.yml"
_LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "fatal": "critical"}
# Variable -> the option it stands in for.
_ENVIRONMENT = {
    "REGISTRYCTL_PROTOCOL": "protocol",
    "PORT": "port",
    "LOG_LEVEL": "log_level",
    "REGISTRY_CONFIG": "registry_config",
}
_TLS_ENVIRONMENT = {"REGISTRYCTL_HTTPS_CERT": "cert", "REGISTRYCTL_HTTPS_KEY": "key"}
_VERIFY, _TRUSTED = "INTERNAL_VERIFY_CLIENT_CERT", "INTERNAL_TLS_TRUST_CA_PATH"


def read(path: str, environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings of a server over the registry's storage, and warnings, a line each.

    The storage is that of the registry's config file, which `registry_config`
    names. Raises ConfigError.
    """
    problems = Problems()
    options = Options(_document(Path(path), environ), path, problems)
    protocol = options.take("protocol", word("http", "https"), "http")
    port = options.take("port", whole(0, 65535), 8443 if protocol == "https" else 8080)
    level = options.take("log_level", word(*_LEVELS), "info")
    registry = options.take("registry_config", text, _REGISTRY)
    tls = _tls(options.section("https_config"), environ) if protocol == "https" else None
    if not environ.get(CALLERS):
        options.refuse(f"the variable {CALLERS} is not set; it must be that of Harbor's jobservice")
    problems.refuse()
    loaded = load(registry, None)
    settings = Settings(
        storage=loaded.settings.storage,
        storage_path=loaded.settings.storage_path,
        driver=loaded.settings.driver,
        containers=loaded.settings.containers,
        storage_timeout=loaded.settings.storage_timeout,
        host="0.0.0.0",
        port=port,
        tls=tls,
        log_level=_LEVELS[level],
    )
    return settings, [f"{path}: {name} is unknown and ignored" for name in options.rest()]


def _tls(options: Options, environ: Mapping[str, str]) -> Tls | None:
    """`https_config`; whose clients may come in is in the variables of Harbor's internal TLS."""
    files = {name: environ.get(variable) or options.take(name, text, "") for variable, name in _TLS_ENVIRONMENT.items()}
    for name in [name for name, file in files.items() if not file]:
        options.refuse(f"{name}: is missing")
    verify = environ.get(_VERIFY, "").lower() == "true"
    if verify and not environ.get(_TRUSTED):
        options.refuse(f"{_VERIFY} is true, so {_TRUSTED} must name the file of those whose clients may come in")
    return Tls(files["cert"], files["key"], client_cas=(environ[_TRUSTED],) if verify and _TRUSTED in environ else ())


def _document(file: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """The file's options, and the environment's in their place."""
    try:
        document = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the config file {file}: {error.strerror}; name one with -c") from None
    except (UnicodeDecodeError, yaml.YAMLError):
        raise ConfigError(f"{file}: is not valid YAML") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{file}: is not a config file: it must be a mapping")
    return document | {name: environ[variable] for variable, name in _ENVIRONMENT.items() if environ.get(variable)}
