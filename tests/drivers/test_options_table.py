"""The table of options in the documentation says what the code does."""

from __future__ import annotations

from pathlib import Path

from docker_registry.drivers.swift.options import OPTIONS, Option

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
HEAD = "| option | default | environment | meaning |\n| --- | --- | --- | --- |\n"


def default(option: Option) -> str:
    if option.default is None:
        return ""
    if option.kind == "size":
        return f"`{option.default >> 20}M`"
    if option.kind == "boolean":
        return f"`{str(option.default).lower()}`"
    return f"`{option.default}`"


def row(option: Option) -> str:
    variables = " ".join(f"`{name}`" for name in option.env)
    return f"| `{option.name}` | {default(option)} | {variables} | {option.text} |\n"


def test_the_page_has_the_table_of_all_options() -> None:
    table = HEAD + "".join(map(row, OPTIONS))
    assert table in PAGE.read_text()
