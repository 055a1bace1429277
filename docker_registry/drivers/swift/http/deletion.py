"""Removing many objects by exact name: in bulk where the server can, one by one side by side where it cannot."""

from __future__ import unicode_literals

from docker_registry.concurrency.workers import each
from docker_registry.core.exceptions import BrokenError, UnreachableError, UnspecifiedError

from ..compat import say, unquote
from ..names import url
from .answers import is_report

__all__ = ["check_multistatus", "delete_each", "delete_each_once", "refuses_only"]


def delete_each(client, places, limit):
    """Delete objects; what is not there counts as deleted.

    `places` are pairs of container and name; up to `limit` requests are in
    flight. A manifest's segments stay. Returns what could not be deleted, and
    why: a mapping from place to error.
    """
    places = list(places)
    size = client.habits.names_at_once if len(places) > 1 else 0
    if size:
        batches = [places[start : start + size] for start in range(0, len(places), size)]
        outcomes = each(lambda batch: _delete_in_bulk(client, batch), batches, limit)
    else:
        outcomes = each(lambda place: _delete(client, place), places, limit)
    failed = {}
    for outcome in outcomes:
        failed.update(outcome)
    return failed


def delete_each_once(client, places):
    """Delete objects, none of which is asked for twice; what is not there counts as deleted.

    In bulk where the server can, one after another where it cannot. Returns
    what may not be deleted, or not yet, and why: a mapping from place to error.
    """
    places = list(places)
    size = client.habits.names_at_once if len(places) > 1 else 0
    failed = {}
    for start in range(0, len(places), size or 1):
        batch = places[start : start + (size or 1)]
        failed.update(_delete_in_bulk(client, batch, once=True) if size else _delete(client, batch[0], once=True))
    return failed


def check_multistatus(doing, report):
    """Raise for a report of deletions that names a failure; its request was answered with 200 all the same."""
    failures = _failures(report)
    if failures:
        name, status = sorted(failures.items())[0]
        raise _error(doing, status, say("{0} of its objects could not be deleted, such as {1}", len(failures), name))
    status = report.get("Response Status", "200 OK")
    if not status.startswith("200"):
        raise _error(doing, status, report.get("Response Body") or "nothing was deleted")


def refuses_only(report, place):
    """Whether the one thing that a report says could not be deleted is this."""
    return list(_failures(report)) == ["/%s/%s" % place]


def _delete(client, place, once=False):
    container, name = place
    try:
        client.request("DELETE", name, accept=(404,), container=container, once=once)
    except UnspecifiedError as error:
        return {place: error}
    return {}


def _delete_in_bulk(client, places, once=False):
    body = "\n".join(url(*place) for place in places).encode("utf8")
    headers = {"Content-Type": "text/plain", "Accept": "application/json"}
    try:
        answer = client.request("POST", "", "bulk-delete", headers, body, container="", check=is_report, once=once)
        report = answer.json()
    except UnspecifiedError as error:
        return dict.fromkeys(places, error)
    failures = _failures(report)
    if not failures and not report.get("Response Status", "200").startswith("200"):
        why = report.get("Response Body") or "nothing was deleted"
        return dict.fromkeys(places, _error("bulk delete", report["Response Status"], why))
    ended = any(status.startswith("401") for status in failures.values())
    if once and not _covers(report, len(places)):
        return dict.fromkeys(places, UnreachableError("the report of a bulk delete does not account for all"))
    if not once and (ended or not _covers(report, len(places))):
        # The token ended on the way, or it passed over some and does not say which. What it deleted counts as deleted
        # once more.
        outcomes = {}
        for place in places:
            outcomes.update(_delete(client, place))
        return outcomes
    found = {("/%s/%s" % place): place for place in places}
    return {
        found[name]: _error("DELETE " + name[1:], status, "refused in a bulk delete")
        for name, status in failures.items()
        if name in found
    }


def _covers(report, count):
    """Whether a report accounts for so many names, no fewer and no more."""
    told = [report.get(key, 0) for key in ("Number Deleted", "Number Not Found")]
    return sum(told) + len(report.get("Errors", ())) == count


def _failures(report):
    """The names that a report says could not be deleted, and the status of each."""
    return {"/" + unquote(name).lstrip("/"): status for name, status in report.get("Errors", ())}


def _error(doing, status, why):
    kind = UnreachableError if status[:1] == "5" else BrokenError
    return kind(say("{0}: {1}: {2}", doing, status, why))
