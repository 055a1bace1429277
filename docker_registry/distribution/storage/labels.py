"""The labels of an image, which are in its config: what a Dockerfile's LABEL sets."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from docker_registry.core.exceptions import FileNotFoundError

from ..model import layout
from ..model.manifest import DOCKER_MANIFEST, OCI_MANIFEST, Manifest, ManifestError, load
from .parsing import Parsing
from .store import Store

__all__ = ["read_labels"]

logger = logging.getLogger(__name__)

_LIMIT = 1024 * 1024  # bytes; the configs of images have some thousand


def read_labels(store: Store, parsing: Parsing, manifest: Manifest) -> Mapping[str, str]:
    """Those of an image; nothing where it has none, is no image, or its config is not there. 1 request."""
    if manifest.media_type not in (OCI_MANIFEST, DOCKER_MANIFEST) or not manifest.references:
        return {}
    digest = manifest.references[0].digest  # a config comes before all else
    try:
        with store.driver.open(layout.blob_data(digest)) as reader:
            body = b"".join(reader) if reader.size <= _LIMIT else b""
        with parsing.turn(len(body)):
            config = load(body).get("config") if body else None
    except (FileNotFoundError, ManifestError) as error:
        logger.info("the labels of the config %s cannot be read: %s", digest, error)
        return {}
    labels = config.get("Labels") if isinstance(config, dict) else None
    found = labels.items() if isinstance(labels, dict) else ()
    return {key: text for key, text in found if isinstance(text, str)}
