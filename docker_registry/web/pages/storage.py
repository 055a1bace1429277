"""What holds the bytes, and what deleting a repository would free."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from werkzeug.wrappers import Response

from docker_registry.distribution.auth.access import UPKEEP
from docker_registry.distribution.views.usage import ROWS

from .. import chores
from ..pictures import Tile, tiles
from ..rules import spoken
from ..visit import Visit
from ..words import lasting, number, size

__all__ = ["page"]

_SHOWN = 100  # repositories in the list
_TILES = 24  # in the picture
_LETTER = 8.6  # width of one in the picture
_WIDE, _TALL = (1000.0, 360.0), (400.0, 640.0)


class _Piece(NamedTuple):
    name: str  # "" for what is no single repository
    label: str
    bytes: int


class _Drawn(NamedTuple):
    piece: _Piece
    tile: Tile
    label: str  # "" where it does not fit
    size: str


class _Quota(NamedTuple):
    repositories: str
    what: str  # "bytes" or "tags"
    used: str
    limit: str
    share: float  # in percent


class _Map(NamedTuple):
    width: float
    height: float
    drawn: list[_Drawn]


def page(visit: Visit) -> Response:
    timed = visit.looker.usage()
    usage = timed.value
    seen, sees_all = visit.seen(usage)
    is_admin = sees_all and visit.context.gate.may(visit.caller, UPKEEP)
    upkeep = visit.looker.upkeep() if is_admin else None
    most = max((each.size for each in seen), default=0) or 1
    drawn = [(each.name, each.alone if sees_all else each.size) for each in seen]
    pieces = _pieces(drawn, usage.shared if is_admin else 0, usage.unused if is_admin else 0)
    return visit.page(
        "storage.html",
        section="storage",
        usage=usage,
        sees_all=sees_all,
        is_admin=is_admin,
        counted=timed.came,
        rows=[(each, round(100 * each.alone / most, 1), round(100 * each.size / most, 1)) for each in seen[:_SHOWN]],
        more=seen[_SHOWN:],
        limit=ROWS if sees_all and not usage.is_whole else 0,
        alone=sum(each.alone for each in seen),
        chores=chores.spoken(upkeep.value, upkeep.came, visit.context.settings) if upkeep else [],
        answered=upkeep,
        quotas=_quotas(visit) if is_admin else [],
        quotas_every=lasting(visit.context.settings.quotas.every),
        rules=spoken(visit.context.settings) if is_admin else [],
        maps=[_draw(pieces, *_WIDE), _draw(pieces, *_TALL)],
    )


def _quotas(visit: Visit) -> list[_Quota]:
    """What of each limit was used when that was last counted; no request where there are no rules."""
    rules = visit.context.settings.quotas.rules
    counted = visit.looker.quotas().used if rules else {}
    rows = []
    for rule in rules:
        used = counted.get(rule.name)
        if rule.bytes is not None:
            rows.append(_quota(rule.name, "bytes", used.bytes if used else None, rule.bytes, size))
        if rule.tags is not None:
            rows.append(_quota(rule.name, "tags", used.tags if used else None, rule.tags, number))
    return rows


def _quota(name: str, what: str, used: int | None, limit: int, spoken: Callable[[int], str]) -> _Quota:
    share = min(100.0, round(100 * (used or 0) / limit, 1)) if limit else 100.0
    return _Quota(name, what, "" if used is None else spoken(used), spoken(limit), share)


def _pieces(repositories: list[tuple[str, int]], shared: int, unused: int) -> list[_Piece]:
    """What the picture consists of, the largest first; of repositories' names and bytes, small ones are one piece."""
    pieces = [_Piece(name, name, size) for name, size in repositories[:_TILES]]
    rest = repositories[_TILES:]
    pieces += [
        _Piece("", f"{len(rest)} others", sum(size for _, size in rest)),
        _Piece("", "shared by several", shared),
        _Piece("", "used by none", unused),
    ]
    return sorted((piece for piece in pieces if piece.bytes), key=lambda piece: -piece.bytes)


def _draw(pieces: list[_Piece], width: float, height: float) -> _Map:
    drawn = []
    for piece, tile in zip(pieces, tiles([piece.bytes for piece in pieces], width, height), strict=True):
        text = size(piece.bytes)
        label = _fitting(piece.label, tile)
        has_room = label and tile.height > 50 and tile.width > _LETTER * len(text) + 16
        drawn.append(_Drawn(piece, tile, label, text if has_room else ""))
    return _Map(width, height, drawn)


def _fitting(label: str, tile: Tile) -> str:
    """As much of a name as fits, its end first; "" for too little room."""
    room = int((tile.width - 16) / _LETTER)
    if tile.height < 26 or room < 3:
        return ""
    short = label if len(label) <= room else label.rpartition("/")[2]
    return short if len(short) <= room else f"{short[: room - 1]}…"
