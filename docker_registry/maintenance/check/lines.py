"""The lines that `check` prints: how it stands with one thing, and what to do."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Level", "Line", "error", "ok", "warning"]


class Level(str, Enum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Line(NamedTuple):
    level: Level
    subject: str
    text: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.level.value:8} {self.subject}: {self.text}{'. ' + self.advice if self.advice else ''}"


def ok(subject: str, text: str) -> Line:
    return Line(Level.OK, subject, text)


def warning(subject: str, text: str, advice: str = "") -> Line:
    return Line(Level.WARNING, subject, text, advice)


def error(subject: str, text: str, advice: str = "") -> Line:
    return Line(Level.ERROR, subject, text, advice)
