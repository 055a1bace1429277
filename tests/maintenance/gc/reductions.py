"""Which states of `model` are one for the search, since they differ in nothing that can ever matter.

`plain` forms are needed for the search to end at all. Each of the others says why it leaves nothing out;
`test_model.py` compares the verdicts with and without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.maintenance.gc.model import BOARD, ENDED, NAMES, OLD, PROMISING, Cell, Process, Rules, State, Sweep

__all__ = [
    "blank",
    "has_nothing_to_do",
    "plain_process",
    "plain_state",
    "reduced_process",
    "reduced_state",
    "role",
    "swapped",
]

REMOVING = ("sweep", "ask", "delete")
COLLECTING = ("announce", "finish")
ALIVE, LISTS, ANNOUNCES = 1, 2, 4


def plain_state(c: Rules, s: State) -> State:
    """Ages no older than anything asks for."""
    cells = tuple(_plain_cell(c, name, *cell) for name, cell in zip(NAMES, s.cells, strict=True))
    promised = tuple((link, min(age, c.grace + 1) if link != "Y" else 0) for link, age in s.promised)
    return s._replace(cells=cells, promised=promised)


def _plain_cell(c: Rules, name: str, value: Any, stamp: int, effect: int, before: Any) -> Cell:
    copied = c.copy if name in ("N", "F") else 0
    remembered = copied if name in ("N", "F") else 0 if c.newest or name == "T" else OLD
    gone = effect > remembered if copied else effect >= remembered
    if name == "T":
        stamp = min(stamp, c.lease + 1)
    elif name == "F":
        stamp = min(stamp, _unheeded(c))
    return (
        value,
        stamp if name in BOARD and value else 0,
        min(effect, c.copy + 1) if copied else 0,
        None if gone else before,
    )


def _unheeded(c: Rules) -> int:
    """The age of a door that nobody heeds."""
    return c.door + c.late + c.copy + 1


def plain_process(c: Rules, process: Process) -> Process:
    step, age, register, left, looked = process
    if step == "end":
        return ENDED
    kind = step.rstrip("0123456789")
    if kind in ("idle", "finish") or (kind not in ("mark", "veto", "announce") and not isinstance(register, Sweep)):
        register = None
    elif isinstance(register, Sweep):
        register = register._replace(stamp=0 if c.endless or not c.same_write else register.stamp)
    cap = c.late + 1 if kind == "settle" else max(c.door - c.late, c.copy + 1) + 1
    if kind in PROMISING:
        cap = c.session + 1
    elif kind not in ("settle", "renew-settle", "closed", *REMOVING):
        cap = 0
    looked = looked if kind in ("mark", "veto", "put", *REMOVING, "renew-settle", "renew-close") else 0
    return step, min(age, cap), register, left, looked


def reduced_state(c: Rules, s: State) -> State:
    """Without late vetoes that are there already: vetoes are never taken back."""
    s = plain_state(c, s)
    if any(op[0] == "VETO" and op[2] in s.kept for op, _ in s.flights):
        s = s._replace(
            flights=tuple(flight for flight in s.flights if flight[0][0] != "VETO" or flight[0][2] not in s.kept)
        )
    return s


def reduced_process(c: Rules, process: Process) -> Process:
    """A process that can only find that it is too late has ended; one that has waited long enough goes on.

    What it does next may come at any time later, so nothing is lost by its being ready.
    """
    step, age, register, left, looked = plain_process(c, process)
    if step in REMOVING and ((c.on_time and age > c.door - c.late) or (c.prompt and looked)):
        return ENDED
    if step in ("settle", "renew-settle") and (age > c.late or not c.settles):
        step, age = step.replace("settle", "close"), 0
    return step, age, register, left, looked


def has_nothing_to_do(c: Rules, s: State, i: int, rewritten: bool) -> bool:
    """Whether a process that collects will only find that the run is not its own, or that there is none to finish.

    `rewritten`: whether another process may still write a notice.
    """
    step, _, sweep, _, _ = s.process
    value, stamp, _, _ = s.cell("N")
    on_their_way = [op for op, _ in s.flights]
    if step in ("idle", "finish"):
        too_late = stamp > c.notice - c.lease - c.door if c.by_stamp else False
        return (not value or too_late) and not rewritten and not any(op[1] == "N" for op in on_their_way)
    if step not in ("list", "settle", "close", "closed") or not c.owns or (c.renews and not c.renews_own):
        return False
    # Only a late request of its own can give it the lease back; nothing gives it back the notice that it knew.
    lease_is_lost = c.leases and s.cell("T")[0] != i + 1 and ("PUT", "T", i + 1) not in on_their_way
    another = value != sweep.notice or stamp < sweep.stamp or stamp > c.notice
    return lease_is_lost or (another and c.same_write and not c.endless and not c.renews)


def role(kind: str, process: Process) -> int:
    """What others must know of a process, in bits; 0 if it has ended."""
    step = process[0]
    if step == "end":
        return 0
    lists = kind in COLLECTING and step in ("idle", "finish", "lease", "list")
    announces = kind in ("announce", "rewrite") and step in ("idle", "announce")
    return ALIVE | LISTS * lists | ANNOUNCES * announces


def blank(c: Rules, s: State, kinds: Sequence[str], roles: Sequence[int]) -> State | None:
    """Without what no process will ever look at; None where nothing can be broken any more.

    `kinds` and `roles` of all processes.
    """
    alive = [kind for kind, role in zip(kinds, roles, strict=True) if role]
    collecting = any(kind in COLLECTING for kind in alive)
    promising = "promise" in alive
    removing = collecting or "delete" in alive or any("DELETE" in op[0] for op, _ in s.flights)
    if not promising and not (s.promised and removing):
        return None
    cells = dict(zip(NAMES, s.cells, strict=True))
    flights = s.flights
    if not collecting:
        cells["T"] = _NOTHING
        flights = tuple(flight for flight in flights if flight[0][0] != "VETO" and flight[0][1] != "T")
        s = s._replace(kept=frozenset())
    if not collecting and not promising:
        cells["N"] = cells["F"] = _NOTHING
        flights = tuple(flight for flight in flights if flight[0][1] not in BOARD)
    if not any(role & LISTS for role in roles):
        s = s._replace(listed=tuple(0 for _ in s.listed))
    cells["T"] = _blank_lease(c, cells["T"], roles)
    due = any(flight[0][1] == "F" for flight in flights)
    cells["F"] = _blank_door(c, cells["F"], collecting, promising or due, roles)
    if not collecting and cells["N"][1] > c.notice + c.late + c.copy:
        cells["N"] = _NOTHING
    return s._replace(cells=tuple(cells.values()), flights=flights)


_NOTHING: Cell = (None, 0, 0, None)


def _blank_lease(c: Rules, cell: Cell, roles: Sequence[int]) -> Cell:
    """Whose the lease is matters to the holder alone."""
    holder, stamp, effect, before = cell
    if not holder or (holder <= len(roles) and roles[holder - 1]):
        return cell
    return (0, 0, effect, before) if stamp > c.lease else (_SOMEBODY, stamp, effect, before)


_SOMEBODY = 99


def _blank_door(c: Rules, cell: Cell, collecting: bool, promising: bool, roles: Sequence[int]) -> Cell:
    """Registries heed what is behind a door until it is old; whose it is matters to gc."""
    value, stamp, effect, before = cell
    if not value or c.copy:
        return cell
    run, items, owner = value
    if stamp >= _unheeded(c) or not promising:
        items, stamp = (), _unheeded(c)
    if isinstance(owner, tuple) and not roles[owner[0]]:
        owner = ""
    if not collecting:
        run, owner = 0, ""
    return ((run, items, owner), stamp, effect, before) if items or collecting else _NOTHING


def swapped(s: State, i: int, j: int) -> State:
    """As if two processes with one program had each other's place."""
    to = {i: j, j: i}

    def value(name: str, old: Any) -> Any:
        if name == "T" and old and old - 1 in to:
            return to[old - 1] + 1
        if name == "F" and old and isinstance(old[2], tuple) and old[2][0] in to:
            return (old[0], old[1], (to[old[2][0]], old[2][1]))
        return old

    cells = tuple(
        (value(name, now), stamp, effect, value(name, before))
        for name, (now, stamp, effect, before) in zip(NAMES, s.cells, strict=True)
    )
    flights = sorted((((op[0], op[1], value(op[1], op[2])), sent) for op, sent in s.flights), key=repr)
    return s._replace(cells=cells, flights=tuple(flights))
