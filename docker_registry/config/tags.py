"""What becomes of tags by themselves, as either config file says it in the section `registry`."""

from __future__ import annotations

from docker_registry.settings import Expire

from .lists import mappings, repository_patterns, tag_patterns
from .values import Options, flag, some_seconds

__all__ = ["read_expire"]


def read_expire(section: Options) -> tuple[Expire, ...]:
    """The list `expire` of the section `registry`."""
    return tuple(_expire(item) for item in mappings(section, "expire"))


def _expire(options: Options) -> Expire:
    given = options.rest()
    labels = options.take("labels", flag, False)
    rule = Expire(
        repositories=options.take("repositories", repository_patterns, ("**",)),
        tags=options.take("tags", tag_patterns, ("*",)),
        after=options.take("after", some_seconds, None),
        on_request=options.take("on_request", flag, False) or labels,
        labels=labels,
    )
    if not rule.on_request and not given.get("after"):
        options.refuse("after: is missing, and on_request too; one must say when the tags vanish")
    options.refuse_rest(["repositories", "tags", "after", "on_request", "labels"])
    return rule
