"""An upload session is its URL: all that is needed to go on, signed, on any replica.

The token holds what the next request must know: how far the upload came, which
blob or which parts in the storage hold its bytes, and until when it may be
used. It is bound to its repository and id, which are in the URL's path, and to
who started the upload, and says nothing that the client must not know. The expiry is set when the upload
starts and never moved: when it has passed, no URL of the session works.

A URL stays valid when a newer one has been handed out: the answer that named
the newer one may have been lost. So each chunk also leaves the newest state in
one small file of its session, and whoever comes with an older URL is told
that. The file is a hint: two chunks sent at once from one URL both succeed and
each one's URL stands for its own bytes, but only one of them is found there.
Nothing goes wrong by it, since what closes an upload is the digest of its
bytes. How a session ends, once for all of its URLs, is in `endings`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.core.types import Part

from ..errors import Code, RegistryError
from ..model import layout
from ..model.digest import Digest

__all__ = ["PARTS_LIMIT", "Session", "Sessions", "unknown"]

TOKEN_LIMIT = 1200  # characters; leaves 800 of a URL's 2,000 to host, name and a digest
PARTS_LIMIT = 10_000  # of one upload
_MAC_SIZE = 32  # bytes
_NEWEST = "newest"  # the file of a session that holds its newest token
_PURPOSE = b"docker-registry-swift upload session 1\0"  # a secret may sign other things too


@dataclass(frozen=True)
class Session:
    """What is known of an upload in progress. Each request makes the next one's from it."""

    repository: str
    id: str
    owner: str  # who started it, and alone goes on with it
    expires: int  # seconds since the epoch
    algorithm: str = "sha256"  # of the digest to compute while bytes come
    offset: int = 0  # bytes received and safe
    blob: Digest | None = None  # the blob that was stored early and holds exactly these bytes
    stored_at: int = 0  # seconds since the epoch, when `blob` was seen to be there
    spill: str = ""  # names the file with the first parts, once they are many
    spilled: int = 0  # how many those are
    parts: tuple[Part, ...] = ()  # the parts after them
    hash_state: bytes = b""  # of `algorithm` after all bytes, where it can be told; see `resumable_sha256`

    @property
    def has_parts(self) -> bool:
        return bool(self.spill or self.parts)

    def with_blob(self, blob: Digest, size: int, stored_at: float) -> Session:
        """The session after all of its bytes were stored as a blob."""
        return replace(self, offset=size, blob=blob, stored_at=int(stored_at))

    def with_parts(self, parts: Sequence[Part], hash_state: bytes = b"") -> Session:
        """The session after more was kept; `parts` are all of it, from the start."""
        size, rest = sum(part.size for part in parts), tuple(parts[self.spilled :])
        return replace(self, offset=size, blob=None, stored_at=0, parts=rest, hash_state=hash_state)


class Sessions:
    """Makes sessions, writes them into tokens and reads them back."""

    def __init__(self, driver: Base, secrets: Sequence[bytes], ttl: float):
        """`secrets`: the first signs, all verify; `ttl` is in seconds."""
        self._driver = driver
        self._keys = [hmac.digest(secret, _PURPOSE, "sha256") for secret in secrets]
        self._ttl = ttl

    def start(self, repository: str, algorithm: str = "sha256", owner: str = "") -> Session:
        return Session(repository, str(uuid.uuid4()), owner, int(time.time() + self._ttl), algorithm)

    def record(self, session: Session) -> Session:
        """Make this the newest state of its session, for `newest`; returns it in a form that fits a URL.

        1 small request, and another one now and then, when there are many parts.
        """
        session = self._shortened(session)
        self._driver.overwrite(layout.session_file(session.id, _NEWEST), self.seal(session).encode())
        return session

    def newest(self, session: Session) -> Session:
        """The state of this session that has the most bytes: what was recorded, or what the caller has. 1 request."""
        try:
            token = self._driver.get_newest(layout.session_file(session.id, _NEWEST))
        except FileNotFoundError:
            return session
        recorded = self.open(session.repository, session.id, token.decode("ascii", "replace"), session.owner)
        return recorded if recorded.offset > session.offset else session

    def seal(self, session: Session) -> str:
        """The session as text for a URL; one with parts must have been recorded."""
        blob = session.blob.hex if session.blob else ""
        state = base64.b64encode(session.hash_state).decode()
        fields = [session.expires, session.algorithm, session.offset, blob, session.stored_at, state]
        text = json.dumps([*fields, session.spill, session.spilled, session.parts], separators=(",", ":"))
        payload = zlib.compress(text.encode(), 9)
        mac = _mac(self._keys[0], session.repository, session.id, session.owner, payload)
        return _encode(mac + payload)

    def open(self, repository: str, id: str, token: str, owner: str = "") -> Session:
        """The session that `seal` wrote down for this repository, id and owner; raises BLOB_UPLOAD_UNKNOWN."""
        payload = self._verify(repository, id, owner, token)
        fields = json.loads(zlib.decompress(payload))
        expires, algorithm, offset, blob, stored_at, hash_state, spill, spilled, parts = fields
        if expires < time.time():
            raise unknown("the upload has expired")
        return Session(
            repository,
            id,
            owner,
            expires,
            algorithm,
            offset,
            Digest(algorithm, blob) if blob else None,
            stored_at,
            spill,
            spilled,
            tuple(Part(name, size) for name, size in parts),
            base64.b64decode(hash_state),
        )

    def parts(self, session: Session) -> list[Part]:
        """All parts of a session, in order; raises FileNotFoundError when its files were cleaned up."""
        parts: list[Part] = []
        if session.spill:
            content = self._driver.get_content(layout.session_file(session.id, session.spill))
            parts = [Part(name, size) for name, size in json.loads(content)]
        return parts + list(session.parts)

    def _shortened(self, session: Session) -> Session:
        """The same session, whose parts are in one small file if a URL has no room for them."""
        if len(self.seal(session)) <= TOKEN_LIMIT:
            return session
        parts = self.parts(session)
        content = json.dumps(parts).encode()
        name = hashlib.sha256(content).hexdigest()
        self._driver.overwrite(layout.session_file(session.id, name), content)
        return replace(session, spill=name, spilled=len(parts), parts=())

    def _verify(self, repository: str, id: str, owner: str, token: str) -> bytes:
        try:
            signed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise unknown("the upload's URL is damaged") from None
        mac, payload = signed[:_MAC_SIZE], signed[_MAC_SIZE:]
        is_ours = any(hmac.compare_digest(mac, _mac(key, repository, id, owner, payload)) for key in self._keys)
        if not is_ours or _encode(signed) != token:
            raise unknown("the upload's URL was not made by this registry, or not for this repository and login")
        return payload


def _mac(key: bytes, repository: str, id: str, owner: str, payload: bytes) -> bytes:
    # JSON says where the one ends and the next begins: no two URLs give the same bytes.
    return hmac.digest(key, json.dumps([repository, id, owner]).encode() + payload, "sha256")


def unknown(why: str) -> RegistryError:
    """The answer to whoever goes on with a session that there is not, or no more."""
    return RegistryError(Code.BLOB_UPLOAD_UNKNOWN, f"{why}; start again with a POST")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
