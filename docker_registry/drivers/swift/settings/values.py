"""Readers for the values of options: whatever YAML or the environment made of them -> one clean type.

Each reader takes a value that is set and returns it, or raises ValueError with what to write instead.
"""

import numbers
import os
import re

from ..compat import plain, shown

__all__ = ["READERS", "TEXT", "boolean", "seconds", "size"]

TEXT = (str, type(b"".decode("ascii")))  # both kinds of Python 2; the formatter drops the u of u""

_SIZE = re.compile(r"([0-9]{1,18}) *(?:([KMGT])(?:i?B)?|B)?$", re.IGNORECASE)
_FACTORS = {None: 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_DURATION = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST_CONTAINER = 256  # bytes
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_INTERFACES = ("public", "internal", "admin")


def text(value):
    """A name; YAML may have made a number of it."""
    if isinstance(value, TEXT):
        return _decoded(value)
    if _is_integer(value):
        return str(value)
    raise ValueError("write it in quotes: YAML read it as %s" % type(value).__name__)


def url(value):
    """An http or https URL, without the closing slash."""
    if isinstance(value, TEXT) and re.match(r"https?://[^/]", value):
        return _decoded(value).rstrip("/")
    raise ValueError("write a URL that begins with http:// or https://")


def existing_file(value):
    """The path of a file that is there."""
    path = os.path.expanduser(text(value))
    if not isinstance(path, str):  # Python 2 would take it for ASCII
        path = path.encode("utf8")
    if not os.path.isfile(path):
        raise ValueError(plain("there is no file %s" % path))
    return path


def boolean(value):
    if isinstance(value, bool):
        return value
    word = shown(value).strip().lower()
    if word not in _WORDS:
        raise ValueError("must be true or false")
    return _WORDS[word]


def integer(value):
    """A whole number from 0."""
    if isinstance(value, TEXT) and value.strip().isdigit():
        value = int(value)
    if not _is_integer(value) or value < 0:
        raise ValueError("write a whole number")
    return value


def count(value):
    """A whole number from 1."""
    number = integer(value)
    if number == 0:
        raise ValueError("write a whole number of at least 1")
    return number


def size(value):
    """Bytes: a number, or text with a unit of 1024 (`32M`, `64 MB`, `4MiB`, `1T`)."""
    match = not isinstance(value, bool) and _SIZE.match(shown(value).strip())
    if not match:
        raise ValueError("must be a number of bytes, such as 4194304, 512K or 4MiB")
    return int(match.group(1)) * _FACTORS[match.group(2) and match.group(2).upper()]


def some_size(value):
    """Bytes, at least one."""
    number = size(value)
    if not number:
        raise ValueError("must be at least one byte, such as 512K or 4MiB")
    return number


def seconds(value):
    """A time in seconds: a number, or text in Go's notation (`90s`, `1h30m`)."""
    written = shown(value).strip()
    parts = _DURATION.findall(written)
    try:
        if parts and "".join(number + unit for number, unit in parts) == written:
            number = sum(float(number) * _SECONDS[unit] for number, unit in parts)
        else:
            number = -1 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number < float("inf"):
        raise ValueError("must be a number of seconds, or a time such as 90s or 1h30m")
    return int(number) if number == int(number) else number


def some_seconds(value):
    """A time above zero, in seconds."""
    number = seconds(value)
    if not number:
        raise ValueError("must be more than 0 seconds, such as 90 or 1h30m")
    return number


def container(value):
    """The name of a container."""
    name = text(value)
    if "/" in name:
        raise ValueError("the name of a container has no slash; for a folder in it write storage_path")
    if not 0 < len(name.encode("utf8") if not isinstance(name, bytes) else name) <= LONGEST_CONTAINER:
        raise ValueError("write at most %s bytes, the longest name that Swift takes" % LONGEST_CONTAINER)
    return name


def auth_version(value):
    """1, 2 or 3, from any spelling: 2, "2.0", "v3"."""
    match = not isinstance(value, bool) and re.match(r"v?([123])(\.\d+)?$", shown(value).strip())
    if not match:
        raise ValueError("write 1, 2 or 3")
    return int(match.group(1))


def interface(value):
    word = shown(value).strip()
    if word.endswith("URL"):
        word = word[: -len("URL")]
    if word not in _INTERFACES:
        raise ValueError("write one of: " + ", ".join(_INTERFACES))
    return word


def _decoded(value):
    """Text of what the environment of Python 2 has as bytes, as YAML gives it: native if it is ASCII."""
    if not isinstance(value, bytes) or all(byte < 128 for byte in bytearray(value)):
        return value
    try:
        return value.decode("utf8")
    except UnicodeError:
        return value


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


READERS = {
    "text": text,
    "secret": text,
    "url": url,
    "file": existing_file,
    "boolean": boolean,
    "integer": integer,
    "count": count,
    "size": some_size,
    "seconds": some_seconds,
    "container": container,
    "auth_version": auth_version,
    "interface": interface,
}
