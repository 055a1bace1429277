"""docs/troubleshooting.md has every code, every line of the log that warns, and all that the driver says of Swift."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from docker_registry.distribution.errors import Code

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
LEVELS = ("warning", "error", "exception", "critical")
# Those in which only the names of things are fixed text: `%s: %s`.
BARE = re.compile(r"[\W_]*")
# Names what is done, and is no message by itself; the second is about paths that no request can have.
PARTS = ("GET ...?...", "GET ... from byte ... of ...", "... with ... bytes of ...", "DELETE ...")
IMPOSSIBLE = (
    "a name of ... bytes is too long for Swift, which takes ...: ......",
    "...: the folder ... at the root belongs to the driver",
)


def with_dots(text: str) -> str:
    """A message with what is put into it left open, as the page writes it."""
    return re.sub(r"%[a-z]|%\.\d[a-z]|\{\w*\}", "...", text)


def calls(folder: str) -> Iterator[ast.Call]:
    for path in sorted((ROOT / "docker_registry" / folder).rglob("*.py")):
        yield from (node for node in ast.walk(ast.parse(path.read_text("utf8"))) if isinstance(node, ast.Call))


def text_of(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


@cache
def logged() -> list[str]:
    found = []
    for call in calls(""):
        function = call.func
        if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
            continue
        if function.attr in LEVELS:
            found += [text for node in call.args[:1] for text in text_of(node)]
        elif function.attr == "log" and function.value.id in ("log", "logger"):
            found += [text for node in call.args[1:2] for text in text_of(node)]
    return sorted({with_dots(text) for text in found})


@cache
def said_by_the_driver() -> list[str]:
    texts = [
        text
        for call in calls("drivers/swift")
        if isinstance(call.func, ast.Name) and call.func.id == "say"
        for text in text_of(call.args[0])
    ]
    return sorted({with_dots(text) for text in texts} - {*PARTS, *IMPOSSIBLE})


def needed(messages: list[str]) -> list[str]:
    return [message for message in messages if not BARE.fullmatch(message.replace("...", ""))]


def shown() -> list[str]:
    """What the page has between backticks, in its tables."""
    rows = re.findall(r"(?m)^\| (.*) \|$", PAGE)
    return [message for row in rows for message in re.findall(r"`([^`]+)`", row)]


def has(message: str) -> bool:
    """Whether the page shows a message; it may have names in front that are the same for a part of the log."""
    return any(message in each or message.removeprefix("...") in each for each in shown())


def test_the_code_is_looked_at_in_whole() -> None:
    assert len(logged()) > 40
    assert len(said_by_the_driver()) > 25


@pytest.mark.parametrize("message", needed(logged()))
def test_every_line_of_the_log_is_there(message: str) -> None:
    assert has(message)


@pytest.mark.parametrize("message", needed(said_by_the_driver()))
def test_all_that_is_said_of_swift_is_there(message: str) -> None:
    assert has(message)


def test_every_code_is_there_with_its_statuses() -> None:
    table = PAGE[PAGE.index("## Codes of answers") :].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| `([A-Z_]+)` \| ([\d, ]+) \|", table)
    statuses: dict[str, set[int]] = {}
    for code in Code:
        statuses.setdefault(code.wire, set()).add(int(code.status))
    assert {code: {int(status) for status in said.split(", ")} for code, said in rows} == statuses


def test_no_line_of_the_log_is_there_that_is_not_written() -> None:
    """Each piece of a line between two names is somewhere in the code: some lines are put together of several texts."""
    section = PAGE[PAGE.index("## Lines of the log") : PAGE.index("### What is said of Swift")]
    firsts = re.findall(r"(?m)^\| (`.*?) \|", section)
    pieces = {
        piece.strip(" :;,")
        for first in firsts
        for line in re.findall(r"`([^`]+)`", first)
        for piece in line.split("...")
    }
    source = "".join(path.read_text("utf8") for path in (ROOT / "docker_registry").rglob("*.py"))
    joined = re.sub(r'"\s*f?"', "", source)
    assert {piece for piece in pieces if piece not in joined} == set()
