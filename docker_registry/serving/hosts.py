"""Whether a text names a host, as a Host field or a proxy says it (RFC 9110, section 7.2; RFC 1035, section 2.3.4)."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

__all__ = ["is_host"]

_LONGEST = 255  # characters of a name
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{0,5}))?")


def is_host(text: str) -> bool:
    """Whether text is a name or an address, with or without a port.

    >>> is_host("registry.example.com:5000"), is_host("[::1]"), is_host("a..b"), is_host("a b"), is_host("")
    (True, True, False, False, False)
    """
    match = _HOST.fullmatch(text) if len(text) <= _LONGEST + len(":65535") else None
    if match is None or int(match["port"] or 0) > 65535:
        return False
    return _is_address(match["v6"]) if match["v6"] else _is_name(match["name"])


def _is_address(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_name(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return len(text) <= _LONGEST and all(_is_label(label) for label in labels)


def _is_label(label: str) -> bool:
    if not 1 <= len(label) <= 63:
        return False
    if label[:4].lower() != "xn--":
        return True
    try:
        return bool(label.encode("ascii").decode("idna"))
    except UnicodeError:
        return False
