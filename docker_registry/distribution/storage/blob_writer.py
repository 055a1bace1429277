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
from docker_registry.core.exceptions import FileNotFoundError, WrongArgumentsError
from docker_registry.core.staging import Joined, Stage

from ..errors import Code, RegistryError
from ..model import layout
from ..model.digest import Digest
from .endings import Ending
from .hashing import Hasher, HashingReader
from .request_body import Body
from .store import Store
from .upload_sessions import PARTS_LIMIT, Session, Sessions, unknown
from .vetoes import Promise

__all__ = ["BlobWriter"]

_CANCELLED = "cancelled"  # how a session ends that becomes no blob
_PIECE = 4 * 1024 * 1024  # bytes of a stored blob that are in memory at a time
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
        """Take a body that is a chunk, whatever came before, and let the session's older URLs know of it."""
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
                kept = session.with_parts(stage.keep(), hasher.export() if hasher else b"")
                return self._sessions.record(kept)

    def close(self, session: Session, digest: Digest, body: Body) -> None:
        """Make the session's bytes, and a body that is their end, a blob of its repository.

        Raises DIGEST_INVALID when they have another digest. Whatever this was
        broken off by, it can be called again.
        """
        with self._store.vetoes.promise() as promise:
            try:
                found = self._store_as(session, digest, body, promise)
            except FileNotFoundError:
                promise.begin()
                if not self._was_closed(session, digest):
                    raise _ended() from None
                found = digest
            if found == digest:
                self._store.link_layer(session.repository, digest)
                return
        newest = self._sessions.newest(session)
        if newest == session:
            self._discard(session)
        elif not body.received:
            self.close(newest, digest, body)
            return
        raise _mismatch(digest, found)

    def cancel(self, session: Session) -> None:
        """Remove what only this session needs; can be called again."""
        with _ended_if_missing():
            if not self._discard(session):
                raise _ended()

    def mount(self, repository: str, source: str, digest: Digest) -> bool:
        """Make a blob of one repository one of another; False where it is not there."""
        with self._store.vetoes.promise():
            found = self._store.find_blob(source, digest, fresh=True)
            if found is None:
                return False
            self._store.write_link(layout.layer_link(repository, digest), found[0])
            return True

    # These raise FileNotFoundError when bytes of the session are not there.

    def _store_as(self, session: Session, digest: Digest, body: Body, promise: Promise) -> Digest:
        """Store all bytes under `digest` if that is theirs; returns the one they have."""
        if session.blob and session.blob.algorithm == digest.algorithm and body.at_end():
            if session.blob == digest:
                is_sure = 0 <= time.time() - session.stored_at <= _SURE
                if self._store.keep_blob(digest) or not is_sure:
                    self._check_there(digest, session.offset)
            return session.blob
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
            if found == digest:
                promise.begin()
                self._name(session, stage, digest)
        return found

    def _name(self, session: Session, stage: Stage, digest: Digest) -> None:
        """Give staged bytes their name, unless the session's parts have another use already."""
        if not session.has_parts or Ending(self._driver, session.id).agree(str(digest)) == str(digest):
            # Perhaps not for the first time. The same parts under the same name again harm nobody.
            self._commit(stage, digest, stage.size)
        else:
            self._check_there(digest, stage.size)

    def _was_closed(self, session: Session, digest: Digest) -> bool:
        """Whether the session is this blob by now, so that only the answer was lost."""
        is_agreed = Ending(self._driver, session.id).known() == str(digest)
        return is_agreed and self._store.blob_size(digest, fresh=True) is not None

    def _discard(self, session: Session) -> bool:
        """Remove the session's parts, if any, unless they are a blob's by now; whether they are not."""
        if not session.has_parts:
            return True
        if Ending(self._driver, session.id).agree(_CANCELLED) != _CANCELLED:
            return False
        with self._driver.stage(self._sessions.parts(session)) as stage:
            stage.discard()
        return True

    def _copy_blob(self, session: Session, stage: Stage, hasher: Hasher | None) -> None:
        """Stage the bytes that were stored early, if any."""
        if session.blob is not None:
            fp = Joined(self._pieces(layout.blob_data(session.blob), session.offset))
            stage.fill(HashingReader(fp, hasher) if hasher else fp)

    def _pieces(self, path: str, size: int) -> Iterator[bytes]:
        """A file's bytes. No connection to the storage is held while they are used: that may need another one."""
        for first in range(0, size, _PIECE):
            last = min(first + _PIECE, size) - 1
            try:
                with self._driver.open(path, (first, last)) as reader:
                    is_whole, piece = reader.size == size, b"".join(reader)
            except WrongArgumentsError:  # it is shorter
                is_whole = False
            if not is_whole:
                raise FileNotFoundError(f"{path} does not have {size} bytes")
            yield piece

    def _check_there(self, digest: Digest, size: int) -> None:
        if self._store.blob_size(digest, fresh=True) != size:
            raise FileNotFoundError(str(digest))

    def _commit(self, stage: Stage, digest: Digest, size: int) -> None:
        self._store.keep_blob(digest)
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
