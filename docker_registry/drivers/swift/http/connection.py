"""Connections to Swift, and the pool that lends them out.

A connection carries one request at a time; it stays lent while its answer's
body is being read. Two bodies on one connection would mix their bytes.
"""

from __future__ import unicode_literals

from requests import Request
from requests.adapters import HTTPAdapter
from requests.utils import check_header_validity
from swiftclient.client import http_connection
from urllib3.util.retry import Retry
from urllib3.util.timeout import Timeout

from docker_registry.concurrency import deadline

from ..compat import outgoing, text, unwired
from .tls import share_context
from .wire import Terms, strict

__all__ = ["Connection", "StrictAdapter", "headers_of"]

USER_AGENT = "docker-registry-driver-swift"
_NO_RETRIES = Retry(False)  # and errors as they are, instead of a MaxRetryError around them


class Connection(object):
    """One keep-alive HTTP connection to the server of a storage URL. It opens its socket when it is first used.

    swiftclient and requests make it: certificates and proxies are theirs. What they would find out anew for every
    request is the same for all of them here, so requests go straight to the urllib3 pool that they end at.
    """

    def __init__(self, storage_url, settings):
        self.storage_url = storage_url
        parsed, http = http_connection(
            storage_url,
            cacert=settings.cacert,
            insecure=settings.insecure,
            cert=settings.cert,
            cert_key=settings.key,
        )
        self.root = parsed.path.rstrip("/")
        self._timeout = Timeout(connect=settings.connect_timeout, read=settings.timeout)
        self._terms = Terms()
        self._response = None
        session, said = http.request_session, http.requests_args
        # With what the environment says of proxies and certificates.
        args = session.merge_environment_settings(storage_url, {}, True, said["verify"], said.get("cert"))
        session.trust_env = False  # of its netrc nothing is wanted
        first = session.prepare_request(Request("GET", storage_url, headers={"User-Agent": USER_AGENT}))
        adapter = session.get_adapter(first.url)
        self._urllib3 = _pool_of(adapter, first, args)
        _make_strict(self._urllib3, self._terms)
        adapter.cert_verify(self._urllib3, first.url, args["verify"], args["cert"])
        share_context(self._urllib3)
        # A proxy wants the whole URL, a server the path.
        self._before_path = adapter.request_url(first, args["proxies"])[: -len(first.path_url)]
        self._headers = {str(name): value for name, value in first.headers.items()}

    def send(self, verb, target, headers, data):
        """Send a request, once; returns urllib3's response, its body not read yet.

        `target` is the URL path and query on the server; `data` is bytes or
        `compat.Blocks`. Redirects are not followed: Swift makes none, and the
        token must not follow someone who does.
        """
        sent = dict(self._headers)
        for name, value in headers.items():
            check_header_validity((name, value))
            sent[str(name)] = text(value).encode("utf8")
        if data or verb not in ("GET", "HEAD"):
            sent[str("Content-Length")] = str(len(data))
        timeout = self._timeout if deadline.current() is None else _shortened(self._timeout)
        self._terms.timeout = timeout.read_timeout
        self._response = self._urllib3.urlopen(
            str(verb),
            self._before_path + str(target),
            outgoing(data) if data else None,
            sent,
            retries=_NO_RETRIES,
            redirect=False,
            assert_same_host=False,
            timeout=timeout,
            preload_content=False,
            decode_content=False,
        )
        return self._response

    def lengthen(self):
        """The body of the answer is read at its reader's pace: what was left for its beginning counts no more."""
        if self._terms.timeout != self._timeout.read_timeout:
            self._terms.sock.settimeout(self._timeout.read_timeout)

    def close(self):
        if self._response is not None:
            self._response.close()
        self._urllib3.close()


class StrictAdapter(HTTPAdapter):
    """For a session of requests, whose answers shall be whole and final too. `timeout` is in seconds."""

    def __init__(self, timeout):
        self._terms = Terms()
        self._terms.timeout = timeout
        super(StrictAdapter, self).__init__()

    def get_connection_with_tls_context(self, *args, **kwargs):
        return _make_strict(super(StrictAdapter, self).get_connection_with_tls_context(*args, **kwargs), self._terms)

    def get_connection(self, *args, **kwargs):  # of requests before 2.32
        return _make_strict(super(StrictAdapter, self).get_connection(*args, **kwargs), self._terms)


def _make_strict(pool, terms):
    """A urllib3 pool, whose connections are strict from now on."""
    pool.ConnectionCls = strict(pool.ConnectionCls)
    pool.conn_kw["terms"] = terms
    return pool


def _shortened(timeout):
    """Time-outs that end with the deadline, at the latest; 0 would mean not to wait."""
    connect, read = deadline.shortened(timeout.connect_timeout), deadline.shortened(timeout.read_timeout)
    if (connect, read) == (timeout.connect_timeout, timeout.read_timeout):
        return timeout
    return Timeout(connect=max(connect, 0.001), read=max(read, 0.001))


def headers_of(response):
    """The headers of an answer, their names in lower case; Swift writes them in UTF-8."""
    # Not items(), where a header that came twice is there twice.
    return {name.lower(): unwired(value) for name, value in response.headers.itermerged()}


def _pool_of(adapter, request, args):
    """The urllib3 pool that requests' adapter would send a request through."""
    if hasattr(adapter, "get_connection_with_tls_context"):
        return adapter.get_connection_with_tls_context(request, args["verify"], args["proxies"], args["cert"])
    return adapter.get_connection(request.url, args["proxies"])  # requests before 2.32, the last for Python 2 too
