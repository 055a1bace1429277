"""Pushing blobs: `POST /v2/<name>/blobs/uploads/` and the URLs that it hands out.

What a session is, `upload_sessions` says; where its bytes go, `blob_writer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext

from werkzeug.wrappers import Request, Response

from ..auth.caller import ANONYMOUS, Caller
from ..container import Container
from ..context import Context
from ..errors import Code, RegistryError
from ..events import event
from ..model import grammar, ranges
from ..model.digest import Digest, DigestError, new_hash
from ..resource import Resource
from ..storage.request_body import Body
from ..storage.upload_sessions import Session

__all__ = ["Upload", "Uploads"]

# Every chunk is one object in the storage and one request to read it back. A hint, not a limit.
CHUNK_MIN_LENGTH = 5 * 1024 * 1024  # bytes


class _Sending(Resource):
    """What both URL forms share."""

    def __init__(self, context: Context, container: Container, request: Request, caller: Caller = ANONYMOUS):
        super().__init__(context, container, request, caller)
        self.sessions = container.sessions
        self.blob_writer = container.blob_writer

    def accepted(self, session: Session, status: int = 202) -> Response:
        return Response(status=status, headers=self.progress(session))

    def progress(self, session: Session) -> dict[str, str]:
        """The headers that tell a client how far the upload is and where to go on."""
        path = f"/v2/{session.repository}/blobs/uploads/{session.id}"
        return {
            "Location": self.url(path, {"_state": self.sessions.seal(session)}),
            "Range": f"0-{max(session.offset - 1, 0)}",
            "Docker-Upload-UUID": session.id,
        }

    @property
    def owner(self) -> str:
        """Whom an upload's URL is bound to."""
        return str(self.caller)

    def admit(self, name: str) -> None:
        """Raises DENIED where what is sent is more than a quota allows."""
        with self.written_down("quotas"):
            self.context.quotas.admit_bytes(name, self.request.content_length or 0)

    @contextmanager
    def sending(self, session: Session) -> Iterator[Callable[[int], None]]:
        """Around taking the body; what it gives is to be told how many bytes the upload has then.

        Raises DENIED where what is sent, with what came before, is more than a quota allows.
        """
        with ExitStack() as stack:
            with self.written_down("quotas"):
                more = self.request.content_length or 0
                quotas = self.context.quotas.sending(session.repository, session.id, session.offset, more)
                note = stack.enter_context(quotas)
            yield note

    def body(self, before: int = 0, expected: int | None = None) -> Body:
        """What is sent, behind the blob's bytes that came before; raises BLOB_TOO_LARGE, now or when it is read."""
        limit = self.settings.limits.blob_size
        return Body(self.request, expected, max(limit - before, 0) if limit else None)

    def created(
        self, name: str, digest: Digest, size: int | None, source: str = "", session: Session | None = None
    ) -> Response:
        """Answer that a blob is there, which was mounted from the repository `source` or sent by a session."""
        self.context.quotas.took(name, digest, size or 0, session.id if session else "")
        self.audit(f"pushed the blob {name}@{digest}", name, "push")
        if self.context.events.is_on:
            url = self.whole_url(f"/v2/{name}/blobs/{digest}")
            self.tell("mount" if source else "push", event.of_blob(name, digest, size, url, source))
        headers = {"Location": self.url(f"/v2/{name}/blobs/{digest}"), "Docker-Content-Digest": str(digest)}
        return Response(status=201, headers=headers)


class Uploads(_Sending):
    """Where every push of a blob starts."""

    label = "blob_upload"

    def post(self, name: str) -> Response:
        """Start a session, or do the whole of it: mount a blob (`mount`, `from`), or take one (`digest`)."""
        self.admit(name)
        query = self.request.args
        if "mount" in query:
            digest, source = grammar.parse_digest(query["mount"]), query.get("from", "")
            if self._is_mountable(source) and self.blob_writer.mount(name, source, digest):
                return self.created(name, digest, self.store.known_size(digest), source)
        elif "digest" in query:
            digest = grammar.parse_digest(query["digest"])
            body, session = self.body(), self.sessions.start(name, owner=self.owner)
            with self.sending(session):
                self.blob_writer.close(session, digest, body)
            return self.created(name, digest, body.received, session=session)
        response = self.accepted(self.sessions.start(name, self._algorithm(), self.owner))
        response.headers["OCI-Chunk-Min-Length"] = str(CHUNK_MIN_LENGTH)
        return response

    def _is_mountable(self, source: str) -> bool:
        """Whether a blob may be taken from a repository: the caller may pull it, and it is in the same container."""
        return (
            grammar.is_name(source) and self.may_pull(source) and self.context.containers.of(source) is self.container
        )

    def _algorithm(self) -> str:
        algorithm = self.request.args.get("digest-algorithm", "sha256")
        try:
            new_hash(algorithm)
        except DigestError as error:
            raise RegistryError(Code.DIGEST_INVALID, str(error)) from None
        return algorithm


class Upload(_Sending):
    """One session's URL."""

    label = "blob_upload_chunk"

    def get(self, name: str, session: str) -> Response:
        """How far the upload is, whichever of its URLs is asked."""
        return self.accepted(self.sessions.newest(self._open(name, session)), 204)

    def patch(self, name: str, session: str) -> Response:
        """Take the blob, or the next chunk of it."""
        state, chunk = self._open(name, session), self._chunk()
        with self.sending(state) as has:
            if chunk is None and not state.offset:
                # Perhaps not the first one from this URL. It is the whole blob all the same, so nothing is looked up.
                after = self.blob_writer.store_early(state, self.body())
            else:
                newest = self._newest(state, state.offset if chunk is None else chunk[0])
                after = self.blob_writer.append(newest, self._chunk_body(newest, chunk))
            has(after.offset)
        return self.accepted(after)

    def put(self, name: str, session: str) -> Response:
        """Take what is left of the blob, if anything, and make it one of the repository."""
        if "digest" not in self.request.args:
            raise RegistryError(Code.DIGEST_INVALID, "an upload is closed with ?digest=<digest> of the whole blob")
        digest = grammar.parse_digest(self.request.args["digest"])
        state, chunk = self._open(name, session), self._chunk()
        # What came before was let in, and is ended whatever came since.
        with self.sending(state) if self.request.content_length else nullcontext():
            if chunk is not None and chunk[0] != state.offset:
                state = self._newest(state, chunk[0])
            body = self._chunk_body(state, chunk)
            self.blob_writer.close(state, digest, body)
        return self.created(name, digest, state.offset + body.received, session=state)

    def delete(self, name: str, session: str) -> Response:
        """Give the upload up."""
        self.blob_writer.cancel(self.sessions.newest(self._open(name, session)))
        return Response(status=204)

    def _open(self, name: str, session: str) -> Session:
        return self.sessions.open(name, session, self.request.args.get("_state", ""), self.owner)

    def _newest(self, session: Session, first: int) -> Session:
        """The upload as it is now, if byte `first` comes next; raises RANGE_INVALID, which says where to go on."""
        newest = self.sessions.newest(session)
        if first != newest.offset:
            raise RegistryError(
                Code.RANGE_INVALID,
                f"the chunk starts at byte {first}, the next one of this upload is {newest.offset}",
                headers=self.progress(newest),
            )
        return newest

    def _chunk(self) -> tuple[int, int] | None:
        """The first and last byte that the client says it sends, where it calls that a chunk."""
        header = self.request.headers.get("Content-Range")
        try:
            return None if header is None else ranges.parse_chunk_range(header)
        except ValueError as error:
            raise RegistryError(Code.BLOB_UPLOAD_INVALID, str(error)) from None

    def _chunk_body(self, session: Session, chunk: tuple[int, int] | None) -> Body:
        """The request's body, as long as its chunk's range says."""
        return self.body(session.offset, chunk and chunk[1] + 1 - chunk[0])
