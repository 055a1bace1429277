"""How far garbage collection and retention are, as a person says it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from docker_registry.distribution.storage.results import Result
from docker_registry.distribution.views.upkeep import Collecting, Stage, Upkeep
from docker_registry.plurals import plural
from docker_registry.settings import Settings

from .words import lasting, size, utc

__all__ = ["Chore", "spoken"]


class Chore(NamedTuple):
    what: str
    now: str
    last: str  # what the last run came to, "" where nobody knows
    ended: float | None  # when that was, in seconds since the epoch
    calling: str  # who calls it, how often
    is_bad: bool = False


def spoken(upkeep: Upkeep, seen: float, settings: Settings) -> list[Chore]:
    """A row for each; `seen` is when that was looked at, in seconds since the epoch."""
    return list(_spoken(upkeep, seen, settings))


def _spoken(upkeep: Upkeep, seen: float, settings: Settings) -> Iterator[Chore]:
    for each in upkeep.collecting:
        where = f" of {each.container}" if settings.containers else ""
        calling = _calling("gc", settings.gc.every)
        last = each.last
        is_bad = last is not None and last.words.get("stage") == "stopped"
        now = _now(each, seen)
        yield Chore(f"Garbage collection{where}", now, _collected(last), _ended(last, seen), calling, is_bad)
    if settings.retention.tags:
        last = upkeep.retention
        is_bad = last is not None and bool(last.numbers.get("failed"))
        calling = _calling("retention", settings.retention.every)
        yield Chore("Retention of tags", "", _retained(last), _ended(last, seen), calling, is_bad)


def _calling(command: str, every: float) -> str:
    return f"by the registry, every {lasting(every).removeprefix('1 ')}" if every else f"when somebody calls {command}"


def _ended(last: Result | None, seen: float) -> float | None:
    return seen - last.age if last is not None and last.age is not None else None


def _now(each: Collecting, seen: float) -> str:
    """What is under way, and what comes next."""
    at_it = "A process is at it now. " if each.is_at_it else ""
    files = plural(each.files, "file")
    if each.stage is Stage.ANNOUNCED:
        return f"{at_it}{files} announced; what is not used again can go from {utc(seen + each.until)} on"
    if each.stage is Stage.RIPE:
        end = utc(seen + each.until)
        return f"{at_it}{files} announced; the next call removes what was not used again, until {end}"
    if each.stage is Stage.REMOVING:
        return f"{at_it}Files are being removed"
    return at_it.strip() or "Nothing is announced"


def _collected(last: Result | None) -> str:
    """
    >>> _collected(Result(9.0, {"removed": 1, "freed": 2000}, {"stage": "finished"}))
    '1 file removed, 2.0 kB free'
    >>> _collected(Result(9.0, {"announced": 2}, {"stage": "announced"}))
    '2 files announced'
    """
    if last is None:
        return ""
    stage = last.words.get("stage", "")
    if stage == "finished":
        return f"{plural(last.numbers.get('removed', 0), 'file')} removed, {size(last.numbers.get('freed', 0))} free"
    if stage == "announced":
        return f"{plural(last.numbers.get('announced', 0), 'file')} announced"
    return f"stopped: {last.words.get('why', '')}" if stage == "stopped" else stage


def _retained(last: Result | None) -> str:
    """
    >>> _retained(Result(9.0, {"removed": 3, "repositories": 1, "failed": 2}, {}))
    '3 tags of 1 repository removed; the storage did not answer 2 times'
    """
    if last is None:
        return ""
    failed = last.numbers.get("failed", 0)
    found = plural(last.numbers.get("repositories", 0), "repository", "repositories")
    done = f"{plural(last.numbers.get('removed', 0), 'tag')} of {found} removed"
    return f"{done}; the storage did not answer {plural(failed, 'time')}" if failed else done
