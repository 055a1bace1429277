"""What becomes of tags by themselves, as either config file says it in the section `registry`."""

from __future__ import annotations

from docker_registry.settings import Expire, KeepTags, KeepUntagged, Retention

from .lists import mappings, repository_patterns, tag_patterns
from .values import Options, flag, lasting, whole, word

__all__ = ["read_expire", "read_retention"]


def read_expire(section: Options) -> tuple[Expire, ...]:
    """The list `expire` of the section `registry`."""
    return tuple(_expire(item) for item in mappings(section, "expire"))


def _expire(options: Options) -> Expire:
    given = options.rest()
    labels = options.take("labels", flag, False)
    rule = Expire(
        repositories=options.take("repositories", repository_patterns, ("**",)),
        tags=options.take("tags", tag_patterns, ("*",)),
        after=options.take("after", lasting, None),
        on_request=options.take("on_request", flag, False) or labels,
        labels=labels,
    )
    if not rule.on_request and not given.get("after"):
        options.refuse("after: is missing, and on_request too; one must say when the tags vanish")
    options.refuse_rest(["repositories", "tags", "after", "on_request", "labels"])
    return rule


def read_retention(section: Options) -> Retention:
    """The section `retention` of the section `registry`."""
    if "retention" not in section.rest():
        return Retention()
    options = section.section("retention")
    found = Retention(
        every=options.take("every", lasting, 0.0),
        tags=tuple(_keep_tags(item) for item in mappings(options, "tags")),
        untagged=tuple(_keep_untagged(item) for item in mappings(options, "untagged")),
    )
    if found.every and not found.tags:
        options.refuse("every: is for tags, which are missing; untagged goes by gc")
    options.refuse_rest(["every", "tags", "untagged"])
    return found


def _keep_tags(options: Options) -> KeepTags:
    given = options.rest()
    rule = KeepTags(
        repositories=options.take("repositories", repository_patterns, ("**",)),
        tags=options.take("tags", tag_patterns, ("*",)),
        all=options.take("keep", word("all"), "") == "all",
        last=options.take("keep_last", whole(0, 1_000_000), None),
        younger=options.take("keep_younger", lasting, None),
    )
    reasons = {"keep", "keep_last", "keep_younger"} & given.keys()
    if not reasons:
        options.refuse("keeps nothing: add keep_last, keep_younger or keep: all; to remove them all, keep_last: 0")
    if "keep" in reasons and len(reasons) > 1:
        options.refuse("keep: all leaves keep_last and keep_younger without a meaning")
    options.refuse_rest(["repositories", "tags", "keep", "keep_last", "keep_younger"])
    return rule


def _keep_untagged(options: Options) -> KeepUntagged:
    if "after" not in options.rest():
        options.refuse("after: is missing")
    rule = KeepUntagged(
        repositories=options.take("repositories", repository_patterns, ("**",)),
        after=options.take("after", lasting, 0.0),
    )
    options.refuse_rest(["repositories", "after"])
    return rule
