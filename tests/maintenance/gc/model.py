"""The protocol of garbage collection as a state machine, which `search` takes through every interleaving.

The scene: data `D`; links to it in two repositories, `La` and `Lb`; a revision `Y` of a manifest in a that names it;
the notice `N` and the door `F`. A process makes one request a step. What may happen to it: the answer is lost and the
request acts later, once more; a worker's copy of notice and door is up to C ticks old; a listing lags; a look is
answered by a replica that missed the last write (unless it asks for the newest); the process ends anywhere.

Times are ages in ticks, so a state does not know how late it is, and the search ends. What begins in one tick and may
take k of them is over in the k + 1st.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

__all__ = [
    "BOARD",
    "ENDED",
    "LINKS",
    "NAMES",
    "OLD",
    "PROMISING",
    "RIPE",
    "SCENES",
    "Cell",
    "Process",
    "Program",
    "Rules",
    "State",
    "Step",
    "Sweep",
    "act",
    "broken",
]

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
    listed: tuple[int, ...]  # for each of LINKS: 0, or for how long listings may have been wrong about it
    flights: tuple[tuple[tuple[str, str, Any], int], ...]
    kept: frozenset[tuple[int, str]]
    promised: tuple[tuple[str, int], ...]  # (link, age of the acknowledgement)
    process: Process  # whose turn it is

    def cell(self, name: str) -> Cell:
        return self.cells[NAMES.index(name)]

    def has(self, name: str) -> bool:
        return bool(self.cell(name)[0])

    def to(self, step: str, register: Any = None, age: int | None = None, looked: int | None = None) -> State:
        _, old, _, left, since = self.process
        process = (step, old if age is None else age, register, left, since if looked is None else looked)
        return self._replace(process=process)

    def promise(self, link: str) -> State:
        return self._replace(promised=tuple(sorted({**dict(self.promised), link: 0}.items())))


ENDED: Process = ("end", 0, None, 0, 0)
Step = tuple[str, State]
Steps = Callable[[Rules, State, int], Iterator[Step]]


class Program(NamedTuple):
    kind: str  # "promise", "delete", "announce", "finish", or "rewrite": the notice only
    steps: Steps


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
    if name in LINKS and bool(before[0]) != bool(cell[0]):
        j = LINKS.index(name)
        s = s._replace(listed=(*s.listed[:j], 1, *s.listed[j + 1 :]))
    if verb != "PUT":
        over = 0 if verb == "CLIENT-DELETE" else c.grace + 1
        s = s._replace(promised=tuple(p for p in s.promised if p[0] != name or p[1] < over or (p[0] == "Y" and over)))
    return s


def send(
    c: Rules, s: State, op: tuple[str, str, Any], then: Callable[[State], State], once: bool = False
) -> Iterator[Step]:
    """A changing request: it is answered, or it acts later and is sent again (`once`: the process ends)."""
    label = f"{op[0]} {op[1]}"
    yield label, then(act(c, s, op))
    step, age, register, left, looked = s.process
    if left:
        lost = s._replace(flights=tuple(sorted((*s.flights, (op, 1)), key=repr)))
        spent = ("release", 0, None, left - 1, 0) if once else (step, age, register, left - 1, looked)
        yield f"{label}: no answer", lost._replace(process=spent)


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
        age = 0 if k == 0 and s.process[0] == "idle" else None
        first = "mark" if c.marks else "veto"
        for notice, door in copies(c, s):
            if door and c.heeds_door and x in door[1]:
                yield f"{x} is behind the door: 503", s.to("end")
            elif notice and vetoes and x in notice[1]:
                yield f"{x} is in the notice", s.to(f"{first}{k}", (notice[0], x), age, looked=0)
            else:
                yield f"{x} is not in the notice", s.to(next_step(k), None, age)

    def program(c: Rules, s: State, i: int) -> Iterator[Step]:
        step, _, veto, _, looked = s.process
        k = int(step[-1]) if step[-1].isdigit() else 0
        if step == "idle" or step.startswith("check"):
            yield from check(c, s, i, k)
        elif step.startswith("mark"):
            mark = ("VETO", MARK, (veto[0], MARK))
            yield from send(c, s, mark, lambda s: s.to(f"veto{k}", veto))
        elif step.startswith("veto"):
            then = f"check{k}" if looked and c.veto_in_time else next_step(k)
            yield from send(c, s, ("VETO", veto[1], veto), lambda s: s.to(then))
        elif step.startswith("look"):
            for there in look(c, s, items[k]):
                if there:
                    yield f"{items[k]} is there", s.to(f"check{k + 1}")
                elif upload and items[k] == "D":
                    yield "D is not there", s.to(f"upload{k}")
                else:
                    yield f"{items[k]} is not there: refused", s.to("end")
        elif step.startswith("upload"):
            yield from send(c, s, ("PUT", "D", True), lambda s: s.to(f"check{k + 1}"))
        elif step == "write":
            yield from send(c, s, ("PUT", target, True), lambda s: s.to("end").promise(target))

    return Program("promise", program)


def deleter(name: str) -> Program:
    def program(c: Rules, s: State, i: int) -> Iterator[Step]:
        if s.process[0] == "idle":
            yield from send(c, s, ("CLIENT-DELETE", name, None), lambda s: s.to("end"))

    return Program("delete", program)


# gc. `announce` and `finish` share nothing but what is in the storage: any process may go on.


def listings(s: State) -> Iterator[tuple[State, frozenset[str]]]:
    """The links that a listing may show, and the state in which it is known that it does."""
    views = [
        [(bool(s.has(link)), 0), (not s.has(link), wrong)][: 1 + bool(wrong)]
        for link, wrong in zip(LINKS, s.listed, strict=True)
    ]
    for view in product(*views):
        shown = frozenset(link for link, (there, _) in zip(LINKS, view, strict=True) if there)
        yield s._replace(listed=tuple(wrong for _, wrong in view)), shown


def garbage(s: State, shown: frozenset[str]) -> tuple[str, ...]:
    """What nobody needs: links that no manifest of their repository names, data without others."""
    links = [link for link in ("La", "Lb") if link in shown]
    useless = [link for link in links if not (link == "La" and "Y" in shown)]
    data = ["D"] if links == useless and s.has("D") else []
    return tuple(data + useless)


def announce(run: int) -> Program:
    def program(c: Rules, s: State, i: int) -> Iterator[Step]:
        step, _, items, _, _ = s.process
        notice, door = s.cell("N"), s.cell("F")
        if step == "idle":
            over = notice[0] is None or notice[1] > c.notice + c.late
            done = door[0] and door[0][0] == notice[0] and door[0][2] == "done"
            for after, shown in listings(s):
                found = garbage(s, shown)
                yield f"lists {found}", after.to("announce" if (over or done) and found else "finish", found)
        elif step == "announce":
            yield from send(c, s, ("PUT", "N", (run, items)), lambda s: s.to("finish"))
        else:
            yield from finish(c, s, i)

    return Program("announce", program)


def announced_late(run: int) -> Program:
    """What is left of a process that was stopped for long just before it wrote the notice."""

    def program(c: Rules, s: State, i: int) -> Iterator[Step]:
        if s.process[0] == "idle":
            yield from send(c, s, ("PUT", "N", (run, ("D",))), lambda s: s.to("end"))

    return Program("rewrite", program)


class Sweep(NamedTuple):
    """What a process knows of the run that it finishes."""

    notice: Any
    stamp: int  # the age of the notice: it must not be written again
    left: tuple[str, ...]
    item: str = ""
    doubtful: tuple[str, ...] = ()  # whose removal was not answered


def finish(c: Rules, s: State, i: int) -> Iterator[Step]:
    """Take the lease, list, wait; then one file after another: close the door, wait, look, delete."""
    step, age, sweep, _, looked = s.process
    value, stamp, _, _ = s.cell("N")
    if step in ("idle", "finish"):
        taken, since, _, _ = s.cell("T")
        ripe = value and c.grace + c.late <= stamp <= (c.notice - c.lease - c.door if c.by_stamp else OLD)
        if ripe and (not taken or since > c.lease or not c.leases):
            yield "the lease is free", s.to("lease", Sweep(value, stamp, ()), age=0)
    elif step == "lease":
        yield from send(c, s, ("PUT", "T", i + 1), lambda s: s.to("list", sweep, age=0))
    elif step == "list":
        for after, shown in listings(s):
            left = tuple(x for x in value[1] if x in garbage(s, shown)) if c.lists_again and value else sweep.notice[1]
            if c.with_links and any(link in shown and link not in left for link in ("La", "Lb")):
                left = tuple(x for x in left if x != "D")
            yield f"lists again: {left}", after.to("settle", sweep._replace(left=left))
    elif step.startswith("renew"):
        yield from _renew(c, s, i)
    elif step == "settle" and (age > c.late or not c.settles):
        yield "what another one may have sent has acted", s.to("close", sweep)
    elif step == "close":
        yield from _close(c, s, i)
    elif step == "put":
        op = ("PUT", "F", (sweep.notice[0], (sweep.item, *sweep.doubtful), (i, sweep.item)))
        # Asked for too long ago: the door may not be the one that counts.
        then = "end" if looked and c.door_once else "closed"
        yield from send(c, s, op, lambda s: s.to(then, sweep, age=0), once=c.door_once)
    elif step == "closed" and (age >= c.copy + 1 or not c.wait):
        door = s.cell("F")[0]
        mine = not c.owns or (_owns(c, s, i) and door and door[2] == (i, sweep.item))
        yield f"its own: {mine}", s.to("sweep" if mine else "end", sweep, looked=0)
    elif step in ("sweep", "ask", "delete"):
        yield from _sweep(c, s, i)
    elif step == "release":
        yield from send(c, s, ("PUT", "T", 0), lambda s: s.to("end"))
    if c.renews and step in ("settle", "close") and (s.cell("T")[0] == i + 1 or not c.renews_own):
        yield "the lease is its own", s.to(f"renew-{step}", sweep, looked=0)


def _renew(c: Rules, s: State, i: int) -> Iterator[Step]:
    """One request. Where it was answered late, another process may have had the lease meanwhile."""
    step, _, sweep, _, looked = s.process
    then = "end" if looked and c.renews_own else step.removeprefix("renew-")
    for label, after in send(c, s, ("PUT", "T", i + 1), lambda s: s):
        yield label, after.to(then, sweep)


def _owns(c: Rules, s: State, i: int) -> bool:
    sweep = s.process[2]
    value, stamp, _, _ = s.cell("N")
    same = stamp >= sweep.stamp or not c.same_write
    return value == sweep.notice and same and stamp <= c.notice and (s.cell("T")[0] == i + 1 or not c.leases)


def _close(c: Rules, s: State, i: int) -> Iterator[Step]:
    _, _, sweep, _, _ = s.process
    if not _owns(c, s, i):
        yield "the run is not its own", s.to("end")
    elif sweep.left:
        # Links first; the data goes only where each of its links went.
        following = sweep._replace(left=sweep.left[:-1], item=sweep.left[-1])
        yield f"{following.item} is next", s.to("put", following, looked=0)
    else:
        done = ("PUT", "F", (sweep.notice[0], sweep.doubtful, "done"))
        yield from send(c, s, done, lambda s: s.to("release"), once=True)


def _sweep(c: Rules, s: State, i: int) -> Iterator[Step]:
    step, age, sweep, _, looked = s.process
    run, item = sweep.notice[0], sweep.item
    if (c.on_time and age > c.door - c.late) or (c.prompt and looked):
        yield "too late", s.to("end")
    elif step == "delete":
        following = sweep._replace(item="")
        yield from _delete(c, s, i, item, following)
    elif step == "sweep" and (run, MARK) in s.kept and c.keeps:
        yield "something has a veto", s.to("ask", sweep)
    elif step == "ask" and (run, item) in s.kept:
        left = tuple(x for x in sweep.left if x != "D")
        yield f"{item} has a veto", s.to("close", sweep._replace(left=left, item=""))
    else:
        yield f"{item} has no veto", s.to("delete", sweep)


def _delete(c: Rules, s: State, i: int, item: str, following: Sweep) -> Iterator[Step]:
    """One request. Unanswered, it may act later: the data of a link stays then, and each door that follows holds it."""
    for label, after in send(c, s, ("DELETE", item, None), lambda s: s.to("close", following)):
        if label.endswith("no answer") and c.delete_once:
            left = tuple(x for x in following.left if x != "D")
            after = after.to("close", following._replace(left=left, doubtful=(*following.doubtful, item)))
        yield label, after


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
FINISH = Program("finish", finish)
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
    "two processes finish one run": (("D", "La"), (MANIFEST, announce(1), FINISH)),
    # From where the grace period is over: what one announces is left out.
    "a push, and two processes finish a run": (("D", RIPE), (PUSH, FINISH, FINISH)),
    "its notice is written again": (("D", RIPE), (PUSH, FINISH, announced_late(1))),
    "the notice of another run comes late": (("D", RIPE), (PUSH, FINISH, announced_late(2))),
    "a process finishes a run of two doors": (("D", "La", RIPE), (PUSH_AGAIN, FINISH)),
}
