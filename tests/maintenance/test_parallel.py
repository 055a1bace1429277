"""Many at once: in order, bounded, errors as results."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from docker_registry.core.exceptions import FileNotFoundError
from docker_registry.maintenance.parallel import each


def test_results_come_in_order_with_errors_among_them() -> None:
    def work(item: int) -> int:
        if item % 3 == 0:
            raise FileNotFoundError(str(item))
        return -item

    outcomes = list(each(work, range(50), 4))
    assert [item for item, _ in outcomes] == list(range(50))
    assert all(isinstance(result, FileNotFoundError) for item, result in outcomes if item % 3 == 0)
    assert all(result == -item for item, result in outcomes if item % 3)


def test_no_more_is_taken_than_is_under_way() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(100):
            taken += 1
            yield item

    for number, _ in enumerate(each(str, items(), 3), 1):
        assert taken <= number + 2 * 3


def test_work_is_done_side_by_side() -> None:
    barrier = threading.Barrier(4, timeout=20)
    assert len(list(each(lambda _: barrier.wait(), range(4), 4))) == 4


def test_other_errors_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(each(lambda item: 1 // item, range(1), 2))
