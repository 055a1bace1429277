"""In which files two images differ: their layers put on top of each other, then compared. In turns.

A layer takes a file away by an entry `.wh.NAME` (a whiteout), and all that lay in a folder below it by `.wh..wh..opq`.
Where the layers that both images begin with are not known, what one image alone says of a path stands against
whatever was there before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .tar import File, TooMuchError
from .turns import Turns

__all__ = ["FileChange", "FileChanges", "compare_files"]

_GONE = File("", "gone", 0, "", 0, "")
_UNKNOWN = File("", "", 0, "", 0, "")
_NODES = 200_000  # files and folders of one image: a path of few bytes may make hundreds, of 300 bytes each
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


class FileChange(NamedTuple):
    """One path that is not the same in both; a side where it is not is None."""

    path: str
    before: File | None
    after: File | None

    @property
    def word(self) -> str:
        return "changed" if self.before and self.after else "added" if self.after else "removed"

    @property
    def what(self) -> str:
        """What is not the same, of what was there and is."""
        if not self.before or not self.after:
            return ""
        names = ("kind", "mode", "owner", "content")
        return ", ".join(name for name in names if getattr(self.before, name) != getattr(self.after, name))


class FileChanges(NamedTuple):
    """Ordered by path. `is_exact`: the layers that both begin with were read too."""

    changes: tuple[FileChange, ...]
    more: int  # changes that are not among them
    added: int  # how many of all
    removed: int
    changed: int
    is_exact: bool


@dataclass(slots=True)
class _Node:
    """A path: what is there by the layers so far, and what is below it."""

    file: File | None = None
    below: dict[str, _Node] = field(default_factory=dict)
    hides: bool = False  # whatever earlier layers had below it


def compare_files(
    before: Sequence[Sequence[File]],
    after: Sequence[Sequence[File]],
    base: Sequence[Sequence[File]] | None,
    limit: int,
    turns: Turns,
) -> FileChanges:
    """`before` and `after` are the layers that follow those of `base`; None where those were not read.

    At most `limit` changes are kept. Times, extended attributes and folders for themselves do not count.
    Raises TooMuchError.
    """
    old, new = (_Tree(turns).stacked([*(base or ()), *layers]) for layers in (before, after))
    kept: list[FileChange] = []
    counts = dict.fromkeys(("added", "removed", "changed"), 0)
    for change in _changes(old, new, base is not None, turns):
        counts[change.word] += 1
        if len(kept) < limit:
            kept.append(change)
    more = sum(counts.values()) - len(kept)
    return FileChanges(tuple(kept), more, counts["added"], counts["removed"], counts["changed"], base is not None)


class _Tree:
    """What layers say, each over those before it."""

    def __init__(self, turns: Turns):
        self._turns = turns
        self._root = _Node()
        self._nodes = 0

    def stacked(self, layers: Sequence[Sequence[File]]) -> _Node:
        """Its root; raises TooMuchError."""
        for layer in layers:
            # A whiteout speaks of the layers below its own, wherever in the archive it stands.
            for file in layer:
                self._turns.step()
                folder, _, name = file.path.rpartition("/")
                if name.startswith(_WHITEOUT) and name != _WHITEOUT:
                    self._take_away(folder, name)
            for file in layer:
                self._turns.step()
                if not file.path.rpartition("/")[2].startswith(_WHITEOUT):
                    self._put(file)
        return self._root

    def _take_away(self, folder: str, whiteout: str) -> None:
        node = self._root
        for part in filter(None, folder.split("/")):
            node = self._below(node, part)
            if not _may_be_folder(node):
                return
        if whiteout == _OPAQUE:
            node.below.clear()
            node.hides = True
        else:
            gone = self._below(node, whiteout.removeprefix(_WHITEOUT))
            gone.below.clear()
            gone.file, gone.hides = _GONE, True

    def _put(self, file: File) -> None:
        node = self._root
        for part in file.path.split("/"):
            if not _may_be_folder(node):
                node.file = None
            node = self._below(node, part)
        if file.kind != "folder":
            node.below.clear()
            node.hides = True
        node.file = file

    def _below(self, node: _Node, part: str) -> _Node:
        self._turns.step()
        inner = node.below.get(part)
        if inner is None:
            self._nodes += 1
            if self._nodes > _NODES:
                raise TooMuchError("folders")
            inner = node.below[part] = _Node()
        return inner


def _may_be_folder(node: _Node | None) -> bool:
    return node is None or node.file is None or node.file.kind == "folder"


def _changes(old: _Node, new: _Node, is_exact: bool, turns: Turns) -> Iterator[FileChange]:
    """By path, without recursion: paths may be deep."""
    waiting: list[tuple[str, _Node | None, _Node | None, bool, bool]] = [("", old, new, False, False)]
    while waiting:
        turns.step()
        path, one, other, was_hidden, is_hidden = waiting.pop()
        before, after = _said(one, was_hidden), _said(other, is_hidden)
        if path:
            yield from _change(path, before, after, is_exact)
        was_hidden, is_hidden = was_hidden or _hides(one), is_hidden or _hides(other)
        if was_hidden != is_hidden and not is_exact and _may_be_folder(one) and _may_be_folder(other):
            all_of_it = f"{path}/*".lstrip("/")
            yield FileChange(all_of_it, None if was_hidden else _UNKNOWN, None if is_hidden else _UNKNOWN)
        one_below, other_below = one.below if one else {}, other.below if other else {}
        for name in turns.backwards({*one_below, *other_below}):
            inner = f"{path}/{name}" if path else name
            waiting.append((inner, one_below.get(name), other_below.get(name), was_hidden, is_hidden))


def _said(node: _Node | None, is_hidden: bool) -> File | None:
    """What the layers say of a path; None where they say nothing."""
    if node is not None and (node.file is not None or node.below):
        return node.file
    return _GONE if is_hidden else None


def _hides(node: _Node | None) -> bool:
    return node is not None and node.hides


def _change(path: str, before: File | None, after: File | None, is_exact: bool) -> Iterator[FileChange]:
    if is_exact:
        before, after = before or _GONE, after or _GONE
    if before != after:
        one, other = _side(before, after), _side(after, before)
        if {file.kind for file in (one, other) if file} - {"folder"}:
            yield FileChange(path, one, other)


def _side(file: File | None, opposite: File | None) -> File | None:
    """What is there by one image; where only the layers in both can tell what that is, a file of no kind."""
    if file is None and opposite is _GONE:
        return _UNKNOWN
    return None if file is _GONE else file
