"""Other requests of a worker go on while layers are compared, whatever these are made of.

Calls are counted, not time.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest
from backports import zstd

from docker_registry.distribution.views import turns as turns_module
from docker_registry.distribution.views.files import compare_files
from docker_registry.distribution.views.tar import Allowance, File, TooMuchError, UnreadableError, files_in
from docker_registry.distribution.views.turns import Turns

MANY = 4000
MOST = 30_000  # calls of Python and C that may come between two turns: some 5 ms


class Watch:
    """How many calls were made between two turns at most, and how many turns there were."""

    def __init__(self) -> None:
        self.most = self.turns = self._calls = 0

    def breathe(self) -> None:
        self.turns += 1
        self.most = max(self.most, self._calls)
        self._calls = 0

    def _profile(self, frame: FrameType, event: str, arg: Any) -> None:
        if event in ("call", "c_call"):
            self._calls += 1

    def run(self, job: Callable[[], Any]) -> None:
        sys.setprofile(self._profile)
        try:
            job()
        finally:
            sys.setprofile(None)
            self.breathe()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(turns_module, "breathe", watch.breathe)
    return watch


def header(name: str, kind: bytes = b"0", size: int = 0) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.USTAR_FORMAT)


def sparse(blocks: int) -> bytes:
    """A header of GNU's sparse files, of which each following block says that another one follows."""
    first = bytearray(header("sparse", b"S"))
    first[482] = 1
    first[148:156] = b" " * 8
    first[148:156] = b"%06o\0 " % sum(first)
    return bytes(first) + (bytes(504) + b"\1" + bytes(7)) * blocks


def folders(count: int) -> bytes:
    """Each path of 100 folders that no other path has."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for number in range(count):
            archive.addfile(tarfile.TarInfo(f"{number}" + "/a" * 100))
    return out.getvalue()


FRAME = b"\x28\xb5\x2f\xfd\0\x68" + b"\1\0\0"  # empty, and asks for 8 MiB to remember
BODY = b"5 a=\n" * 100_000
LAYERS = {
    "headers": gzip.compress(b"".join(header(f"file{number}") for number in range(MANY))),
    "one header again and again": gzip.compress(header("same") * MANY),
    "long names of nothing": gzip.compress(header("long", b"L") * MANY),
    "global headers": header("global", b"g") * MANY,
    "records": header("records", b"x", len(BODY)) + BODY + bytes(-len(BODY) % 512) + header("file"),
    "sparse blocks": sparse(MANY),
    "members of gzip": gzip.compress(b"") * MANY,
    "frames of zstd": FRAME * MANY,
    "skipped frames of zstd": FRAME + b"\x50\x2a\x4d\x18\0\0\0\0" * MANY,
    "folders": folders(300),
    "zeros": gzip.compress(header("zeros", size=1 << 24) + bytes(1 << 24)),
    "packed bytes of nothing": b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0\0\0\xff\xff" * 400_000,
    "zeros of zstd": zstd.compress(header("zeros", size=1 << 24) + bytes(1 << 24)),
    "blocks of nothing": b"\x28\xb5\x2f\xfd\0\0" + b"\0\0\0" * 1_000_000,
}


def look(layer: bytes) -> None:
    turns = Turns()
    files: list[File] = []
    with suppress(UnreadableError):  # some end too early
        files += files_in([layer], Allowance(), turns)
    compare_files([], [files], [], 100, turns)


@pytest.mark.parametrize("name", LAYERS)
def test_others_have_their_turn(watch: Watch, name: str) -> None:
    watch.run(lambda: look(LAYERS[name]))
    assert watch.most < MOST
    assert watch.turns > 5


def test_a_turn_is_as_short_for_bytes(watch: Watch) -> None:
    look(LAYERS["zeros"])
    assert watch.turns >= 64
    watch.turns = 0
    look(LAYERS["packed bytes of nothing"])
    assert watch.turns >= 2_000_000 // (256 * 1024)


def test_many_names_of_one_folder_are_ordered_in_turns(watch: Watch) -> None:
    names = [f"{number * 7919 % 10_007}" for number in range(10_000)]
    assert list(Turns().backwards(names)) == sorted(names, reverse=True)
    assert watch.turns >= 2 * (10_000 // 256)
    files = [File(name, "file", 0o644, "0:0", 0, "") for name in names]
    watch.turns = 0
    found = compare_files([], [files], [], 10_000, Turns())
    assert [change.path for change in found.changes] == sorted(names)
    assert watch.turns >= 5 * (10_000 // 256)


@pytest.mark.parametrize("name", ["headers", "long names of nothing", "global headers", "sparse blocks"])
def test_headers_of_every_kind_count(name: str) -> None:
    with pytest.raises(TooMuchError, match="files"):
        list(files_in([LAYERS[name]], Allowance(files=MANY - 1), Turns()))


def test_records_and_folders_are_bounded() -> None:
    with pytest.raises(TooMuchError, match="attributes"):
        list(files_in([LAYERS["records"]], Allowance(records=99_999), Turns()))
    files = list(files_in([folders(2100)], Allowance(), Turns()))
    with pytest.raises(TooMuchError, match="folders"):
        compare_files([], [files], [], 10, Turns())
