"""Many at once: the driver's errors are outcomes, others are raised."""

from __future__ import annotations

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


def test_other_errors_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(each(lambda item: 1 // item, range(1), 2))
