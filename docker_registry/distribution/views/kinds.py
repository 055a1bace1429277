"""What a manifest is, in the words of those who use such things. Pure.

What a registry holds is known by media types that tools have agreed on; a type
that nobody here knows is an artifact, and shown with its name.
"""

from __future__ import annotations

from typing import NamedTuple

from ..model.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

__all__ = ["IMAGE", "Kind", "attached", "format_name", "kind_of"]


class Kind(NamedTuple):
    """`word` is what it is called; `tool` is the program that pulls it, "" for those that pull images."""

    word: str
    tool: str = ""


IMAGE = Kind("Image")
_ARTIFACT = Kind("Artifact", "oras")

_IMAGE_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)

# What a type begins with, the first that fits: artifact types, else the types of the config, else of the first layer.
_TYPES: tuple[tuple[str, Kind], ...] = (
    ("application/vnd.cncf.helm.config", Kind("Helm chart", "helm")),
    ("application/vnd.cncf.helm.chart", Kind("Helm chart", "helm")),
    ("application/vnd.dev.cosign.artifact.sig", Kind("Signature", "oras")),
    ("application/vnd.dev.cosign.simplesigning", Kind("Signature", "oras")),
    ("application/vnd.dev.sigstore.bundle", Kind("Signature", "oras")),
    ("application/vnd.cncf.notary.signature", Kind("Signature", "oras")),
    ("application/vnd.dev.cosign.artifact.sbom", Kind("SBOM", "oras")),
    ("application/spdx", Kind("SBOM", "oras")),
    ("text/spdx", Kind("SBOM", "oras")),
    ("application/vnd.cyclonedx", Kind("SBOM", "oras")),
    ("application/vnd.syft", Kind("SBOM", "oras")),
    ("application/vnd.in-toto", Kind("Provenance", "oras")),
    ("application/vnd.dsse.envelope", Kind("Attestation", "oras")),
    ("application/vnd.dev.cosign.artifact.att", Kind("Attestation", "oras")),
    ("application/vnd.buildkit.cacheconfig", Kind("BuildKit cache", "oras")),
    ("application/vnd.wasm", Kind("WebAssembly", "oras")),
    ("application/wasm", Kind("WebAssembly", "oras")),
    ("application/vnd.module.wasm", Kind("WebAssembly", "oras")),
    ("application/vnd.cncf.flux", Kind("Flux artifact", "oras")),
    ("application/vnd.cncf.openpolicyagent", Kind("OPA bundle", "oras")),
    ("application/vnd.sylabs.sif", Kind("Singularity image", "oras")),
    ("application/vnd.docker.plugin", Kind("Docker plugin")),
    ("application/vnd.aquasec.trivy", Kind("Trivy database", "oras")),
)

_FORMATS = {
    OCI_MANIFEST: "OCI image manifest",
    OCI_INDEX: "OCI image index",
    DOCKER_MANIFEST: "Docker image manifest, schema 2",
    DOCKER_LIST: "Docker manifest list",
}

# How cosign names the tags under which it put things before there was a referrers API.
_TAG_ENDS = {".sig": Kind("Signature", "oras"), ".att": Kind("Attestation", "oras"), ".sbom": Kind("SBOM", "oras")}


def kind_of(media_type: str, artifact_type: str | None, layer_types: tuple[str, ...] = ()) -> Kind:
    """What a manifest is; `artifact_type` is its own, or the type of its config.

    >>> kind_of(OCI_MANIFEST, "application/vnd.cncf.helm.config.v1+json").word
    'Helm chart'
    """
    if media_type in (OCI_INDEX, DOCKER_LIST):
        known = _known(artifact_type or "")
        return known or (IMAGE if not artifact_type else _ARTIFACT)
    for text in (artifact_type or "", *layer_types[:1]):
        known = _known(text)
        if known:
            return known
    if not artifact_type or artifact_type in _IMAGE_CONFIGS:
        return IMAGE
    return _ARTIFACT


def _known(media_type: str) -> Kind | None:
    return next((kind for begin, kind in _TYPES if media_type.startswith(begin)), None)


def attached(end: str) -> Kind:
    """What cosign keeps under a tag with this end, such as `.sig`."""
    return _TAG_ENDS.get(end, _ARTIFACT)


def format_name(media_type: str) -> str:
    return _FORMATS.get(media_type, media_type)
