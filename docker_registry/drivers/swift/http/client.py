"""Requests to Swift that persist: pooled connections, one token, retries, the container made when it is missing."""

from __future__ import unicode_literals

import json
import logging
import re
import time
from collections import namedtuple

from swiftclient.client import ClientException

from docker_registry.concurrency import acting, deadline, trace
from docker_registry.core.exceptions import BrokenError, MissingError, UnreachableError, UnspecifiedError

from ..compat import CallerRefusedError, QuotaError, say
from ..names import url
from . import errors
from .answers import check, is_stored_as
from .connection import Connection, headers_of
from .habits import Habits
from .pool import BODY, SEGMENT, SMALL, Pool
from .retries import Retries
from .tally import Tally

__all__ = ["Answer", "Client"]

logger = logging.getLogger(__name__)

INFO_PAUSE = 60  # seconds before a server that did not answer is asked for /info again
SMALL_BODY = 1 << 20  # bytes; sending more takes a while
_USE = re.compile(r"-quota|-(bytes-used|object-count)$")  # headers of quotas, and of what is in use
_VERSION = re.compile(r"/v\d+(\.\d+)?(/.*)?$")


class Answer(object):
    """What Swift answered: `status`, `headers` (names in lower case), and `body` unless that is still to be read."""

    def __init__(self, status, headers, body=None, stream=None):
        self.status = status
        self.headers = headers
        self.body = body
        self.stream = stream
        self._json = None

    def json(self):
        """The body as JSON; ValueError where it is none."""
        if self._json is None:
            self._json = json.loads(self.body.decode("utf8"))
        return self._json


class Stream(object):
    """The body of an answer; whoever holds it holds a connection. Must be closed."""

    def __init__(self, response, connection, pool):
        self._response = response
        self._connection = connection
        self._pool = pool
        pool.rest(connection)

    def read(self, size):
        """Up to `size` bytes, empty at the end and once closed. Raises what the HTTP libraries raise, and Taken."""
        if self._connection is None:
            return b""
        self._pool.resume(self._connection)
        data = self._response.read(size)
        if data:
            self._pool.rest(self._connection)
        else:
            self._done(self._pool.give)
        return data

    def finish(self):
        """End with what should be a body that was read to its end."""
        try:
            self.read(1)
        except errors.LIBRARY:
            pass  # all that was wanted has come
        finally:
            self.close()

    def close(self):
        """A body that was not read to its end takes its connection along."""
        self._done(self._pool.drop)

    def _done(self, leave):
        connection, self._connection = self._connection, None
        if connection is not None:
            leave(connection)


# `label` is what messages call the target, `target` makes a URL path of the storage URL's; `accept` are further good
# statuses; `check` may refuse a 2xx. With `kind`, one of the pool's, the body of a good answer is left to be read.
_Request = namedtuple("_Request", "verb label target query headers data accept check kind")


class Client(object):
    """Sends requests for one container with one credential.

    Every request sent here may be repeated: bodies are bytes in memory, and
    no verb adds to what is there.
    """

    def __init__(self, settings, auth):
        self.container = settings.container
        self._settings = settings
        self._auth = auth
        self._pool = Pool(
            # Two, so that what is read can be written meanwhile.
            lambda storage_url: Connection(storage_url, settings),
            max(2, settings.pool_size),
            settings.pool_timeout,
        )
        self.habits = Habits(lambda: self.info)
        self.tally = Tally()
        self._info = None
        self._info_good_until = 0.0

    def request(
        self,
        verb,
        name="",
        query="",
        headers=None,
        data=b"",
        accept=(),
        container=None,
        doubt=None,
        check=None,
        once=False,
    ):
        """One request for an object, or for the container when `name` is empty, or for the account (`container=""`).

        Returns an Answer whose status is 2xx or one of `accept`; raises an
        error of `docker_registry.core.exceptions` for any other. A 2xx that
        `check` does not believe (it raises WrongAnswer, see `answers`) is no
        answer. Where there was none, `doubt` is asked first for an Answer to
        return; with None from it, the request is sent again, unless it may be sent only `once`.
        """
        label, target = self._place(container, name)
        request = _Request(verb, label, target, query, headers, data, accept, check, None)
        return self._persist(request, doubt, 0 if once else None)

    def open(self, name, query="", headers=None, accept=(), container=None, kind=BODY, check=None):
        """GET an object; the Answer has a `stream` in place of a body when the status is 2xx.

        `kind` says who reads it, see `pool`; `check` sees the answer before its body is read.
        """
        label, target = self._place(container, name)
        return self._persist(_Request("GET", label, target, query, headers, b"", accept, check, kind))

    def get_json(self, name, query, container=None, headers=None):
        """What an object is as JSON, such as a manifest; None where the server sends something else."""
        answer = self.open(name, query, headers, container=container, kind=SMALL)
        try:
            if not answer.headers.get("content-type", "").startswith("application/json"):
                return None
            body = b"".join(iter(lambda: answer.stream.read(1 << 16), b""))
            return json.loads(body.decode("utf8")) if body else None
        except ValueError:
            raise UnreachableError(say("GET {0}?{1}: the answer cannot be trusted: it is no JSON", name, query))
        except errors.LIBRARY as error:
            raise errors.translate(error, say("GET {0}?{1}", name, query))
        finally:
            answer.stream.close()

    def put(self, name, data, query="", headers=None, accept=(), doubt=None, etag=None, once=False):
        """PUT an object; the container is made when it is missing.

        `etag` is the one that Swift must answer with, where it is known; only
        201 says that the object is stored.

        Swift refuses some requests before it has read their body, and what
        stands before it may then reset the connection: where that breaks, who
        waits for an answer has to look. `doubt` looks for the object. What is
        put `once` is not sent again where there was no answer.
        """

        def look():
            return (doubt() if doubt else None) or self._missing_container()

        headers = dict(headers or {})
        headers.setdefault("Content-Type", "application/octet-stream")
        for last in (False, True):
            answer = self.request(
                "PUT", name, query, headers, data, accept + (404,), doubt=look, check=is_stored_as(etag), once=once
            )
            if answer.status != 404 or 404 in accept:
                return answer
            if last:
                # Swift's proxies may remember for a while that it was not.
                raise UnreachableError(
                    say("PUT {0}: container {1} was made, and is not there yet", name, self.container)
                )
            self._make_container()

    @property
    def info(self):
        """What the server says of itself under `/info`; an empty mapping where it says nothing."""
        if self._info is None or time.time() > self._info_good_until:
            try:
                self._info, self._info_good_until = self._ask_info(), float("inf")
            except UnspecifiedError as error:
                logger.info("no /info, going on with Swift's defaults: %s", error)
                self._info, self._info_good_until = {}, time.time() + INFO_PAUSE
        return self._info

    def figures(self):
        """Pairs of a name with labels, and a number: what was counted so far, and what is in use."""
        for figure in self.tally.figures():
            yield figure
        for outcome, count in sorted(self._auth.outcomes.items()):
            yield ("logins_total", outcome), count
        yield ("connections_in_use",), self._pool.lent
        yield ("connections_limit",), self._pool.size

    def describe(self):
        """The credential in use and where it counts, without secrets."""
        return self._auth.describe()

    def account_path(self):
        """The account's URL split into the server's part and the path."""
        storage_url = self._access().url
        match = _VERSION.search(storage_url)
        start = match.start() if match else len(storage_url)
        return storage_url[:start], storage_url[start:]

    def _ask_info(self):
        def target(root):
            return _VERSION.sub("/info", root) if _VERSION.search(root) else root + "/info"

        answer = self._persist(_Request("GET", "/info", target, "", None, b"", (400, 401, 403, 404, 405), None, None))
        try:
            said = answer.json() if answer.status == 200 else {}
            return {name: about for name, about in said.items() if isinstance(about, dict)}
        except (ValueError, AttributeError):
            return {}

    def _place(self, container, name):
        """The label and the target of a request."""
        container = self.container if container is None else container
        names = [part for part in (container, name) if part]
        tail = url(*names) if names else ""
        label = "{0} in container {1}".format(name, container) if name else "container {0}".format(container)
        return label if container else "the account", lambda root: root + tail

    def _missing_container(self):
        # Not 401: that the token has ended is what may have been cut off, and it is renewed here.
        answer = self.request("HEAD", accept=(403, 404))
        return answer if answer.status == 404 else None

    def _make_container(self):
        policy = self._settings.storage_policy
        headers = {"X-Storage-Policy": policy} if policy else {}
        try:
            if self.request("PUT", headers=headers, accept=(404,)).status == 404:
                raise MissingError(
                    say(
                        "container {0} is not there and cannot be made, since the account is not: {1}; check"
                        " swift_object_storage_url, or the endpoint that the login names",
                        self.container,
                        self._access().url,
                    )
                )
        except BrokenError as error:
            raise MissingError(
                say(
                    "container {0} is not there and cannot be made; make it, or choose another swift_container: {1}",
                    self.container,
                    error,
                )
            )
        logger.info("made the container %s", self.container)

    def _access(self, refused=None):
        return self._auth.access() if refused is None else self._auth.renew(refused)

    def _persist(self, request, doubt=None, retries=None):
        limit = deadline.current()
        if limit is not None and limit.left() <= 0:
            raise UnreachableError(say("{0} {1}: no time is left for it", request.verb, request.label))
        access, renewed, retries = (
            self._access(),
            False,
            Retries(self._settings.retries if retries is None else retries),
        )
        while True:
            try:
                return self._once(access, request)
            except errors.LIBRARY as error:
                failure = error
            caller = acting.current()
            if caller is not None and errors.status_of(failure) in (401, 403):
                raise self._named(self._not_for(caller, request, failure))
            if errors.status_of(failure) == 401 and (not renewed or self._may_renew(access, retries, failure, limit)):
                access, renewed = self._access(refused=access), True
                continue
            doing = "{0} {1} at {2}".format(request.verb, request.label, _VERSION.sub("", access.url))
            pause = retries.pause(failure, limit)
            if pause is None or not errors.is_transient(failure):
                raise self._named(errors.translate(failure, doing, self.describe()))
            logger.warning("%s, again in %.1f s", errors.translate(failure, doing), pause)
            self.tally.retries += 1
            time.sleep(pause)
            settled = doubt() if doubt and errors.status_of(failure) is None else None
            if settled:
                return settled
            access = self._access()

    def _not_for(self, caller, request, failure):
        """The error for somebody in whose name Swift was asked; that their token has ended is for nobody to renew."""
        doing = "{0} {1}".format(request.verb, request.label)
        error = errors.translate(failure, doing, say("the token of {0}", caller.name))
        if isinstance(error, QuotaError):
            return error
        refused = CallerRefusedError(*error.args)
        refused.has_ended = errors.status_of(failure) == 401
        caller.has_ended = caller.has_ended or refused.has_ended
        return refused

    def _may_renew(self, access, retries, failure, limit):
        """Whether a token taken for this very request may have ended too, since sending took long: that is a try."""
        return access.may_have_ended() and retries.pause(failure, limit) is not None

    def _named(self, error):
        """An error that says which quota is used up, if it is one of that."""
        if not isinstance(error, QuotaError):
            return error
        quotas = []
        try:
            for container in (None, ""):
                headers = self.request("HEAD", container=container, accept=(401, 403, 404)).headers
                quotas += ["{0}: {1}".format(*field) for field in sorted(headers.items()) if _USE.search(field[0])]
        except UnspecifiedError as unknown:
            quotas.append("{0}".format(unknown))
        return QuotaError(say("{0} ({1})", error, ", ".join(quotas)))

    def _once(self, access, request):
        connection = self._pool.take(access.url, _kind(request))
        stream, leave = None, self._pool.drop
        begun, status = deadline.monotonic(), 0
        try:
            caller = acting.current()
            token = access.token if caller is None else caller.token
            response = connection.send(*_wire(request, connection.root, token))
            status = response.status
            good = 200 <= response.status < 300
            answer = Answer(response.status, headers_of(response))
            logger.debug(
                "%s %s: %s, transaction %s", request.verb, request.label, status, answer.headers.get("x-trans-id", "-")
            )
            if good and request.kind is not None:
                check(request.verb, request.headers or {}, answer)
                (request.check or _any)(answer)
                connection.lengthen()
                answer.stream = stream = Stream(response, connection, self._pool)
                return answer
            answer.body = response.read()
            if good:
                check(request.verb, request.headers or {}, answer)
                (request.check or _any)(answer)
            # After a time-out of the server nobody knows how much of the request it has read.
            leave = self._pool.drop if response.status in (408, 499) else self._pool.give
        finally:
            seconds = deadline.monotonic() - begun
            self.tally.answer(request.verb, status, seconds)
            trace.note(request.verb, request.label, status, seconds)
            if stream is None:
                leave(connection)
        if good or response.status in request.accept:
            return answer
        raise ClientException(
            request.verb,
            http_status=response.status,
            http_reason=response.reason,
            http_response_content=answer.body,
            http_response_headers=response.headers,
        )


def _kind(request):
    """What the pool has to know of a request."""
    if request.kind is not None:
        return request.kind
    return SEGMENT if len(request.data) > SMALL_BODY else SMALL


def _any(_answer):
    """The check of a request that believes any 2xx of its verb."""


def _wire(request, root, token):
    """Verb, URL path with query, headers and body of a request."""
    headers = dict(request.headers or {})
    headers["X-Auth-Token"] = token
    if trace.current():
        headers["X-Trans-Id-Extra"] = trace.current()
    return request.verb, request.target(root) + ("?" + request.query if request.query else ""), headers, request.data
