"""Text of strangers, made fit to be shown: bounded, and without characters that a reader does not see as they are."""

from __future__ import annotations

__all__ = ["LONG", "visible"]

LONG = 4096  # characters of one text


def visible(value: object, limit: int = LONG, lines: bool = False) -> str:
    """A value as text of at most `limit` characters and a mark, on one line unless `lines`.

    What Python does not print as it is (controls, what turns the direction of text or has no width, halves of
    surrogate pairs) stands there by its number.

    >>> visible("a\\u202eb\\x1b[1m"), visible("abcdef", 3), visible("é\\n", lines=True)
    ('a\\\\u{202e}b\\\\u{1b}[1m', 'abc…', 'é\\n')
    """
    text = str(value) if isinstance(value, (str, int, float)) else ""
    cut = text[:limit]
    if not cut.isprintable():
        cut = "".join(_shown(character, lines) for character in cut)[: 2 * limit]
    return f"{cut}…" if len(text) > limit else cut


def _shown(character: str, lines: bool) -> str:
    if lines and character in "\n\t":
        return character
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
