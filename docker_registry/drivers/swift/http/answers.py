"""What an answer must say to be believed. Each check takes an Answer with a 2xx and raises WrongAnswer."""

from __future__ import unicode_literals

from ..compat import say
from .errors import WrongAnswer

__all__ = ["check", "is_list", "is_report", "is_stored", "is_stored_as"]

# What Swift and Ceph answer with where they did what they were asked for.
_SUCCESS = {
    "DELETE": (200, 204),
    "GET": (200, 204, 206),
    "HEAD": (200, 204),
    "POST": (200, 201, 202, 204),
    "PUT": (201, 202),
}


def check(verb, headers, answer):
    """Whether it is a success of this verb, sent with these headers, and says where it ends."""
    if answer.status not in _SUCCESS[verb] or (answer.status == 206 and "Range" not in headers):
        raise WrongAnswer(say("{0} is no answer to {1}", answer.status, verb))
    if verb == "DELETE":
        is_report(answer)
    if verb == "GET" and answer.body is not None and answer.status == 200 and not _has_end(answer.headers):
        raise WrongAnswer("it does not say how long it is")


def is_stored(answer):
    """Only 201 with an ETag says that an object is stored."""
    if answer.status != 201 or not answer.headers.get("etag"):
        etag = "an" if answer.headers.get("etag") else "no"
        raise WrongAnswer(say("{0} with {1} ETag does not say that the object is stored", answer.status, etag))


def is_stored_as(etag):
    """A check that these bytes were stored, given their ETag; None where it is not known."""

    def check_etag(answer):
        is_stored(answer)
        found = answer.headers["etag"].strip('"')
        if etag and found != etag:
            raise WrongAnswer(say("other bytes were stored than were sent: {0}, not {1}", found, etag))

    return check_etag


def is_list(answer):
    """A listing as JSON; 204 is an empty one."""
    if answer.status != 204:
        _is_json(answer, list)


def is_report(answer):
    """What Swift says of deletions, with status 200, as JSON: how many went and were not there, and what did not go."""
    if answer.status != 200:
        return
    report = _is_json(answer, dict)
    numbers = [report.get(key, 0) for key in ("Number Deleted", "Number Not Found")]
    errors = report.get("Errors", [])
    if not all(isinstance(number, int) and number >= 0 for number in numbers) or not (
        isinstance(errors, list) and all(map(_is_pair, errors))
    ):
        raise WrongAnswer("it is no report of deletions")


def _is_pair(error):
    """Whether it is a name and a status."""
    return isinstance(error, list) and len(error) == 2 and all(isinstance(text, type("")) for text in error)


def _is_json(answer, kind):
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise WrongAnswer("it is not the JSON that was asked for")
    return found


def _has_end(headers):
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "")
