# -*- coding: utf-8 -*-
"""The driver: one short method per verb of the contract."""

from docker_registry.core import driver
from docker_registry.core.exceptions import FileNotFoundError

from . import config as options
from .auth import Auth
from .client import Client
from .compat import Reader, Stat
from .names import Names


class Storage(driver.Base):
    supports_bytes_range = True

    def __init__(self, path=None, config=None):
        settings = options.read(config)
        self._names = Names(settings.container, path)
        self._client = Client(settings, Auth(settings))

    def get_content(self, path):
        return self._client.request("GET", self._names.file(path)).body

    def put_content(self, path, content):
        self._client.put(self._names.writable(path), content)
        return path

    def open(self, path, bytes_range=None):
        headers = {}
        if bytes_range is not None:
            first, last = bytes_range
            headers["Range"] = "bytes=%s-%s" % ("" if first is None else first, "" if last is None else last)
        answer = self._client.open(self._names.file(path), headers=headers)
        length = int(answer.headers["content-length"])
        size = int(answer.headers.get("content-range", "/%d" % length).rpartition("/")[2])
        stream = answer.stream
        return Reader(size, length, iter(lambda: stream.read(self.buffer_size), b""), stream.close)

    def stream_read(self, path, bytes_range=None):
        with self.open(path, bytes_range) as reader:
            for chunk in reader:
                yield chunk

    def stream_write(self, path, fp):
        chunks = []
        while True:
            chunk = fp.read(1 << 20)
            if not chunk:
                break
            chunks.append(chunk)
        self.put_content(path, b"".join(chunks))

    def list_directory(self, path=None):
        folder = self._names.folder(path)
        marker, found = "", False
        while True:
            rows = self._rows(folder, marker, "/")
            if not rows:
                break
            marker = rows[-1].get("name") or rows[-1]["subdir"]
            for row in rows:
                name = row.get("name") or row["subdir"]
                if name != self._names.segments and name != folder:
                    found = True
                    yield self._names.path(name).rstrip("/")
        if not found:
            raise FileNotFoundError("{0}: nothing is there".format(path))

    def _rows(self, folder, marker="", delimiter="", limit=10000):
        from .compat import quote

        query = "format=json&limit=%d" % limit
        for key, value in (("prefix", folder), ("marker", marker), ("delimiter", delimiter)):
            if value:
                query += "&%s=%s" % (key, quote(value.encode("utf8"), safe=""))
        answer = self._client.request("GET", query=query, accept=(404,))
        return answer.json() if answer.status == 200 else []

    def exists(self, path):
        if self._client.request("HEAD", self._names.file(path), accept=(404,)).status != 404:
            return True
        return bool(self._rows(self._names.folder(path), limit=1))

    def remove(self, path):
        name = self._names.writable(path)
        if self._client.request("DELETE", name, accept=(404,)).status != 404:
            return
        rows = self._rows(self._names.folder(path))
        if not rows:
            raise FileNotFoundError("{0}: nothing is there".format(path))
        for row in rows:
            self._client.request("DELETE", row["name"], accept=(404,))

    def get_size(self, path):
        return self.stat(path).size

    def stat(self, path):
        headers = self._client.request("HEAD", self._names.file(path)).headers
        return Stat(int(headers["content-length"]), float(headers["x-timestamp"]) if "x-timestamp" in headers else None)
