"""Numbers and times as a person says them. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

from docker_registry.plurals import plural

__all__ = ["ago", "iso", "lasting", "left", "moment", "number", "sentence", "size", "utc"]

_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")
_AGES = (
    (365 * 86400, "year"),
    (30 * 86400, "month"),
    (7 * 86400, "week"),
    (86400, "day"),
    (3600, "hour"),
    (60, "minute"),
)
_YEAR_2000 = 946684800  # reproducible builds set times before it, which are no times


def size(count: int) -> str:
    """Bytes, decimal as docker and podman print them.

    >>> size(999), size(1000), size(76_400_000), size(999_999), size(2_140_000_000_000)
    ('999 B', '1.0 kB', '76.4 MB', '1.0 MB', '2.1 TB')
    """
    if count < 1000:
        return f"{count} B"
    value, power = count / 1000, 0
    while round(value, 1) >= 1000 and power < len(_UNITS) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.{1 if round(value, 1) < 100 else 0}f} {_UNITS[power]}"


def sentence(text: str) -> str:
    """
    >>> sentence("the storage is away"), sentence("It is.")
    ('The storage is away.', 'It is.')
    """
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def number(count: int) -> str:
    """
    >>> number(10000)
    '10,000'
    """
    return f"{count:,}"


def ago(seconds: float) -> str:
    """How long something is in the past.

    >>> ago(12), ago(61), ago(3 * 3600), ago(8 * 86400), ago(-5)
    ('just now', '1 minute ago', '3 hours ago', '1 week ago', 'just now')
    """
    for length, word in _AGES:
        if seconds >= length:
            return f"{plural(int(seconds // length), word)} ago"
    return "just now"


def lasting(seconds: float) -> str:
    """A period of time, in the largest unit that says it whole.

    >>> lasting(14 * 86400), lasting(36 * 3600), lasting(86400)
    ('14 days', '36 hours', '1 day')
    """
    for length, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length and seconds % length == 0:
            return plural(int(seconds // length), word)
    return plural(int(seconds), "second")


def left(seconds: float) -> str:
    """How long something has yet.

    >>> left(30), left(3 * 86400 + 5), left(-1)
    ('vanishes within a minute', '3 days left', 'vanishes within a minute')
    """
    for length, word in _AGES:
        if seconds >= length:
            return f"{plural(int(seconds // length), word)} left"
    return "vanishes within a minute"


def utc(when: float) -> str:
    return f"{_at(when):%Y-%m-%d %H:%M} UTC"


def iso(when: float) -> str:
    return f"{_at(when):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str) -> float | None:
    """An RFC 3339 time in seconds since the epoch; None for what is none, or was not meant as one.

    >>> moment("2026-11-25T19:41:00.123456789Z"), moment("1970-01-01T00:00:00Z"), moment("yesterday")
    (1795635660.0, None, None)
    """
    try:
        found = datetime.fromisoformat(f"{text[:19]}+00:00").timestamp()
    except ValueError:
        return None
    return found if found >= _YEAR_2000 else None


def _at(when: float) -> datetime:
    return datetime.fromtimestamp(min(max(when, 0), 253402300799), timezone.utc)
