"""What a run is told, whoever calls it."""

from __future__ import annotations

from dataclasses import replace

from docker_registry.distribution.model.collection import TERMS, Terms

from ..fsck.options import DAY, FsckOptions

__all__ = ["terms_of", "waste_of"]


def terms_of(grace: float, terms: Terms = TERMS) -> Terms:
    """Raises ValueError for a grace period, in seconds, in which a listing may still lack a link."""
    if grace <= terms.least_grace:
        raise ValueError(f"must be more than {terms.least_grace / DAY:.2f} days")
    return replace(terms, grace=grace)


def waste_of(upload_ttl: float, workers: int = 16) -> FsckOptions:
    """For segments and uploads of nobody: fsck's periods, and never less than an upload may take twice."""
    age = max(7 * DAY, 2 * upload_ttl)
    return FsckOptions(repair=True, grace=age, upload_age=age, workers=workers)
