"""Logging in by a form, and out again."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from docker_registry.distribution.auth.caller import ANONYMOUS, Caller
from docker_registry.distribution.errors import Code, RegistryError

from .. import forms, session
from ..visit import Visit
from ..words import sentence

__all__ = ["enter", "leave", "show"]

_WRONG = "Name or password is wrong."
_TOO_LONG = "This name and password are too long for a browser's cookie; docker login takes them."


def enter(visit: Visit) -> Response:
    """The form, or where to go on once it was sent with a name and password that count. Raises TOOMANYREQUESTS."""
    if not visit.knocking.takes_passwords:
        return show(visit, 200)
    if visit.request.method != "POST":
        return _go_on(visit) if _is_known(visit) else show(visit, 200)
    forms.check_source(visit)
    name, password = (visit.request.form.get(field, "") for field in ("name", "password"))
    try:
        counts = ":" not in name and _counts(visit, name, password)
    except RegistryError as error:
        if error.code is not Code.LOGIN_UNCHECKED:
            raise
        response = show(visit, error.code.status, sentence(str(error)))
        response.headers.update(error.headers)
        return response
    if not counts:
        return show(visit, 401, _WRONG)
    response = _go_on(visit)
    try:
        session.keep(response, visit.context.settings.secrets, name, password, visit.url(), visit.is_encrypted)
    except session.TooLongError:
        return show(visit, 400, _TOO_LONG)
    return response


def leave(visit: Visit) -> Response:
    """A browser that is to forget who it was; what it remembers of its own password prompt it keeps."""
    if visit.request.method != "POST":
        raise RegistryError(Code.METHOD_UNSUPPORTED, headers={"Allow": "POST"})
    forms.check_source(visit)
    response = visit.go_to(visit.url())
    session.drop(response, visit.url(), visit.is_encrypted)
    return response


def show(visit: Visit, status: int, trouble: str = "") -> Response:
    """The form, or in its place how else to log in."""
    auth = visit.context.settings.auth
    server = urlsplit(auth.token.realm) if auth.token else None
    return visit.page(
        "login.html",
        status,
        trouble=trouble,
        given=visit.request.form.get("name", "")[:512] if trouble else "",
        takes_passwords=visit.knocking.takes_passwords,
        by_keystone=auth.keystone is not None,
        by_robots=auth.robots,
        by_others=[word for word, is_on in (("certificate", auth.certificates), ("proxy", auth.header)) if is_on],
        server=server.netloc if server else "",
        by_realm=visit.knocking.takes_passwords and not visit.context.gate.takes_passwords,
        following=_following(visit),
        in_the_clear=not (visit.is_encrypted or visit.is_local),
        lasts=session.LASTS // 3600,
        is_open=visit.context.gate.policy.knows(ANONYMOUS),
    )


def _counts(visit: Visit, name: str, password: str) -> bool:
    return _is_let_in(lambda: visit.knocking.admit(visit.request, name, password, []))


def _is_known(visit: Visit) -> bool:
    """Whether the request itself says who sent it, by its cookie or in any other way."""
    known = session.read(visit.request, visit.context.settings.secrets)
    return _counts(visit, *known) if known else _is_let_in(lambda: visit.context.gate.admit(visit.request, []))


def _is_let_in(admit: Callable[[], Caller]) -> bool:
    try:
        admit()
    except RegistryError as error:
        if error.code is Code.UNAUTHORIZED:
            return False
        raise
    return True


def _go_on(visit: Visit) -> Response:
    return visit.go_to(_following(visit) or visit.url())


def _following(visit: Visit) -> str:
    """The page that asked for the login, "" for none: a page of this registry, whatever somebody wrote there."""
    values = visit.request.values
    asked = values.get("next", "") if visit.is_login else visit.address
    is_ours = asked.startswith(visit.url()) and asked.isascii() and asked.isprintable() and "\\" not in asked
    return asked[:2000] if is_ours else ""
