"""Reading the layers in which two images differ, as far as that is cheap, one comparison at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from docker_registry.core.exceptions import FileNotFoundError

from ..container import Containers
from ..model import layout
from ..model.digest import Digest, DigestError
from ..storage.cache import Memory
from .files import FileChanges, compare_files
from .images import Details, Layer
from .tar import Allowance, File, TooMuchError, UnreadableError, files_in
from .turns import Turns

__all__ = ["LayerFiles", "NotComparedError"]

_CHANGES = 500  # kept of one comparison
_LAYERS = 32  # read for one comparison, two requests each
_PATIENCE = 5.0  # s that one waits for another's comparison

Image = tuple[str, Details]  # in which repository, and what it consists of


class NotComparedError(Exception):
    """Files cannot be compared; the text says why, for people."""


class LayerFiles:
    """What the requests of one process share. `allowance` says what one comparison may read."""

    def __init__(
        self, containers: Containers, cache: Memory, allowance: Allowance | None = None, limit: int = _CHANGES
    ):
        self._containers = containers
        self._cache = cache
        self._allowance = allowance or Allowance()
        self._limit = limit
        self._turn = threading.Lock()

    def too_much(self, before: Details, after: Details) -> str:
        """Why the layers that differ are not read; "" where they are."""
        _, old, new = _parted(before.layers, after.layers)
        size = sum(layer.size for layer in (*old, *new))
        if before.more_layers or after.more_layers or len(old) + len(new) > _LAYERS:
            return f"The images differ in too many layers: at most {_LAYERS} are read."
        if size > self._allowance.packed:
            most = self._allowance.packed // (1024 * 1024)
            return f"The layers that differ have {size / 1e6:,.0f} MB: at most {most} MiB are read for this."
        return ""

    def compare(self, before: Image, after: Image) -> FileChanges:
        """From one image to another; two requests for each layer that is read. Raises NotComparedError."""
        why = self.too_much(before[1], after[1])
        if why:
            raise NotComparedError(why)
        key = ("files", *(_key(image) for image in (before, after)))
        known: FileChanges | None = self._cache.get(key)
        if known is not None:
            return known
        if not self._turn.acquire(timeout=_PATIENCE):
            raise NotComparedError("Other images are being compared just now: try again in a moment.")
        try:
            changes = self._compare(before, after)
        except TooMuchError as error:
            raise NotComparedError(f"The layers that differ have too many {error} to be read for this.") from None
        finally:
            self._turn.release()
        self._cache.put(key, changes)
        return changes

    def _compare(self, before: Image, after: Image) -> FileChanges:
        left, turns = replace(self._allowance), Turns()
        base, old, new = _parted(before[1].layers, after[1].layers)
        one, other = self._read_all(before[0], old, left, turns), self._read_all(after[0], new, left, turns)
        below = self._base(before[0], base, len(old) + len(new), left, turns)
        return compare_files(one, other, below, self._limit, turns)

    def _base(
        self, name: str, layers: Sequence[Layer], others: int, left: Allowance, turns: Turns
    ) -> list[list[File]] | None:
        """The layers that both begin with; None where they are too much, which is no fault."""
        if sum(layer.size for layer in layers) > left.packed or len(layers) + others > _LAYERS:
            return None
        try:
            return self._read_all(name, layers, left, turns)
        except (TooMuchError, NotComparedError):
            return None

    def _read_all(self, name: str, layers: Sequence[Layer], left: Allowance, turns: Turns) -> list[list[File]]:
        return [self._read(name, layer, left, turns) for layer in layers]

    def _read(self, name: str, layer: Layer, left: Allowance, turns: Turns) -> list[File]:
        called = f"The layer {layer.digest.rpartition(':')[2][:12]}"
        store = self._containers.of(name).store
        try:
            stored = store.layer(name, Digest.parse(layer.digest))
            if stored is None:
                raise NotComparedError(f"{called} is not in the storage.")
            with store.driver.open(layout.blob_data(stored)) as reader:
                return list(files_in(reader, left, turns))
        except DigestError:
            raise NotComparedError(f"{called} has a digest that cannot be read.") from None
        except FileNotFoundError:
            raise NotComparedError(f"{called} is not in the storage.") from None
        except UnreadableError as error:
            raise NotComparedError(f"{called} {error}.") from None


def _parted(
    before: Sequence[Layer], after: Sequence[Layer]
) -> tuple[Sequence[Layer], Sequence[Layer], Sequence[Layer]]:
    """The layers that both begin with, and those that follow in each."""
    same = len(list(takewhile(lambda pair: pair[0].digest == pair[1].digest, zip(before, after, strict=False))))
    return before[:same], before[same:], after[same:]


def _key(image: Image) -> tuple[str, tuple[str, ...]]:
    return image[0], tuple(layer.digest for layer in image[1].layers)
