"""A page that cannot be shown: what does not work, what still does, and what to do."""

from __future__ import annotations

from werkzeug.wrappers import Response

from docker_registry.distribution.errors import RegistryError

from ..visit import Visit

__all__ = ["page"]

_TITLES = {
    400: "This request cannot be understood",
    401: "Log in to see this",
    403: "You may not see this",
    404: "Not found",
    405: "This cannot be done here",
    409: "Not done",
    429: "Too many requests, or wrong passwords",
    502: "The storage refuses to answer",
    503: "The storage does not answer",
}


def page(visit: Visit, error: RegistryError) -> Response:
    """The answer to an error, with the status that programs look at."""
    status = int(error.code.status)
    response = visit.page(
        "failure.html",
        status,
        code=status,
        title=_TITLES.get(status, "Something is wrong with the registry"),
        message=_sentence(str(error)),
        passwords="Basic " in error.headers.get("WWW-Authenticate", ""),
        near=_near(error),
    )
    response.headers.update(error.headers)
    _challenge(visit, response)
    return response


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def _near(error: RegistryError) -> list[str]:
    """Names that may have been meant, as whoever raised the error knows them."""
    detail = error.entries[0].get("detail")
    return list(detail.get("near", ())) if isinstance(detail, dict) else []


def _challenge(visit: Visit, response: Response) -> None:
    """A name of its own for what the browser asks a password for: so it does not send the same to the API."""
    challenge = response.headers.get("WWW-Authenticate", "")
    if "Basic " in challenge:
        realm = visit.context.settings.auth.realm.replace("\\", "").replace('"', "")
        response.headers["WWW-Authenticate"] = f'Basic realm="{realm} (page)", charset="UTF-8"'
