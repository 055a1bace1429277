"""An image of the registry as commands show it: of an index, the image for one platform."""

from __future__ import annotations

from typing import NamedTuple

from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import ManifestError
from docker_registry.distribution.storage.store import DamagedError
from docker_registry.distribution.views.images import Child, Config, Details, usual_child
from docker_registry.distribution.views.looking import Found

from .inside import Inside

__all__ = ["Opened", "find", "open_image"]


class Opened(NamedTuple):
    """`top` is what was asked for, `details` the image itself; `platform` is "" where it is for none."""

    name: str
    top: Digest
    details: Details
    config: Config | None
    platform: str


def find(registry: Inside, name: str, reference: str) -> Found:
    """What a tag or digest means. Raises UsageError."""
    called = f"{name}{'@' if ':' in reference else ':'}{reference}"
    try:
        found = registry.looker.find(name, grammar.parse_reference(reference))
    except (DamagedError, ManifestError) as error:
        raise UsageError(f"{called} cannot be read: {error}") from None
    if found is None:
        raise UsageError(f"there is no {called}")
    return found


def open_image(registry: Inside, name: str, reference: str, platform: str | None = None) -> Opened:
    """`platform` is as `linux/arm64`; without it Linux on x86 is taken, else the first. Raises UsageError."""
    found = find(registry, name, reference)
    details = registry.looker.details(found)
    if details.children:
        child = _chosen(details, platform)
        details = registry.looker.details(find(registry, name, str(child.digest)))
    config = registry.looker.config(name, details)
    if isinstance(config, str):
        return Opened(name, found.digest, details, None, "")
    if platform and not config.platform.is_called(platform):
        raise UsageError(f"{name}: the image is for {config.platform.full or 'no platform'}, not for {platform}")
    return Opened(name, found.digest, details, config, config.platform.full)


def _chosen(details: Details, platform: str | None) -> Child:
    images = [child for child in details.children if not child.attests]
    wanted = (each for each in images if each.platform.is_called(platform or ""))
    child = next(wanted, None) if platform else usual_child(details)
    if child is None:
        known = ", ".join(each.platform.full for each in images) or "none"
        raise UsageError(f"the image is not there for {platform or 'any platform'}; it is for {known}")
    return child
