"""How much repositories may hold, as either config file says it in the section `registry`."""

from __future__ import annotations

from docker_registry.settings import Quota, Quotas

from .lists import mappings, repository_patterns
from .values import Options, lasting, size, whole

__all__ = ["read_quotas"]


def read_quotas(section: Options) -> Quotas:
    """The section `quotas` of the section `registry`."""
    if "quotas" not in section.rest():
        return Quotas()
    options = section.section("quotas")
    if not options.rest().get("rules"):
        options.refuse("rules: is missing; write a list such as - {repositories: team/**, bytes: 100GiB}")
    found = Quotas(
        every=options.take("every", lasting, Quotas.every),
        rules=tuple(_quota(item) for item in mappings(options, "rules")),
    )
    options.refuse_rest(["every", "rules"])
    for again in sorted({rule.name for rule in found.rules if [r.name for r in found.rules].count(rule.name) > 1}):
        options.refuse(f"rules: {again} is there twice")
    return found


def _quota(options: Options) -> Quota:
    given = options.rest()
    if "repositories" not in given:
        options.refuse("repositories: is missing; write patterns such as team/**")
    if not {"bytes", "tags"} & given.keys():
        options.refuse("bytes: is missing, and tags too; one must say how much is allowed")
    rule = Quota(
        repositories=options.take("repositories", repository_patterns, ("**",)),
        bytes=options.take("bytes", size, None),
        tags=options.take("tags", whole(0, 1_000_000_000), None),
    )
    options.refuse_rest(["repositories", "bytes", "tags"])
    return rule
