"""The protocol of docs/gc.md, searched through; and that each of its rules is needed.

`GC_MODEL=long` searches the largest scenes too (`make model`): minutes.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.maintenance.gc.model import SCENES, Rules, search

REUSE, REWRITE, MOUNT, MANIFEST, DELETE, HALF, RUNS, WHOLE_RUN, FINISHERS, AGAIN, OTHER, DOORS = SCENES
SHORT = (REUSE, REWRITE, MOUNT, MANIFEST, DELETE)
LARGE = (HALF, RUNS, WHOLE_RUN, FINISHERS, DOORS)
# Nothing is late, and no answer is lost: then the bound of the grace period shows.
PROMPT = Rules(late=0, lost=0, door=1)
# No answer is lost: quicker to search, where that is not what breaks.
ANSWERED = Rules(lost=0)
# The notice does not end while it is searched: two processes that finish one run can lose answers then.
ENDLESS = Rules(endless=True)
# A short lease, which is renewed.
RENEWED = Rules(endless=True, renews=True, lease=2)
# Registries have other clocks than gc.
SKEWED = Rules(skew=1)

needs_time = pytest.mark.skipif(os.environ.get("GC_MODEL") != "long", reason="takes minutes: make model")


@pytest.mark.parametrize("scene", SHORT)
@pytest.mark.parametrize(
    "rules",
    [
        PROMPT,
        pytest.param(replace(PROMPT, copy=1, grace=4, door=2), marks=needs_time),
        ANSWERED,
        pytest.param(Rules(), marks=needs_time),
    ],
    ids=["sharp", "copies", "no answer is lost", "answers are lost"],
)
def test_the_protocol_holds(rules: Rules, scene: str) -> None:
    _, why, way = search(rules, scene)
    assert not why, way


@pytest.mark.parametrize(
    ("rules", "scene"),
    [
        (replace(ENDLESS, lost=0), OTHER),
        pytest.param(ENDLESS, OTHER, marks=needs_time),
        pytest.param(ANSWERED, AGAIN, marks=needs_time),
        pytest.param(ENDLESS, FINISHERS, marks=needs_time),
        pytest.param(SKEWED, REUSE, marks=needs_time),
        pytest.param(replace(RENEWED, lost=0), FINISHERS, marks=needs_time),
    ],
)
def test_the_protocol_holds_where_a_rule_is_needed(rules: Rules, scene: str) -> None:
    _, why, way = search(rules, scene)
    assert not why, way


@needs_time
@pytest.mark.parametrize("scene", LARGE)
def test_the_protocol_holds_in_large_scenes(scene: str) -> None:
    _, why, way = search(Rules(), scene, limit=20_000_000)
    assert not why, way


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
}
SLOW = {
    "a removal is sent again": (Rules(delete_once=False), REUSE),
    "a notice counts that was written again": (replace(ANSWERED, same_write=False), AGAIN),
    "several processes remove at a time": (replace(ENDLESS, leases=False), FINISHERS),
    "a lease is renewed blindly": (replace(RENEWED, lost=0, renews_own=False), FINISHERS),
    "a process does not wait for the one before it": (replace(ENDLESS, settles=False), FINISHERS),
    "registries heed a notice no longer than gc": (replace(SKEWED, margin=False), REUSE),
}


@pytest.mark.parametrize("name", [*WRONG, *(pytest.param(name, marks=needs_time) for name in SLOW)])
def test_each_rule_is_needed(name: str) -> None:
    rules, scene = (WRONG | SLOW)[name]
    _, why, _ = search(rules, scene)
    assert why
