"""One event, as Distribution 2.8 writes it: the same fields in the same order (recorded from 2.8.2)."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from werkzeug.wrappers import Request

from docker_registry.concurrency import trace

from ..auth.caller import Caller, Kind
from ..model.digest import Digest
from ..model.manifest import Manifest

__all__ = ["BLOB", "MEDIA_TYPE", "Source", "of_blob", "of_manifest", "of_removed", "of_tag"]

MEDIA_TYPE = "application/vnd.docker.distribution.events.v1+json"
BLOB = "application/octet-stream"

Target = dict[str, Any]
# In Distribution's order.
_DESCRIPTOR = ("mediaType", "size", "digest", "urls", "annotations")


def of_blob(name: str, digest: Digest, size: int | None, url: str, source: str = "") -> Target:
    """A blob that was pushed, pulled, or mounted from the repository `source`; `size` None where nobody knows it."""
    target = {"mediaType": BLOB, **_size(size, digest), "repository": name}
    if source:
        target["fromRepository"] = source
    return {**target, "url": url}


def of_manifest(name: str, digest: Digest, manifest: Manifest, url: str, tag: str, references: bool) -> Target:
    """A manifest that was pushed or pulled; `tag` "" where it was asked for by its digest."""
    target = {"mediaType": manifest.media_type, **_size(len(manifest.body), digest), "repository": name, "url": url}
    if tag:
        target["tag"] = tag
    if references:
        target["references"] = _references(manifest)
    return target


def of_removed(name: str, digest: Digest) -> Target:
    """A manifest or a blob that a repository has no more."""
    return {"digest": str(digest), "repository": name}


def of_tag(name: str, tag: str) -> Target:
    """A tag that is gone."""
    return {"repository": name, "tag": tag}


def _size(size: int | None, digest: Digest) -> Target:
    # Go leaves out what is 0.
    return {"size": size, "digest": str(digest), "length": size} if size else {"digest": str(digest)}


def _references(manifest: Manifest) -> list[Mapping[str, Any]]:
    document = json.loads(manifest.body)
    found = [document.get("config"), *_list(document.get("layers")), *_list(document.get("manifests"))]
    return [_descriptor(descriptor) for descriptor in found if isinstance(descriptor, dict)]


def _descriptor(given: Mapping[str, Any]) -> dict[str, Any]:
    # Go leaves out what is empty, and sorts what is in maps.
    found = {name: given[name] for name in _DESCRIPTOR if given.get(name)}
    if isinstance(found.get("annotations"), dict):
        found["annotations"] = dict(sorted(found["annotations"].items()))
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class Source:
    """Where events come from: this process of a registry that listens on `port`."""

    def __init__(self, port: int):
        self._source = {"addr": f"{socket.gethostname()}:{port}", "instanceID": str(uuid.uuid4())}

    def event(self, action: str, target: Target, request: Request, caller: Caller) -> bytes:
        """The event as JSON."""
        return json.dumps(
            {
                "id": str(uuid.uuid4()),
                "timestamp": _now(),
                "action": action,
                "target": target,
                "request": _request(request),
                "actor": _actor(caller),
                "source": self._source,
            }
        ).encode()


def _now() -> str:
    """RFC 3339 with nanoseconds."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


def _request(request: Request) -> dict[str, str]:
    environ = request.environ
    address, port = environ.get("REMOTE_ADDR", ""), environ.get("REMOTE_PORT", "")
    if port:
        address = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return {
        "id": environ.get(trace.ENVIRON, ""),
        "addr": address,
        "host": environ.get("HTTP_HOST", ""),
        "method": request.method,
        "useragent": environ.get("HTTP_USER_AGENT", ""),
    }


def _actor(caller: Caller) -> dict[str, str]:
    if not caller.name:
        return {}
    return {"name": f"robot:{caller.name}" if caller.kind is Kind.ROBOT else caller.name}
