"""So many at a time for each: against a plain list of who holds what."""

from __future__ import unicode_literals

import random

import pytest

from docker_registry.concurrency.at_once import AtOnce


@pytest.mark.parametrize("seed", range(20))
def test_it_counts_as_on_paper(seed):
    chance = random.Random(seed)
    limit = seed % 4
    places, held = AtOnce(limit), []
    for _ in range(60):
        who = chance.choice("abc")
        if chance.random() < 0.6:
            fits = not limit or held.count(who) < limit
            assert places.take(who) == fits
            held += [who] if fits else []
        elif who in held:
            places.give(who)
            held.remove(who)
        assert len(places) == (len(set(held)) if limit else 0)
