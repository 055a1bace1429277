# -*- coding: utf-8 -*-
"""The table of options in docs/configuration.md says what the code does."""

import io
import os

from docker_registry.drivers.swift.settings.options import OPTIONS

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "configuration.md")
HEAD = "| option | default | environment | meaning |\n| --- | --- | --- | --- |\n"


def default(option):
    if option.default is None:
        return ""
    if option.kind == "size":
        return "`{0}M`".format(option.default >> 20)
    if option.kind == "boolean":
        return "`{0}`".format(str(option.default).lower())
    return "`{0}`".format(option.default)


def row(option):
    variables = " ".join("`{0}`".format(name) for name in option.env)
    return "| `{0}` | {1} | {2} | {3} |\n".format(option.name, default(option), variables, option.text)


def test_the_page_has_the_table_of_all_options():
    with io.open(PAGE, encoding="utf8") as page:
        assert HEAD + "".join(map(row, OPTIONS)) in page.read()
