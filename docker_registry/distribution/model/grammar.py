"""The names that the distribution spec allows ("Pulling manifests"): pure, raising what the client is told."""

from __future__ import annotations

import re
from typing import NewType

from ..errors import Code, RegistryError
from .digest import Digest, DigestError

__all__ = ["NAME_MAX", "Tag", "check_name", "is_name", "is_tag", "parse_digest", "parse_reference", "parse_tag"]

Tag = NewType("Tag", str)

# Clients, and Distribution before us, refuse longer ones; the host and its slash count for some.
NAME_MAX = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
_SHOWN = 160  # characters of a client's text that an error repeats


def is_name(text: str) -> bool:
    """Whether text names a repository.

    >>> is_name("library/my-app__2"), is_name("Library/app"), is_name("a..b"), is_name("")
    (True, False, False, False)
    """
    return len(text) <= NAME_MAX and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether text is a tag.

    >>> is_tag("v1.0-RC_1"), is_tag(".hidden"), is_tag("a" * 129)
    (True, False, False)
    """
    return _TAG.fullmatch(text) is not None


def check_name(text: str) -> str:
    """The name of a repository; raises NAME_INVALID."""
    if is_name(text):
        return text
    if len(text) > NAME_MAX:
        raise RegistryError(Code.NAME_INVALID, f"a repository name has at most {NAME_MAX} characters", _detail(text))
    raise RegistryError(
        Code.NAME_INVALID,
        f"{text[:_SHOWN]!r} is not a repository name: lower-case letters and digits, joined by . _ __ or -, "
        "in parts joined by /",
        _detail(text),
    )


def parse_tag(text: str) -> Tag:
    """Raises TAG_INVALID."""
    if is_tag(text):
        return Tag(text)
    raise RegistryError(
        Code.TAG_INVALID,
        f"{text[:_SHOWN]!r} is not a tag: up to 128 letters, digits and _ . - that start with neither . nor -",
    )


def parse_digest(text: str) -> Digest:
    """Raises DIGEST_INVALID."""
    try:
        return Digest.parse(text)
    except DigestError as error:
        raise RegistryError(Code.DIGEST_INVALID, str(error)) from None


def parse_reference(text: str) -> Tag | Digest:
    """A tag, or (what has a colon can be nothing else) a digest; raises TAG_INVALID or DIGEST_INVALID."""
    return parse_digest(text) if ":" in text else parse_tag(text)


def _detail(name: str) -> dict[str, str]:
    return {"name": name[:_SHOWN]}
