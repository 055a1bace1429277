"""Single values of a config file: checked, converted, and never repeated in an error when they may be secret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeVar

from docker_registry.core.exceptions import ConfigError

# The driver's readers, which Python 2 runs too, are the one set there is.
from docker_registry.drivers.swift.settings import values as plain

__all__ = [
    "MOST_DAYS",
    "Options",
    "Problems",
    "flag",
    "headers",
    "hint",
    "lasting",
    "log_fields",
    "networks",
    "path_prefix",
    "public_url",
    "seconds",
    "size",
    "socket_path",
    "some_seconds",
    "text",
    "whole",
    "word",
]

T = TypeVar("T")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")  # what goes into a header
MOST_DAYS = 36_500  # of any time: so that it can be told as a date
_EACH_ANSWERS_OWN = {
    "connection",
    "content-length",
    "content-range",
    "content-type",
    "docker-content-digest",
    "location",
}
_EACH_ANSWERS_OWN |= {"range", "transfer-encoding"}


class Problems:
    """What is wrong with a config file: collected, so that all of it is told at once."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, where: str, text: str) -> None:
        """`where` is how the part of the file is called: "config.yml, flavor swift"."""
        self._found.setdefault(where, []).append(text)

    def __bool__(self) -> bool:
        return bool(self._found)

    def refuse(self) -> None:
        """Raises ConfigError, of one line, where anything is wrong."""
        if self:
            raise ConfigError("; ".join(f"{where}: {'; '.join(texts)}" for where, texts in self._found.items()))


class Options:
    """One mapping of a config file, read option by option.

    `where` is how errors call the mapping: "config.yml, flavor swift". What
    nobody took is left in `rest`, so that no option is ever overlooked. What
    is wrong goes into `problems`, and the option counts as not given.
    """

    def __init__(self, values: object, where: str, problems: Problems):
        self.where = where
        self.problems = problems
        if not isinstance(values, Mapping):
            self.refuse("must be a mapping of options")
            values = {}
        self._values = {str(key): value for key, value in values.items() if value is not None}
        self.empty = {str(key) for key, value in values.items() if value is None}

    def is_blank(self, name: str) -> bool:
        """Whether an option is there with nothing behind it, or an empty list."""
        return name in self.empty or self._values.get(name) == []

    def refuse(self, text: str) -> None:
        self.problems.add(self.where, text)

    def take(self, name: str, convert: Callable[[Any], T], default: T) -> T:
        """An option's value, converted."""
        if name not in self._values:
            return default
        try:
            return convert(self._values.pop(name))
        except ValueError as error:
            self.refuse(f"{name}: {error}")
            return default

    def section(self, name: str) -> Options:
        return Options(self._values.pop(name, {}), f"{self.where}, {name}", self.problems)

    def only(self, names: Iterable[str]) -> Options:
        """Some of what is set, left where it is."""
        return Options({name: self._values[name] for name in names}, self.where, self.problems)

    def rest(self) -> dict[str, Any]:
        """What was not taken and is set."""
        return dict(self._values)

    def refuse_rest(self, known: Iterable[str]) -> None:
        """Refuse the options that nobody took, with the nearest of the known ones."""
        for name in self._values:
            self.refuse(f"unknown option {name}{hint(name, known)}")


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the one probably meant."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def text(value: Any) -> str:
    if isinstance(value, bool | list | dict):
        raise ValueError("must be text")
    return str(value)


def flag(value: Any) -> bool:
    return bool(plain.boolean(value))  # type: ignore[no-untyped-call]


def word(*choices: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if str(value).lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value).lower()

    return convert


def whole(first: int, last: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)) or not first <= int(value) <= last:
            raise ValueError(f"must be a whole number from {first} to {last}")
        return int(value)

    return convert


def size(value: Any) -> int:
    """Bytes: a number, or one with a unit of 1024 (`4MiB`, `64m`)."""
    return int(plain.size(value))  # type: ignore[no-untyped-call]


def seconds(value: Any) -> float:
    """Seconds: a number, or Go's notation (`1h30m`)."""
    return float(plain.seconds(value))  # type: ignore[no-untyped-call]


def some_seconds(value: Any) -> float:
    """Seconds, of which there must be some."""
    found = seconds(value)
    if found < 1:
        raise ValueError("must be 1 second or more")
    return found


def lasting(value: Any) -> float:
    """Seconds, of a time that people think of in days: so it must say its unit, since a bare number means seconds."""
    if isinstance(value, bool) or not str(value).strip()[-1:].isalpha():
        raise ValueError("must be a time with its unit, such as 30m, 12h or 7d: a number alone would mean seconds")
    found = some_seconds(value)
    if found > MOST_DAYS * 24 * 3600:
        raise ValueError(f"must be {MOST_DAYS}d or less")
    return found


def networks(value: Any) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks or single addresses: a list, or text with commas."""
    items = value if isinstance(value, list) else str(value).split(",")
    try:
        return tuple(ip_network(str(item).strip()) for item in items if str(item).strip())
    except ValueError as error:
        raise ValueError(f"must be addresses or networks such as 10.0.0.0/8: {error}") from None


def path_prefix(value: Any) -> str:
    """A URL's path in front of /v2/: "" or "/some/where"."""
    stripped = text(value).strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", stripped):
        raise ValueError("must be a path such as /registry")
    return f"/{stripped}" if stripped else ""


def socket_path(value: Any) -> str:
    """The path of a unix socket."""
    written = text(value)
    if not written.startswith("/") or len(written.encode()) > 107:
        raise ValueError("must be an absolute path of at most 107 bytes, such as /run/registry/registry.sock")
    return written


def public_url(value: Any) -> str:
    """Scheme and host, and perhaps a path, as clients see them."""
    written = text(value)
    if not re.fullmatch(r"https?://[^/?#\s]+[^?#\s]*", written):
        raise ValueError("must be a URL such as https://registry.example.org")
    return written


def headers(value: Any) -> tuple[tuple[str, str], ...]:
    """Response headers: a mapping of names to a value or a list of values, each of which becomes a line."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping of header names to their values")
    pairs = []
    for name, given in value.items():
        if not _TOKEN.fullmatch(str(name)):
            raise ValueError(f"{name!r} cannot be the name of a header")
        if str(name).lower() in _EACH_ANSWERS_OWN:
            raise ValueError(f"{name} is different in each answer and cannot be set")
        pairs += [(str(name), _header_value(name, item)) for item in (given if isinstance(given, list) else [given])]
    return tuple(pairs)


def log_fields(value: Any) -> tuple[tuple[str, str], ...]:
    """What every line of the log has beside its own: a mapping of names to values."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping of names to their values")
    pairs = [(str(name), str(item).lower() if isinstance(item, bool) else str(item)) for name, item in value.items()]
    if not all(_TOKEN.fullmatch(name) and _LINE.fullmatch(item) for name, item in pairs):
        raise ValueError("a name must be one word, and a value one line of text")
    return tuple(pairs)


def _header_value(name: object, item: Any) -> str:
    if isinstance(item, bool):
        return str(item).lower()  # as it was written: YAML made it a bool
    if not isinstance(item, str | int | float) or not _LINE.fullmatch(str(item)):
        raise ValueError(f"{name}: a value must be one line of text")
    return str(item)
