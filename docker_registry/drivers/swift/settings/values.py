"""Readers for the values of options: whatever YAML or the environment made of them -> one clean type.

Each reader takes a value that is set and returns it, or raises ValueError with what to write instead.
"""

import numbers
import os
import re

__all__ = ["READERS", "TEXT"]

TEXT = (str, type(b"".decode("ascii")))  # both kinds of Python 2; the formatter drops the u of u""

_SIZE = re.compile(r"(\d+)\s*([KMG])(?:iB)?$", re.IGNORECASE)
_FACTORS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_INTERFACES = ("public", "internal", "admin")


def text(value):
    """A name; YAML may have made a number of it."""
    if isinstance(value, TEXT):
        return value
    if _is_integer(value):
        return str(value)
    raise ValueError("write it in quotes: YAML read it as %s" % type(value).__name__)


def url(value):
    """An http or https URL, without the closing slash."""
    if isinstance(value, TEXT) and re.match(r"https?://[^/]", value):
        return value.rstrip("/")
    raise ValueError("write a URL that begins with http:// or https://")


def existing_file(value):
    """The path of a file that is there."""
    path = os.path.expanduser(text(value))
    if not os.path.isfile(path):
        raise ValueError("there is no file %s" % path)
    return path


def boolean(value):
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _WORDS:
        raise ValueError("write true or false")
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
    """Bytes, from a number or from text with the suffix K, M or G (of 1024)."""
    match = isinstance(value, TEXT) and _SIZE.match(value.strip())
    if match:
        return count(match.group(1)) * _FACTORS[match.group(2).upper()]
    try:
        return count(value)
    except ValueError:
        raise ValueError("write a number of bytes, or such as 512K, 32M, 1G")


def seconds(value):
    """A time in seconds, above zero."""
    try:
        number = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = None
    if number is None or not 0 < number < float("inf"):
        raise ValueError("write a number of seconds above 0")
    return int(number) if number == int(number) else number


def auth_version(value):
    """1, 2 or 3, from any spelling: 2, "2.0", "v3"."""
    match = not isinstance(value, bool) and re.match(r"v?([123])(\.\d+)?$", str(value).strip())
    if not match:
        raise ValueError("write 1, 2 or 3")
    return int(match.group(1))


def interface(value):
    word = str(value).strip()
    if word.endswith("URL"):
        word = word[: -len("URL")]
    if word not in _INTERFACES:
        raise ValueError("write one of: " + ", ".join(_INTERFACES))
    return word


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
    "size": size,
    "seconds": seconds,
    "auth_version": auth_version,
    "interface": interface,
}
