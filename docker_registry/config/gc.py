"""When garbage is collected by the registry itself, as either config file says it in the section `registry`."""

from __future__ import annotations

from typing import Any

from docker_registry.distribution.model.collection import TERMS
from docker_registry.settings import Collection

from .values import Options, lasting

__all__ = ["read_gc"]


def read_gc(section: Options) -> Collection:
    """The section `gc` of the section `registry`."""
    if "gc" not in section.rest():
        return Collection()
    options = section.section("gc")
    if "every" not in options.rest():
        options.refuse("every: is missing; write how often gc is to be called, such as 6h")
    found = Collection(
        every=options.take("every", lasting, 0.0),
        grace=options.take("grace", _grace, Collection.grace),
    )
    options.refuse_rest(["every", "grace"])
    return found


def _grace(value: Any) -> float:
    found = lasting(value)
    if found <= TERMS.least_grace:
        raise ValueError(f"must be more than {TERMS.least_grace / 3600:.1f} hours")
    return found
