"""A session ends once: whoever asks, however requests interleave, and wherever some of them are broken off."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator

import greenlet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.core.driver import Base, fetch
from docker_registry.core.exceptions import FileNotFoundError, UnreachableError
from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.storage import endings as module
from docker_registry.distribution.storage.endings import Ending

SESSION = "a session"
ALONE = 6  # requests of a call that nobody disturbs


def memory() -> Base:
    return fetch("memory")("/", None)


class Counting:
    """A driver that counts requests; number `broken` and all later ones fail, before or after they did their work."""

    def __init__(self, driver: Base, broken: int | None = None, is_late: bool = False):
        self.driver = driver
        self.count = 0
        self.broken = broken
        self.is_late = is_late

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            is_broken = self.broken is not None and self.count >= self.broken
            self.count += 1
            if not is_broken:
                return getattr(self.driver, name)(*arguments)
            if self.is_late and self.count == (self.broken or 0) + 1:
                with contextlib.suppress(FileNotFoundError):
                    getattr(self.driver, name)(*arguments)
            raise UnreachableError("no answer")

        return call


def ending(driver: object) -> Ending:
    return Ending(driver, SESSION)  # type: ignore[arg-type]


def test_the_first_outcome_is_everybodys() -> None:
    driver = memory()
    assert ending(driver).known() is None
    assert ending(driver).agree("cancelled") == "cancelled"
    assert ending(driver).agree("a digest") == "cancelled"
    assert ending(driver).known() == "cancelled"


def test_what_it_costs() -> None:
    driver = Counting(memory())
    for calls in (ALONE, 4, 4):
        driver.count = 0
        ending(driver).agree("x")
        assert driver.count == calls
    driver.count = 0
    assert ending(driver).known() == "x"
    assert driver.count == 2


@pytest.mark.parametrize("is_late", [False, True], ids=["not carried out", "carried out"])
@pytest.mark.parametrize("broken", range(ALONE))
def test_what_was_broken_off_can_be_repeated(broken: int, is_late: bool) -> None:
    driver = memory()
    with pytest.raises(UnreachableError):
        ending(Counting(driver, broken, is_late)).agree("x")
    assert ending(driver).known() in (None, "x")
    assert ending(driver).agree("x") == "x"
    assert ending(driver).agree("y") == "x"


def test_a_storage_that_shows_nothing_spoils_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = memory()

    def missing(_path: str) -> bytes:
        raise FileNotFoundError("no")

    with monkeypatch.context() as patch:
        patch.setattr(driver, "get_newest", missing)
        with pytest.raises(RegistryError) as caught:
            ending(driver).agree("a digest")
        assert caught.value.code is Code.UNAVAILABLE
    counting = Counting(driver)
    assert ending(counting).agree("a digest") == "a digest"
    assert counting.count <= 2 * ALONE


def test_breaking_off_again_and_again_ends_some_time() -> None:
    driver = memory()
    for number in range(module._ROUNDS):
        # Far enough to leave the last round without an outcome: three requests in each older one, three in a new one.
        with pytest.raises(UnreachableError):
            ending(Counting(driver, broken=4 * number + 3)).agree("x")
    with pytest.raises(RegistryError) as error:
        ending(driver).agree("x")
    assert error.value.code is Code.UNAVAILABLE
    assert ending(driver).known() is None


class Stepping:
    """A driver that lets the test decide, before every request, who goes next."""

    def __init__(self, driver: Base):
        self._driver = driver

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            greenlet.getcurrent().parent.switch()
            return getattr(self._driver, name)(*arguments)

        return call


def run_interleaved(outcomes: list[str], order: Iterable[int], broken_off: Iterable[int] = ()) -> set[str]:
    """What calls return that want these outcomes, when their requests come in this order.

    Then each goes on alone, but for those `broken_off`; and at the end
    somebody asks who was not there.
    """
    memory_driver = memory()
    driver = Stepping(memory_driver)
    calls = [greenlet.greenlet(ending(driver).agree) for _ in outcomes]
    answers: set[str] = set()

    def step(index: int, *arguments: str) -> None:
        answer = calls[index].switch(*arguments)
        if calls[index].dead:
            answers.add(answer)

    for index, outcome in enumerate(outcomes):
        step(index, outcome)
    for index in order:
        if not calls[index].dead:
            step(index)
    for index in set(range(len(calls))) - set(broken_off):
        while not calls[index].dead:
            step(index)
    answers.add(ending(memory_driver).agree("late"))
    assert ending(memory_driver).known() in answers
    return answers


def interleavings(each: int) -> Iterator[list[int]]:
    """Every order of so many requests of one call and as many of another."""
    for mine in itertools.combinations(range(2 * each), each):
        yield [int(index in mine) for index in range(2 * each)]


def test_however_two_calls_interleave_they_agree() -> None:
    found = set()
    for order in interleavings(7):
        answers = run_interleaved(["x", "y"], order)
        assert len(answers) == 1, order
        found |= answers
    assert found == {"x", "y"}


@pytest.mark.parametrize("broken_off", [[0], [1], [0, 1]])
def test_however_two_calls_interleave_when_some_are_broken_off(broken_off: list[int]) -> None:
    for order in interleavings(6):
        assert len(run_interleaved(["x", "y"], order, broken_off)) == 1, order


@given(
    st.lists(st.sampled_from(["x", "y", "z"]), min_size=2, max_size=4),
    st.lists(st.integers(0, 3), max_size=80),
    st.sets(st.integers(0, 3)),
)
def test_however_several_calls_interleave_they_agree(outcomes: list[str], order: list[int], broken: set[int]) -> None:
    answers = run_interleaved(outcomes, (index % len(outcomes) for index in order), broken)
    assert len(answers) == 1
    assert answers <= {*outcomes, "late"}


@given(st.lists(st.integers(0, 2), max_size=60), st.sets(st.integers(0, 2)))
def test_calls_that_want_the_same_get_it(order: list[int], broken: set[int]) -> None:
    asked = run_interleaved(["x", "x", "x"], order, broken)
    assert asked == {"x"} or (asked == {"late"} and broken == {0, 1, 2})
