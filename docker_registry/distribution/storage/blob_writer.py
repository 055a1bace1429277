"""Bytes of an upload on their way into the storage: what `uploads` does, without HTTP.

Each method reads a body at most once, and either all of it is safe when the
method returns, or nothing of it stays.

A blob's digest, and so its name, is known when a streamed upload's only PATCH
ends. It is stored under that name at once: nobody is served it before a link
says so, which is what the closing PUT writes. Bytes that come in chunks are
kept as parts instead. Bytes stored under a digest belong to that digest from
then on: if more follows they are read back, never moved, and neither a wrong
closing digest nor a cancel removes them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.core.staging import Joined, Stage

from ..errors import Code, RegistryError
from ..model import layout
from ..model.digest import Digest
from .hashing import Hasher, HashingReader
from .request_body import Body
from .store import Store
from .upload_sessions import PARTS_LIMIT, Session, Sessions, unknown

__all__ = ["BlobWriter"]

_SURE = 30.0  # seconds for which a blob that was just stored needs no second look before it is linked


class BlobWriter:
    """Every method may raise BLOB_UPLOAD_UNKNOWN for a session that has ended."""

    def __init__(self, driver: Driver, store: Store, sessions: Sessions):
        self._driver = driver
        self._store = store
        self._sessions = sessions

    def store_early(self, session: Session, body: Body) -> Session:
        """Take a body that may be the whole blob, in a session without bytes so far."""
        hasher = Hasher(session.algorithm)
        with self._driver.stage() as stage:
            stage.fill(HashingReader(body, hasher))
            if not hasher.size:
                return session
            digest = hasher.digest()
            self._commit(stage, digest, hasher.size)
        return session.with_blob(digest, hasher.size, time.time())

    def append(self, session: Session, body: Body) -> Session:
        """Take a body that is a chunk, whatever came before."""
        if body.at_end():
            return session
        with _ended_if_missing():
            parts = self._sessions.parts(session)
            if len(parts) >= PARTS_LIMIT:
                raise RegistryError(Code.BLOB_UPLOAD_INVALID, f"the upload has {len(parts)} parts, send larger chunks")
            hasher = _hasher_after(session, session.algorithm)
            with self._driver.stage(parts) as stage:
                self._copy_blob(session, stage, hasher)
                stage.fill(HashingReader(body, hasher) if hasher else body)
                return session.with_parts(stage.keep(), hasher.export() if hasher else b"")

    def close(self, session: Session, digest: Digest, body: Body) -> None:
        """Make the session's bytes, and a body that is their end, a blob of its repository.

        Raises DIGEST_INVALID when they have another digest.
        """
        try:
            if session.blob and session.blob.algorithm == digest.algorithm and body.at_end():
                self._confirm(session, digest)
            else:
                self._assemble(session, digest, body)
        except FileNotFoundError:
            # The session was closed before. If so with this digest, only the answer was lost.
            if self._sessions.outcome(session) != str(digest) or self._store.blob_size(digest, fresh=True) is None:
                raise _ended() from None
        self._store.link_layer(session.repository, digest)

    def cancel(self, session: Session) -> None:
        """Remove what only this session needs."""
        if not session.has_parts:
            return
        with _ended_if_missing():
            parts = self._sessions.parts(session)
        if not self._sessions.end(session, "cancelled"):
            raise _ended()
        with self._driver.stage(parts) as stage:
            stage.discard()

    def mount(self, repository: str, source: str, digest: Digest) -> bool:
        """Make a blob of one repository one of another; False where it is not there."""
        found = self._store.find_blob(source, digest, fresh=True)
        if found is None:
            return False
        self._store.write_link(layout.layer_link(repository, digest), found[0])
        return True

    # These raise FileNotFoundError when bytes of the session are not there.

    def _confirm(self, session: Session, digest: Digest) -> None:
        if session.blob != digest:
            raise _mismatch(digest, session.blob)
        if not 0 <= time.time() - session.stored_at <= _SURE:
            self._check_there(digest, session.offset)

    def _assemble(self, session: Session, digest: Digest, body: Body) -> None:
        resumed = _hasher_after(session, digest.algorithm)
        hasher = resumed or Hasher(digest.algorithm)
        with self._driver.stage(self._sessions.parts(session)) as stage:
            self._copy_blob(session, stage, hasher)
            if session.has_parts and not resumed:
                for chunk in stage.read():
                    hasher.feed(chunk)
            if not body.at_end():
                stage.fill(HashingReader(body, hasher))
            found = hasher.digest()
            may_dispose = not session.has_parts or self._sessions.end(session, str(found))
            if found != digest:
                if may_dispose:
                    stage.discard()
                raise _mismatch(digest, found)
            if may_dispose:
                self._commit(stage, digest, stage.size)
            else:
                self._check_there(digest, stage.size)

    def _copy_blob(self, session: Session, stage: Stage, hasher: Hasher | None) -> None:
        """Stage the bytes that were stored early, if any."""
        if session.blob is None:
            return
        with self._driver.open(layout.blob_data(session.blob)) as reader:
            if reader.size != session.offset:
                raise FileNotFoundError(f"{session.blob} has {reader.size} bytes, not {session.offset}")
            fp = Joined(iter(reader))
            stage.fill(HashingReader(fp, hasher) if hasher else fp)

    def _check_there(self, digest: Digest, size: int) -> None:
        if self._store.blob_size(digest, fresh=True) != size:
            raise FileNotFoundError(str(digest))

    def _commit(self, stage: Stage, digest: Digest, size: int) -> None:
        stage.commit(layout.blob_data(digest), immutable=True)
        self._store.stored_blob(digest, size)


def _hasher_after(session: Session, algorithm: str) -> Hasher | None:
    """One that has hashed all of the session's parts and can go on from there, if there is one."""
    if session.has_parts and not (session.hash_state and session.algorithm == algorithm):
        return None
    return Hasher.resumable(algorithm, session.hash_state)


@contextmanager
def _ended_if_missing() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise _ended() from None


def _ended() -> RegistryError:
    return unknown("the upload has ended")


def _mismatch(asked: Digest, found: Digest | None) -> RegistryError:
    return RegistryError(
        Code.DIGEST_INVALID, f"the bytes have the digest {found}", {"digest": str(asked), "found": str(found)}
    )
