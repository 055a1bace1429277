"""Numbers with the word that fits them. Pure."""

from __future__ import annotations

__all__ = ["in_bytes", "plural"]


def plural(count: int, word: str, words: str = "") -> str:
    """
    >>> plural(1, "tag"), plural(2, "tag"), plural(1200, "repository", "repositories")
    ('1 tag', '2 tags', '1,200 repositories')
    """
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def in_bytes(count: int) -> str:
    """Exactly, and as programs read it.

    >>> in_bytes(1), in_bytes(1200)
    ('1 byte', '1200 bytes')
    """
    return f"{count} byte{'' if count == 1 else 's'}"
