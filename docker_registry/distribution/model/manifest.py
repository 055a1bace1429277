"""Manifests: from bytes to what a registry must know of them. Pure.

Taken are the OCI image manifest and index (image-spec `manifest.md`,
`image-index.md`) and Docker's schema 2 manifest and list. Everything in them
that a registry has no use for is left alone.

`parse_manifest` is for what a client pushes, and strict; `stored_manifest` is
for bytes that a registry took once, perhaps Distribution with other rules:
they are served as they are, and what is odd in them is passed over.
`adopted_manifest` is for bytes that no registry is known to have taken as a
manifest, only as a blob: as strict as for a push.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .digest import Digest, DigestError

__all__ = [
    "DESCRIPTOR_MAX",
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "TYPES",
    "Manifest",
    "ManifestError",
    "Named",
    "Reference",
    "adopted_manifest",
    "default_image",
    "encoded_descriptor",
    "load",
    "named_in",
    "parse_manifest",
    "stored_manifest",
]

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)
_LISTS = (OCI_INDEX, DOCKER_LIST)

_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1"
_REFUSED = {
    "application/vnd.oci.artifact.manifest.v1+json": "the OCI artifact manifest was withdrawn before OCI 1.1, "
    "push the artifact as an image manifest with artifactType",
    f"{_SCHEMA1}+json": "Docker schema 1 is obsolete, push the image with a client of 2016 or later",
    f"{_SCHEMA1}+prettyjws": "Docker schema 1 is obsolete, push the image with a client of 2016 or later",
}

# Layers that are fetched from elsewhere, and so need not be here.
_FOREIGN = (
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
)

# Docker's schema 1 names its layers so, and gives no sizes; each may be named many times.
_SCHEMA1_LAYERS = "fsLayers"

# Fields that name other things, and whether these are manifests. `blobs` is that of the retired artifact manifest.
_NAMING = {"config": False, "layers": False, "blobs": False, "manifests": True, _SCHEMA1_LAYERS: False}

# What clients send that do not say what they send.
_UNSAID = ("", "application/json", "application/octet-stream", "application/x-www-form-urlencoded")

# Docker stacks at most 127 layers, and the largest artifacts have some hundreds of files; indexes may list referrers.
LAYERS_MAX = 1_000
MANIFESTS_MAX = 10_000
# Brackets, braces, commas and colons: what fits into 4 MiB takes seconds to read. An index of 10,000 images with
# platforms and two annotations each has 200,000.
_MARKS_MAX = 210_000
_STORED_MARKS_MAX = 300_000  # in what was taken once
_DIGITS_MAX = 40  # of an integer; the time for one grows with their square

DESCRIPTOR_MAX = 4 * 1024 * 1024 - 1024  # bytes; a list of referrers has 4 MiB at most

_TOO_DEEP = "a manifest is not nested so deeply"

_TYPE_FORM = re.compile(r"[A-Za-z0-9][\w.+-]{0,126}/[A-Za-z0-9][\w.+-]{0,126}", re.ASCII)


class ManifestError(ValueError):
    """Bytes that are no manifest of a kind taken here; the text says why and what to do."""


class Reference(NamedTuple):
    """One thing that must be in the repository before the manifest is."""

    digest: Digest
    manifest: bool  # whether it is a manifest rather than a blob


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest; `body` is the client's, byte for byte."""

    body: bytes
    media_type: str
    references: tuple[Reference, ...]  # each digest once
    subject: Digest | None
    artifact_type: str | None
    annotations: Mapping[str, str]

    def descriptor(self, digest: Digest) -> dict[str, Any]:
        """How the referrers API lists this manifest (spec, "Listing Referrers")."""
        entry: dict[str, Any] = {"mediaType": self.media_type, "digest": str(digest), "size": len(self.body)}
        if self.artifact_type:
            entry["artifactType"] = self.artifact_type
        if self.annotations:
            entry["annotations"] = dict(self.annotations)
        return entry


def parse_manifest(body: bytes, content_type: str = "") -> Manifest:
    """Understand a manifest; `content_type` is what the client calls it, if it does.

    Raises ManifestError. Without a `mediaType` of its own a manifest is an OCI
    one, which kind follows from what it has; so its type can be told again
    from the bytes alone.
    """
    document = _load_strictly(body)
    return _strict(body, document, content_type)


def adopted_manifest(body: bytes) -> Manifest:
    """Understand what is linked as a blob, as Distribution 2.1 linked its manifests; raises ManifestError.

    Anybody can push such bytes as a blob, so the rules of a push are theirs
    too. Docker's schema 1 is what 2.1 took; it must have no other kind's fields.
    """
    document = _load_strictly(body)
    if document.get("schemaVersion") != 1:
        return _strict(body, document, "")
    if not isinstance(document.get(_SCHEMA1_LAYERS), list):
        raise ManifestError(f"a manifest of schema 1 needs the list {_SCHEMA1_LAYERS!r}")
    for field in ("mediaType", "config", "layers", "manifests", "subject"):
        if field in document:
            raise ManifestError(f"a manifest of schema 1 must not have the field {field!r}")
    return stored_manifest(body)


def _strict(body: bytes, document: dict[str, Any], content_type: str) -> Manifest:
    media_type = _media_type(document, content_type)
    if document.get("schemaVersion") != 2 or isinstance(document["schemaVersion"], float):
        raise ManifestError(f"schemaVersion must be 2, not {_shown(document.get('schemaVersion'))}")
    _check_fields(document, media_type)
    config_type = "" if media_type in _LISTS else _text(document["config"], "mediaType")
    return Manifest(
        body,
        media_type,
        tuple(dict.fromkeys(_references(document, media_type))),
        _subject(document),
        _text(document, "artifactType") or config_type or None,
        _annotations(document),
    )


def stored_manifest(body: bytes) -> Manifest:
    """Understand a manifest that is in the storage, as far as it can be.

    Raises ManifestError for what is none: such bytes may have been pushed as a blob.
    """
    document = load(body)
    version = document.get("schemaVersion")
    if version not in (1, 2) or isinstance(version, (bool, float)):
        raise ManifestError(f"schemaVersion must be 2, not {_shown(version)}")
    config = document.get("config")
    config_type = config.get("mediaType") if isinstance(config, dict) else None
    annotations = document.get("annotations")
    return Manifest(
        body,
        _stored_type(document),
        tuple(dict.fromkeys(_stored_references(document))),
        _digest_in(document.get("subject")),
        next((text for text in (document.get("artifactType"), config_type) if text and isinstance(text, str)), None),
        {key: text for key, text in annotations.items() if isinstance(text, str)}
        if isinstance(annotations, dict)
        else {},
    )


def default_image(manifest: Manifest) -> Digest | None:
    """The image for linux/amd64 in a Docker list, or None."""
    if manifest.media_type != DOCKER_LIST:
        return None
    for thing in named_in(load(manifest.body)):
        if thing.is_manifest and thing.platform[:2] == ("linux", "amd64"):
            return _digest_in(thing.descriptor)
    return None


class Named(NamedTuple):
    """What a manifest of any kind names in one of its fields, as it stands there."""

    field: str
    descriptor: Any
    is_manifest: bool

    @property
    def digest(self) -> Digest:
        """Raises DigestError, KeyError or TypeError where it has none."""
        return Digest.parse(str(self.descriptor["blobSum" if self.field == _SCHEMA1_LAYERS else "digest"]))

    @property
    def platform(self) -> tuple[str, str, str]:
        """Operating system, architecture and variant, of an image in an index; empty where it does not say."""
        platform = self.descriptor.get("platform") if isinstance(self.descriptor, dict) else None
        fields = platform if isinstance(platform, dict) else {}
        return str(fields.get("os") or ""), str(fields.get("architecture") or ""), str(fields.get("variant") or "")


def named_in(document: dict[str, Any]) -> Iterator[Named]:
    """All that a manifest names but its subject, whatever kind it is, and whether or not it makes sense."""
    for field, is_manifest in _NAMING.items():
        value = document.get(field)
        if field == "config":
            value = [value] if value else []
        for descriptor in value if isinstance(value, list) else [None] if value else []:
            yield Named(field, descriptor, is_manifest)


def encoded_descriptor(entry: Mapping[str, Any]) -> bytes:
    """A descriptor as JSON of at most DESCRIPTOR_MAX bytes: what does not fit goes without its annotations.

    And, if it must, without its artifactType: so one push cannot break the list of a subject.
    """
    fields = dict(entry)
    text = _encoded(fields)
    for field in ("annotations", "artifactType"):
        if len(text) <= DESCRIPTOR_MAX:
            break
        fields.pop(field, None)
        text = _encoded(fields)
    return text


def _encoded(value: Any) -> bytes:
    """JSON in UTF-8, no longer than what it was read from."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which is in no push that is taken today
        return json.dumps(value, separators=(",", ":")).encode()


def load(body: bytes) -> dict[str, Any]:
    """A JSON object (RFC 8259) that takes a bounded time to read; raises ManifestError for anything else."""
    return _load(body, _STORED_MARKS_MAX)


def _load(
    body: bytes,
    marks_max: int,
    pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    parse_int: Callable[[str], int] | None = None,
) -> dict[str, Any]:
    if sum(map(body.count, (b"[", b"{", b",", b":"))) > marks_max:
        raise ManifestError("a manifest may not have so many values")
    try:
        document = json.loads(
            body.decode("utf8"), parse_constant=_no_constant, parse_int=parse_int, object_pairs_hook=pairs_hook
        )
    except RecursionError:
        raise ManifestError(_TOO_DEEP) from None
    except ManifestError:
        raise
    except ValueError as error:
        raise ManifestError(f"a manifest is JSON in UTF-8: {error}") from None
    if not isinstance(document, dict):
        raise ManifestError(f"a manifest is a JSON object, not {_shown(document)}")
    return document


def _no_constant(text: str) -> Any:
    raise ValueError(f"JSON has no {text}")


def _integer(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        raise ManifestError(f"a number of the manifest has more than {_DIGITS_MAX} digits")
    return int(text)


def _load_strictly(body: bytes) -> dict[str, Any]:
    """As `load`, and refuses what two readers may read differently: a name twice, half of a surrogate pair."""
    document = _load(body, _MARKS_MAX, _unique, _integer)
    try:
        if b"\\ud" in body.lower():
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise ManifestError(_TOO_DEEP) from None
    except UnicodeEncodeError:
        raise ManifestError("a string has half of a surrogate pair, which is no text") from None
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ManifestError("an object of the manifest has a name twice")
    return found


def _stored_type(document: dict[str, Any]) -> str:
    if document["schemaVersion"] == 1:
        # What is stored is what was signed; signatures lie elsewhere.
        return f"{_SCHEMA1}+prettyjws" if "signatures" in document else f"{_SCHEMA1}+json"
    own = document.get("mediaType")
    return own if isinstance(own, str) and _TYPE_FORM.fullmatch(own) else _by_shape(document)


def _stored_references(document: dict[str, Any]) -> Iterator[Reference]:
    for thing in named_in(document):
        try:
            yield Reference(thing.digest, thing.is_manifest)
        except (DigestError, KeyError, TypeError):
            pass


def _digest_in(descriptor: Any) -> Digest | None:
    try:
        return Named("", descriptor, True).digest
    except (DigestError, KeyError, TypeError):
        return None


def _media_type(document: dict[str, Any], content_type: str) -> str:
    said = content_type.partition(";")[0].strip().lower()
    own = _text(document, "mediaType")
    if own and said not in (*_UNSAID, own):
        raise ManifestError(f"Content-Type says {said}, the manifest's mediaType {own}: they must be the same")
    media_type = own or ("" if said in _UNSAID else said) or _by_shape(document)
    if media_type in _REFUSED or document.get("schemaVersion") == 1:
        raise ManifestError(_REFUSED.get(media_type, _REFUSED[f"{_SCHEMA1}+json"]))
    if media_type not in TYPES:
        raise ManifestError(f"{media_type[:160]!r} is not a type of manifest taken here: {', '.join(TYPES)}")
    if not own and media_type != _by_shape(document):
        raise ManifestError(f"a manifest of type {media_type} must say so in its mediaType")
    return media_type


def _by_shape(document: dict[str, Any]) -> str:
    return OCI_INDEX if "manifests" in document else OCI_MANIFEST


def _check_fields(document: dict[str, Any], media_type: str) -> None:
    """One document must not read as an image to one client and as an index to another (CVE-2021-41190)."""
    required, foreign = (["config", "layers"], ["manifests"])
    if media_type in _LISTS:
        required, foreign = ["manifests"], ["config", "layers"]
    for field in required:
        if field not in document:
            raise ManifestError(f"a manifest of type {media_type} needs the field {field!r}")
    for field in [*foreign, _SCHEMA1_LAYERS]:
        if field in document:
            raise ManifestError(f"a manifest of type {media_type} must not have the field {field!r}")
    if "config" in document and not isinstance(document["config"], dict):
        raise ManifestError("config must be a descriptor")


def _references(document: dict[str, Any], media_type: str) -> Iterator[Reference]:
    if media_type in _LISTS:
        for descriptor in _list(document, "manifests", MANIFESTS_MAX):
            yield Reference(_digest(descriptor, "manifests"), True)
        return
    yield Reference(_digest(document["config"], "config"), False)
    for descriptor in _list(document, "layers", LAYERS_MAX):
        digest = _digest(descriptor, "layers")
        if not _list(descriptor, "urls") and descriptor.get("mediaType") not in _FOREIGN:
            yield Reference(digest, descriptor.get("mediaType") in TYPES)


def _subject(document: dict[str, Any]) -> Digest | None:
    return None if document.get("subject") is None else _digest(document["subject"], "subject")


def _digest(descriptor: Any, field: str) -> Digest:
    if not isinstance(descriptor, dict):
        raise ManifestError(f"{field}: a descriptor is a JSON object, not {_shown(descriptor)}")
    _text(descriptor, "mediaType")
    size = descriptor.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ManifestError(f"{field}: the size of a descriptor must be a number of bytes, not {_shown(size)}")
    try:
        return Digest.parse(str(descriptor.get("digest", "")))
    except DigestError as error:
        raise ManifestError(f"{field}: {error}") from None


def _list(document: dict[str, Any], field: str, limit: int | None = None) -> list[Any]:
    value = document.get(field)
    if value is None:  # what Go writes for an empty list
        return []
    if not isinstance(value, list):
        raise ManifestError(f"{field} must be a list, not {_shown(value)}")
    if limit is not None and len(value) > limit:
        raise ManifestError(f"{field} may have {limit} entries, not {len(value)}")
    return value


def _text(document: dict[str, Any], field: str) -> str:
    value = document.get(field)
    if value is not None and not isinstance(value, str):
        raise ManifestError(f"{field} must be a string, not {_shown(value)}")
    return value or ""


def _annotations(document: dict[str, Any]) -> dict[str, str]:
    value = document.get("annotations")
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ManifestError("annotations must be an object whose values are strings")
    return value


def _shown(value: Any) -> str:
    return json.dumps(value)[:80]
