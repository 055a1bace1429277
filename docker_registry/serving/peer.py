"""Who a client is by its certificate."""

from __future__ import annotations

from typing import Any

from docker_registry.distribution.auth.told import Told

__all__ = ["vouched"]


def vouched(connection: Any) -> Told | None:
    """The subject's common name, with its organizations as groups, as in Kubernetes.

    None where the client showed no certificate, or one without a common name.
    """
    certificate = connection.getpeercert() if hasattr(connection, "getpeercert") else None
    fields = [pair for part in (certificate or {}).get("subject", ()) for pair in part]
    names = [value for kind, value in fields if kind == "commonName"]
    return Told(names[0], tuple(value for kind, value in fields if kind == "organizationName")) if names else None
