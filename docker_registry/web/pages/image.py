"""One image or artifact: what it consists of, how it was built, what is attached to it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from werkzeug.wrappers import Response

from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.grammar import Tag
from docker_registry.distribution.model.manifest import ManifestError
from docker_registry.distribution.storage.store import DamagedError
from docker_registry.distribution.views.images import Brief, Child, Config, Details, Layer, Step, usual_child
from docker_registry.distribution.views.kinds import format_name
from docker_registry.distribution.views.listing import Listing
from docker_registry.distribution.views.looking import Found

from .. import words
from ..commands import pull_commands
from ..pictures import Bar, bars
from ..visit import Visit
from .repository import folders

__all__ = ["Shown", "find", "page", "same_platform"]

logger = logging.getLogger(__name__)

_OTHERS = 3  # repositories that are named of those with the same layer
_TAGS = 12  # other tags that are named
_CHOICES = 50  # tags to compare with


class _Step(NamedTuple):
    command: str
    layer: Layer | None
    width: float  # of its bar, in percent
    others: list[str]  # repositories that have the layer too


class _Platform(NamedTuple):
    child: Child
    brief: Brief | None
    is_shown: bool


class Shown(NamedTuple):
    """What is on the page: of an index, the image for one of its platforms."""

    top: Details
    details: Details
    config: Config | None
    trouble: str  # why there is no config


def page(visit: Visit, name: str, reference: Tag | Digest) -> Response:
    shown, listing = visit.both(
        lambda: find(visit, name, reference, visit.argument("platform")), lambda: visit.looker.listing(name)
    )
    top, details = shown.top, shown.details
    referrers, more_referrers = visit.looker.referrers(name, listing, top.digest)
    tag = "" if isinstance(reference, Digest) else str(reference)
    tags = [each.name for each in listing.tags if each.digest == top.digest and each.name != tag]
    pushed = next((each.pushed for each in listing.tags if each.name == tag), listing.revisions.get(top.digest))
    host = visit.host
    elsewhere = _elsewhere(visit, name, details)
    return visit.page(
        "image.html",
        section="repositories",
        name=name,
        crumbs_above=folders(name),
        short=name.rpartition("/")[2],
        reference=f"{name}:{tag}" if tag else f"{name}@{top.digest}",
        tag=tag,
        top=top,
        details=details,
        config=shown.config,
        trouble=shown.trouble,
        built=words.moment(shown.config.created) if shown.config else None,
        pushed=pushed,
        format=format_name(top.media_type),
        platforms=_platforms(visit, name, top, details),
        attestations=[child for child in top.children if child.attests],
        stack=_stack(details, elsewhere),
        steps=_steps(details, shown.config, elsewhere),
        is_counted=elsewhere is not None,
        referrers=referrers,
        more_referrers=more_referrers,
        tags=tags[:_TAGS],
        more_tags=max(len(tags) - _TAGS, 0),
        may_tag=visit.may_change(name, "push"),
        may_delete=visit.may_change(name, "delete"),
        immutable=next((each for each in ([tag] if tag else tags) if visit.is_immutable(name, each)), ""),
        newest=_newest(listing, top.digest, tag),
        commands=pull_commands(host, name, tag, top.digest, top.kind) if host else [],
        by_digest=pull_commands(host, name, "", top.digest, top.kind)[0].text if host and tag else "",
    )


def _newest(listing: Listing, digest: Digest, tag: str) -> list[str]:
    """What somebody may compare with: tags of other images, the newest first."""
    others = [each for each in listing.tags if each.name != tag and each.digest != digest]
    return [each.name for each in sorted(others, key=lambda each: -(each.pushed or 0))[:_CHOICES]]


def find(visit: Visit, name: str, reference: Tag | Digest, platform: str) -> Shown:
    """What a tag or digest shows. Raises MANIFEST_UNKNOWN."""
    top = _details(visit, name, reference)
    details = top
    image = _chosen(top, platform)
    if image is not None:
        details = _details(visit, name, image.digest)
    config = visit.looker.config(name, details)
    return Shown(top, details, *((None, config) if isinstance(config, str) else (config, "")))


def same_platform(visit: Visit, name: str, shown: Shown, other: Shown) -> Shown:
    """The same image for the platform of another one, where it has that."""
    wanted = next((child.platform for child in other.top.children if child.digest == other.details.digest), None)
    child = next((child for child in shown.top.children if child.platform == wanted), None)
    if child is None or child.digest == shown.details.digest:
        return shown
    return find(visit, name, shown.top.digest, str(child.digest))


def _details(visit: Visit, name: str, reference: Tag | Digest) -> Details:
    unknown = RegistryError(Code.MANIFEST_UNKNOWN, f"there is no {_called(reference)} in {name}")
    try:
        found: Found | None = visit.looker.find(name, reference)
        if found is None:
            raise unknown
        return visit.looker.details(found)
    except (DamagedError, ManifestError) as error:
        logger.warning("%s in %s cannot be shown: %s", reference, name, error)
        why = f"the {_called(reference)} of {name} cannot be read: {error}"
        raise RegistryError(Code.MANIFEST_UNKNOWN, why) from None


def _called(reference: Tag | Digest) -> str:
    return f"manifest {reference}" if isinstance(reference, Digest) else f"tag {reference}"


def _chosen(top: Details, platform: str) -> Child | None:
    """The image of an index that is shown: the one asked for, else the usual one."""
    by_digest = (child for child in top.children if not child.attests and str(child.digest) == platform)
    return next(by_digest, None) or usual_child(top)


def _platforms(visit: Visit, name: str, top: Details, shown: Details) -> list[_Platform]:
    briefs = visit.looker.children(name, top)
    return [
        _Platform(child, briefs.get(child.digest), child.digest == shown.digest)
        for child in top.children
        if not child.attests
    ]


def _elsewhere(visit: Visit, name: str, details: Details) -> dict[str, list[str]] | None:
    """Which other repositories have each layer, of those that the caller may see; None where nobody has counted yet."""
    usage = visit.looker.known_usage()
    if usage is None:
        return None
    digests = [layer.digest for layer in details.layers]
    owners = {digest: usage.owners.get(digest.rpartition(":")[2], ()) for digest in digests}
    return {
        digest: [each for each in names if each != name and visit.may(each, "pull")] for digest, names in owners.items()
    }


def _stack(details: Details, elsewhere: dict[str, list[str]] | None) -> list[tuple[Bar, Layer, bool]]:
    """The layers side by side, and whether others have them too."""
    drawn = bars([layer.size for layer in details.layers])
    shared = [bool(elsewhere and elsewhere[layer.digest]) for layer in details.layers]
    return list(zip(drawn, details.layers, shared, strict=False))


def _steps(details: Details, config: Config | None, elsewhere: dict[str, list[str]] | None) -> Sequence[_Step]:
    most = max((layer.size for layer in details.layers), default=0) or 1
    steps = config.steps if config else ()
    if details.kind.tool or not steps:
        steps = tuple(Step(layer.title, layer) for layer in details.layers)
    return [
        _Step(
            step.command,
            step.layer,
            round(100 * step.layer.size / most, 1) if step.layer else 0,
            elsewhere[step.layer.digest][:_OTHERS] if elsewhere and step.layer else [],
        )
        for step in steps
    ]
