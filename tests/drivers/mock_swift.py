# -*- coding: utf-8 -*-
"""A small Swift in memory that takes the place of the network below requests. Runs on Python 2.7 too.

It answers requests as a Swift 2.x with SLO, DLO and bulk delete does, as far
as the driver goes, with limits small enough to be met by small tests.
"""

from __future__ import unicode_literals

import hashlib
import io
import json
import threading
import time

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from swiftclient.client import http_connection
from urllib3.connection import HTTPConnection
from urllib3.response import HTTPResponse

try:
    from urllib.parse import parse_qsl, unquote
except ImportError:
    from urllib import unquote

    from urlparse import parse_qsl

__all__ = ["ACCOUNT", "MockSwift", "manifest_etag"]

URL = "http://swift.test/v1/AUTH_test"
ACCOUNT = "/v1/AUTH_test"
TOKEN = "the-token"


class Object(object):
    def __init__(self, data, headers, slo=None):
        self.data = data
        self.slo = slo  # rows of a manifest, as they are stored
        self.headers = headers
        self.time = time.time()

    @property
    def dlo(self):
        return self.headers.get("x-object-manifest")


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status, body=b""):
        Exception.__init__(self, status)
        self.status = status
        self.body = body


class MockSwift(object):
    """One account. `requests` lists what came: (method, path, query); `tokens` with which token each did.

    `rights` are the methods that others' tokens may use, by token.
    """

    def __init__(self, segments_max=5, rows=7, bulk=True, info=True):
        self.containers = {}
        self.container_headers = {}
        self.account_headers = {}
        self.policies = {}
        self.requests = []
        self.tokens = []
        self.rights = {}
        self.spoil = lambda method, path, query: None
        self.arrive = lambda body: body
        self.info = {
            "swift": {"container_listing_limit": rows, "max_object_name_length": 1024},
            "slo": {"max_manifest_segments": segments_max},
            "tempurl": {"methods": ["GET", "HEAD"], "allowed_digests": ["sha1", "sha256", "sha512"]},
        }
        if bulk:
            self.info["bulk_delete"] = {"max_deletes_per_request": 4}
        if not info:
            self.info = None
        self._behind = None
        self._lock = threading.Lock()

    def fall_behind(self):
        """From now on, one replica of every object misses all writes; it is the one that answers without X-Newest."""
        self._behind = {container: dict(objects) for container, objects in self.containers.items()}

    def catch_up(self):
        self._behind = None

    def options(self, **more):
        """What a driver's configuration has to say to come here."""
        return dict({"swift_object_storage_url": URL, "swift_token": TOKEN, "swift_container": "box"}, **more)

    def http_connection(self, url, **kwargs):
        """Stands for `swiftclient.client.http_connection`: makes a connection that ends here."""
        parsed, made = http_connection(url, **kwargs)
        made.request_session.mount("http://", _Adapter(self))
        return parsed, made

    def names(self, container="box"):
        return sorted(self.containers.get(container, ()))

    def put(self, name, data, headers=None, container="box"):
        self.containers.setdefault(container, {})[name] = Object(data, headers or {})

    # Requests.

    def respond(self, method, target, headers, body):
        """Status, headers and body of the answer to a request."""
        path, _, query = target.partition("?")
        if path == "/info":
            return (200, {}, json.dumps(self.info).encode("utf8")) if self.info else (404, {}, b"")
        with self._lock:
            self.requests.append((method, unquoted(path), query))
            self.tokens.append(headers.get("X-Auth-Token"))
            spoilt = self.spoil(method, unquoted(path), query)
            if isinstance(spoilt, Exception):
                raise spoilt
            if spoilt is not None and spoilt != "after":
                return spoilt, {}, b"spoilt"
            try:
                answer = self._authorized(method, path, parsed(query), headers, body)
            except Refused as refused:
                answer = refused.status, {"x-trans-id": "tx1"}, refused.body
        if spoilt == "after":
            raise requests.exceptions.ConnectionError("the answer was lost")
        return answer

    def _authorized(self, method, path, query, headers, body):
        token = headers.get("X-Auth-Token")
        if token != TOKEN and token not in self.rights:
            raise Refused(401)
        if token != TOKEN and method not in self.rights[token]:
            raise Refused(403)
        assert path.startswith(ACCOUNT), path
        container, _, name = unquoted(path[len(ACCOUNT) :]).lstrip("/").partition("/")
        if not container:
            return self._account(method, query, body)
        if not name:
            self.policies[container] = headers.get("X-Storage-Policy") or self.policies.get(container)
            return self._container(method, container, query)
        return getattr(self, "_" + method.lower())(container, name, query, lower(headers), body)

    def _account(self, method, query, body):
        if method == "HEAD":
            return 204, dict(self.account_headers), b""
        assert method == "POST" and "bulk-delete" in query
        names = [unquoted(line).lstrip("/") for line in body.decode("ascii").splitlines()]
        return 200, {}, self._bulk([name.partition("/")[::2] for name in names])

    def _bulk(self, places):
        if len(places) > 4:
            raise Refused(413, b"too many")
        return self._multistatus(places)

    def _multistatus(self, places):
        report = {"Response Status": "200 OK", "Number Deleted": 0, "Number Not Found": 0, "Errors": []}
        for container, name in places:
            spoilt = self.spoil("DELETE", "{0}/{1}/{2}".format(ACCOUNT, container, name), "inner")
            if spoilt:
                report["Errors"].append(["/{0}/{1}".format(container, name), "{0} Spoilt".format(spoilt)])
                report["Response Status"] = "400 Bad Request"
            elif self.containers.get(container, {}).pop(name, None):
                report["Number Deleted"] += 1
            else:
                report["Number Not Found"] += 1
        return self._report(report)

    def _report(self, report):
        return b"\r\n" + json.dumps(report).encode("utf8")

    def _container(self, method, container, query):
        if method == "PUT":
            created = container not in self.containers
            self.containers.setdefault(container, {})
            return 201 if created else 202, {}, b""
        if container not in self.containers:
            raise Refused(404)
        if method == "HEAD":
            count = {"x-container-object-count": str(len(self.containers[container]))}
            return 204, dict(count, **self.container_headers), b""
        assert method == "GET"
        limit = int(query.get("limit", self.info["swift"]["container_listing_limit"] if self.info else 7))
        if self.info and limit > self.info["swift"]["container_listing_limit"]:
            raise Refused(412)
        rows = []
        for row in self._rows(container, query.get("prefix", ""), query.get("delimiter"), query.get("marker", "")):
            rows.append(row)
            if len(rows) == self._page(limit, query.get("delimiter")):
                break
        return 200, {"content-type": "application/json"}, json.dumps(rows).encode("utf8")

    def _page(self, limit, delimiter):
        """How many rows a page has where so many are asked for."""
        return limit if self.info else min(limit, 7)

    def _rows(self, container, prefix, delimiter, marker):
        seen = set()
        for name in sorted(self.containers[container], key=lambda name: name.encode("utf8")):
            if not name.startswith(prefix):
                continue
            found = name.find(delimiter, len(prefix)) if delimiter else -1
            subdir = name[: found + len(delimiter)] if found >= 0 else None
            if (subdir or name).encode("utf8") <= marker.encode("utf8") or subdir in seen:
                continue
            if subdir:
                seen.add(subdir)
                yield {"subdir": subdir}
            else:
                yield self._row(name, self.containers[container][name])

    def _row(self, name, found):
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(found.time)) + ".{0:06d}".format(
            int(found.time % 1 * 10**6)
        )
        row = {"name": name, "hash": md5(found.data), "bytes": len(found.data), "last_modified": when}
        row["content_type"] = found.headers.get("content-type", "application/octet-stream")
        if found.slo is not None:
            row.update({"slo_etag": '"x"', "bytes": sum(segment["bytes"] for segment in found.slo)})
        return row

    def _find(self, container, name, headers):
        replica = self.containers if self._behind is None or headers.get("x-newest") == "true" else self._behind
        found = replica.get(container, {}).get(name)
        if found is None or float(found.headers.get("x-delete-at", "inf")) <= time.time():
            raise Refused(404)
        return found

    def _content(self, container, found):
        if found.slo is not None:
            return b"".join(self._segment(row) for row in found.slo)
        if found.dlo:
            box, _, prefix = unquoted(found.dlo).partition("/")
            inner = self.containers.get(box, {})
            return b"".join(self._content(box, inner[name]) for name in sorted(inner) if name.startswith(prefix))
        return found.data

    def _segment(self, row):
        container, _, name = row["name"].lstrip("/").partition("/")
        found = self.containers.get(container, {}).get(name)
        content = self._content(container, found) if found else b""
        if not found or len(content) != row["bytes"]:
            raise Refused(409)
        return content

    def _shown(self, found, content):
        headers = dict(found.headers)
        etag = md5(content)
        if found.slo is not None:
            headers["x-static-large-object"] = "True"
            etag = manifest_etag(found.slo)
        headers["etag"] = '"{0}"'.format(etag) if found.slo is not None or found.dlo else etag
        headers["x-timestamp"] = "{0:.5f}".format(found.time)
        headers["content-length"] = str(len(content))
        return headers

    def _head(self, container, name, query, headers, body):
        found = self._find(container, name, headers)
        return 200, self._shown(found, self._content(container, found)), b""

    def _get(self, container, name, query, headers, body):
        found = self._find(container, name, headers)
        if found.slo is not None and query.get("multipart-manifest") == "get":
            return 200, {"content-type": "application/json; charset=utf-8"}, json.dumps(found.slo).encode("utf8")
        content = self._content(container, found)
        shown = self._shown(found, content)
        if "if-match" in headers and headers["if-match"] != shown["etag"]:
            raise Refused(412)
        if "range" not in headers:
            return 200, shown, content
        first, _, last = headers["range"].partition("=")[2].partition("-")
        size = len(content)
        start = int(first) if first else max(size - int(last), 0)
        end = min(int(last), size - 1) if first and last else size - 1
        if start > end:
            raise Refused(416)
        shown["content-range"] = "bytes {0}-{1}/{2}".format(start, end, size)
        shown["content-length"] = str(end + 1 - start)
        return 206, shown, content[start : end + 1]

    def _put(self, container, name, query, headers, body):
        if container not in self.containers:
            raise Refused(404)
        box = self.containers[container]
        if headers.get("if-none-match") == "*" and name in box:
            raise Refused(412)
        assert "if-none-match" not in headers or headers["if-none-match"] == "*"
        kept = {
            key: value for key, value in headers.items() if key.startswith(("x-object-", "x-delete", "content-type"))
        }
        if query.get("multipart-manifest") == "put":
            box[name] = Object(body, kept, self._manifest(json.loads(body.decode("utf8"))))
            return 201, {"etag": '"{0}"'.format(manifest_etag(box[name].slo))}, b""
        body = self.arrive(body)
        if headers.get("etag", md5(body)) != md5(body):
            raise Refused(422)
        box[name] = Object(bytes(body), kept)
        return 201, {"etag": md5(body)}, b""

    def _manifest(self, rows):
        if not 1 <= len(rows) <= (self.info["slo"]["max_manifest_segments"] if self.info else 1000):
            raise Refused(413)
        return [self._manifest_row(row) for row in rows]

    def _manifest_row(self, row):
        assert set(row) <= {"path", "size_bytes", "etag"}
        container, _, name = row["path"].lstrip("/").partition("/")
        found = self.containers.get(container, {}).get(name)
        content = self._content(container, found) if found else b""
        if not content or row["size_bytes"] != len(content) or row.get("etag", md5(content)) != md5(content):
            raise Refused(400, b"Errors: " + row["path"].encode("utf8"))
        stored = {"name": row["path"], "bytes": len(content), "hash": md5(content)}
        if found.slo is not None:
            stored["sub_slo"] = True
        return stored

    def _post(self, container, name, query, headers, body):
        found = self._find(container, name, {"x-newest": "true"})
        if "x-remove-delete-at" in headers:
            found.headers.pop("x-delete-at", None)
        return 202, {}, b""

    def _delete(self, container, name, query, headers, body):
        if query.get("multipart-manifest") == "delete":
            if name not in self.containers.get(container, ()):
                return 200, {}, self._multistatus([(container, name)])
            return 200, {}, self._multistatus(list(self._owned(container, name, headers)))
        self._find(container, name, {"x-newest": "true"})
        del self.containers[container][name]
        return 204, {}, b""

    def _owned(self, container, name, headers):
        found = self._find(container, name, headers)
        for row in found.slo or ():
            place = row["name"].lstrip("/").partition("/")[::2]
            for inner in self._owned(place[0], place[1], headers) if row.get("sub_slo") else (place,):
                yield inner
        yield container, name


def manifest_etag(rows):
    return md5("".join(row["hash"] for row in rows).encode("ascii"))


class _Adapter(HTTPAdapter):
    """Stands for what requests sends through."""

    def __init__(self, swift):
        HTTPAdapter.__init__(self)
        self._pool = _Pool(swift)

    def get_connection(self, *args, **kwargs):
        return self._pool

    get_connection_with_tls_context = get_connection


class _Pool(object):
    """Stands for urllib3's pool of connections to one server: one answer at a time."""

    ConnectionCls = HTTPConnection
    scheme = "http"

    def __init__(self, swift):
        self._swift = swift
        self._response = None
        self.conn_kw = {}

    def urlopen(self, method, url, body=None, headers=None, **kwargs):
        body = body or b""
        if not isinstance(body, bytes):
            body = b"".join(body) if hasattr(body, "__iter__") else b"".join(iter(lambda: body.read(8192), b""))
        headers = CaseInsensitiveDict((name, text(value)) for name, value in headers.items())
        sent = None if method in ("GET", "HEAD") and not body else str(len(body))
        assert headers.get("Content-Length") == sent, "another length than that of the body"
        assert self._response is None or self._response.over, "a second request while a body is open"
        self._response = _Response(*with_length(*self._swift.respond(method, url, headers, body)))
        return self._response

    def close(self):
        """Nothing is idle."""


class _Response(HTTPResponse):
    """An answer that knows whether its body was read to the end."""

    def __init__(self, status, headers, body):
        HTTPResponse.__init__(
            self, io.BytesIO(body), headers, status, reason="Because", preload_content=False, decode_content=False
        )
        self.over = False

    def read(self, size=None):
        data = HTTPResponse.read(self, size)
        self.over = self.over or not data or size is None
        return data

    def close(self):
        self.over = True
        HTTPResponse.close(self)


def with_length(status, headers, body):
    if not {"content-length", "x-timestamp"} & set(lower(headers)):  # objects have their own, or shall have none
        headers = dict(headers, **{str("content-length"): str(len(body))})
    return status, headers, body


def md5(data):
    return hashlib.md5(data).hexdigest()


def lower(headers):
    return {key.lower(): value for key, value in headers.items()}


def unquoted(path):
    plain = unquote(str(path))
    return plain.decode("utf8") if isinstance(plain, bytes) else plain


def parsed(query):
    pairs = parse_qsl(str(query), keep_blank_values=True)
    return {text(key): text(value) for key, value in pairs}


def text(value):
    return value.decode("utf8") if isinstance(value, bytes) else value
