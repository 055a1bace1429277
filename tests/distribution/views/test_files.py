"""Layers as Python's own tarfile writes them, and what is in an image as a dictionary has it."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from collections.abc import Callable
from itertools import pairwise

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_registry.distribution.views.files import compare_files
from docker_registry.distribution.views.tar import Allowance, File, TooMuchError, UnreadableError, files_in
from docker_registry.distribution.views.turns import Turns

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
LONG = "folder/" * 30 + "x" * 120
NAMES = st.sampled_from(["a", "b", "c", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
# A layer: paths with contents, and paths that it takes away.
LAYERS = st.tuples(st.dictionaries(PATHS, st.sampled_from([b"1", b"22", b""]), max_size=5), st.sets(PATHS, max_size=3))


def member(
    name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **more: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def archive(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as written:
        for info, data in members:
            written.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(body: bytes, step: int = 1000, **allowed: int) -> list[File]:
    pieces = (body[start : start + step] for start in range(0, len(body), step))
    return list(files_in(pieces, Allowance(**allowed), Turns()))


MEMBERS = (
    member("./usr/", tarfile.DIRTYPE, mode=0o755),
    member("usr/bin/app", data=b"x" * 1500, mode=0o755, uid=1000, gid=70_000),
    member(f"{LONG}é", data=b"long"),
    member("lib", tarfile.SYMTYPE, linkname="usr/lib"),
    member("app", tarfile.LNKTYPE, linkname=f"usr/{'y' * 200}"),
    member("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
    member("pipe", tarfile.FIFOTYPE),
    member("empty"),
)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("step", [1, 511, 512, 4096, 10**6])
def test_what_tarfile_writes_is_read(form: int, step: int) -> None:
    members = MEMBERS if form != tarfile.USTAR_FORMAT else [each for each in MEMBERS if len(each[0].linkname) < 100]
    members = [each for each in members if form != tarfile.USTAR_FORMAT or len(each[0].name) < 100]
    files = read(archive(*members, form=form), step)
    assert [(file.path, file.mode, file.owner, file.size) for file in files] == [
        (info.name.removeprefix("./").rstrip("/"), info.mode, f"{info.uid}:{info.gid}", info.size)
        for info, _ in members
    ]
    by_path = {file.path: file for file in files}
    assert (by_path["usr"].kind, by_path["lib"].kind, by_path["pipe"].kind) == ("folder", "link", "pipe")
    assert (by_path["lib"].content, by_path["null"].content) == ("usr/lib", "1:3")
    if form != tarfile.USTAR_FORMAT:
        assert by_path["app"].content == f"usr/{'y' * 200}"


@settings(max_examples=50)
@given(data=st.binary(max_size=3000), cuts=st.lists(st.integers(0, 12_000), max_size=4), step=st.integers(1, 5000))
@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_in_any_number_of_members(pack: Callable[[bytes], bytes], data: bytes, cuts: list[int], step: int) -> None:
    body = archive(member("one", data=data), member("two", data=data[::-1]))
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    packed = b"".join(pack(body[a:b]) for a, b in pairwise(places))
    assert read(packed, step) == read(body)
    assert read(packed + bytes(100), step) == read(body)


def windowed(log: int, body: bytes) -> bytes:
    """Packed with zstd, which has to remember so many bytes (as a power of two)."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
    return packer.compress(body) + packer.flush()


def test_what_is_no_archive_says_so() -> None:
    body = archive(member("one", data=random.Random(1).randbytes(5000)))
    packed = gzip.compress(body)
    wrong = {
        "too much memory": windowed(27, body),
        "no tar archive": b"something else " * 100,
        "ends too early": body[:3000],
        "do not unpack: Unable": b"\x28\xb5\x2f\xfd" + body,
        "do not unpack: Error": packed[:40] + bytes([packed[40] ^ 255]) + packed[41:],
    }
    for why, bytes_of_it in wrong.items():
        with pytest.raises(UnreadableError, match=why):
            read(bytes_of_it)
    for cut in (packed, zstd.compress(body)):
        with pytest.raises(UnreadableError, match="ends too early"):
            read(cut[: len(cut) // 2])
    skipped = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"  # as zstd:chunked has at its end
    assert (
        read(windowed(23, body))
        == read(zstd.compress(body) + skipped)
        == read(skipped + zstd.compress(body))
        == read(body)
    )
    assert read(b"") == []
    huge = bytearray(archive(*MEMBERS))
    for place in range(0, len(huge), 512):
        if huge[place + 156 : place + 157] == b"x" and huge[place + 257 : place + 262] == b"ustar":
            header = huge[place : place + 512]
            header[124:136] = b"77777777777\0"
            header[148:156] = b" " * 8
            header[148:156] = b"%06o\0 " % sum(header)
            huge[place : place + 512] = header
            with pytest.raises(UnreadableError, match="too large"):
                read(bytes(huge))
            return
    pytest.fail("tarfile wrote no extended header")


def test_no_more_is_read_than_is_allowed() -> None:
    body = archive(*(member(f"file{number}", data=b"x" * 600) for number in range(50)))
    packed = gzip.compress(body)
    zeros = archive(member("zeros", data=bytes(1 << 22)))
    for allowed in ({"packed": 100}, {"files": 49}, {"text": 100}, {"plain": 20_000}):
        with pytest.raises(TooMuchError):
            read(packed, **allowed)
    for pack in (gzip.compress, zstd.compress):
        with pytest.raises(TooMuchError, match="unpacked"):
            read(pack(zeros), plain=1 << 20)
        with pytest.raises(TooMuchError, match="files"):
            read(pack(b"") * 1000 + pack(body), files=500)


def put(state: dict[str, bytes], layer: tuple[dict[str, bytes], set[str]]) -> dict[str, bytes]:
    """A layer over what was there: what a container sees, by the words of the image spec."""
    files, gone = layer
    left = {path: data for path, data in state.items() if not any(below(path, each) for each in gone)}
    for path, data in files.items():
        left = {each: old for each, old in left.items() if not below(each, path) and not below(path, each)}
        left[path] = data
    return left


def below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def sound(layer: tuple[dict[str, bytes], set[str]]) -> tuple[dict[str, bytes], set[str]]:
    """Without files below files, which no file system has."""
    files, gone = layer
    kept = {path: data for path, data in files.items() if not any(path != each and below(path, each) for each in files)}
    return kept, gone


def as_files(layer: tuple[dict[str, bytes], set[str]]) -> list[File]:
    files, gone = sound(layer)
    members = [member(path, data=data) for path, data in files.items()]
    for path in gone:
        folder, slash, name = path.rpartition("/")
        members.append(member(f"{folder}{slash}.wh.{name}"))
    return read(archive(*members))


def states(layers: list[tuple[dict[str, bytes], set[str]]]) -> dict[str, bytes]:
    state: dict[str, bytes] = {}
    for layer in layers:
        state = put(state, sound(layer))
    return state


@settings(max_examples=200, deadline=None)
@given(base=st.lists(LAYERS, max_size=2), old=st.lists(LAYERS, max_size=2), new=st.lists(LAYERS, max_size=2))
def test_differences_are_those_of_what_containers_see(base: list, old: list, new: list) -> None:
    before, after = states([*base, *old]), states([*base, *new])
    differ = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    layers = [[as_files(layer) for layer in part] for part in (old, new, base)]
    exact = compare_files(*layers, limit=1000, turns=Turns())
    assert {change.path for change in exact.changes} == differ
    assert exact.added == len([path for path in differ if path not in before])
    assert exact.removed == len([path for path in differ if path not in after])
    # Without the layers of both nothing is missed, but files that become folders of what is named.
    alone = {change.path for change in compare_files(layers[0], layers[1], None, limit=1000, turns=Turns()).changes}
    named = {path.removesuffix("/*") for path in alone}
    assert all(any(below(path, each) or below(each, path) for each in named) for path in differ)


def test_a_folder_that_is_emptied_and_what_counts_as_a_change() -> None:
    base = [read(archive(member("etc/a", data=b"1"), member("etc/b", data=b"2"), member("run", data=b"3")))]
    new = [read(archive(member("etc/.wh..wh..opq"), member("etc/b", data=b"2", mode=0o600), member(".wh.run")))]
    found = compare_files([], new, base, 10, Turns())
    assert [(change.word, change.path, change.what) for change in found.changes] == [
        ("removed", "etc/a", ""),
        ("changed", "etc/b", "mode"),
        ("removed", "run", ""),
    ]
    alone = compare_files([], new, None, 2, Turns())
    assert [(change.word, change.path) for change in alone.changes] == [("removed", "etc/*"), ("added", "etc/b")]
    assert (alone.more, alone.removed, alone.is_exact) == (1, 2, False)
    touched = [read(archive(member("etc/a", data=b"1", mtime=5), member("etc", tarfile.DIRTYPE, mode=0o700)))]
    assert compare_files([], touched, base, 10, Turns()).changes == ()
