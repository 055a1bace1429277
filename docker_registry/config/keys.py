"""What becomes of each key of Distribution's config file: three closed tables.

A key that is in none of them is unknown. A path in IGNORED or REFUSED stands
for all that is below it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docker_registry.drivers.swift.settings.options import BY_NAME

from . import auth, notifications, tls, watching
from .secret import secrets
from .values import flag, headers, log_fields, networks, path_prefix, seconds, size, text, whole, word

__all__ = ["APART", "DEBUG", "EVENTS", "HEALTH", "HONOURED", "IGNORED", "REFUSED", "SWIFT", "TAGS", "is_own"]

Path = tuple[str, ...]
Converter = Callable[[Any], Any]

_LEVELS = ("debug", "info", "warn", "warning", "error", "fatal", "panic")


def _level(value: Any) -> str:
    level = word(*_LEVELS)(value)
    return {"warn": "warning", "fatal": "critical", "panic": "critical"}.get(level, level)


def _not(value: Any) -> bool:
    return not flag(value)


def _is_json(value: Any) -> bool:
    return word("text", "json", "logstash")(value) != "text"


def _table(entries: dict[str, Any]) -> dict[Path, Any]:
    return {tuple(name.split(".")): value for name, value in entries.items()}


# Fields that are read apart: they are made of several keys, or of a section.
AUTH, CONTAINERS, DEBUG, EVENTS, HEALTH = "auth", "containers", "debug", "endpoints", "checks"
LIMITS, TAGS, TLS = "limits", "tags", "tls"
APART = (AUTH, CONTAINERS, DEBUG, EVENTS, HEALTH, LIMITS, TAGS, TLS)

# The field of Settings ("" where what the key asks for is how it is anyway), and how the value is read.
HONOURED: dict[Path, tuple[str, Converter]] = _table(
    {
        **{f"http.tls.{name}": (TLS, convert) for name, (_, convert) in tls.KEYS.items()},
        **{f"auth.{name}": (AUTH, convert) for name, convert in auth.DISTRIBUTION.items()},
        **{f"http.debug.{name}": (DEBUG, convert) for name, convert in watching.DEBUG.items()},
        **{f"health.{name}": (HEALTH, convert) for name, convert in watching.HEALTH.items()},
        **{f"notifications.{name}": (EVENTS, convert) for name, convert in notifications.NOTIFICATIONS.items()},
        "catalog.maxentries": ("page_size_max", whole(1, 1_000_000)),
        "http.addr": ("address", watching.address),
        "http.draintimeout": ("graceful_timeout", seconds),
        "http.headers": ("headers", headers),
        "http.host": ("public_url", text),
        "http.http2.disabled": ("", flag),
        "http.net": ("", word("tcp", "unix")),
        "http.prefix": ("prefix", path_prefix),
        "http.relativeurls": ("relative_urls", flag),
        "http.secret": ("secrets", secrets),
        "log.accesslog.disabled": ("access_log", _not),
        "log.fields": ("log_fields", log_fields),
        "log.formatter": ("log_json", _is_json),
        "log.level": ("log_level", _level),
        "loglevel": ("log_level", _level),
        "registry.auth": (AUTH, lambda value: value),
        "registry.page": ("page", flag),
        "registry.containers": (CONTAINERS, lambda value: value),
        "registry.gc": (TAGS, lambda value: value),
        "registry.expire": (TAGS, lambda value: value),
        "registry.limits": (LIMITS, lambda value: value),
        "registry.quotas": (TAGS, lambda value: value),
        "registry.retention": (TAGS, lambda value: value),
        "registry.trustedproxies": ("trusted_proxies", networks),
        "registry.verifyblobs": ("verify_blobs", flag),
        "storage.delete.enabled": ("delete_enabled", flag),
        "storage.maintenance.readonly.enabled": ("read_only", flag),
        "storage.redirect.disable": ("redirect", _not),
    }
)

IGNORED: dict[Path, str] = _table(
    {
        "compatibility": "no client of today sends schema 1 manifests",
        "log.hooks": "send the log on from where it is collected",
        "middleware": "Distribution's plug-ins cannot be loaded",
        "policy": "repositories have no classes here",
        "redis": "facts that cannot change are kept in memory",
        "reporting": "errors go to the log",
        "storage.cache": "facts that cannot change are kept in memory",
        "storage.maintenance.uploadpurging": "uploads expire by themselves",
        "storage.swift.accesskey": "it belongs to a cloud that is gone",
        "storage.swift.rootdirectory": "it never had an effect; storage.swift.prefix is the folder",
        "storage.swift.tempurlmethods": "only GET and HEAD are asked for",
        "storage.tag": "Swift is asked side by side as settings say",
        "validation": "URLs in manifests are not checked",
    }
)

_SILLY = "it lets everybody in who sends any password; remove it, or use auth.htpasswd"
_ACME = "certificates are not fetched; name files with http.tls.certificate and key"
REFUSED: dict[Path, str] = _table(
    {
        "auth.silly": _SILLY,
        "http.tls.letsencrypt": _ACME,
        "proxy": "this registry is no cache of another; remove it, or keep Distribution for that",
    }
)

# Distribution's parameter -> the driver's option ("" for none) and how it is read.
SWIFT: dict[str, tuple[str, Converter]] = {
    "accesskey": ("", text),
    "applicationcredentialid": ("swift_application_credential_id", text),
    "applicationcredentialname": ("swift_application_credential_name", text),
    "applicationcredentialsecret": ("swift_application_credential_secret", text),
    "authurl": ("swift_authurl", text),
    "authversion": ("swift_auth_version", text),
    "chunksize": ("swift_segment_size", size),
    "container": ("swift_container", text),
    "domain": ("swift_domain_name", text),
    "domainid": ("swift_domain_id", text),
    "endpointtype": ("swift_endpoint_type", text),
    "insecureskipverify": ("swift_insecure", flag),
    "password": ("swift_password", text),
    "prefix": ("", text),
    "region": ("swift_region_name", text),
    "secretkey": ("swift_temp_url_key", text),
    "tempurlcontainerkey": ("", flag),
    "tempurlmethods": ("", lambda value: value),
    "tenant": ("swift_tenant_name", text),
    "tenantdomain": ("swift_project_domain_name", text),
    "tenantdomainid": ("swift_project_domain_id", text),
    "tenantid": ("swift_tenant_id", text),
    "tokenid": ("swift_token", text),
    "trustid": ("swift_trust_id", text),
    "username": ("swift_user", text),
}


def is_own(parameter: str) -> bool:
    """Whether a parameter is an option of the driver, by its own name, that Distribution has no word for."""
    return parameter in BY_NAME and all(option != parameter for option, _ in SWIFT.values())
