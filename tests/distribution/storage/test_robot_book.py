"""What is known of robots' passwords, against a plain dictionary; and when the storage does not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.core.driver import Base, fetch
from docker_registry.core.exceptions import UnreachableError
from docker_registry.distribution.storage import robot_book
from docker_registry.distribution.storage.robot_book import BELIEVED, KEPT, Made, Revocations

IDS = [f"r{number:011x}" for number in range(4)]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.sampled_from(IDS), st.integers(1, 100)),
        st.tuples(st.just("revoke"), st.sampled_from(IDS), st.just(0)),
        st.tuples(st.just("forget"), st.just(""), st.integers(0, 100)),
    ),
    max_size=20,
)


def memory() -> Base:
    return fetch("memory")("/", None)


@given(STEPS)
def test_it_is_a_table(steps: list[tuple[str, str, int]]) -> None:
    driver = memory()
    made: dict[str, Made] = {}
    revoked: set[str] = set()
    for step, identity, time in steps:
        if step == "record" and identity not in made:
            made[identity] = Made(identity, "deploy", time, ("ci/**:pull",), "key")
            robot_book.record(driver, made[identity])
        elif step == "revoke":
            revoked.add(identity)
            robot_book.revoke(driver, identity)
        elif step == "forget":
            robot_book.forget_ended(driver, time + KEPT)
            gone = {each.id for each in made.values() if each.expires < time}
            made, revoked = {name: made[name] for name in made if name not in gone}, revoked - gone
        expected = {each._replace(revoked=each.id in revoked) for each in made.values()}
        assert set(robot_book.made(driver)) == expected
        fresh = Revocations(driver)
        assert {identity for identity in IDS if fresh.contain(identity)} == revoked


def test_an_answer_counts_for_seconds_and_a_yes_for_ever() -> None:
    driver, now = memory(), [0.0]
    revocations = Revocations(driver, lambda: now[0])
    assert not revocations.contain(IDS[0])
    robot_book.revoke(driver, IDS[0])
    assert not revocations.contain(IDS[0])
    now[0] = BELIEVED
    assert revocations.contain(IDS[0])
    driver.remove("files")
    now[0] = 10 * BELIEVED
    assert revocations.contain(IDS[0])


def test_while_the_storage_is_silent_the_last_answer_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    driver, now = memory(), [0.0]
    revocations = Revocations(driver, lambda: now[0])
    assert not revocations.contain(IDS[0])

    def silent(_path: str) -> bytes:
        raise UnreachableError("no answer")

    monkeypatch.setattr(driver, "get_newest", silent)
    now[0] = BELIEVED
    assert not revocations.contain(IDS[0])
    with pytest.raises(UnreachableError):
        revocations.contain(IDS[1])


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robot_book, "_ENTRIES", 2)
    revocations = Revocations(memory())
    for identity in IDS:
        revocations.contain(identity)
    assert len(revocations._known) == 2
