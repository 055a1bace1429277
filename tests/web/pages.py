"""Pages as a strict reader of HTML takes them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.core.types import Entry
from docker_registry.distribution.app import Registry
from docker_registry.settings import Settings
from docker_registry.web.rendering import POLICY
from docker_registry.web.site import Site

__all__ = ["Listed", "Page", "mounted", "visit"]


class Listed(fetch("memory")):  # type: ignore[misc]
    """The memory driver with listings as Swift has them: with the MD5 of each content."""

    def walk(self, path: str | None = None) -> Iterator[Entry]:
        for entry in super().walk(path):
            content = self.get_content(entry.path)
            yield entry._replace(md5=hashlib.md5(content, usedforsecurity=False).hexdigest())


def mounted(driver: Base, **settings: Any) -> Client:
    """A registry with its page."""
    registry = Registry(driver, dataclasses.replace(Settings(secret=b"a secret of the tests"), **settings))
    registry.mount(Site(registry.context))
    return Client(registry)


class Page:
    """One page, which must be HTML without any fault."""

    def __init__(self, text: str):
        self.text = text
        self.root: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)

    def all(self, name: str) -> list[Element]:
        return list(self.root.iter(name))

    def words(self) -> str:
        """What a reader sees, with one space between words."""
        (main,) = self.all("main")
        return " ".join("".join(main.itertext()).split())

    def links(self) -> list[str]:
        return [element.get("href", "") for element in self.all("a")]

    def table(self) -> list[list[str]]:
        """The rows of its tables, cell by cell, without boxes to tick."""
        rows = [row for body in self.all("tbody") for row in body.iter("tr")]
        cells = [[cell for cell in row if cell.get("class") != "mark"] for row in rows]
        return [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in cells]

    def commands(self) -> list[str]:
        return ["".join(element.itertext()) for element in self.all("textarea")]

    def skeleton(self) -> list[tuple[str, ...]]:
        """Every element and the names of its attributes: what no text on a page may change."""
        return [(str(element.tag), *sorted(map(str, element.attrib))) for element in self.root.iter()]

    def dangers(self) -> Iterator[str]:
        """Whatever could run, or fetch from elsewhere, or needs a looser policy."""
        for element in self.root.iter():
            for name, value in element.attrib.items():
                if str(name).startswith("on") or name == "style":
                    yield f"{element.tag} {name}"
                if name in ("href", "src", "action", "formaction") and not value.startswith(("/ui/", "#")):
                    yield f"{element.tag} {name}={value}"
            if element.tag == "script" and not element.get("src"):
                yield "a script in the page"
            if element.tag in ("iframe", "object", "embed", "base", "style"):
                yield str(element.tag)


def visit(client: Client, path: str, status: int = 200, **options: Any) -> Page:
    """GET a page, and see that it is what every page must be."""
    response = client.get(path, headers={"Accept": "text/html", **options.pop("headers", {})}, **options)
    assert response.status_code == status, (response.status, response.text[:2000])
    assert response.headers["Content-Security-Policy"] == POLICY
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    page = Page(response.text)
    assert list(page.dangers()) == []
    return page
