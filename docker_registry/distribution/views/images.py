"""What a manifest and its config say, cut to what can be shown. All of it is text of strangers.

`Brief` is for a row of a list, `Details` for a page of one image or artifact.
Whatever is odd in the JSON is passed over: it was pushed by somebody, perhaps
to another registry with other rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from ..model.digest import Digest, DigestError
from ..model.manifest import DOCKER_LIST, OCI_INDEX, Manifest, load
from .kinds import IMAGE, Kind, kind_of
from .text import LONG, visible

__all__ = [
    "Brief",
    "Child",
    "Config",
    "Details",
    "Layer",
    "Platform",
    "Step",
    "brief_of",
    "config_of",
    "details_of",
    "object_of",
    "usual_child",
]

_SHORT = 200  # characters of what is shown in one line
_ROWS = 200  # layers, steps, labels, files and platforms shown of one image
_ROOM = 32 * 1024  # characters shown of one list
_REFERENCE_TYPE = "vnd.docker.reference.type"
_TITLE = "org.opencontainers.image.title"
_EMPTY = "application/vnd.oci.empty.v1+json"


class Platform(NamedTuple):
    system: str
    architecture: str
    variant: str = ""
    version: str = ""

    @property
    def label(self) -> str:
        """As lists have it: without Linux, which most are for.

        >>> Platform("linux", "arm", "v7").label, Platform("windows", "amd64", "", "10.0.1").label
        ('arm/v7', 'windows/amd64 10.0.1')
        """
        parts = (self.system if self.system != "linux" else "", self.architecture, self.variant)
        return " ".join(filter(None, ("/".join(filter(None, parts)), self.version)))

    @property
    def full(self) -> str:
        return "/".join(filter(None, (self.system, self.architecture, self.variant)))

    def is_called(self, name: str) -> bool:
        """Its variant says more than most people do.

        >>> [Platform("linux", "arm", "v7").is_called(name) for name in ("linux/arm", "linux/arm/v7", "linux/arm/v6")]
        [True, True, False]
        """
        return name in (self.full, f"{self.system}/{self.architecture}")


class Child(NamedTuple):
    """One entry of an index; `attests` is the digest that it says something of, for what is no image."""

    digest: Digest
    platform: Platform
    size: int  # bytes of its manifest
    attests: str = ""


class Layer(NamedTuple):
    digest: str
    size: int  # bytes, compressed
    media_type: str
    title: str  # of a file in an artifact


class Step(NamedTuple):
    """One line of how an image was built, and the layer that it made, if it did."""

    command: str
    layer: Layer | None


@dataclass(frozen=True, slots=True)
class Brief:
    """`size` is of all blobs it consists of, compressed; None where its children have to be asked."""

    kind: Kind
    size: int | None
    platforms: tuple[Platform, ...]
    children: tuple[Digest, ...]
    config: Digest | None
    attestations: int
    layers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Details:
    digest: Digest
    media_type: str
    kind: Kind
    artifact_type: str
    children: tuple[Child, ...]
    more_children: int
    layers: tuple[Layer, ...]
    more_layers: int
    layers_size: int
    config: Digest | None
    config_size: int
    config_type: str
    subject: Digest | None
    annotations: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Config:
    """What an image's config says; of an artifact's config its fields alone."""

    platform: Platform
    created: str  # RFC 3339, or ""
    author: str
    facts: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    fields: tuple[tuple[str, str], ...]


def brief_of(manifest: Manifest) -> Brief:
    """Raises ManifestError for a manifest that takes too long to read."""
    document = load(manifest.body)
    layers = tuple((layer.digest, layer.size) for layer in _layers(document))
    kind = _kind(manifest, document)
    if manifest.media_type in (OCI_INDEX, DOCKER_LIST):
        children = list(_children(document))
        images = [child for child in children if not child.attests]
        platforms = tuple(dict.fromkeys(child.platform for child in images[:_ROWS]))
        digests = tuple(child.digest for child in images[:_ROWS])
        return Brief(kind, None, platforms, digests, None, len(children) - len(images), ())
    config = object_of(document.get("config"))
    size = sum(size for _, size in layers) + _number(config.get("size"))
    config_digest = _digest(config.get("digest")) if kind == IMAGE else None
    return Brief(kind, size, (), (), config_digest, 0, layers[:_ROWS])


def details_of(digest: Digest, manifest: Manifest) -> Details:
    """Raises ManifestError for a manifest that takes too long to read."""
    document = load(manifest.body)
    children = list(_children(document))
    layers = list(_layers(document))
    config = object_of(document.get("config"))
    return Details(
        digest,
        visible(manifest.media_type, _SHORT),
        _kind(manifest, document),
        visible(manifest.artifact_type or "", _SHORT),
        tuple(children[:_ROWS]),
        max(len(children) - _ROWS, 0),
        tuple(layers[:_ROWS]),
        max(len(layers) - _ROWS, 0),
        sum(layer.size for layer in layers),
        _digest(config.get("digest")) if config.get("mediaType") != _EMPTY else None,
        _number(config.get("size")),
        visible(config.get("mediaType"), _SHORT),
        manifest.subject,
        _pairs(document.get("annotations")),
    )


def usual_child(details: Details) -> Child | None:
    """The image of an index that most people want: Linux on x86, else the first."""
    images = [child for child in details.children if not child.attests]
    usual = next((child for child in images if child.platform[:2] == ("linux", "amd64")), None)
    return usual or (images[0] if images else None)


def config_of(body: bytes, layers: tuple[Layer, ...]) -> Config:
    """Raises ManifestError for what is no JSON object, or takes too long to read."""
    document = load(body)
    inner = object_of(document.get("config"))
    return Config(
        _platform(document),
        visible(document.get("created"), _SHORT),
        visible(document.get("author"), _SHORT),
        tuple(_facts(inner)),
        _within(_environment(inner)),
        _pairs(inner.get("Labels")),
        tuple(_steps(document, layers)),
        _within((visible(key, _SHORT), _value(value)) for key, value in islice(document.items(), _ROWS)),
    )


def _kind(manifest: Manifest, document: dict[str, Any]) -> Kind:
    layer_types = tuple(layer.media_type for layer in islice(_layers(document), 1))
    return kind_of(manifest.media_type, manifest.artifact_type, layer_types)


def _children(document: dict[str, Any]) -> Iterator[Child]:
    for descriptor in map(object_of, _array(document.get("manifests"))):
        digest = _digest(descriptor.get("digest"))
        if digest is None:
            continue
        platform = _platform(object_of(descriptor.get("platform")))
        annotations = object_of(descriptor.get("annotations"))
        attests = ""
        if _REFERENCE_TYPE in annotations or platform[:2] == ("unknown", "unknown"):
            attests = visible(annotations.get("vnd.docker.reference.digest"), _SHORT) or "?"
        yield Child(digest, platform, _number(descriptor.get("size")), attests)


def _layers(document: dict[str, Any]) -> Iterator[Layer]:
    for descriptor in map(object_of, _array(document.get("layers"))):
        yield Layer(
            visible(descriptor.get("digest"), _SHORT),
            _number(descriptor.get("size")),
            visible(descriptor.get("mediaType"), _SHORT),
            visible(object_of(descriptor.get("annotations")).get(_TITLE), _SHORT),
        )


def _platform(fields: dict[str, Any]) -> Platform:
    names = ("os", "architecture", "variant", "os.version")
    return Platform(*(visible(fields.get(name), 40) for name in names))


def _facts(inner: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a person asks of a container, in this order."""
    named = (
        ("Entrypoint", "Entrypoint"),
        ("Cmd", "Command"),
        ("User", "User"),
        ("WorkingDir", "Working directory"),
        ("ExposedPorts", "Ports"),
        ("Volumes", "Volumes"),
        ("StopSignal", "Stop signal"),
    )
    for field, label in named:
        value = inner.get(field)
        if value:
            yield label, ", ".join(map(visible, islice(value, 50))) if isinstance(value, dict) else _value(value)
    test = object_of(inner.get("Healthcheck")).get("Test")
    if test:
        yield "Health check", _value(test)


def _environment(inner: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in islice(_array(inner.get("Env")), _ROWS):
        key, _, value = str(entry).partition("=") if isinstance(entry, str) else ("", "", "")
        if key:
            yield visible(key, _SHORT), visible(value)


def _steps(document: dict[str, Any], layers: tuple[Layer, ...]) -> Iterator[Step]:
    """History and layers side by side; layers that no line of the history tells of follow."""
    left, room = iter(layers), _ROOM
    for entry in map(object_of, islice(_array(document.get("history")), _ROWS)):
        layer = None if entry.get("empty_layer") else next(left, None)
        command = _command(visible(entry.get("created_by"), min(max(room, 1), LONG), lines=True))
        room -= len(command)
        yield Step(command, layer)
    for layer in left:
        yield Step("", layer)


def _command(text: str) -> str:
    """A line of the history as its author wrote it, as far as builders let that be told.

    >>> _command("/bin/sh -c #(nop)  CMD [\\"sh\\"]"), _command("RUN /bin/sh -c make # buildkit")
    ('CMD ["sh"]', 'RUN make')
    """
    text = text.removesuffix("# buildkit").strip()
    shell = "/bin/sh -c "
    bare = text.removeprefix("RUN ")
    if not bare.startswith(shell):
        return text
    text = bare.removeprefix(shell).strip()
    return text.removeprefix("#(nop)").strip() if text.startswith("#(nop)") else f"RUN {text}"


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    """An object whose values are texts, the keys in order."""
    items = ((key, text) for key, text in object_of(value).items() if isinstance(text, str))
    return _within((visible(key, _SHORT), visible(text, lines=True)) for key, text in sorted(islice(items, _ROWS)))


def _within(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """As many as fit into `_ROOM`, and a mark where some did not."""
    shown: list[tuple[str, str]] = []
    room = _ROOM
    for key, value in pairs:
        room -= len(key) + len(value)
        if room < 0:
            return (*shown, ("…", "and more"))
        shown.append((key, value))
    return tuple(shown)


def _value(value: Any) -> str:
    """Any JSON, as text: as it is written where it is not text itself."""
    if isinstance(value, str):
        return visible(value, lines=True)
    try:
        return visible(json.dumps(value, ensure_ascii=False))
    except (RecursionError, ValueError):
        return ""


def object_of(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> int:
    """Bytes; what cannot be a size counts as none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63 else 0


def _digest(value: Any) -> Digest | None:
    try:
        return Digest.parse(value) if isinstance(value, str) else None
    except DigestError:
        return None
