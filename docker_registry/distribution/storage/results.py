"""What the last run of a job has come to, kept in the storage for people to see. Nothing is ever decided by it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import NamedTuple

from docker_registry.core.driver import Base as Driver
from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError

from ..model import layout

__all__ = ["Result", "keep_result", "last_result"]

logger = logging.getLogger(__name__)

_TEXT = 500  # characters of one value


class Result(NamedTuple):
    """`age` is in seconds, None where the storage does not tell."""

    age: float | None
    numbers: dict[str, int]
    words: dict[str, str]


def keep_result(driver: Driver, job: str, fields: Mapping[str, int | str]) -> None:
    """In place of the one before; that the storage does not take it is a line of the log, and no fault of the job."""
    try:
        driver.overwrite(layout.result(job), json.dumps(dict(fields)).encode())
    except UnspecifiedError as error:
        logger.warning("what %s came to could not be written down: %s", job, error or error.message)


def last_result(driver: Driver, job: str) -> Result | None:
    """One request; None where nothing was kept, or what is there is something else."""
    try:
        content, age = driver.get_aged(layout.result(job))
        fields = json.loads(content)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(fields, dict):
        return None
    numbers = {key: value for key, value in fields.items() if isinstance(value, int)}
    return Result(age, numbers, {key: value[:_TEXT] for key, value in fields.items() if isinstance(value, str)})
