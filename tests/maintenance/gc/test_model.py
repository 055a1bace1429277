"""The protocol of docs/gc.md, searched through; and that each of its rules is needed.

`GC_MODEL=long` searches the largest scenes too, and prints how many states there are (`make model`): minutes.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import fields, replace
from typing import Any

import pytest

from tests.maintenance.gc.model import SCENES, Rules
from tests.maintenance.gc.search import search

REUSE, REWRITE, MOUNT, MANIFEST, DELETE, HALF, RUNS, WHOLE_RUN, FINISHERS, AGAIN, OTHER, DOORS = SCENES
SHORT = (REUSE, REWRITE, MOUNT, MANIFEST, DELETE)
# Nothing is late, and no answer is lost: then the bound of the grace period shows.
PROMPT = Rules(late=0, lost=0, door=1)
# The same, and a worker's copy of notice and door may be a tick old.
COPIES = replace(PROMPT, copy=1, grace=4, door=2)
# No answer is lost: quicker to search, where that is not what breaks.
ANSWERED = Rules(lost=0)
# The notice does not end while it is searched.
ENDLESS = Rules(endless=True)
# A short lease, which is renewed.
RENEWED = Rules(endless=True, renews=True, lease=2)
# Registries have other clocks than gc.
SKEWED = Rules(skew=1)

# Two runs beside a push: all states where every process may lose an answer are too many for some minutes.
ONE_AT_A_TIME = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]

LONG = os.environ.get("GC_MODEL") == "long"
needs_time = pytest.mark.skipif(not LONG, reason="takes minutes: make model")


def slow(*scene: object) -> Any:
    return pytest.param(*scene, marks=needs_time)


@pytest.mark.parametrize(
    ("rules", "scene"),
    [
        *((rules, scene) for rules in (PROMPT, COPIES, ANSWERED) for scene in SHORT),
        *((ANSWERED, scene) for scene in (HALF, FINISHERS, AGAIN)),
        (Rules(), REUSE),
        *(slow(Rules(), scene) for scene in SCENES if scene != REUSE),
        *(slow(ENDLESS, scene) for scene in (FINISHERS, AGAIN, OTHER)),
        (replace(RENEWED, lost=0), FINISHERS),
        slow(RENEWED, FINISHERS),
        (replace(SKEWED, lost=0), REUSE),
        *(slow(SKEWED, scene) for scene in SHORT),
        *(slow(replace(COPIES, lost=1), scene) for scene in SHORT),
    ],
)
def test_the_protocol_holds(rules: Rules, scene: str) -> None:
    for lost in ONE_AT_A_TIME if rules.lost and scene == RUNS else [None]:
        began = time.monotonic()
        found = search(rules, scene, limit=30_000_000, lost=lost)
        assert not found.why, found.way
        print(f"\n{scene}, {_changed(rules, lost)}: {found.states:,} states, {time.monotonic() - began:.0f} s")


def _changed(rules: Rules, lost: tuple[int, ...] | None) -> str:
    changed = {field.name: getattr(rules, field.name) for field in fields(rules)} | {"lost": lost or rules.lost}
    return (
        ", ".join(f"{name}={value}" for name, value in changed.items() if value != getattr(Rules(), name)) or "as it is"
    )


WRONG = {
    "the grace period is too short": (replace(PROMPT, grace=2), REUSE),
    "it is too short for the age of copies": (replace(PROMPT, grace=3, copy=1, door=2), REUSE),
    "sessions are longer than said": (replace(PROMPT, session=2), REUSE),
    "listings lag longer than said": (replace(PROMPT, lag=2), REUSE),
    "registries do not veto": (replace(ANSWERED, vetoes=False), REUSE),
    "vetoes without their mark": (replace(ANSWERED, marks=False), REUSE),
    "no veto of the link that is relied on": (replace(ANSWERED, veto_link=False), MANIFEST),
    "no veto of the link that is written": (replace(ANSWERED, veto_target=False), REWRITE),
    "a veto counts however long it took": (replace(ANSWERED, veto_in_time=False), REUSE),
    "looks do not ask for the newest": (replace(ANSWERED, newest=False), REUSE),
    "registries do not heed the door": (replace(ANSWERED, heeds_door=False), REUSE),
    "gc does not wait behind the door": (replace(ANSWERED, wait=False), REUSE),
    "gc does not ask for vetoes": (replace(ANSWERED, keeps=False), REUSE),
    "gc does not list again": (replace(ANSWERED, lists_again=False), MANIFEST),
    "gc removes data and leaves a link to it": (replace(ANSWERED, with_links=False), REUSE),
    "gc removes when the door may be open": (replace(ANSWERED, on_time=False, prompt=False), REUSE),
    "behind its door gc does not look whether all is its own": (replace(ENDLESS, lost=0, owns=False), OTHER),
    "a removal is sent again": (Rules(delete_once=False), REUSE),
    "a notice counts that was written again": (replace(ANSWERED, same_write=False), AGAIN),
    "several processes remove at a time": (replace(ENDLESS, leases=False), FINISHERS),
    "a lease is renewed blindly": (replace(RENEWED, lost=0, renews_own=False), FINISHERS),
    "a process does not wait for the one before it": (replace(ENDLESS, settles=False), FINISHERS),
    "registries heed a notice no longer than gc": (replace(SKEWED, margin=False), REUSE),
}
LARGE = ("several processes remove at a time", "a process does not wait for the one before it")


@pytest.mark.parametrize("name", [slow(name) if name in LARGE else name for name in WRONG])
def test_each_rule_is_needed(name: str) -> None:
    assert search(*WRONG[name]).why


# The search counts many states as one.


@pytest.mark.parametrize("name", ["registries do not veto", *(slow(name) for name in WRONG if name not in LARGE)])
def test_what_is_broken_is_found_where_nothing_is_left_out_too(name: str) -> None:
    assert search(*WRONG[name], reduced=False).why


@pytest.mark.parametrize("scene", [REUSE, *map(slow, (*SHORT, HALF, WHOLE_RUN, FINISHERS, DOORS))])
def test_what_holds_does_where_nothing_is_left_out_too(scene: str) -> None:
    assert not search(PROMPT, scene, reduced=False).why


@pytest.mark.parametrize("seed", range(60 if LONG else 3))
def test_any_rules_hold_or_not_whether_states_count_as_one_or_not(seed: int) -> None:
    draw = random.Random(seed)
    switches = [field.name for field in fields(Rules) if isinstance(field.default, bool)]
    changed: dict[str, Any] = {name: not getattr(Rules(), name) for name in draw.sample(switches, draw.randrange(4))}
    scene = draw.choice(list(SCENES))
    if len(SCENES[scene][1]) == 2:
        changed.update(late=draw.choice((0, 1)), lost=draw.choice((0, 0, 1)), copy=draw.choice((0, 0, 1)))
        changed.update(session=draw.choice((1, 1, 2)), lag=draw.choice((1, 1, 2)), skew=draw.choice((0, 0, 1)))
    else:
        changed.update(late=0, lost=0)
    changed.update(grace=draw.choice((2, 3, 4)), door=draw.choice((1, 2)), lease=draw.choice((2, 4)))
    rules = Rules(**changed)
    assert bool(search(rules, scene).why) == bool(search(rules, scene, reduced=False).why), (scene, rules)
