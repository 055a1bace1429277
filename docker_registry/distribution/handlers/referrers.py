"""`/v2/<name>/referrers/<digest>` (spec, "Listing Referrers", "Enabling the Referrers API").

Each manifest with a subject has left its descriptor under that subject. One
counts as long as its revision link is there, whoever removed or restored it.
What clients listed themselves, under the spec's referrers tag, before this
registry served them, is listed too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from heapq import merge
from itertools import chain, groupby, islice
from typing import Any

from werkzeug.wrappers import Response

from docker_registry.concurrency.workers import gather
from docker_registry.core.exceptions import FileNotFoundError

from ..model import layout
from ..model.digest import Digest
from ..model.manifest import DESCRIPTOR_MAX, OCI_INDEX, Manifest, ManifestError, encoded_descriptor
from ..resource import Resource
from ..storage.store import DamagedError

__all__ = ["Referrers"]

logger = logging.getLogger(__name__)

_BATCH = 64  # descriptors read at a time

_FIELDS = ("mediaType", "digest", "size", "artifactType", "annotations")

Descriptor = dict[str, Any]


class Referrers(Resource):
    label = "referrers"

    def get(self, name: str, digest: Digest) -> Response:
        artifact_type = self.request.args.get("artifactType", "")
        chosen, last = self._page(name, digest, artifact_type)
        index = b'{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' % (OCI_INDEX.encode(), b",".join(chosen))
        response = Response(index, content_type=OCI_INDEX)
        if artifact_type:
            response.headers["OCI-Filters-Applied"] = "artifactType"
        if last:
            query = {"artifactType": artifact_type, "last": last} if artifact_type else {"last": last}
            path = self.path(f"/v2/{name}/referrers/{digest}", query)
            response.headers["Link"] = f'<{path}>; rel="next"'
        return response

    def _page(self, name: str, subject: Digest, artifact_type: str) -> tuple[list[bytes], str]:
        """The encoded descriptors of one answer, and behind which digest the next one begins, if there may be more.

        An answer looks at `page_size_max` of them, whether the filter lets them pass or not.
        """
        candidates = self._candidates(name, subject, self.request.args.get("last", ""))
        chosen: list[bytes] = []
        room, looked, last = DESCRIPTOR_MAX, 0, ""
        while batch := list(islice(candidates, _BATCH)):
            found = gather([partial(self._describe, name, subject, digest) for digest in batch])
            for digest, descriptor in zip(batch, found, strict=True):
                if descriptor and (not artifact_type or descriptor.get("artifactType") == artifact_type):
                    text = encoded_descriptor(descriptor)
                    room -= len(text) + len(",")
                    if room < 0 and chosen:
                        return chosen, last
                    chosen.append(text)
                last = str(digest)
            looked += len(batch)
            if looked >= self.settings.page_size_max:
                return chosen, last
        return chosen, ""

    def _candidates(self, name: str, subject: Digest, last: str) -> Iterator[Digest]:
        """What may refer to `subject`, in the order of digests, each once."""
        stored = self._stored(name, subject)
        first, tagged = gather([lambda: list(islice(stored, 1)), lambda: self._tagged(name, subject)])
        both = merge(chain(first, stored), tagged, key=str)
        return (digest for digest, _ in groupby(both) if str(digest) > last)

    def _stored(self, name: str, subject: Digest) -> Iterator[Digest]:
        folder = layout.referrers(name, subject)
        paths = (entry.path for entry in self.driver.walk(folder))
        return (digest for digest, _ in layout.under(folder, paths))

    def _tagged(self, name: str, subject: Digest) -> list[Digest]:
        """What an index under the referrers tag of `subject` lists."""
        tag = f"{subject.algorithm}-{subject.hex[:64]}"
        try:
            meaning = self.store.tag(name, tag)
            is_there = meaning is not None and self.store.revision(name, meaning) is not None
        except DamagedError as error:
            logger.warning("what the referrers tag %s of %s lists cannot be told: %s", tag, name, error)
            return []
        index = self._manifest(meaning) if is_there else None
        if index is None or index.media_type != OCI_INDEX:
            return []
        return sorted((reference.digest for reference in index.references), key=str)

    def _describe(self, name: str, subject: Digest, digest: Digest) -> Descriptor | None:
        """The descriptor of a manifest, or None where it is gone or refers to something else."""
        try:
            if self.store.revision(name, digest) is None:
                return None
        except DamagedError as error:
            logger.warning("%s is left out of the referrers of %s: %s", digest, subject, error)
            return None
        try:
            return _checked(self.driver.get_json(layout.referrer(name, subject, digest)), digest)
        except FileNotFoundError:
            pass
        except ValueError as error:
            logger.warning("the entry of %s with its subject %s in %s is damaged: %s", digest, subject, name, error)
        manifest = self._manifest(digest)
        return manifest.descriptor(digest) if manifest and manifest.subject == subject else None

    def _manifest(self, digest: Digest | None) -> Manifest | None:
        try:
            return None if digest is None else self.store.manifest(digest)
        except (DamagedError, ManifestError) as error:
            logger.warning("%s cannot be asked what it refers to: %s", digest, error)
            return None


def _checked(entry: Any, digest: Digest) -> Descriptor:
    """A stored descriptor of `digest`; raises ValueError for anything that clients could not read as one."""
    if not isinstance(entry, dict) or entry.get("digest") != str(digest):
        raise ValueError("it is no descriptor of that manifest")
    texts = [entry.get("mediaType"), entry.get("artifactType", "")]
    annotations = entry.get("annotations", {})
    if not isinstance(annotations, dict) or not all(isinstance(text, str) for text in (*texts, *annotations.values())):
        raise ValueError("its types or annotations are no text")
    if not isinstance(entry.get("size"), int):
        raise ValueError("its size is no number")
    return {key: entry[key] for key in _FIELDS if key in entry}
