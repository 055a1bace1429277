"""The reference driver: files in memory, gone with the process. For tests, and to read what a driver has to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from docker_registry.core import driver
from docker_registry.core.exceptions import FileNotFoundError, WrongArgumentsError
from docker_registry.core.types import BytesRange, Entry, Readable, Stat

__all__ = ["Storage"]


class _File(NamedTuple):
    content: bytes
    modified: float  # seconds since the epoch
    expires: float | None = None  # the same


class Storage(driver.Base):
    """Files below the root `path` of one memory; every new Storage has a memory of its own, see `beside`."""

    scheme = "memory"
    supports_bytes_range = True
    supports_expiry = True

    def __init__(self, path: str | None = None, config: Any = None):
        self._root = _folder(path or "")
        self._files: dict[str, _File] = {}
        self._lock = threading.Lock()
        self.clock = time.time  # seconds since the epoch

    def beside(self, path: str) -> Storage:
        """The same memory, seen from another root."""
        other = Storage(path)
        other._files, other._lock, other.clock = self._files, self._lock, self.clock
        return other

    def get_content(self, path: str) -> bytes:
        return self._file(path).content

    def put_content(self, path: str, content: bytes) -> str:
        self._put(path, _File(bytes(content), self.clock()))
        return path

    def overwrite_once(self, path: str, content: bytes) -> None:
        self.put_content(path, content)

    def overwrite_until(self, path: str, content: bytes, expires: float) -> None:
        self._put(path, _File(bytes(content), self.clock(), expires))

    def _put(self, path: str, file: _File) -> None:
        with self._lock:
            self._files[self._name(path)] = file

    def stream_read(self, path: str, bytes_range: BytesRange | None = None) -> Iterator[bytes]:
        content = self.get_content(path)
        first, last = (0, len(content) - 1) if bytes_range is None else driver.resolve_range(bytes_range, len(content))
        for start in range(first, last + 1, self.buffer_size):
            yield content[start : min(start + self.buffer_size, last + 1)]

    def stream_write(self, path: str, fp: Readable) -> None:
        self._name(path)
        self.put_content(path, b"".join(iter(lambda: fp.read(self.buffer_size), b"")))

    def list_directory(self, path: str | None = None) -> Iterator[str]:
        folder = self._root + _folder(path or "")
        # The slashes with which a name goes on belong to it: `a//b` is a child of `a`.
        children = set()
        for name in self._below(folder):
            inner = name[len(folder) :].lstrip("/")
            if inner:
                children.add(name[: len(name) - len(inner)] + inner.partition("/")[0])
        if not children:
            raise FileNotFoundError(f"{path}: nothing is there")
        yield from (child[len(self._root) :] for child in sorted(children))

    def exists(self, path: str) -> bool:
        if self._file_or_none(self._root + path.lstrip("/")):
            return True
        folder = self._root + _folder(path)
        with self._lock:
            return any(name.startswith(folder) for name in self._files)

    def remove(self, path: str) -> None:
        name, folder = self._name(path), self._root + _folder(path)
        there = self._file_or_none(name)
        with self._lock:
            doomed = [name] if there else [each for each in self._files if each.startswith(folder)]
            for each in doomed:
                del self._files[each]
        if not doomed:
            raise FileNotFoundError(f"{path}: nothing is there")

    def get_size(self, path: str) -> int:
        return len(self._file(path).content)

    def get_aged(self, path: str) -> tuple[bytes, float | None]:
        file = self._file(path)
        return file.content, self.clock() - file.modified

    def remove_once(self, path: str) -> None:
        self._file(path)
        self.remove(path)

    def stat(self, path: str, newest: bool = False) -> Stat:
        file = self._file(path)
        return Stat(len(file.content), file.modified)

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        for name in self._below(self._root + _folder(path or "")):
            file = self._files.get(name)
            if file is not None:
                yield Entry(name[len(self._root) :], len(file.content), file.modified, expires=file.expires)

    def _name(self, path: str) -> str:
        inner = path.lstrip("/")
        if not inner:
            raise WrongArgumentsError("the root of the storage is no file")
        return self._root + inner

    def _file(self, path: str) -> _File:
        file = self._file_or_none(self._name(path))
        if file is None:
            raise FileNotFoundError(f"{path}: nothing is there")
        return file

    def _file_or_none(self, name: str) -> _File | None:
        """A file whose time has come is listed, as Swift's are, until somebody asks for it."""
        with self._lock:
            file = self._files.get(name)
            if file is not None and file.expires is not None and file.expires <= self.clock():
                del self._files[name]
                return None
            return file

    def _below(self, folder: str) -> list[str]:
        with self._lock:
            return sorted(name for name in self._files if name.startswith(folder) and name != folder)


def _folder(path: str) -> str:
    """What the names of all files in a folder begin with."""
    inner = path.strip("/")
    return inner + "/" if inner else ""
