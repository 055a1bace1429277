"""Writes the tables of options in docs/ from the tables of the code: python -m tests.tables, or `make tables`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from docker_registry.config.keys import HONOURED
from docker_registry.config.options import REGISTRY, SECTIONS, Own
from docker_registry.config.values import seconds, size, some_seconds
from docker_registry.drivers.swift.settings.options import OPTIONS, Option
from docker_registry.settings import Settings

__all__ = ["PAGES", "renewed"]

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"(?s)(<!-- made by `make tables` from [^\n]*-->\n).*?(<!-- end -->)")


def renewed(page: str, table: str) -> str:
    """A page with this table where its mark is."""
    text, found = _BLOCK.subn(lambda match: match[1] + table + match[2], page)
    assert found == 1, "the page has no place for the table"
    return text


def of_the_registry() -> str:
    """The section `registry`."""
    head = "| in `registry` | default | in Distribution's file | meaning |\n|---|---|---|---|\n"
    rows = [
        f"| `{name}` | {_default(own)} | {_distribution(own.field)} | {own.meaning} |" for name, own in REGISTRY.items()
    ]
    rows += [
        f"| `{name}` | | {_keys(each.distribution.split(', '))} | {each.meaning} |" for name, each in SECTIONS.items()
    ]
    return head + "".join(f"{row}\n" for row in rows)


def of_the_driver() -> str:
    head = "| option | default | environment | meaning |\n| --- | --- | --- | --- |\n"
    return head + "".join(f"{row}\n" for row in map(_row_of_the_driver, OPTIONS))


def _row_of_the_driver(option: Option) -> str:
    variables = " ".join(f"`{name}`" for name in option.env)
    default = option.default
    if option.kind == "size":
        default = f"{default >> 20}M"
    elif option.kind == "boolean":
        default = str(default).lower()
    return f"| `{option.name}` | {'' if default is None else f'`{default}`'} | {variables} | {option.text} |"


def _default(own: Own) -> str:
    if own.default:
        return own.default
    value = getattr(Settings(), own.field)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if own.convert in (seconds, some_seconds):
        return f"`{_time(value)}`"
    if own.convert is size:
        return f"`{_size(value)}`"
    return f"`{value}`" if value else ""


def _time(value: float) -> str:
    return f"{value / 3600:.0f}h" if value >= 3600 and value % 3600 == 0 else f"{value:.0f}s"


def _size(value: int) -> str:
    return next(
        f"{value >> power}{unit}" for power, unit in ((20, "MiB"), (10, "KiB"), (0, "")) if value % (1 << power) == 0
    )


def _distribution(field: str) -> str:
    """Distribution's keys for a field of Settings, and ours in its file."""
    made_of = {"host": "address", "port": "address", "socket": "address"}.get(field, field)
    return _keys(".".join(path) for path, (name, _) in HONOURED.items() if name == made_of)


def _keys(names: Iterator[str] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


PAGES: dict[str, Callable[[], str]] = {"docs/server.md": of_the_registry, "docs/configuration.md": of_the_driver}

if __name__ == "__main__":
    for page, table in PAGES.items():
        path = ROOT / page
        path.write_text(renewed(path.read_text(), table()))
