"""How the command line names images: `team/app:1.0`, `team/app@sha256:...`, or `oci:FOLDER:1.0` for an OCI layout."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

from docker_registry.distribution.auth.patterns import Pattern
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.model import grammar
from docker_registry.images.inside import Inside
from docker_registry.images.places import Layout, Place, Repository

__all__ = ["Image", "parse_image", "parse_pattern", "parse_place"]

_LAYOUT = "oci:"


class Image(NamedTuple):
    """`reference` is a tag, a digest, or "" where none was named."""

    name: str
    reference: str

    @property
    def text(self) -> str:
        if not self.reference:
            return self.name
        return f"{self.name}{'@' if ':' in self.reference else ':'}{self.reference}"


def parse_image(text: str, default: str = "latest") -> Image:
    """An image of the registry; raises BadParameter."""
    name, at, digest = text.partition("@")
    head, colon, tag = name.rpartition(":")
    name, reference = (head, tag) if colon else (name, default)
    try:
        grammar.check_name(name)
        if at or reference:
            reference = str(grammar.parse_reference(digest if at else reference))
    except RegistryError as error:
        raise click.BadParameter(f"{text}: {error}") from None
    return Image(name, reference)


def parse_pattern(text: str, option: str) -> Pattern:
    """A pattern of repositories, given as `option`; raises BadParameter."""
    try:
        return Pattern(text)
    except ValueError as error:
        raise click.BadParameter(f"{text}: {error}", param_hint=option) from None


def parse_place(registry: Inside, text: str, default: str = "latest") -> tuple[Place, str]:
    """A place and a tag or digest in it; raises BadParameter."""
    if not text.startswith(_LAYOUT):
        image = parse_image(text, default)
        return Repository(registry, image.name), image.reference
    folder, _, tag = text.removeprefix(_LAYOUT).partition(":")
    if not folder or (tag and not grammar.is_tag(tag)):
        raise click.BadParameter(f"{text}: write oci:FOLDER or oci:FOLDER:TAG")
    return Layout(Path(folder)), tag
