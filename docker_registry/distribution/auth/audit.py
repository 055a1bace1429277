"""The audit's lines: who came in, was refused, or changed something, from where, and which rule decided.

Their logger is `docker_registry.audit`. No line holds a credential.
"""

from __future__ import annotations

import logging
from urllib.parse import quote

from werkzeug.wrappers import Request

from .caller import Caller

__all__ = ["did", "logged_in", "refused"]

_audit = logging.getLogger("docker_registry.audit")


def logged_in(caller: Caller, address: str) -> None:
    """A credential was checked, and is right; until it is forgotten, no further line says so."""
    _audit.info("%s from %s: logged in (rule: %s)", caller, address, caller.limit)


def did(request: Request, caller: Caller, deed: str, rule: str) -> None:
    _audit.info("%s from %s: %s (rule: %s)", caller, request.remote_addr, deed, rule)


def refused(request: Request, who: Caller | str, why: str, rule: str) -> None:
    """`who` is a text where no credential was accepted."""
    asked = f"{quote(request.method)} {quote(request.path, safe='/:@')}"[:300]
    _audit.warning("%s from %s: %s (rule: %s) (%s)", who, request.remote_addr, why, rule, asked)
