"""The storage driver interface: what a driver promises, and how one is found.

The first half is docker-registry-core's v1 interface. The second half is what
the OCI registry needs beyond it; each of those methods has a default that
works on any v1 driver, if slowly.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import json
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import docker_registry.drivers

from .exceptions import FileNotFoundError, NotImplementedError, UnspecifiedError, WrongArgumentsError
from .paths import Paths, check, filter_args
from .staging import CopyingStage, Stage
from .types import BytesRange, Entry, Part, Readable, Reader, Stat

__all__ = ["Base", "available", "check", "fetch", "filter_args"]


class Base(Paths):
    """One storage, seen as a tree of files.

    Paths are `/`-separated text without a leading slash; a leading one is
    ignored. A file is never seen half-written. Every method may raise
    `ConnectionError` when the storage cannot answer; `FileNotFoundError` means
    that the storage answered that nothing is there.

    `path` is the root below which this driver stays; `config` has the
    registry's settings as attributes, None where one is not set.
    """

    scheme: str
    buffer_size = 128 * 1024  # bytes that a registry passes on at a time
    supports_bytes_range = False
    supports_callers = False  # whether it asks in the name of `concurrency.acting.current()`
    supports_expiry = False  # whether `overwrite_until` works

    def __init__(self, path: str | None = None, config: Any = None):
        pass

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        stat = cls.__dict__.get("stat")
        if stat is not None and not _takes_newest(stat):
            cls.stat = _ignoring_newest(stat)  # type: ignore[method-assign]

    # The v1 interface.

    def get_content(self, path: str) -> bytes:
        """The whole of a small file."""
        raise self._missing("get_content")

    def put_content(self, path: str, content: bytes) -> str:
        """Write or replace a small file; returns `path`."""
        raise self._missing("put_content")

    def stream_read(self, path: str, bytes_range: BytesRange | None = None) -> Iterator[bytes]:
        """Generate a file's bytes; errors come when it is first advanced."""
        raise self._missing("stream_read")

    def stream_write(self, path: str, fp: Readable) -> None:
        """Write or replace a file with all that `fp` has; `fp` is read once."""
        raise self._missing("stream_write")

    def list_directory(self, path: str | None = None) -> Iterator[str]:
        """Generate the full paths of a folder's files and folders, one level deep.

        Raises FileNotFoundError, when first advanced, for an empty folder.
        """
        raise self._missing("list_directory")

    def exists(self, path: str) -> bool:
        """Whether a file, or a folder with anything in it, has this path."""
        raise self._missing("exists")

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is below it."""
        raise self._missing("remove")

    def get_size(self, path: str) -> int:
        """A file's size in bytes."""
        raise self._missing("get_size")

    def content_redirect_url(self, path: str) -> str | None:
        """A URL from which a client may GET the file for a while, or None."""
        return None

    def get_bytes(self, path: str) -> bytes:
        return self.get_content(path)

    def put_bytes(self, path: str, content: bytes) -> str:
        return self.put_content(path, content)

    def get_unicode(self, path: str) -> str:
        return self.get_bytes(path).decode("utf8")

    def put_unicode(self, path: str, content: str) -> str:
        return self.put_bytes(path, content.encode("utf8"))

    def get_json(self, path: str) -> Any:
        return json.loads(self.get_unicode(path))

    def put_json(self, path: str, content: Any) -> str:
        return self.put_unicode(path, json.dumps(content))

    def is_private(self, namespace: str, repository: str) -> bool:
        return self.exists(self.private_flag_path(namespace, repository))

    # Beyond v1.

    def time_limit(self, seconds: float) -> AbstractContextManager[None]:
        """Within this block, calls of this thread or greenlet may wait for the storage for so long, all together.

        After it they raise UnreachableError. A stream that moves on has so much
        time again. A driver that does not know how long it waits ignores this.
        """
        return nullcontext()

    def figures(self) -> Iterable[tuple[tuple[str, ...], float]]:
        """What this driver counted so far and holds now, for whoever watches the process.

        Each number has a name and the values of its labels; which there are is the driver's own.
        """
        return ()

    def overwrite(self, path: str, content: bytes) -> None:
        """Write or replace a small file that never was a large one.

        Cheaper than `put_content` where a large file leaves parts to look for.
        """
        self.put_content(path, content)

    def overwrite_once(self, path: str, content: bytes) -> None:
        """As `overwrite`, by one request that is not sent again whatever comes of it.

        After any error nobody knows whether the file is still written, some time later.
        """
        raise self._missing("overwrite_once")

    def overwrite_until(self, path: str, content: bytes, expires: float) -> None:
        """As `overwrite`, of a file that is gone for every reader from a time on (seconds since the epoch).

        Writing it again by any method forgets that time. Listings may show the
        file a while longer, with the time in `Entry.expires`. Only for drivers
        that have `supports_expiry`.
        """
        raise self._missing("overwrite_until")

    def remove_small(self, path: str) -> None:
        """Remove a small file that never was a large one; raises FileNotFoundError where it is not there.

        Cheaper than `remove` where a large file leaves parts to look for. A folder of that name stays.
        """
        self.stat(path)  # `remove` would take a folder along with all that is in it
        self.remove(path)

    def get_newest(self, path: str) -> bytes:
        """The whole of a small file that others may replace or remove at any time, as it is now.

        No cache answers, and of several replicas the newest, where the storage
        can tell. On a storage that always answers so, it is `get_content`.
        """
        return self.get_content(path)

    def get_aged(self, path: str) -> tuple[bytes, float | None]:
        """What `get_newest` gives, and how many seconds ago it was written: both times by the storage's own clock.

        None where the storage cannot tell, or is not asked for the newest;
        then nobody may remove anything by it.
        """
        return self.get_newest(path), None

    def stat(self, path: str, newest: bool = False) -> Stat:
        """Size and age of a file (not of a folder).

        `newest` asks as `get_newest` does: for an answer that something is kept
        or removed by. A driver whose `stat` lacks the argument is asked without it.
        """
        size = self._size(path)
        with self._opened(path, size, (0, 0) if size else None):
            return Stat(size, None)

    def open(self, path: str, bytes_range: BytesRange | None = None) -> Reader:
        """Open a file for reading; unlike `stream_read`, errors come at once.

        Raises WrongArgumentsError for a range of which the file has no byte.
        """
        return self._opened(path, self._size(path), bytes_range)

    def _size(self, path: str) -> int:
        return int(self.get_size(path))  # drivers of 2014 may say it as text

    def _opened(self, path: str, size: int, bytes_range: BytesRange | None) -> Reader:
        first, last = (0, size - 1) if bytes_range is None else resolve_range(bytes_range, size)
        chunks = iter(self.stream_read(path) if bytes_range is None else self._read_range(path, first, last))
        # In a file system a folder has a size too; that it is none shows when it is read.
        begun = next(chunks, b"")
        close = getattr(chunks, "close", lambda: None)
        return Reader(size, last + 1 - first, itertools.chain((begun,), chunks), close)

    def open_for_client(self, path: str, bytes_range: BytesRange | None = None) -> Reader:
        """The same, for a reader that goes at a client's pace.

        A driver may have few to give, and refuse one with UnreachableError
        sooner than it refuses anything else.
        """
        return self.open(path, bytes_range)

    def _read_range(self, path: str, first: int, last: int) -> Iterator[bytes]:
        if self.supports_bytes_range:
            yield from self.stream_read(path, (first, last))
            return
        position = 0
        for chunk in self.stream_read(path):
            piece = chunk[max(first - position, 0) : last + 1 - position]
            if piece:
                yield piece
            position += len(chunk)
            if position > last:
                return

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        """Every file below a folder, however deep, in the order of whole names; nothing for an empty folder."""
        try:
            children = list(self.list_directory((path or "").strip("/") or None))
        except FileNotFoundError:
            return
        # A file may have a folder of its name beside it, whose files come where the slash stands in the order.
        for _, child, is_folder in sorted((child + "/" * each, child, each) for child in children for each in (0, 1)):
            if is_folder:
                yield from self.walk(child)
                continue
            try:
                stat = self.stat(child)
            except FileNotFoundError:
                continue
            yield Entry(child, stat.size, stat.modified)

    def prove_walk(self) -> Iterator[Entry]:
        """Every file of the storage once more, for whoever is about to remove what no file was seen to need.

        A storage whose listings may be cut asks by another way than `walk`. Raises BrokenError at its end where it
        is not proven that this was all.
        """
        return self.walk()

    def list_prefixes(self, path: str, delimiter: str = "/", after: str = "", page: int | None = None) -> Iterator[str]:
        """The distinct beginnings, up to `delimiter`, of the paths below a folder.

        Relative to the folder, without the delimiter. The order is that of
        prefix + delimiter in UTF-8; only prefixes behind `after` in that order
        are promised, earlier ones may come too. A path that lacks the delimiter
        is left out. `page` is how many the caller is likely to take: a storage
        may ask for so many at a time.

        With `delimiter="/_"`, the folders `a/_x`, `a/b/_y` and `a/b/_z` give
        `a` and `a/b`.
        """
        root = path.strip("/") + "/" if path.strip("/") else ""
        found = {
            relative.partition(delimiter)[0]
            for relative in (entry.path[len(root) :] for entry in self.walk(path))
            if delimiter in relative
        }
        yield from sorted(
            (prefix for prefix in found if prefix + delimiter > after),
            key=lambda prefix: (prefix + delimiter).encode("utf8"),
        )

    def walk_outside(self, path: str, inner: str, after: str = "", page: int | None = None) -> Iterator[Entry]:
        """The files below a folder whose path, relative to the folder, does not contain the text `inner`.

        For small files: what is said of the size of a large one may be that of
        something else. The order is that of `walk`; only files whose relative
        path is behind `after` are promised. What is left out costs little,
        however much it is. `page` is how many files, and groups left out, the
        caller is likely to take.

        With `inner="/b"`, of `a/c`, `a/b/x`, `a/b/y` and `d` come `a/c` and `d`.
        """
        root = path.strip("/") + "/" if path.strip("/") else ""
        for entry in self.walk(path):
            relative = entry.path[len(root) :]
            if inner not in relative and relative > after:
                yield entry

    def remove_many(self, paths: Iterable[str]) -> dict[str, UnspecifiedError]:
        """Remove files by exact name; returns those that could not be, and why.

        A file that is not there counts as removed.
        """
        failed: dict[str, UnspecifiedError] = {}
        for path in paths:
            try:
                self.stat(path)  # `remove` would take a folder along with all that is in it
                self.remove(path)
            except FileNotFoundError:
                pass
            except UnspecifiedError as error:
                failed[path] = error
        return failed

    def remove_once(self, path: str) -> None:
        """Ask the storage to remove a file, and do not ask again whatever comes of it. Parts that it has stay.

        FileNotFoundError means that it was not there; after any other error
        nobody knows whether it still goes.
        """
        raise self._missing("remove_once")

    def remove_each_once(self, paths: Iterable[str]) -> dict[str, UnspecifiedError]:
        """As `remove_once`, each of some files, in any order and by few requests; returns those that failed, and why.

        A file that is not there counts as removed.
        """
        failed: dict[str, UnspecifiedError] = {}
        for path in paths:
            try:
                self.remove_once(path)
            except FileNotFoundError:
                pass
            except UnspecifiedError as error:
                failed[path] = error
        return failed

    def stage(self, parts: Iterable[Part] = ()) -> Stage:
        """Begin a two-step write, or go on with one from the parts it kept."""
        return CopyingStage(self, parts)

    def parts(self, path: str) -> list[Part] | None:
        """The segments that a large object consists of, in order; None for a plain file."""
        self.stat(path)
        return None

    def parts_prefix(self, path: str) -> str | None:
        """What the names of all its parts begin with, for a large object whose parts are found by that alone.

        None for any other file. Such a file has the parts that a listing shows
        now, so `parts` may lack some; a name with this prefix is never no one's.
        """
        self.stat(path)
        return None

    def walk_parts(self) -> Iterator[Entry]:
        """Every segment that the storage holds, owned or not; paths are names of parts."""
        return iter(())

    def remove_parts(self, names: Iterable[str]) -> dict[str, UnspecifiedError]:
        """Remove segments by name, which the caller knows to be no one's; see `remove_many`."""
        return self.remove_many(names)

    def _missing(self, method: str) -> NotImplementedError:
        return NotImplementedError(f"the storage driver {type(self).__name__} has no method {method}")


def _takes_newest(stat: Callable[..., Stat]) -> bool:
    parameters = inspect.signature(stat).parameters
    return "newest" in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def _ignoring_newest(stat: Callable[..., Stat]) -> Callable[..., Stat]:
    @functools.wraps(stat)
    def wrapper(self: Base, path: str, newest: bool = False) -> Stat:
        return stat(self, path)

    return wrapper


def resolve_range(bytes_range: BytesRange, size: int) -> tuple[int, int]:
    """The inclusive first and last byte that a range means in a file of `size` bytes.

    >>> resolve_range((None, 5), 100), resolve_range((90, 200), 100), resolve_range((7, None), 100)
    ((95, 99), (90, 99), (7, 99))
    """
    first, last = bytes_range
    if first is None:
        first, last = max(size - (last or 0), 0), size - 1
    elif last is None or last >= size:
        last = size - 1
    if first < 0 or first > last:
        raise WrongArgumentsError(f"the range {bytes_range} has no byte of a file of {size} bytes")
    return first, last


def fetch(name: str) -> type[Base]:
    """The driver class `Storage` of the module `docker_registry.drivers.<name>`."""
    full = f"docker_registry.drivers.{name}"
    try:
        storage: type[Base] = importlib.import_module(full).Storage
    except ImportError as error:
        if error.name == full:
            why = f"pip install docker-registry-driver-{name}, or choose one of: {', '.join(available())}"
        else:
            why = f"it is there, but cannot be imported: {error}"
        raise NotImplementedError(f"no storage driver {name!r}: {why}") from error
    storage.scheme = name
    return storage


def available() -> list[str]:
    """The names of all installed drivers."""
    return sorted(module.name for module in pkgutil.iter_modules(docker_registry.drivers.__path__))
