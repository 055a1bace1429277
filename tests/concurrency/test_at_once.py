"""So many at a time for each: against a plain list of who holds what."""

from __future__ import unicode_literals

from hypothesis import given
from hypothesis import strategies as st

from docker_registry.concurrency.at_once import AtOnce


@given(st.integers(0, 3), st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_it_counts_as_on_paper(limit, steps):
    places, held = AtOnce(limit), []
    for who, takes in steps:
        if takes:
            fits = not limit or held.count(who) < limit
            assert places.take(who) == fits
            held += [who] if fits else []
        elif who in held:
            places.give(who)
            held.remove(who)
        assert len(places) == len(set(held))
