"""Names in the storage are other people's: no control character of theirs reaches a terminal."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""A text in which what Python does not print as it is stands as its escape.

    >>> printable("a\x1b[1m\nb")
    'a\\x1b[1m\\nb'
    """
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
