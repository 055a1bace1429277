"""A page that cannot be shown: what does not work, what still does, and what to do."""

from __future__ import annotations

from werkzeug.wrappers import Response

from docker_registry.distribution.errors import Code, RegistryError

from .. import session
from ..visit import Visit
from ..words import sentence
from . import login

__all__ = ["page"]

_TITLES = {
    400: "This request cannot be understood",
    403: "You may not see this",
    404: "Not found",
    405: "This cannot be done here",
    409: "Not done",
    429: "Too many requests, or wrong passwords",
    502: "The storage refuses to answer",
    503: "The storage does not answer",
}


_OVER = "You are not logged in any more: your password may have been changed. Log in again."


def page(visit: Visit, error: RegistryError) -> Response:
    """The answer to an error, with the status that programs look at."""
    status = int(error.code.status)
    if error.code is Code.UNAUTHORIZED:
        return _login(visit)
    response = visit.page(
        "failure.html",
        status,
        code=status,
        title=_title(error.code),
        message=sentence(str(error)),
        unchecked=error.code is Code.LOGIN_UNCHECKED,
        near=_near(error),
    )
    response.headers.update(error.headers)
    return response


def _title(code: Code) -> str:
    if code is Code.LOGIN_UNCHECKED:
        return "Your login cannot be checked"
    return _TITLES.get(code.status, "Something is wrong with the registry")


def _login(visit: Visit) -> Response:
    """The form in place of the page. A cookie that counts no more goes: its password would be a wrong one each time."""
    response = login.show(visit, 401, _OVER if session.is_entered(visit.request) else "")
    session.drop(response, visit.url(), visit.is_encrypted)
    # Not Basic, for which a browser opens a prompt of its own; the name is that of an Internet draft.
    realm = visit.context.settings.auth.realm.replace("\\", "").replace('"', "")
    challenge = f'Cookie realm="{realm}", form-action="{visit.url("login")}", cookie-name="{session.COOKIE}"'
    response.headers["WWW-Authenticate"] = challenge
    return response


def _near(error: RegistryError) -> list[str]:
    """Names that may have been meant, as whoever raised the error knows them."""
    detail = error.entries[0].get("detail")
    return list(detail.get("near", ())) if isinstance(detail, dict) else []
