"""`/v2/<name>/manifests/<reference>` (spec, "Pulling manifests", "Pushing Manifests", "Deleting Manifests")."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import http_date, parse_accept_header
from werkzeug.wrappers import Response

from .. import expiry
from ..errors import Code, RegistryError
from ..events import event
from ..model import grammar
from ..model.digest import Digest
from ..model.manifest import Manifest, ManifestError, default_image, parse_manifest
from ..resource import Resource
from ..storage import deletion, publishing, restoring
from ..storage.request_body import Body

__all__ = ["Manifests"]

logger = logging.getLogger(__name__)

_CHUNK = 64 * 1024  # bytes of a body read at a time
_TAGS_MAX = 100  # tags that one push sets; the spec wants 10


class Manifests(Resource):
    label = "manifest"

    def get(self, name: str, reference: str) -> Response:
        digest, manifest = self._find(name, reference)
        if self.request.if_none_match.contains_weak(str(digest)):
            return Response(status=304, headers=_headers(digest))
        if manifest is None:
            manifest = self._read(name, digest)
        if not self._accepts(manifest.media_type):
            digest, manifest = self._choose(name, reference, digest, manifest)
        self._tell("pull", name, digest, manifest, "" if ":" in reference else reference)
        headers = {**_headers(digest), "Vary": "Accept"}
        return Response(manifest.body, headers=headers, content_type=manifest.media_type)

    def put(self, name: str, reference: str) -> Response:
        with self.context.manifest_memory.hold() as take:
            return self._put(name, grammar.parse_reference(reference), self._body(take))

    def _put(self, name: str, target: grammar.Tag | Digest, body: bytes) -> Response:
        try:
            with self.context.parsing.turn(len(body)):
                manifest = parse_manifest(body, self.request.headers.get("Content-Type", ""))
        except ManifestError as error:
            raise RegistryError(Code.MANIFEST_INVALID, str(error)) from None
        if isinstance(target, Digest):
            digest, tags = target, self._tags()
            _check_digest(digest, body)
        else:
            digest, tags = Digest.of(body), [target]
        expires = self.publish(name, digest, manifest, tags)
        response = Response(status=201, headers=_headers(digest))
        response.headers["Location"] = self.url(f"/v2/{name}/manifests/{digest}")
        if manifest.subject:
            response.headers["OCI-Subject"] = str(manifest.subject)
        if tags and isinstance(target, Digest):
            response.headers["OCI-Tag"] = ", ".join(tags)
        if expires:
            response.headers["X-Expires-At"] = http_date(min(expires.values()))
        return response

    def publish(
        self, name: str, digest: Digest, manifest: Manifest, tags: Sequence[grammar.Tag]
    ) -> dict[grammar.Tag, float]:
        """Store a manifest and let tags mean it; when those vanish that do.

        Raises DENIED for an immutable tag or more tags than a quota allows, and what `publishing.publish` does.
        """
        self._refuse_to_move(name, tags, digest)
        expires = self.context.expiry.ends(self.store, name, tags, manifest, self._asked_by_header)
        with self._tagging(name, tags):
            publishing.publish(self.store, name, digest, manifest, tags, expires)
        self.audit(f"pushed {name}@{digest}" + "".join(f", {name}:{tag}" for tag in tags), name, "push")
        for tag in tags or ("",):
            self._tell("push", name, digest, manifest, tag)
        return expires

    def restore(self, name: str, tag: grammar.Tag, digest: Digest) -> None:
        """Let a tag mean a manifest again that it meant before; raises as `publish`, and MANIFEST_UNKNOWN."""
        manifest = self._read(name, digest)
        self._refuse_to_move(name, [tag], digest)
        ends = partial(self.context.expiry.ends, self.store, name, [tag])
        with self._tagging(name, [tag]):
            restoring.restore(self.store, name, tag, digest, ends)
        self.audit(f"restored {name}:{tag} to {digest}", name, "push")
        self._tell("push", name, digest, manifest, tag)

    def delete(self, name: str, reference: str) -> Response:
        if not self.settings.delete_enabled:
            raise RegistryError(
                Code.METHOD_UNSUPPORTED, "deleting is disabled in this registry", headers={"Allow": "GET, HEAD, PUT"}
            )
        target = self._known(name, reference)
        self._refuse_to_delete(name, target)
        if isinstance(target, Digest):
            untagged = deletion.delete_manifest(self.store, name, target)
        else:
            untagged = [target] if deletion.delete_tag(self.store, name, target) else None
        if untagged is None:
            raise _unknown(name, reference)
        self.audit(f"deleted {name}{'@' if isinstance(target, Digest) else ':'}{target}", name, "delete")
        if isinstance(target, Digest):
            self.tell("delete", event.of_removed(name, target))
        for tag in untagged:
            self.tell("delete", event.of_tag(name, tag))
        return Response(status=202)

    def _tell(self, action: str, name: str, digest: Digest, manifest: Manifest, tag: str) -> None:
        events = self.context.events
        if events.is_on:
            url = self.whole_url(f"/v2/{name}/manifests/{digest}")
            self.tell(action, event.of_manifest(name, digest, manifest, url, tag, events.references))

    def _refuse_to_move(self, name: str, tags: Sequence[str], digest: Digest) -> None:
        """Raises DENIED for an immutable tag that means another manifest."""
        for tag in tags:
            if self.gate.policy.is_immutable(name, tag) and self.store.tag(name, tag) not in (None, digest):
                raise self._immutable(name, tag)

    @contextmanager
    def _tagging(self, name: str, tags: Sequence[grammar.Tag]) -> Iterator[None]:
        quotas = self.context.quotas
        with self.written_down("quotas"), quotas.tagging(name, tags, lambda tag: self.store.tag(name, tag) is not None):
            yield

    def _asked_by_header(self) -> float | None:
        """Raises REQUEST_INVALID for a header that says no time."""
        text = self.request.headers.get(expiry.HEADER)
        seconds = None if text is None else expiry.parse_time(text)
        if text is not None and seconds is None:
            raise RegistryError(Code.REQUEST_INVALID, f"{expiry.HEADER} must be a time such as 12h, 7d or 2w")
        return seconds

    def _refuse_to_delete(self, name: str, target: grammar.Tag | Digest) -> None:
        """Raises DENIED for an immutable tag, and for the manifests that one needs."""
        if not self.gate.policy.has_immutable_tags(name):
            return
        if not isinstance(target, Digest):
            if self.gate.policy.is_immutable(name, target) and self.store.tag(name, target) is not None:
                raise self._immutable(name, target)
            return
        for tag in deletion.tags(self.store, name):
            if self.gate.policy.is_immutable(name, tag) and target in self._needed_by(name, tag):
                raise self._immutable(name, tag)

    def _needed_by(self, name: str, tag: str) -> set[Digest]:
        """The manifests that a tag's image consists of."""
        meaning = self.store.tag(name, tag)
        manifest = None if meaning is None else self.store.manifest(meaning)
        children = [reference.digest for reference in manifest.references if reference.manifest] if manifest else []
        return {digest for digest in (meaning, *children) if digest is not None}

    def _immutable(self, name: str, tag: str) -> RegistryError:
        return self.denied(f"{name}:{tag} is immutable: it is neither moved nor deleted", "immutable")

    def _known(self, name: str, reference: str) -> grammar.Tag | Digest:
        """What has no proper name cannot be there: 404 rather than 400, as the spec's conformance suite has it."""
        try:
            return grammar.parse_reference(reference)
        except RegistryError as error:
            raise _unknown(name, reference, str(error)) from None

    def _find(self, name: str, reference: str) -> tuple[Digest, Manifest | None]:
        """Under which digest a manifest is stored, and the manifest where it was read already."""
        target = self._known(name, reference)
        if isinstance(target, Digest):
            stored = self.store.revision(name, target)
            if stored is None:
                raise _unknown(name, reference)
            return stored, None
        meaning = self.store.tag(name, target)
        if meaning is None:
            raise _unknown(name, reference)
        with self._served(name, meaning):
            found = self.store.tagged_manifest(name, meaning)
        if found is None:
            raise _unknown(name, reference, f"{name}:{reference} was {meaning}, which {name} has no more")
        return found

    def _read(self, name: str, digest: Digest) -> Manifest:
        with self._served(name, digest):
            manifest = self.store.manifest(digest)
        if manifest is None:
            logger.warning("%s has a link to the manifest %s, whose data is gone", name, digest)
            raise _unknown(name, str(digest))
        return manifest

    @contextmanager
    def _served(self, name: str, digest: Digest) -> Iterator[None]:
        """What is no manifest that is served here is not there."""
        try:
            yield
        except ManifestError as error:
            logger.warning("%s in %s cannot be served: %s", digest, name, error)
            raise _unknown(name, str(digest), str(error)) from None

    def _accepts(self, media_type: str) -> bool:
        return _takes(self.request.headers.get("Accept", ""), media_type)

    def _choose(self, name: str, reference: str, digest: Digest, manifest: Manifest) -> tuple[Digest, Manifest]:
        """What a client gets that does not take the manifest itself; raises MANIFEST_UNKNOWN.

        Old clients know no lists: of a Docker list, asked for by tag, they get
        the image for linux/amd64, as from Distribution.
        """
        default = default_image(manifest) if ":" not in reference else None
        if default is not None and self.store.revision(name, default) is not None:
            image = self._read(name, default)
            if self._accepts(image.media_type):
                return default, image
        raise RegistryError(
            Code.MANIFEST_UNKNOWN,
            f"the manifest is of type {manifest.media_type}, which the request's Accept does not list",
            {"name": name, "digest": str(digest), "mediaType": manifest.media_type},
        )

    def _tags(self) -> list[grammar.Tag]:
        """The tags that a push by digest sets; raises TOO_MANY_TAGS."""
        tags = dict.fromkeys(self.request.args.getlist("tag"))
        if len(tags) > _TAGS_MAX:
            raise RegistryError(Code.TOO_MANY_TAGS, f"one push may set {_TAGS_MAX} tags")
        return [grammar.parse_tag(tag) for tag in tags]

    def _body(self, take: Callable[[int], None]) -> bytes:
        """The request's body, of bounded size.

        Raises MANIFEST_TOO_LARGE, SIZE_INVALID for one that is cut, and what `take` does.
        """
        limit = self.settings.manifest_size_limit
        too_large = RegistryError(Code.MANIFEST_TOO_LARGE, f"a manifest may have {limit} bytes here", {"limit": limit})
        if (self.request.content_length or 0) > limit:
            raise too_large
        sent, body = Body(self.request), bytearray()
        while chunk := sent.read(_CHUNK):
            take(len(chunk))
            body += chunk
            if len(body) > limit:
                raise too_large
        return bytes(body)


@lru_cache(maxsize=128)  # clients of one kind all send the same, and it takes long to read
def _takes(accept: str, media_type: str) -> bool:
    """Whether a client takes a type; one that does not say takes all."""
    types = parse_accept_header(accept, MIMEAccept)
    return not types or types.quality(media_type) > 0


def _headers(digest: Digest) -> dict[str, str]:
    return {"Docker-Content-Digest": str(digest), "ETag": f'"{digest}"'}


def _check_digest(digest: Digest, body: bytes) -> None:
    actual = Digest.of(body, digest.algorithm)
    if actual != digest:
        raise RegistryError(
            Code.DIGEST_INVALID,
            f"the manifest's digest is {actual}, not {digest}",
            {"digest": str(digest), "actual": str(actual)},
        )


def _unknown(name: str, reference: str, why: str | None = None) -> RegistryError:
    message = why or f"{name} has no manifest {reference[:160]}"
    return RegistryError(Code.MANIFEST_UNKNOWN, message, {"name": name, "reference": reference[:160]})
