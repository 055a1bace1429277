"""What `docker save` and `podman save` write: a tar file, perhaps compressed, with layers, configs and manifest.json.

The form is that of "Docker Image Specification v1.2", "Combined Image JSON +
Filesystem Changeset Format".
"""

from __future__ import annotations

import json
import os
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from docker_registry.concurrency.workers import each
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.model import grammar
from docker_registry.distribution.model.digest import Digest

from .copying import Advance, Begin
from .files import in_tmpdir, temporary
from .making import DAMAGED, DOCKER, Made, blocks, put_image, put_layer, unpacker
from .places import Place

__all__ = ["Archive"]

_JSON_MAX = 16 << 20  # bytes
_MEMBERS = 100_000  # files in an archive
_LINKS = 8  # that lead to one layer
_AT_ONCE = 2  # layers: each keeps a processor busy


class _Image(NamedTuple):
    config: str
    layers: list[str]
    names: list[str]  # NAME:TAG


class Archive:
    """Its images, which get their digests when they are made."""

    def __init__(self, path: Path):
        self._path = path

    def tags(self) -> list[str]:
        with self._open() as opened:
            tags = [name.rpartition(":")[2] for image in opened.images() for name in image.names]
        twice = {tag for tag in tags if tags.count(tag) > 1}
        if twice:
            raise UsageError(f"{self._path} has several images with the tag {min(twice)}: copy them one by one")
        return sorted(filter(grammar.is_tag, tags))

    def make(self, target: Place, reference: str, tags: list[str], begin: Begin) -> Digest:
        """`reference` is a tag, or NAME:TAG as docker prints it; "" for the only image."""
        with self._open() as opened:
            image = opened.chosen(reference)
            config = opened.bytes(image.config)
            try:
                wanted = list(
                    zip(image.layers, map(Digest.parse, json.loads(config)["rootfs"]["diff_ids"]), strict=True)
                )
            except (ValueError, LookupError, TypeError):
                raise UsageError(f"{self._path}: its config {image.config} does not tell of its layers") from None
            with begin(len(wanted)) as advance:
                layers = list(each(partial(_put, target, opened, advance), wanted, _AT_ONCE))
            return put_image(target, DOCKER, config, layers, tags)

    @contextmanager
    def _open(self) -> Iterator[_Opened]:
        try:
            with self._path.open("rb") as packed, temporary() as plain:
                unpack = unpacker(packed.read(6))
                if unpack:  # for all: what is read here and there must not be unpacked again and again
                    packed.seek(0)
                    for block in blocks(unpack(packed)):
                        with in_tmpdir():
                            plain.write(block)
                    with in_tmpdir():
                        plain.flush()
                yield _Opened(self._path, plain if unpack else packed)
        except tarfile.TarError:
            raise UsageError(f"{self._path} is no archive of docker save or podman save, or not whole") from None
        except DAMAGED as error:
            why = getattr(error, "strerror", None) or error or type(error).__name__
            raise UsageError(f"cannot read {self._path}: {why}") from None


class _Opened:
    """An archive that is not compressed, or no more."""

    def __init__(self, path: Path, file: IO[bytes]):
        self._path = path
        self._file = file
        self._members: dict[str, tarfile.TarInfo] = {}
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                self._members[posixpath.normpath(member.name)] = member
                if len(self._members) > _MEMBERS:
                    raise UsageError(f"{path} has too many files for an archive of images")

    def images(self) -> list[_Image]:
        try:
            entries: list[dict[str, Any]] = json.loads(self.bytes("manifest.json"))
            images = [_Image(entry["Config"], entry["Layers"], entry.get("RepoTags") or []) for entry in entries]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            images = []
        texts = [text for image in images for text in (image.config, *image.layers, *image.names)]
        if not images or not all(isinstance(text, str) for text in texts):
            raise UsageError(f"{self._path}: its manifest.json is not that of an archive of images")
        return images

    def chosen(self, reference: str) -> _Image:
        images = self.images()
        found = [image for image in images if not reference or any(_is(name, reference) for name in image.names)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(name for image in images for name in image.names) or "nothing"
        raise UsageError(f"{self._path}: name one of {known}")

    def bytes(self, name: str) -> bytes:
        """A small file."""
        section = self.section(name)
        data = section.read(_JSON_MAX)
        if section.read(1):
            raise UsageError(f"{self._path}: {name[:80]} is too large")
        return data

    def section(self, name: str) -> _Section:
        """A file, where links lead to it too."""
        at = posixpath.normpath(name)
        for _ in range(_LINKS):
            member = self._members.get(at)
            if member is None:
                break
            if member.isreg() and not member.issparse():
                return _Section(self._file.fileno(), member.offset_data, member.size)
            if member.issym():
                at = posixpath.normpath(posixpath.join(posixpath.dirname(at), member.linkname))
            elif member.islnk():
                at = posixpath.normpath(member.linkname)
            else:
                break
        raise UsageError(
            f"{self._path} has no file {name[:80]}: it is no archive of docker save or podman save, or not whole"
        )


class _Section:
    """A part of a file, which several may read at a time."""

    def __init__(self, descriptor: int, start: int, size: int):
        self._descriptor = descriptor
        self._at = start
        self._end = start + size

    def read(self, size: int, /) -> bytes:
        data = os.pread(self._descriptor, min(size, self._end - self._at), self._at)
        if not data and self._at < self._end:
            raise EOFError("it ends too early")
        self._at += len(data)
        return data


def _put(target: Place, opened: _Opened, advance: Advance, wanted: tuple[str, Digest]) -> Made:
    name, diff_id = wanted
    made = put_layer(target, opened.section(name), name)
    if made.diff_id != diff_id:
        raise UsageError(f"the layer {name[:80]} is not the one that its config names, {diff_id}")
    advance()
    return made


def _is(name: str, reference: str) -> bool:
    """
    >>> _is("quay.io/team/app:1.0", "1.0"), _is("quay.io/team/app:1.0", "team/app:1.0"), _is("app:1.0", "0")
    (True, True, False)
    """
    return name == reference or name.endswith((f":{reference}", f"/{reference}"))
