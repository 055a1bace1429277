"""Looking at a registry through its store: each question costs a bounded number of requests to the storage.

What was asked is remembered for seconds, beside and not among what serves
pulls, so that somebody who leafs through everything pushes nothing out of
there. Nothing here is a ground for writing or removing anything.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from docker_registry.concurrency.workers import gather
from docker_registry.core.exceptions import FileNotFoundError

from ..container import Containers
from ..model import grammar, layout
from ..model.digest import Digest
from ..model.manifest import Manifest, ManifestError
from ..storage import quota_book
from ..storage.cache import FOREVER, Cache
from ..storage.parsing import Parsing
from ..storage.quota_book import Count
from ..storage.store import DamagedError, Store
from .comparing import LayerFiles
from .images import Brief, Config, Details, Layer, Platform, brief_of, config_of, details_of
from .listing import Listing, Summary, Tag, list_repository, summarize
from .names import all_names
from .turns import Turns
from .untagged import Untagged
from .upkeep import look
from .usage import Usage, measure
from .v1_looking import OldLooker

__all__ = ["Found", "Looker", "Referrer", "Row"]

T = TypeVar("T")

_MEMORY = 24 * 1024 * 1024  # bytes of what is remembered here
_SUMMARY_TTL, _SEEN_TTL = 60.0, 15.0  # s
_LISTING_TTL, _NAMES_TTL = (5.0, 120.0), (15.0, 300.0)  # s, at least and at most ...
_USAGE_TTL = (60.0, 1800.0)
_QUOTAS_TTL = 30.0  # s
_UPKEEP_TTL = (15.0, 300.0)
_PAUSE = 20  # ... and in between so many times as long as it took
_MORE = 64  # requests for children and configs that one list of tags may add to those for its manifests
_ATTACHED = 32  # requests for what is attached to the manifests of one list of tags
_REFERRERS = 16  # read for one page
_CONFIG_MAX = 4 * 1024 * 1024  # bytes


class Timed(NamedTuple):
    """What was asked for, how long it took, and when it came (time.time)."""

    value: Any
    took: float
    came: float


class Row(NamedTuple):
    """One tag of a list. `brief` is None where `broken` says what is wrong."""

    tag: Tag
    digest: Digest | None
    brief: Brief | None
    size: int | None  # bytes of all it consists of, each once; None where that was too much to ask
    platforms: tuple[Platform, ...]
    same: tuple[str, ...]  # other tags of the same manifest
    attached: int
    attached_as: tuple[str, ...]  # what that is, each kind once
    unnamed: int  # of what is attached, so many were too much to look at
    broken: str = ""


class Found(NamedTuple):
    """What a tag or digest means."""

    digest: Digest
    manifest: Manifest


class Referrer(NamedTuple):
    digest: Digest
    brief: Brief | None
    artifact_type: str
    pushed: float | None


class Looker:
    """What the requests of one process share."""

    def __init__(self, containers: Containers, parsing: Parsing):
        self._containers = containers
        self._parsing = parsing
        self._cache = containers.apart(Cache(_MEMORY))
        self.files = LayerFiles(containers, self._cache)
        self.old = OldLooker(containers.default.driver, self._cache)

    def names(self) -> tuple[str, ...]:
        """All repositories: one request for each 10,000."""
        return self._paced("names", partial(all_names, self._containers), _NAMES_TTL).value  # type: ignore[no-any-return]

    def names_for(self, who: Hashable, may_see: Callable[[str], bool]) -> tuple[str, ...]:
        """Those that somebody may see; `who` is equal only for those who may see the same."""
        return self._remember(("names", who), lambda: tuple(_taking_turns(may_see, self.names())), _SEEN_TTL)

    def summaries(self, names: Sequence[str]) -> dict[str, Summary]:
        """One request for each that was not asked for in the last minute."""
        calls = [partial(self._summary, name) for name in names]
        return dict(zip(names, gather(calls), strict=True))

    def _summary(self, name: str) -> Summary:
        return self._remember(("summary", name), partial(summarize, self._store(name), name), _SUMMARY_TTL)

    def listing(self, name: str) -> Listing:
        """One request for each 10,000 rows."""
        ask = partial(list_repository, self._store(name), name)
        return self._paced(("listing", name), ask, _LISTING_TTL).value  # type: ignore[no-any-return]

    def usage(self) -> Timed:
        """What holds the bytes: one request for each 10,000 blobs and links, seldom."""
        return self._paced("usage", partial(measure, self._containers), _USAGE_TTL)

    def upkeep(self) -> Timed:
        """How far garbage collection and retention are: at most 6 requests for one container, seldom."""
        return self._paced("upkeep", partial(look, self._containers), _UPKEEP_TTL)

    def quotas(self) -> Count:
        """What was counted for quotas, by the name of each rule: one request, seldom."""
        return self._remember("quotas", self._read_quotas, _QUOTAS_TTL)

    def _read_quotas(self) -> Count:
        try:
            return quota_book.load(self._containers.default.driver)
        except quota_book.CountError:
            return Count()

    def known_usage(self) -> Usage | None:
        """The same as it was last seen here, if it was: for what is good to know and not worth asking."""
        known: Timed | None = self._cache.get("usage")
        return known.value if known else None

    def forget(self, name: str) -> None:
        """Somebody has just changed a repository through this process."""
        for key in ("names", ("summary", name), ("listing", name)):
            self._cache.forget(key)

    def rows(self, name: str, listing: Listing, tags: Sequence[Tag]) -> list[Row]:
        """Some tags with what they mean: a request for each manifest not seen yet, and at most 64 for their parts."""
        digests = gather([partial(self._meaning, name, tag) for tag in tags])
        briefs = dict(zip(digests, gather([partial(self._brief, name, digest) for digest in digests]), strict=True))
        parts = self._parts(name, [brief for brief in briefs.values() if isinstance(brief, Brief)])
        attached = {digest: listing.referrers.get(digest, ()) if digest else () for digest in briefs}
        referrers = self._attached(name, [each for found in attached.values() for each in found])
        same = defaultdict(list)
        for tag in listing.tags:
            same[tag.digest].append(tag.name)
        return [
            self._row(
                tag,
                digest,
                briefs[digest],
                parts,
                [referrers.get(each) for each in attached[digest]],
                [each for each in same[digest] if each != tag.name],
            )
            for tag, digest in zip(tags, digests, strict=True)
        ]

    def loose_rows(self, name: str, listing: Listing, found: Sequence[Untagged]) -> list[Row]:
        """The same for manifests without a tag; the tag of each row has no name."""
        return self.rows(name, listing, [Tag("", each.digest, each.pushed) for each in found])

    def known_children(self, name: str, listing: Listing) -> tuple[dict[Digest, tuple[Digest, ...]], int]:
        """What the indexes of a repository consist of, and how many of its manifests were not looked at for that.

        A request for each manifest not seen yet, 64 at most: those with a tag first, then the newest.
        """
        tagged = [tag.digest for tag in listing.tags if tag.digest is not None]
        rest = sorted(listing.revisions, key=lambda digest: -(listing.revisions[digest] or 0))
        every = list(dict.fromkeys((*tagged, *rest)))
        seen = [digest for digest in every if self._is_known(name, digest)]
        known = set(seen)
        asked = [digest for digest in every if digest not in known][:_MORE]
        briefs = gather([partial(self._child, name, digest) for digest in (*seen, *asked)])
        children = {
            digest: brief.children for digest, brief in zip((*seen, *asked), briefs, strict=True) if brief is not None
        }
        return {digest: below for digest, below in children.items() if below}, len(every) - len(seen) - len(asked)

    def _row(
        self,
        tag: Tag,
        digest: Digest | None,
        brief: Brief | str,
        parts: dict[Digest, Brief | Platform | None],
        referrers: list[Brief | None],
        same: list[str],
    ) -> Row:
        words = dict.fromkeys(referrer.kind.word for referrer in referrers if referrer)
        unnamed = referrers.count(None)
        others = tuple(same) if digest else ()
        if isinstance(brief, str):
            return Row(tag, digest, None, None, (), others, len(referrers), tuple(words), unnamed, brief)
        count = len(referrers) + bool(brief.attestations)
        if brief.attestations:
            words["Attestation"] = None
        platform = parts.get(brief.config) if brief.config else None
        platforms = (platform,) if isinstance(platform, Platform) and platform.architecture else brief.platforms
        return Row(tag, digest, brief, _whole_size(brief, parts), platforms, others, count, tuple(words), unnamed)

    def _meaning(self, name: str, tag: Tag) -> Digest | None:
        if tag.digest is not None:
            return tag.digest
        try:
            return self._store(name).tag(name, grammar.parse_tag(tag.name))
        except DamagedError:
            return None

    def _brief(self, name: str, digest: Digest | None) -> Brief | str:
        """A manifest in short, or what is wrong with it; remembered for ever, as a manifest is."""
        if digest is None:
            return "its link is gone or damaged"
        try:
            return self._remember(self._key("brief", name, digest), partial(self._read_brief, name, digest), FOREVER)
        except (DamagedError, ManifestError) as error:
            return str(error)
        except _MissingError:
            return "the manifest's data is not there"

    def _read_brief(self, name: str, digest: Digest) -> Brief:
        manifest = self._store(name).manifest(digest)
        if manifest is None:
            raise _MissingError
        with self._parsing.turn(len(manifest.body)):
            return brief_of(manifest)

    def _parts(self, name: str, briefs: Sequence[Brief]) -> dict[Digest, Brief | Platform | None]:
        """What is needed of children and configs, for as many of a list as the budget allows, the first ones first."""
        calls: dict[Digest, Callable[[], Brief | Platform | None]] = {}
        room = _MORE
        for brief in briefs:
            wanted: dict[Digest, Callable[[], Brief | Platform | None]] = {
                child: partial(self._child, name, child) for child in brief.children if child not in calls
            }
            if brief.config and brief.config not in calls:
                wanted[brief.config] = partial(self._platform, name, brief.config)
            cost = sum(1 for digest in wanted if not self._is_known(name, digest)) * (2 if brief.config else 1)
            if cost <= room:
                calls.update(wanted)
                room -= cost
        return dict(zip(calls, gather(calls.values()), strict=True))

    def _attached(self, name: str, referrers: Sequence[Digest]) -> dict[Digest, Brief | None]:
        """What is attached, for as much as was seen before or the budget allows."""
        every = list(dict.fromkeys(referrers))
        known = [digest for digest in every if self._is_known(name, digest)]
        looked_at = [*known, *[digest for digest in every if digest not in known][:_ATTACHED]]
        return dict(zip(looked_at, gather([partial(self._child, name, each) for each in looked_at]), strict=True))

    def _is_known(self, name: str, digest: Digest) -> bool:
        return any(self._cache.get(self._key(fact, name, digest)) is not None for fact in ("brief", "platform"))

    def _child(self, name: str, digest: Digest) -> Brief | None:
        brief = self._brief(name, digest)
        return brief if isinstance(brief, Brief) else None

    def _platform(self, name: str, config: Digest) -> Platform | None:
        try:
            key = self._key("platform", name, config)
            return self._remember(key, lambda: self._read_config(name, config, ()).platform, FOREVER)
        except (DamagedError, ManifestError, _MissingError):
            return None

    def find(self, name: str, reference: grammar.Tag | Digest) -> Found | None:
        """What a tag or digest means now, as it is pulled. Raises DamagedError and ManifestError."""
        store = self._store(name)
        if isinstance(reference, Digest):
            stored = store.revision(name, reference)
            manifest = store.manifest(stored) if stored else None
            return Found(stored, manifest) if stored and manifest else None
        meaning = store.tag(name, reference)
        found = store.tagged_manifest(name, meaning) if meaning else None
        return Found(found[0], found[1]) if found and found[1] else None

    def details(self, found: Found) -> Details:
        """Raises ManifestError."""
        with self._parsing.turn(len(found.manifest.body)):
            return details_of(found.digest, found.manifest)

    def config(self, name: str, details: Details) -> Config | str:
        """The config of an image or artifact, or why there is none to show: two requests, or none for one just seen."""
        if details.config is None:
            return ""
        if details.config_size > _CONFIG_MAX:
            return "The configuration is too large to be shown."
        try:
            return self._read_config(name, details.config, details.layers)
        except _MissingError:
            return "The configuration is not in the storage: this image does not pull."
        except DamagedError:
            return "The configuration's bytes are damaged: this image does not pull."
        except ManifestError:
            return "The configuration cannot be read as JSON."

    def _read_config(self, name: str, digest: Digest, layers: tuple[Layer, ...]) -> Config:
        stored = self._store(name).layer(name, digest)
        if stored is None:
            raise _MissingError
        body = self._remember(self._key("config", name, stored), partial(self._read_blob, name, stored), FOREVER)
        with self._parsing.turn(len(body)):
            return config_of(body, layers)

    def _read_blob(self, name: str, digest: Digest) -> bytes:
        path = layout.blob_data(digest)
        try:
            with self._store(name).driver.open(path) as reader:
                if reader.size > _CONFIG_MAX:
                    raise ManifestError(f"{digest} has {reader.size} bytes, too many for a config")
                body = b"".join(reader)
        except FileNotFoundError:
            raise _MissingError from None
        if Digest.of(body, digest.algorithm) != digest:
            raise DamagedError(f"the bytes of {path} do not have the digest in its name")
        return body

    def children(self, name: str, details: Details) -> dict[Digest, Brief | None]:
        """The images of an index, a request for each that was not seen yet, 64 at most."""
        digests = [child.digest for child in details.children if not child.attests][:_MORE]
        return dict(zip(digests, gather([partial(self._child, name, digest) for digest in digests]), strict=True))

    def referrers(self, name: str, listing: Listing, subject: Digest) -> tuple[list[Referrer], int]:
        """What is attached to a manifest, and how much more there is than is looked at."""
        known = [digest for digest in listing.referrers.get(subject, ()) if digest in listing.revisions]
        briefs = gather([partial(self._referrer, name, listing, digest) for digest in known[:_REFERRERS]])
        return briefs, max(len(known) - _REFERRERS, 0)

    def _referrer(self, name: str, listing: Listing, digest: Digest) -> Referrer:
        brief = self._child(name, digest)
        manifest = self._store(name).manifest(digest) if brief else None
        artifact_type = (manifest.artifact_type or "") if manifest else ""
        return Referrer(digest, brief, artifact_type[:200], listing.revisions.get(digest))

    def _paced(self, key: Hashable, ask: Callable[[], Any], bounds: tuple[float, float]) -> Timed:
        """What costs much is asked for seldom: whoever reloads a page must not keep a worker busy with it."""
        known: Timed | None = self._cache.get(key)
        least, most = bounds
        return self._remember(key, partial(_timed, ask), min(max(least, _PAUSE * known.took), most) if known else least)

    def _store(self, name: str) -> Store:
        return self._containers.of(name).store

    def _key(self, fact: str, name: str, digest: Digest) -> Hashable:
        """Containers know nothing of each other's contents."""
        return fact, self._containers.of(name).name, digest

    def _remember(self, key: Hashable, ask: Callable[[], T], max_age: float) -> T:
        return self._cache.fetch(key, ask, max_age)


def _taking_turns(keep: Callable[[str], bool], names: Sequence[str]) -> Iterator[str]:
    """Those to keep; rules take long for many names, and other requests of a worker must go on meanwhile."""
    turns = Turns()
    for name in names:
        turns.step()
        if keep(name):
            yield name


def _timed(ask: Callable[[], Any]) -> Timed:
    begun = time.monotonic()
    value = ask()
    return Timed(value, time.monotonic() - begun, time.time())


class _MissingError(Exception):
    """Something that a manifest names is not there."""


def _whole_size(brief: Brief, parts: dict[Digest, Brief | Platform | None]) -> int | None:
    """Bytes of everything, each blob once; None unless every child is known."""
    if brief.size is not None:
        return brief.size
    children = [parts.get(digest) for digest in brief.children]
    blobs: dict[str, int] = {}
    rest = 0
    for child in children:
        if not isinstance(child, Brief) or child.size is None:
            return None
        blobs.update(child.layers)
        rest += child.size - sum(size for _, size in child.layers)
    return rest + sum(blobs.values())
