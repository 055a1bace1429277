"""Who a client is by its certificate."""

from __future__ import annotations

import math
from typing import Any

from docker_registry.distribution.auth.told import Told

__all__ = ["ends", "vouched"]


def vouched(connection: Any) -> Told | None:
    """The subject's common name, with its organizations as groups, as in Kubernetes.

    None where the client showed no certificate, or one without a common name.
    """
    fields = [pair for part in _certificate(connection).get("subject", ()) for pair in part]
    names = [value for kind, value in fields if kind == "commonName"]
    groups = tuple(value for kind, value in fields if kind == "organizationName")
    return Told(names[0], groups, ends(connection)) if names else None


def ends(connection: Any) -> float:
    """When the client's certificate ends, in seconds since the epoch; never without one.

    A connection that is kept, and one that resumes a session, are not asked for it again.
    """
    from ssl import cert_time_to_seconds  # not before the worker is patched

    end = _certificate(connection).get("notAfter")
    return math.inf if end is None else cert_time_to_seconds(end)


def _certificate(connection: Any) -> dict[str, Any]:
    return (connection.getpeercert() if hasattr(connection, "getpeercert") else None) or {}
