"""Style sheet, script and icon: read once, named by their content, so that browsers may keep them."""

from __future__ import annotations

import gzip
import hashlib
from importlib import resources
from typing import NamedTuple

__all__ = ["ADDRESSES", "File", "find"]

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


class File(NamedTuple):
    body: bytes
    packed: bytes  # the same by gzip; pages are not packed, which would let their secrets be guessed (BREACH)
    content_type: str


def _read() -> dict[str, File]:
    folder = resources.files(__package__) / "static"
    found = {}
    for file in folder.iterdir():
        kind = _TYPES.get(file.name.rpartition(".")[2])
        if kind:
            body = file.read_bytes()
            found[file.name] = File(body, gzip.compress(body, mtime=0), kind)
    return found


_FILES = _read()
# Name -> the last part of its address.
ADDRESSES = {
    name: "{0}.{2}.{1}".format(*name.rsplit(".", 1), hashlib.sha256(file.body).hexdigest()[:12])
    for name, file in _FILES.items()
}
_BY_ADDRESS = {address: _FILES[name] for name, address in ADDRESSES.items()}


def find(address: str) -> File | None:
    return _BY_ADDRESS.get(address)
