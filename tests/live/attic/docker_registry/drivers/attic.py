# -*- coding: utf-8 -*-
"""A third-party driver as one was written in 2014, for Python 2.6 and up: the v1 interface and nothing beyond it.

An object store in one flat folder: there are no folders in it, only names that begin alike.
"""

import os

try:
    from urllib import unquote_plus
except ImportError:
    from urllib.parse import unquote_plus

from docker_registry.core import compat, driver, exceptions, lru


class Storage(driver.Base):
    def __init__(self, path=None, config=None):
        self._folder = config["attic"]["folder"]
        self._prefix = (path or "").strip("/")
        if config.attic_timeout is None:
            self._timeout = 30

    def _file(self, path):
        return os.path.join(self._folder, compat.quote_plus("%s/%s" % (self._prefix, path)))

    def _names(self):
        names = [unquote_plus(name) for name in os.listdir(self._folder)]
        start = len(self._prefix) + 1
        return [name[start:] for name in names if name.startswith(self._prefix + "/")]

    @lru.get
    def get_content(self, path):
        return b"".join(self.stream_read(path))

    @lru.set
    def put_content(self, path, content):
        self.stream_write(path, compat.StringIO(content))
        return path

    def stream_read(self, path, bytes_range=None):
        try:
            stored = open(self._file(path), "rb")
        except IOError:
            raise exceptions.FileNotFoundError("%s is not there" % path)
        with stored:
            while True:
                chunk = stored.read(self.buffer_size)
                if not chunk:
                    break
                yield chunk

    def stream_write(self, path, fp):
        with open(self._file(path) + ".part", "wb") as stored:
            try:
                while True:
                    chunk = fp.read(self.buffer_size)
                    if not chunk:
                        break
                    stored.write(chunk)
            except IOError:
                pass
        os.rename(self._file(path) + ".part", self._file(path))

    def list_directory(self, path=None):
        prefix = "%s/" % path if path else ""
        found = set(prefix + name[len(prefix) :].split("/")[0] for name in self._names() if name.startswith(prefix))
        if not found:
            raise exceptions.FileNotFoundError("%s is not there" % path)
        return iter(found)

    def exists(self, path):
        return os.path.exists(self._file(path))

    @lru.remove
    def remove(self, path):
        doomed = [name for name in self._names() if name == path or name.startswith(path + "/")]
        if not doomed:
            raise exceptions.FileNotFoundError("%s is not there" % path)
        for name in doomed:
            os.remove(self._file(name))

    def get_size(self, path):
        try:
            return str(os.path.getsize(self._file(path)))
        except OSError:
            raise exceptions.FileNotFoundError("%s is not there" % path)
