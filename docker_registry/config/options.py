"""Every option of the section `registry` of docker-registry's file: how it is read, and what it means.

The one source of these tables: `classic` reads options by them, and the tables of docs/server.md are written from them
(`make tables`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .values import (
    flag,
    headers,
    log_fields,
    networks,
    path_prefix,
    public_url,
    seconds,
    size,
    socket_path,
    some_seconds,
    text,
    whole,
    word,
)

__all__ = ["REGISTRY", "SECTIONS", "Own", "Section"]


class Own(NamedTuple):
    """`meaning` is one line for the documentation; `default` says what it is where Settings' own says too little."""

    field: str  # of Settings
    convert: Callable[[Any], Any]
    meaning: str
    default: str = ""


class Section(NamedTuple):
    """What is read by a file of its own."""

    meaning: str
    distribution: str  # the keys of Distribution's file that mean the same


def _is_json(value: Any) -> bool:
    return word("text", "json")(value) == "json"


REGISTRY: dict[str, Own] = {
    "host": Own("host", text, "Address to listen at; the variable `REGISTRY_HOST` comes before.", "`0.0.0.0`"),
    "port": Own("port", whole(0, 65535), "Port to listen at; the variable `REGISTRY_PORT` comes before."),
    "socket": Own(
        "socket", socket_path, "The path of a unix socket, in place of `host` and `port`: see [below](#a-unix-socket)."
    ),
    "workers": Own(
        "workers",
        whole(1, 256),
        "Processes that serve; `GUNICORN_WORKERS` comes before.",
        "one for each processor, at most 4",
    ),
    "delete": Own("delete_enabled", flag, "Whether blobs and manifests may be deleted."),
    "read_only": Own("read_only", flag, "Refuse everything that writes."),
    "prefix": Own("prefix", path_prefix, "Path in front of `/v2/` as clients see it, such as `/images`."),
    "public_url": Own(
        "public_url",
        public_url,
        "`https://registry.example.com` to have scheme and host in each `Location`; else it is a path, see below.",
    ),
    "relative_urls": Own(
        "relative_urls", flag, "No scheme and host in a `Location`, also where `public_url` names them."
    ),
    "trusted_proxies": Own(
        "trusted_proxies", networks, "Addresses and networks whose `X-Forwarded-*` and `Forwarded` are believed."
    ),
    "headers": Own("headers", headers, "Headers of every answer: a mapping of names to a value or a list of values."),
    "manifest_size_limit": Own("manifest_size_limit", size, "Larger manifests are refused."),
    "page": Own("page", flag, "Serve [a web page](page.md) at `/`."),
    "page_size_max": Own("page_size_max", whole(1, 1_000_000), "Entries in one answer of `tags/list` and `_catalog`."),
    "cache_size": Own("cache_bytes", size, "Memory of each worker for facts that cannot change."),
    "link_ttl": Own("link_ttl", seconds, "How long a worker believes that a blob still belongs to a repository."),
    "storage_timeout": Own(
        "storage_timeout",
        some_seconds,
        "How long one request may wait for Swift, over all its tries, or a stream since it last moved; then it is 503.",
    ),
    "verify_blobs": Own(
        "verify_blobs",
        flag,
        "Hash each blob that is sent in whole, and break the connection before its end when it has "
        "another digest: see [manifests](manifests.md#what-is-checked).",
    ),
    "upload_ttl": Own("upload_ttl", some_seconds, "How long an upload may take; its URL is refused afterwards."),
    "graceful_timeout": Own("graceful_timeout", seconds, "Time for requests in flight when told to stop."),
    "idle_timeout": Own("idle_timeout", some_seconds, "Time a connection is kept for a next request."),
    "header_timeout": Own("header_timeout", some_seconds, "Time for the head of a request to arrive in whole."),
    "body_timeout": Own("body_timeout", some_seconds, "Time for the next bytes of a body to arrive, or to be taken."),
    "body_min_rate": Own(
        "body_min_rate",
        size,
        "Bytes per second at which a body has to move on the whole, either way, after "
        "`body_timeout`; only waiting for the client counts; `0` for any.",
    ),
    "connections": Own("connections", whole(1, 1_000_000), "Connections of clients that each worker holds."),
    "access_log": Own("access_log", flag, "A line for each request."),
    "log_fields": Own("log_fields", log_fields, "A mapping of names to values that every line of the log has."),
    "log_format": Own("log_json", _is_json, "`text` or `json`.", "`text`"),
}

SECTIONS: dict[str, Section] = {
    "containers": Section(
        "Repositories that are kept in containers of their own: see [many containers](containers.md).",
        "registry.containers",
    ),
    "expire": Section(
        "Tags that vanish some time after they were pushed: see [retention](retention.md#tags-that-expire).",
        "registry.expire",
    ),
    "retention": Section("Tags that go by rules: see [retention](retention.md).", "registry.retention"),
    "quotas": Section("How much repositories may hold: see [quotas](quotas.md).", "registry.quotas"),
    "gc": Section(
        "When the registry itself [collects garbage](gc.md#in-the-registry-itself): `every` (needed), `grace` (`3d`).",
        "registry.gc",
    ),
    "debug": Section("A second port with metrics and probes: see [monitoring](monitoring.md).", "http.debug"),
    "health": Section(
        "Checks that stop serving while they fail: see [monitoring](monitoring.md#health-checks).", "health"
    ),
    "limits": Section("How much one client may ask for: see [limits](#limits-for-each-client).", "registry.limits"),
    "notifications": Section(
        "Who is told of pushes, pulls and deletes: see [notifications](notifications.md).", "notifications"
    ),
    "tls": Section("The server's certificate: see [TLS](#tls).", "http.tls"),
    "auth": Section("Who may do what: see [logins](logins.md).", "auth, registry.auth"),
}
