"""Style sheet, script and icon: read once, named by their content, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import NamedTuple

__all__ = ["ADDRESSES", "File", "find"]

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


class File(NamedTuple):
    body: bytes
    content_type: str


def _read() -> dict[str, File]:
    folder = resources.files(__package__) / "static"
    return {
        file.name: File(file.read_bytes(), _TYPES[file.name.rpartition(".")[2]])
        for file in folder.iterdir()
        if file.name.rpartition(".")[2] in _TYPES
    }


_FILES = _read()
# Name -> the last part of its address.
ADDRESSES = {
    name: "{0}.{2}.{1}".format(*name.rsplit(".", 1), hashlib.sha256(file.body).hexdigest()[:12])
    for name, file in _FILES.items()
}
_BY_ADDRESS = {address: _FILES[name] for name, address in ADDRESSES.items()}


def find(address: str) -> File | None:
    return _BY_ADDRESS.get(address)
