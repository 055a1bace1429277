"""A search through every interleaving of a scene of `model`.

States that differ in nothing that matters are one: see `reductions`. What processes share has a number, and what each
has for itself; a state is these numbers in one integer. A process's steps depend on two of them only, so they are
worked out once for all states that have both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from typing import Any, NamedTuple

from tests.maintenance.gc import reductions
from tests.maintenance.gc.model import (
    ENDED,
    LINKS,
    NAMES,
    OLD,
    PROMISING,
    RIPE,
    SCENES,
    Cell,
    Process,
    Rules,
    State,
    Step,
    Sweep,
    act,
    broken,
)

__all__ = ["Found", "search"]

_BITS = 16  # of the number of a process
_MASK = (1 << _BITS) - 1
_NEVER = -1  # there is no such state


class Found(NamedTuple):
    states: int
    why: str  # what is broken in one of them, or ""
    way: list[str]  # the shortest way there


def search(
    c: Rules, scene: str, limit: int = 3_000_000, lost: Sequence[int] | None = None, reduced: bool = True
) -> Found:
    """Look for a state in which something is broken.

    `lost`: how many answers each process may lose; `c.lost` for all of them where it is not said.
    `reduced`: False leaves out what `reductions` does beyond what makes the search end at all.
    """
    search = Search(c, scene, lost or [c.lost] * len(SCENES[scene][1]), reduced)
    parent = {search.start: search.start}
    level = [search.start]
    while level:
        following = []
        for key in level:
            for after in search.following(key):
                if after not in parent:
                    parent[after] = key
                    following.append(after)
                    if why := search.broken(after):
                        return Found(len(parent), why, search.way(parent, after))
        level = following
        if len(parent) > limit:
            raise AssertionError(f"more than {limit} states")
    return Found(len(parent), "", [])


class Numbers:
    """A number for each value, in the order in which they come."""

    def __init__(self) -> None:
        self._of: dict[Any, int] = {}
        self.values: list[Any] = []

    def __call__(self, value: Any) -> int:
        number = self._of.get(value)
        if number is None:
            number = self._of[value] = len(self.values)
            self.values.append(value)
        return number


class Search:
    def __init__(self, c: Rules, scene: str, lost: Sequence[int], reduced: bool):
        self._c, self._reduced = c, reduced
        there, self._programs = SCENES[scene]
        self._kinds = [program.kind for program in self._programs]
        self._places = range(len(self._programs))
        self._collecting = [i for i in self._places if self._kinds[i] in reductions.COLLECTING]
        self._width = _BITS * len(self._programs)
        self._shifts = [self._width - _BITS * (i + 1) for i in self._places]
        self._twins = [
            (i, j)
            for i, j in combinations(self._places, 2)
            if self._programs[i] is self._programs[j] and lost[i] == lost[j]
        ]
        self._shared, self._own = Numbers(), Numbers()
        self._broken: list[str] = []  # for each number of what is shared
        self._roles: list[list[int]] = [[] for _ in self._places]  # for each number of a process
        # What was worked out before.
        self._numbers: dict[State, int] = {}
        self._steps: list[dict[int, list[int]]] = [{} for _ in self._places]
        self._late: dict[int, list[int]] = {}
        self._ticks: dict[int, int] = {}
        self._own_ticks: dict[int, int] = {}
        self._idle: list[dict[int, bool]] = [{} for _ in self._places]
        self._blanks: dict[tuple[int, tuple[int, ...]], int] = {}
        self._swaps: dict[tuple[int, int, int], int] = {}
        self._ended = self._own_number(ENDED)
        owns = [self._own_number(("idle", 0, None, left, 0)) for left in lost]
        self.start = self._canonical(self._pack(self._number(_beginning(c, there)), owns))

    # A search starts at `start`, and needs these.

    def following(self, key: int) -> Iterator[int]:
        return map(self._canonical, self._successors(key))

    def broken(self, key: int) -> str:
        return self._broken[key >> self._width]

    def way(self, parent: dict[int, int], key: int) -> list[str]:
        way = []
        while parent[key] != key:
            before = parent[key]
            way.append(next(name for name, after in self._named(before) if after == key))
            key = before
        return way[::-1]

    # Numbers.

    def _number(self, s: State) -> int:
        s = s._replace(process=ENDED)
        found = self._numbers.get(s)
        if found is None:
            canonical = (reductions.reduced_state if self._reduced else reductions.plain_state)(self._c, s)
            found = self._numbers[s] = self._shared(canonical)
            if found == len(self._broken):
                self._broken.append(broken(self._c, canonical))
        return found

    def _own_number(self, process: Process) -> int:
        canonical = (reductions.reduced_process if self._reduced else reductions.plain_process)(self._c, process)
        found = self._own(canonical)
        if found == len(self._roles[0]):
            for kind, roles in zip(self._kinds, self._roles, strict=True):
                roles.append(reductions.role(kind, canonical))
        return found

    def _pack(self, shared: int, owns: Sequence[int]) -> int:
        for own in owns:
            shared = shared << _BITS | own
        return shared

    def _unpack(self, key: int) -> tuple[int, list[int]]:
        return key >> self._width, [key >> shift & _MASK for shift in self._shifts]

    def _state(self, shared: int, own: int) -> State:
        state: State = self._shared.values[shared]
        return state._replace(process=self._own.values[own])

    # What may come next.

    def _successors(self, key: int) -> Iterator[int]:
        shared, owns = self._unpack(key)
        low = key & (1 << self._width) - 1
        for i, own in enumerate(owns):
            steps = self._steps[i].get(shared << _BITS | own)
            rest = low ^ own << self._shifts[i]
            for after in self._work_out(i, shared, own) if steps is None else steps:
                yield after | rest
        for after in self._late_requests(shared):
            yield after | low
        tick = self._tick(shared)
        if tick != _NEVER:
            aged = [self._own_tick(own) for own in owns]
            if _NEVER not in aged:
                yield self._pack(tick, aged)

    def _named(self, key: int) -> Iterator[tuple[str, int]]:
        """The same with their names."""
        shared, owns = self._unpack(key)
        names = [
            f"{self._kinds[i]} {i}: {name}"
            for i in self._places
            for name, _ in self._steps_of(i, self._state(shared, owns[i]))
        ]
        names += [name for name, _ in late_requests(self._c, self._state(shared, self._ended))]
        return zip(chain(names, ["a tick"]), self.following(key), strict=False)

    def _steps_of(self, i: int, s: State) -> Iterator[Step]:
        yield from self._programs[i].steps(self._c, s, i)
        if not self._reduced and s.process[0] not in ("idle", "end", "finish"):
            yield "it ends", s.to("end")

    def _work_out(self, i: int, shared: int, own: int) -> list[int]:
        found = self._steps[i][shared << _BITS | own] = [
            self._number(s) << self._width | self._own_number(s.process) << self._shifts[i]
            for _, s in self._steps_of(i, self._state(shared, own))
        ]
        return found

    def _late_requests(self, shared: int) -> list[int]:
        found = self._late.get(shared)
        if found is None:
            s = self._state(shared, self._ended)
            found = self._late[shared] = [self._number(after) << self._width for _, after in late_requests(self._c, s)]
        return found

    def _tick(self, shared: int) -> int:
        found = self._ticks.get(shared)
        if found is None:
            s = self._state(shared, self._ended)
            due = any(sent > self._c.late for _, sent in s.flights)
            found = self._ticks[shared] = _NEVER if due else self._number(older(self._c, s))
        return found

    def _own_tick(self, own: int) -> int:
        found = self._own_ticks.get(own)
        if found is None:
            process = self._own.values[own]
            if not process[0].startswith(PROMISING) or process[1] + 1 <= self._c.session:
                found = self._own_number(older_process(self._c, process))
            else:
                # It ends here, where it must do something first. Wherever else a process may end, it may also do
                # nothing for ever, which is the same for all others.
                found = self._ended if self._reduced else _NEVER
            self._own_ticks[own] = found
        return found

    # One for all that differ in nothing that matters.

    def _canonical(self, key: int) -> int:
        shared, owns = self._unpack(key)
        if not self._reduced or self._broken[shared]:
            return key
        roles = [roles[own] for roles, own in zip(self._roles, owns, strict=True)]
        rewritten = any(role & reductions.ANNOUNCES for role in roles)
        for i in self._collecting:
            if roles[i] and not roles[i] & reductions.ANNOUNCES and self._is_idle(i, shared, owns[i], rewritten):
                owns[i], roles[i] = self._ended, 0
        blank = self._blanks.get((shared, tuple(roles)))
        if blank is None:
            blank = self._blank(shared, tuple(roles))
        if blank == _NEVER:
            return self._pack(0, [self._ended] * len(owns))
        found = self._pack(blank, owns)
        for i, j in self._twins:
            found = min(found, self._swapped(blank, owns, i, j))
        return found

    def _is_idle(self, i: int, shared: int, own: int, rewritten: bool) -> bool:
        key = (shared << _BITS | own) << 1 | rewritten
        found = self._idle[i].get(key)
        if found is None:
            s = self._state(shared, own)
            found = self._idle[i][key] = reductions.has_nothing_to_do(self._c, s, i, rewritten)
        return found

    def _blank(self, shared: int, roles: tuple[int, ...]) -> int:
        s = reductions.blank(self._c, self._state(shared, self._ended), self._kinds, roles)
        found = self._blanks[shared, roles] = _NEVER if s is None else self._number(s)
        return found

    def _swapped(self, shared: int, owns: list[int], i: int, j: int) -> int:
        swap = self._swaps.get((shared, i, j))
        if swap is None:
            swap = self._number(reductions.swapped(self._state(shared, self._ended), i, j))
            self._swaps[shared, i, j] = swap
        other = list(owns)
        other[i], other[j] = owns[j], owns[i]
        return self._pack(swap, other)


def _beginning(c: Rules, there: Sequence[str]) -> State:
    cells: dict[str, Cell] = {name: (True if name in there else None, 0, OLD, None) for name in NAMES}
    if RIPE in there:
        items = tuple(name for name in ("D", "La", "Lb") if name in there)
        cells["N"] = ((1, items), c.grace + c.late, OLD, None)
    promised = (("Y", OLD),) if "Y" in there else ()
    return State(tuple(cells.values()), tuple(0 for _ in LINKS), (), frozenset(), promised, ENDED)


# What goes on by itself.


def late_requests(c: Rules, s: State) -> Iterator[Step]:
    for k, (op, sent) in enumerate(s.flights):
        rest = s._replace(flights=s.flights[:k] + s.flights[k + 1 :])
        yield f"late {op[0]} {op[1]}", act(c, rest, op)
        if op[0] == "PUT" and sent > 1:
            yield f"late {op[0]} {op[1]}, with the time at which it was sent", act(c, rest, op, sent - 1)


def older(c: Rules, s: State) -> State:
    cap = _oldest(c)
    return s._replace(
        cells=tuple(
            (value, stamp if name == "N" and c.endless else min(stamp + 1, cap), min(effect + 1, cap), before)
            for name, (value, stamp, effect, before) in zip(NAMES, s.cells, strict=True)
        ),
        listed=tuple(0 if wrong > c.lag else wrong and wrong + 1 for wrong in s.listed),
        flights=tuple((op, sent + 1) for op, sent in s.flights),
        promised=tuple((link, min(age + 1, cap)) for link, age in s.promised),
    )


def older_process(c: Rules, process: Process) -> Process:
    step, age, register, left, looked = process
    if isinstance(register, Sweep):
        register = register._replace(stamp=min(register.stamp + 1, _oldest(c)))
    return (step, age + 1, register, left, min(looked + 1, 1))


def _oldest(c: Rules) -> int:
    return c.notice + c.late + c.copy + 2
