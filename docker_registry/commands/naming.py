"""How the command line names images: `team/app:1.0`, `team/app@sha256:...`, and places elsewhere.

`oci:FOLDER:1.0` is in an OCI layout, `docker://HOST/team/app:1.0` in another registry, `docker-archive:FILE:app:1.0` in
what `docker save` wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from docker_registry.distribution.auth.patterns import Pattern
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.model import grammar
from docker_registry.images.archives import Archive
from docker_registry.images.inside import Inside
from docker_registry.images.layouts import Layout
from docker_registry.images.making import Unmade
from docker_registry.images.places import Place, Repository, Source
from docker_registry.images.remote import Address, parse_address
from docker_registry.images.v1 import OldRepository

__all__ = [
    "From",
    "Image",
    "Saved",
    "parse_archive",
    "parse_image",
    "parse_old",
    "parse_pattern",
    "parse_place",
    "parse_repository",
    "parse_source",
]

_LAYOUT, _REMOTE, _ARCHIVE = "oci:", "docker://", "docker-archive:"
_PLACES = "NAME:TAG in the registry, oci:FOLDER:TAG, docker-archive:FILE:NAME:TAG or docker://HOST/NAME:TAG"
# What skopeo knows besides; as names of repositories they would be taken for what was meant.
_UNKNOWN = ("containers-storage:", "dir:", "docker-daemon:", "oci-archive:", "ostree:", "sif:", "tarball:")


class From(NamedTuple):
    """Where an image is copied from."""

    place: Source | Unmade
    reference: str  # a tag, a digest, what an archive calls it, or "" where none was named
    tag: str  # that a copy of it gets where none is named, if any


class Saved(NamedTuple):
    """An archive that is written, and how the image is called in it."""

    path: Path
    name: str


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


def parse_repository(text: str) -> str:
    """A repository of the registry, of which no image is named; raises BadParameter."""
    _refuse_reference(text)
    return parse_image(text, default="").name


def _refuse_reference(text: str, option: str | None = None) -> None:
    found = re.search("[:@].*", text)
    if found:
        raise click.BadParameter(f"{text}: only repositories are named here, leave out {found[0]}", param_hint=option)


def parse_pattern(text: str, option: str) -> Pattern:
    """A pattern of repositories, given as `option`; raises BadParameter."""
    _refuse_reference(text, option)
    try:
        return Pattern(text)
    except ValueError as error:
        raise click.BadParameter(f"{text}: {error}", param_hint=option) from None


def parse_source(registry: Inside, text: str, remote: Callable[[Address], Source], default: str) -> From:
    """Where to copy from, and a tag or digest there; raises BadParameter. `remote` opens other registries."""
    if text.startswith(_REMOTE):
        try:
            address = parse_address(text.removeprefix(_REMOTE))
        except RegistryError as error:
            raise click.BadParameter(f"{text}: {error}") from None
        reference = address.reference or default
        return From(remote(address), reference, _tag_of(reference))
    if text.startswith(_ARCHIVE):
        path, _, reference = text.removeprefix(_ARCHIVE).partition(":")
        return From(Archive(Path(path)), reference, reference.rpartition(":")[2])
    place, reference = parse_place(registry, text, default)
    return From(place, reference, _tag_of(reference))


def _tag_of(reference: str) -> str:
    return "" if ":" in reference else reference


def parse_old(registry: Inside, text: str, default: str = "latest") -> From:
    """An image of docker-registry 0.9.1; raises BadParameter."""
    image = parse_image(text, default)
    return From(OldRepository(registry, image.name), image.reference, _tag_of(image.reference))


def parse_archive(text: str) -> Saved | None:
    """The file to write where that is the target; raises BadParameter."""
    if not text.startswith(_ARCHIVE):
        return None
    path, _, name = text.removeprefix(_ARCHIVE).partition(":")
    head, _, tag = name.rpartition(":")
    if not (path and head and grammar.is_tag(tag)):
        raise click.BadParameter(f"{text}: write docker-archive:FILE:NAME:TAG")
    return Saved(Path(path), name)


def parse_place(registry: Inside, text: str, default: str = "latest") -> tuple[Place, str]:
    """A place and a tag or digest in it; raises BadParameter."""
    if text.startswith(_REMOTE):
        raise click.BadParameter(f"{text}: can only be copied from; skopeo copies there, from oci:FOLDER")
    if not text.startswith(_LAYOUT):
        if text.startswith(_UNKNOWN) and text.partition(":")[0] not in registry.looker.names():
            raise click.BadParameter(f"{text}: is none of the places known here: {_PLACES}")
        image = parse_image(text, default)
        return Repository(registry, image.name), image.reference
    folder, _, tag = text.removeprefix(_LAYOUT).partition(":")
    if not folder or (tag and not grammar.is_tag(tag)):
        raise click.BadParameter(f"{text}: write oci:FOLDER or oci:FOLDER:TAG")
    return Layout(Path(folder)), tag
