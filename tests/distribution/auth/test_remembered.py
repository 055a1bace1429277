"""What is remembered of credentials, against a plain list of what was put when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.auth.remembered import Remembered

STEPS = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.integers(0, 4), st.booleans()), max_size=60)


@given(STEPS)
def test_it_gives_what_was_put_last_until_it_is_old_or_too_many_came_since(
    steps: list[tuple[bytes, int, bool]],
) -> None:
    now = 0
    remembered: Remembered[int] = Remembered(2, 5.0, lambda: float(now))
    told: list[tuple[int, bytes, int]] = []  # when, key, value; one a key, the last put at the end
    for number, (key, later, puts) in enumerate(steps):
        now += later
        told = [item for item in told if now < item[0] + 5]
        if puts:
            remembered.put(key, number)
            told = [*[item for item in told if item[1] != key], (now, key, number)][-2:]
            assert len(remembered) == len(told)  # what is old is not kept
        assert remembered.get(key) == {item[1]: item[2] for item in told}.get(key)
