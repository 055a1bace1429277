"""The protocol of garbage collection as a state machine, and a search through every interleaving of it.

The scene: data `D`; links to it in two repositories, `La` and `Lb`; a revision `Y` of a manifest in a that names it;
the notice `N` and the door `F`. A process makes one request a step. What may happen to it: the answer is lost and the
request acts later, once more; a worker's copy of notice and door is up to C ticks old; a listing lags; a look is
answered by a replica that missed the last write (unless it asks for the newest); the process ends anywhere.

Times are ages in ticks, so a state does not know how late it is, and the search ends. What begins in one tick and may
take k of them is over in the k + 1st.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["SCENES", "Rules", "search"]

LINKS = ("La", "Lb", "Y")
NAMES = ("D", *LINKS, "N", "F", "T")
BOARD = ("N", "F", "T")  # of which it matters when they were written
OLD = 99
MARK = "a mark"  # the veto that says that there are some


@dataclass(frozen=True)
class Rules:
    """What is true of the world, then what registries and gc do. The defaults are the protocol."""

    session: int = 1  # ticks from a look at the copy to the last write
    lag: int = 1  # ticks until a listing shows a change
    late: int = 1  # ticks until a request that got no answer acts at the latest
    copy: int = 0  # ticks, the age of a worker's copy of notice and door
    grace: int = 3  # ticks between notice and second listing, beside `late`
    door: int = 2  # ticks for which a door is closed, if nothing opens it before
    lease: int = 4  # ticks for which one process alone may remove
    lost: int = 1  # answers that each process may lose
    vetoes: bool = True
    marks: bool = True  # a mark is written with each veto, without which gc looks for none
    veto_link: bool = True  # of the link that is relied on, beside that of the data
    veto_target: bool = True  # of the link that is written
    veto_in_time: bool = True  # a veto counts if it was answered in the tick in which the copy was looked at
    newest: bool = True  # looks ask for the newest
    heeds_door: bool = True
    wait: bool = True  # between door and deletes
    with_links: bool = True  # gc removes data only together with every link to it
    owns: bool = True  # behind its door gc looks whether notice, door and lease are its own still
    same_write: bool = True  # the notice is not its own if it was written again meanwhile
    keeps: bool = True  # gc spares what has a veto
    lists_again: bool = True
    by_stamp: bool = True  # gc stops where the notice is too old to last until the end
    on_time: bool = True  # gc sends no delete when the door may open before it acts
    leases: bool = True  # one process at a time removes
    renews: bool = False  # who has the lease may take it again; else that is left out
    renews_own: bool = True  # and looks before that whether it has it still, and ends where this took long
    prompt: bool = True  # its deletes follow its look at the lease at once
    settles: bool = True  # who took the lease waits for what the one before it may have sent
    door_once: bool = True  # a door is put by one request, and the run ends where that is not answered
    delete_once: bool = True  # a delete is one request, and its door stays closed where that is not answered
    margin: bool = True  # registries heed notice and door for `late` longer than gc
    skew: int = 0  # ticks by which a registry may take notice and door for older, by another server's clock
    endless: bool = False  # leave out that the notice ends

    @property
    def notice(self) -> int:
        """For how long a notice counts."""
        return self.grace + self.late + self.lease + self.door + 1


# (value, stamp: age of its write as the server says, effect: age of its effect, what was there before)
Cell = tuple[Any, int, int, Any]
# (step, age of the session, register, answers left to lose, ticks since it last looked at notice and door)
Process = tuple[str, int, Any, int, int]


class State(NamedTuple):
    cells: tuple[Cell, ...]
    listed: tuple[tuple[bool, int], ...]  # for each of LINKS: what listings show, and for how long that is wrong
    flights: tuple[tuple[tuple[str, str, Any], int], ...]
    kept: frozenset[tuple[int, str]]
    promised: tuple[tuple[str, int], ...]  # (link, age of the acknowledgement)
    processes: tuple[Process, ...]

    def cell(self, name: str) -> Cell:
        return self.cells[NAMES.index(name)]

    def has(self, name: str) -> bool:
        return bool(self.cell(name)[0])

    def shows(self, link: str) -> bool:
        return self.listed[LINKS.index(link)][0]

    def to(self, i: int, step: str, register: Any = None, age: int | None = None, looked: int | None = None) -> State:
        _, old, _, left, since = self.processes[i]
        process = (step, old if age is None else age, register, left, since if looked is None else looked)
        return self._replace(processes=(*self.processes[:i], process, *self.processes[i + 1 :]))

    def promise(self, link: str) -> State:
        return self._replace(promised=tuple(sorted({**dict(self.promised), link: 0}.items())))


ENDED: Process = ("end", 0, None, 0, 0)
Step = tuple[str, State]
Program = Callable[[Rules, State, int], Iterator[Step]]


def act(c: Rules, s: State, op: tuple[str, str, Any], sent: int = 0) -> State:
    """The state after one changing request, which Swift took up `sent` ticks ago."""
    verb, name, value = op
    if verb == "VETO":
        return s._replace(kept=s.kept | {value})
    k = NAMES.index(name)
    before = s.cells[k]
    if verb == "PUT" and sent and before[0] and before[1] < sent:
        return s  # Swift keeps the younger one
    cell = (value if verb == "PUT" else None, sent if verb == "PUT" else 0, 0, before[0])
    s = s._replace(cells=(*s.cells[:k], cell, *s.cells[k + 1 :]))
    if name in LINKS:
        j = LINKS.index(name)
        shown, wrong = s.listed[j]
        entry = (shown, 0 if shown == bool(cell[0]) else max(wrong, 1))
        s = s._replace(listed=(*s.listed[:j], entry, *s.listed[j + 1 :]))
    if verb != "PUT":
        over = 0 if verb == "CLIENT-DELETE" else c.grace + 1
        s = s._replace(promised=tuple(p for p in s.promised if p[0] != name or p[1] < over or (p[0] == "Y" and over)))
    return s


def send(
    c: Rules, s: State, i: int, op: tuple[str, str, Any], then: Callable[[State], State], once: bool = False
) -> Iterator[Step]:
    """A changing request: it is answered, or it acts later and is sent again (`once`: the process ends)."""
    label = f"{op[0]} {op[1]}"
    yield label, then(act(c, s, op))
    step, age, register, left, looked = s.processes[i]
    if left:
        lost = s._replace(flights=tuple(sorted((*s.flights, (op, 1)), key=repr)))
        spent = ("release", 0, None, left - 1, 0) if once else (step, age, register, left - 1, looked)
        yield f"{label}: no answer", lost._replace(processes=(*s.processes[:i], spent, *s.processes[i + 1 :]))


def look(c: Rules, s: State, name: str) -> set[bool]:
    value, _, _, before = s.cell(name)
    return {bool(value)} if c.newest else {bool(value), bool(before)}


# Registries.


def copies(c: Rules, s: State) -> Iterator[tuple[Any, Any]]:
    """What a worker may take for notice and door: (run, items), or None where there is none that counts."""
    extra = c.late if c.margin else 0

    def views(name: str, lasts: int) -> set[Any]:
        value, stamp, effect, before = s.cell(name)
        found = {value if value and stamp <= lasts + extra else None}
        if c.skew and not (value and stamp + c.skew <= lasts + extra):
            found.add(None)
        if c.copy and effect <= c.copy:
            found.add(before)
        if c.copy and value and stamp - c.copy <= lasts + extra:
            found.add(value)
        return found

    for notice in views("N", c.notice):
        for door in views("F", c.door):
            yield notice, door


def promise(items: tuple[str, ...], target: str, upload: bool) -> Program:
    """Write the link `target`, which relies on `items`; what is there no more is uploaded, or refused.

    Each item is looked for in a copy of notice and door, then gets its veto, then is looked at.
    """
    checked = (*items, target)

    def next_step(k: int) -> str:
        return "write" if k == len(items) else f"look{k}"

    def check(c: Rules, s: State, i: int, k: int) -> Iterator[Step]:
        x = checked[k]
        vetoes = c.vetoes and (x == "D" or (c.veto_target if x == target else c.veto_link))
        age = 0 if k == 0 and s.processes[i][0] == "idle" else None
        first = "mark" if c.marks else "veto"
        for notice, door in copies(c, s):
            if door and c.heeds_door and x in door[1]:
                yield f"{x} is behind the door: 503", s.to(i, "end")
            elif notice and vetoes and x in notice[1]:
                yield f"{x} is in the notice", s.to(i, f"{first}{k}", (notice[0], x), age, looked=0)
            else:
                yield f"{x} is not in the notice", s.to(i, next_step(k), None, age)

    def program(c: Rules, s: State, i: int) -> Iterator[Step]:
        step, _, veto, _, looked = s.processes[i]
        k = int(step[-1]) if step[-1].isdigit() else 0
        if step == "idle" or step.startswith("check"):
            yield from check(c, s, i, k)
        elif step.startswith("mark"):
            mark = ("VETO", MARK, (veto[0], MARK))
            yield from send(c, s, i, mark, lambda s: s.to(i, f"veto{k}", veto))
        elif step.startswith("veto"):
            then = f"check{k}" if looked and c.veto_in_time else next_step(k)
            yield from send(c, s, i, ("VETO", veto[1], veto), lambda s: s.to(i, then))
        elif step.startswith("look"):
            for there in look(c, s, items[k]):
                if there:
                    yield f"{items[k]} is there", s.to(i, f"check{k + 1}")
                elif upload and items[k] == "D":
                    yield "D is not there", s.to(i, f"upload{k}")
                else:
                    yield f"{items[k]} is not there: refused", s.to(i, "end")
        elif step.startswith("upload"):
            yield from send(c, s, i, ("PUT", "D", True), lambda s: s.to(i, f"check{k + 1}"))
        elif step == "write":
            yield from send(c, s, i, ("PUT", target, True), lambda s: s.to(i, "end").promise(target))

    return program


def deleter(name: str) -> Program:
    def program(c: Rules, s: State, i: int) -> Iterator[Step]:
        if s.processes[i][0] == "idle":
            yield from send(c, s, i, ("CLIENT-DELETE", name, None), lambda s: s.to(i, "end"))

    return program


# gc. `announce` and `finish` share nothing but what is in the storage: any process may go on.


def garbage(s: State) -> tuple[str, ...]:
    """What a listing says that nobody needs: links that no manifest of their repository names, data without others."""
    links = [link for link in ("La", "Lb") if s.shows(link)]
    useless = [link for link in links if not (link == "La" and s.shows("Y"))]
    data = ["D"] if links == useless and s.has("D") else []
    return tuple(data + useless)


def announce(run: int) -> Program:
    def program(c: Rules, s: State, i: int) -> Iterator[Step]:
        step, _, items, _, _ = s.processes[i]
        notice, door = s.cell("N"), s.cell("F")
        if step == "idle":
            over = notice[0] is None or notice[1] > c.notice + c.late
            done = door[0] and door[0][0] == notice[0] and door[0][2] == "done"
            found = garbage(s)
            yield f"lists {found}", s.to(i, "announce" if (over or done) and found else "finish", found)
        elif step == "announce":
            yield from send(c, s, i, ("PUT", "N", (run, items)), lambda s: s.to(i, "finish"))
        else:
            yield from finish(c, s, i)

    return program


def announced_late(run: int) -> Program:
    """What is left of a process that was stopped for long just before it wrote the notice."""

    def program(c: Rules, s: State, i: int) -> Iterator[Step]:
        if s.processes[i][0] == "idle":
            yield from send(c, s, i, ("PUT", "N", (run, ("D",))), lambda s: s.to(i, "end"))

    return program


class Sweep(NamedTuple):
    """What a process knows of the run that it finishes."""

    notice: Any
    stamp: int  # the age of the notice: it must not be written again
    left: tuple[str, ...]
    item: str = ""
    doubtful: tuple[str, ...] = ()  # whose removal was not answered


def finish(c: Rules, s: State, i: int) -> Iterator[Step]:
    """Take the lease, list, wait; then one file after another: close the door, wait, look, delete."""
    step, age, sweep, _, looked = s.processes[i]
    value, stamp, _, _ = s.cell("N")
    if step in ("idle", "finish"):
        taken, since, _, _ = s.cell("T")
        ripe = value and c.grace + c.late <= stamp <= (c.notice - c.lease - c.door if c.by_stamp else OLD)
        if ripe and (not taken or since > c.lease or not c.leases):
            yield "the lease is free", s.to(i, "lease", Sweep(value, stamp, ()), age=0)
    elif step == "lease":
        yield from send(c, s, i, ("PUT", "T", i + 1), lambda s: s.to(i, "list", sweep, age=0))
    elif step == "list":
        left = tuple(x for x in value[1] if x in garbage(s)) if c.lists_again and value else sweep.notice[1]
        if c.with_links and any(s.shows(link) and link not in left for link in ("La", "Lb")):
            left = tuple(x for x in left if x != "D")
        yield f"lists again: {left}", s.to(i, "settle", sweep._replace(left=left))
    elif step.startswith("renew"):
        yield from _renew(c, s, i)
    elif step == "settle" and (age > c.late or not c.settles):
        yield "what another one may have sent has acted", s.to(i, "close", sweep)
    elif step == "close":
        yield from _close(c, s, i)
    elif step == "put":
        op = ("PUT", "F", (sweep.notice[0], (sweep.item, *sweep.doubtful), (i, sweep.item)))
        # Asked for too long ago: the door may not be the one that counts.
        then = "end" if looked and c.door_once else "closed"
        yield from send(c, s, i, op, lambda s: s.to(i, then, sweep, age=0), once=c.door_once)
    elif step == "closed" and (age >= c.copy + 1 or not c.wait):
        door = s.cell("F")[0]
        mine = not c.owns or (_owns(c, s, i) and door and door[2] == (i, sweep.item))
        yield f"its own: {mine}", s.to(i, "sweep" if mine else "end", sweep, looked=0)
    elif step in ("sweep", "ask", "delete"):
        yield from _sweep(c, s, i)
    elif step == "release":
        yield from send(c, s, i, ("PUT", "T", 0), lambda s: s.to(i, "end"))
    if c.renews and step in ("settle", "close") and (s.cell("T")[0] == i + 1 or not c.renews_own):
        yield "the lease is its own", s.to(i, f"renew-{step}", sweep, looked=0)


def _renew(c: Rules, s: State, i: int) -> Iterator[Step]:
    """One request. Where it was answered late, another process may have had the lease meanwhile."""
    step, _, sweep, _, looked = s.processes[i]
    then = "end" if looked and c.renews_own else step.removeprefix("renew-")
    for label, after in send(c, s, i, ("PUT", "T", i + 1), lambda s: s):
        yield label, after.to(i, then, sweep)


def _owns(c: Rules, s: State, i: int) -> bool:
    sweep = s.processes[i][2]
    value, stamp, _, _ = s.cell("N")
    same = stamp >= sweep.stamp or not c.same_write
    return value == sweep.notice and same and stamp <= c.notice and (s.cell("T")[0] == i + 1 or not c.leases)


def _close(c: Rules, s: State, i: int) -> Iterator[Step]:
    _, _, sweep, _, _ = s.processes[i]
    if not _owns(c, s, i):
        yield "the run is not its own", s.to(i, "end")
    elif sweep.left:
        # Links first; the data goes only where each of its links went.
        following = sweep._replace(left=sweep.left[:-1], item=sweep.left[-1])
        yield f"{following.item} is next", s.to(i, "put", following, looked=0)
    else:
        done = ("PUT", "F", (sweep.notice[0], sweep.doubtful, "done"))
        yield from send(c, s, i, done, lambda s: s.to(i, "release"), once=True)


def _sweep(c: Rules, s: State, i: int) -> Iterator[Step]:
    step, age, sweep, _, looked = s.processes[i]
    run, item = sweep.notice[0], sweep.item
    if (c.on_time and age > c.door - c.late) or (c.prompt and looked):
        yield "too late", s.to(i, "end")
    elif step == "delete":
        following = sweep._replace(item="")
        yield from _delete(c, s, i, item, following)
    elif step == "sweep" and (run, MARK) in s.kept and c.keeps:
        yield "something has a veto", s.to(i, "ask", sweep)
    elif step == "ask" and (run, item) in s.kept:
        left = tuple(x for x in sweep.left if x != "D")
        yield f"{item} has a veto", s.to(i, "close", sweep._replace(left=left, item=""))
    else:
        yield f"{item} has no veto", s.to(i, "delete", sweep)


def _delete(c: Rules, s: State, i: int, item: str, following: Sweep) -> Iterator[Step]:
    """One request. Unanswered, it may act later: the data of a link stays then, and each door that follows holds it."""
    for label, after in send(c, s, i, ("DELETE", item, None), lambda s: s.to(i, "close", following)):
        if label.endswith("no answer") and c.delete_once:
            left = tuple(x for x in following.left if x != "D")
            after = after.to(i, "close", following._replace(left=left, doubtful=(*following.doubtful, item)))
        yield label, after


# The search.


def environment(c: Rules, s: State) -> Iterator[Step]:
    for j, (shown, wrong) in enumerate(s.listed):
        if wrong:
            yield (
                f"listings learn of {LINKS[j]}",
                s._replace(listed=(*s.listed[:j], (not shown, 0), *s.listed[j + 1 :])),
            )
    for k, (op, sent) in enumerate(s.flights):
        rest = s._replace(flights=s.flights[:k] + s.flights[k + 1 :])
        yield f"late {op[0]} {op[1]}", act(c, rest, op)
        if op[0] == "PUT":
            yield f"late {op[0]} {op[1]}, with the time at which it was sent", act(c, rest, op, sent - 1)
    for i, process in enumerate(s.processes):
        if process[0] not in ("idle", "end", "finish", "waiting"):
            yield "a process ends", s.to(i, "end")
    if not _must_come_first(c, s):
        yield "a tick", _older(c, s)


def _must_come_first(c: Rules, s: State) -> bool:
    """Whether something is due before time goes on."""
    return (
        any(step.startswith(PROMISING) and age + 1 > c.session for step, age, *_ in s.processes)
        or any(wrong > c.lag for _, wrong in s.listed)
        or any(sent > c.late for _, sent in s.flights)
    )


def _older(c: Rules, s: State) -> State:
    cap = c.notice + c.late + c.copy + 2
    far = max(c.late, c.copy, c.door) + 2
    more = lambda age: min(age + 1, cap)  # noqa: E731
    return s._replace(
        cells=tuple(
            (value, stamp if name == "N" and c.endless else more(stamp), more(effect), before)
            for name, (value, stamp, effect, before) in zip(NAMES, s.cells, strict=True)
        ),
        listed=tuple((shown, wrong and wrong + 1) for shown, wrong in s.listed),
        flights=tuple((op, sent + 1) for op, sent in s.flights),
        promised=tuple((link, more(age)) for link, age in s.promised),
        processes=tuple(
            (step, min(age + 1, far), _aged(register, cap), left, min(looked + 1, 1))
            for step, age, register, left, looked in s.processes
        ),
    )


def _aged(register: Any, cap: int) -> Any:
    return register._replace(stamp=min(register.stamp + 1, cap)) if isinstance(register, Sweep) else register


def _canon(c: Rules, s: State) -> State:
    """One state for all that differ in nothing that matters."""
    cells = []
    for name, (value, stamp, effect, before) in zip(NAMES, s.cells, strict=True):
        remembered = c.copy if name in ("N", "F") else 0 if c.newest or name == "T" else OLD
        gone = effect >= remembered if not c.copy or name not in ("N", "F") else effect > remembered
        if name == "T":
            stamp = min(stamp, c.lease + 1)
        elif name == "F":
            stamp = min(stamp, c.door + c.late + c.copy + 1)
        cells.append(
            (
                value,
                stamp if name in BOARD and value else 0,
                min(effect, c.copy + 1) if name in ("N", "F") and c.copy else 0,
                None if gone else before,
            )
        )
    promised = tuple((link, min(age, c.grace + 1) if link != "Y" else 0) for link, age in s.promised)
    return s._replace(cells=tuple(cells), promised=promised, processes=tuple(_canon_process(c, p) for p in s.processes))


def _canon_process(c: Rules, process: Process) -> Process:
    step, age, register, left, looked = process
    if step == "end":
        return ENDED
    kind = step.rstrip("0123456789")
    if kind not in ("mark", "veto", "announce") and not isinstance(register, Sweep):
        register = None
    if kind in ("idle", "finish"):
        register = None
    elif isinstance(register, Sweep):
        register = register._replace(stamp=0 if c.endless or not c.same_write else register.stamp)
    cap = c.late + 1 if kind == "settle" else max(c.door - c.late, c.copy + 1) + 1
    if kind in PROMISING:
        cap = c.session + 1
    elif kind not in ("settle", "renew-settle", "closed", "sweep", "ask", "delete"):
        cap = 0
    looked = looked if kind in ("mark", "veto", "put", "sweep", "ask", "delete", "renew-settle", "renew-close") else 0
    return step, min(age, cap), register, left, looked


def broken(c: Rules, s: State) -> str:
    """What was acknowledged and is not so, or ""."""
    for link, age in s.promised:
        if link == "Y" and not (s.has("Y") and s.has("La") and s.has("D")):
            return "the manifest was acknowledged, and what it names is gone"
        # A link that no manifest names is promised for the grace period, and to lead to data as long as it is there.
        if link != "Y" and age <= c.grace and not s.has(link):
            return f"{link} was acknowledged, and is gone"
        if s.has(link) and not s.has("D"):
            return f"{link} was acknowledged, and leads nowhere"
    return ""


RIPE = "a notice that can be finished"
PROMISING = ("check", "mark", "veto", "look", "upload", "write")
PUSH = promise(("D",), "Lb", upload=True)
PUSH_AGAIN = promise(("D",), "La", upload=True)
MOUNT = promise(("La", "D"), "Lb", upload=False)
MANIFEST = promise(("La", "D"), "Y", upload=False)
SCENES: dict[str, tuple[tuple[str, ...], tuple[Program, ...]]] = {
    "a push reuses data": (("D",), (PUSH, announce(1))),
    "a push writes a link again": (("D", "La"), (PUSH_AGAIN, announce(1))),
    "a mount from a link that no manifest names": (("D", "La"), (MOUNT, announce(1))),
    "a manifest names a link that no other named": (("D", "La"), (MANIFEST, announce(1))),
    "a manifest is deleted and pushed again": (("D", "La", "Y"), (MANIFEST, deleter("Y"), announce(1))),
    "half a push, then its manifest": (("D",), (PUSH_AGAIN, MANIFEST, announce(1))),
    "two runs begin at once": (("D", "La"), (MANIFEST, announce(1), announce(2))),
    "two processes finish one run": (("D", "La"), (MANIFEST, announce(1), finish)),
    # From where the grace period is over: what one announces is left out.
    "a push, and two processes finish a run": (("D", RIPE), (PUSH, finish, finish)),
    "its notice is written again": (("D", RIPE), (PUSH, finish, announced_late(1))),
    "the notice of another run comes late": (("D", RIPE), (PUSH, finish, announced_late(2))),
    "a process finishes a run of two doors": (("D", "La", RIPE), (PUSH_AGAIN, finish)),
}


def search(c: Rules, scene: str, limit: int = 3_000_000, who_loses: int | None = None) -> tuple[int, str, list[str]]:
    """How many states there are, what is broken in one of them (or ""), and the shortest way there.

    Of two processes each may lose answers, of three one, whichever it is.
    """
    there, programs = SCENES[scene]
    lost = [c.lost] * len(programs)
    if c.lost and len(programs) > 2 and who_loses is None:
        return _each_in_turn(c, scene, limit)
    if who_loses is not None:
        lost = [c.lost * (i == who_loses) for i in range(len(programs))]
    cells: tuple[Cell, ...] = tuple((True if name in there else None, 0, OLD, None) for name in NAMES)
    if RIPE in there:
        notice = (1, tuple(name for name in ("D", "La", "Lb") if name in there))
        cells = tuple(
            (notice, c.grace + c.late, OLD, None) if name == "N" else cell
            for name, cell in zip(NAMES, cells, strict=True)
        )
    start = State(
        cells,
        tuple((link in there, 0) for link in LINKS),
        (),
        frozenset(),
        (("Y", OLD),) if "Y" in there else (),
        tuple(("idle", 0, None, left, 0) for left in lost),
    )
    start = _canon(c, start)
    parent: dict[State, tuple[State, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        s = queue.popleft()
        why = broken(c, s)
        if why:
            return len(parent), why, _way(parent, s)
        steps = [step for i, program in enumerate(programs) for step in program(c, s, i)]
        for label, after in (*steps, *environment(c, s)):
            after = _canon(c, after)
            if after not in parent:
                parent[after] = (s, label)
                queue.append(after)
        if len(parent) > limit:
            raise AssertionError(f"more than {limit} states")
    return len(parent), "", []


def _way(parent: dict[State, tuple[State, str] | None], s: State) -> list[str]:
    way = []
    while (step := parent[s]) is not None:
        s = step[0]
        way.append(step[1])
    return way[::-1]


def _each_in_turn(c: Rules, scene: str, limit: int) -> tuple[int, str, list[str]]:
    total = 0
    for who in range(len(SCENES[scene][1])):
        count, why, way = search(c, scene, limit, who)
        total += count
        if why:
            return total, why, way
    return total, "", []
