"""Templates into answers: escaped by default, with a policy under which no text on a page can run or fetch anything."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.wrappers import Response

from docker_registry.distribution.views.text import visible
from docker_registry.plurals import plural

from . import statics, words

__all__ = ["render"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not `no-referrer`: with it a browser does not say where a form was sent from.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        ago=lambda when: words.ago(time.time() - when),
        iso=words.iso,
        left=lambda when: words.left(when - time.time()),
        number=words.number,
        part=lambda text: quote(text, safe="/"),
        size=words.size,
        utc=words.utc,
        visible=visible,
    )
    environment.globals.update(plural=plural)
    return environment


_ENVIRONMENT = _environment()


def render(template: str, values: Mapping[str, Any], status: int = 200) -> Response:
    """An answer with a page in it. What is on it may be for one reader only, so no cache between may keep it."""
    body = _ENVIRONMENT.get_template(template).render(values, static=statics.ADDRESSES)
    headers = {**_HEADERS, "Cache-Control": "no-store"}
    return Response(body, status, headers, content_type="text/html; charset=utf-8")
