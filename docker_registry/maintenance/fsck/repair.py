"""What fsck may mend, and how it makes sure first.

Registries serve and take pushes meanwhile. So nothing here trusts the walk:
before anything is removed the storage is asked again by exact name, for the
newest, and a link that turns out to be wanted after all is put back. Only what
is older than the grace period is removed: a client's upload cannot be that old
and still go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import BrokenError, FileNotFoundError, UnspecifiedError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import ManifestError, encoded_descriptor, stored_manifest
from docker_registry.plurals import plural

from ..moments import written
from .examine import hash_file, is_linked
from .findings import DAMAGED_BLOBS, Finding, Kind, age
from .index import Index
from .options import FsckOptions, in_days
from .scan import Scan

__all__ = ["Repairer"]


class Repairer:
    """`scan` knows whether all files were seen, and have told what they consist of."""

    def __init__(self, driver: Base, index: Index, options: FsckOptions, scan: Scan):
        self._driver = driver
        self._index = index
        self._options = options
        self._scan = scan
        self._ways: dict[Kind, Callable[[Finding], None]] = {}
        if options.repair:
            self._ways = {
                Kind.DANGLING_LINK: self._remove_link,
                Kind.UNLINKED_TAG: self._remove_tag,
                Kind.EMPTY_BLOB: self._hide_blob,
                Kind.ORPHANED_SEGMENTS: self._remove_segments,
                Kind.DAMAGED_LINK: self._write_link,
                Kind.MISSING_REFERRER: self._write_referrer,
                Kind.UNFINISHED_UPLOAD: self._remove_upload,
            }
        if options.drop_damaged:
            self._ways |= dict.fromkeys(DAMAGED_BLOBS, self._remove_blob)

    def mend(self, finding: Finding) -> None:
        """Do what is safe about a finding, and note in it what was done, or why nothing was."""
        way = self._ways.get(finding.kind)
        if way is None:
            return
        try:
            way(finding)
        except UnspecifiedError as error:
            finding.left = f"the storage would not: {error or error.message}"

    def _is_young(self, finding: Finding) -> bool:
        grace, least = self._options.grace, self._options.least_grace
        if finding.age is None:
            finding.left = "the storage does not say how old it is"
            return True
        if finding.age > grace:
            return False
        since = time.time() - finding.age
        finding.old_at = since + grace
        finding.left = f"younger than {in_days(grace)} days: old enough from {_from(finding.old_at)} on"
        if least < grace:
            finding.left += f", with --grace {in_days(least)} from {_from(since + least)} on"
        return True

    def _has_data(self, digest: str) -> bool:
        """Whether a digest's bytes are there, and not none of them."""
        data = Digest.parse(digest)
        try:
            size = self._driver.stat(layout.blob_data(data), newest=True).size
            return bool(size) or data == Digest.of(b"", data.algorithm)
        except FileNotFoundError:
            return False

    def _remove(self, *paths: str) -> None:
        """Remove files by exact name; raises the first error."""
        for error in self._driver.remove_many(paths).values():
            raise error

    def _remove_link(self, finding: Finding) -> None:
        if self._is_young(finding):
            return
        if self._take_away(finding.path, finding.digest):
            finding.done = "removed the link"
        else:
            finding.left = "what it links to is there again"

    def _take_away(self, path: str, digest: str) -> bool:
        """Remove a link to a blob that is not there; says whether it stays removed.

        A push stores a blob before it writes the link. If the blob is there
        once the link is gone, a push may have written the link meanwhile.
        """
        try:
            content = self._driver.get_newest(path)
        except FileNotFoundError:
            return True
        if self._has_data(digest):
            return False
        self._remove(path)
        if self._has_data(digest):
            self._driver.put_content(path, content)
            return False
        return True

    def _remove_tag(self, finding: Finding) -> None:
        """Remove a tag that no client can follow. A push that comes meanwhile writes the link first, then the tag."""
        if self._is_young(finding):
            return
        try:
            content = self._driver.get_newest(finding.path)
        except FileNotFoundError:
            finding.done = "it is gone"
            return
        digest = Digest.parse(finding.digest)
        if content.decode("ascii", "replace").strip() != finding.digest:
            finding.left = "it was moved meanwhile"
            return
        if not is_linked(self._driver, finding.repository, digest):
            self._remove(finding.path)
            if not is_linked(self._driver, finding.repository, digest):
                finding.done = "removed the tag; the manifest's data stays"
                return
            self._driver.put_content(finding.path, content)
        finding.left = "the repository has the manifest again"

    def _hide_blob(self, finding: Finding) -> None:
        """Remove all links to a blob without bytes: clients are told that it is absent, and push it again."""
        if self._is_young(finding):
            return
        links = self._index.layer_links(finding.digest)
        if all(self._take_away(path, finding.digest) for path in links):
            finding.done = f"removed {plural(len(links), 'link')} to it, so that the next push stores it anew"
        else:
            finding.left = "it has bytes again"

    def _remove_blob(self, finding: Finding) -> None:
        """Remove a blob that does not have the bytes of its digest, links first."""
        if self._is_young(finding):
            return
        if self._scan.unproven:
            finding.left = self._scan.why_incomplete
            return
        if self._index.is_shared(finding.path):
            finding.left = "another file consists of the same segments"
            return
        why = self._damage(finding.path, finding.digest)
        if not why:
            finding.left = "read again, it is sound"
            return
        # A replica that missed a push may still have the damaged bytes.
        if self._age_now(finding.path) <= self._options.grace:
            finding.left = "it was written again"
            return
        self._remove(*self._index.layer_links(finding.digest))
        self._remove(finding.path)
        finding.done = f"removed it and the links to it, so that the next push stores it anew ({why})"

    def _damage(self, path: str, digest: str) -> str:
        """What is wrong with a blob's bytes, read again now; "" for nothing. Raises ConnectionError for an outage."""
        try:
            found, size = hash_file(self._driver, path, Digest.parse(digest).algorithm)
        except BrokenError as error:
            return str(error) or error.message
        return "" if found == digest else f"read again: {size} bytes with the digest {found}"

    def _remove_segments(self, finding: Finding) -> None:
        if self._scan.why_incomplete:
            finding.left = self._scan.why_incomplete
        elif not self._is_young(finding):
            names = self._index.parts_in(finding.path)
            failed = self._driver.remove_parts(names)
            for error in failed.values():
                raise error
            finding.done = f"removed {plural(len(names), 'segment')}"

    def _write_link(self, finding: Finding) -> None:
        if not finding.digest:
            finding.left = "only a push knows what the tag should be"
        elif not self._has_data(finding.digest):
            finding.left = f"{finding.digest} is not there"
        else:
            self._driver.put_content(finding.path, finding.digest.encode("ascii"))
            finding.done = f"wrote {finding.digest}"

    def _write_referrer(self, finding: Finding) -> None:
        digest = Digest.parse(finding.digest)
        try:
            manifest = stored_manifest(self._driver.get_content(layout.blob_data(digest)))
        except ManifestError as error:
            finding.left = str(error)
            return
        self._driver.put_content(finding.path, encoded_descriptor(manifest.descriptor(digest)))
        finding.done = "wrote the entry"

    def _remove_upload(self, finding: Finding) -> None:
        if self._scan.why_incomplete:
            finding.left = self._scan.why_incomplete
        elif any(map(self._index.is_shared, finding.names)):
            finding.left = "another file may consist of the same segments"
        elif any(self._age_now(path) < self._options.upload_age for path in finding.names):
            finding.left = "somebody went on with it"
        else:
            self._remove(*finding.names)
            finding.done = f"removed {plural(len(finding.names), 'file')}"

    def _age_now(self, path: str) -> float:
        try:
            return age(self._driver.stat(path, newest=True).modified) or 0.0
        except FileNotFoundError:
            return float("inf")


def _from(moment: float) -> str:
    """The first whole minute that is not before."""
    return written(moment + 60)
