"""Files by their paths: objects, and docker-registry's cache of small files, which never lags behind a write here."""

from __future__ import unicode_literals

from docker_registry.core import lru

from . import v1_layout
from .objects.objects import Content

__all__ = ["Files"]


class Files(object):
    """Files below one root. Paths may have leading slashes; raises WrongArgumentsError for what is no file's path."""

    def __init__(self, names, objects):
        self._names = names
        self._objects = objects

    def get(self, path):
        """The whole of a small file, from the cache if that has it."""
        return self._get(self._names.clean(path))

    def get_as(self, path, how):
        """The whole of a small file, asked for with the headers `how`, from Swift."""
        return self._objects.get(self._names.file(path), how)

    def ask(self, path, how):
        """Swift's Answer with the whole of a small file, asked for with the headers `how`."""
        return self._objects.ask(self._names.file(path), how)

    def put(self, path, content):
        """Write or replace a file; docker-registry's own small files never have segments to look for."""
        clean = self._names.clean(path)
        if v1_layout.is_small_file(clean):
            self._overwrite(clean, content)
        else:
            self._put(clean, content)

    def overwrite(self, path, content):
        """Write or replace a file that never had segments."""
        self._overwrite(self._names.clean(path), content)

    def overwrite_once(self, path, content):
        """The same by one request, which is not sent again."""
        self._objects.overwrite_once(self._names.writable(path), Content.plain(content))
        self.uncache(path)

    def overwrite_until(self, path, content, expires):
        """The same, of a file that vanishes at a time, in whole seconds since the epoch."""
        self._objects.overwrite(self._names.writable(path), Content.plain(content, expires))
        self.uncache(path)  # docker-registry's cache knows of no end

    def check(self, path):
        """Raise WrongArgumentsError for a path that cannot be written."""
        self._names.writable(path)

    def commit(self, path, content, immutable):
        """Make a Content the file of a path; with `immutable`, one of the same size that is there stays."""
        name = self._names.writable(path)
        if immutable:
            self._objects.settle(name, content)
        elif content.parts:
            self._objects.replace(name, content)
        else:
            self._objects.write(name, content)
        self.uncache(path)

    def remove(self, path):
        """Remove a file with its segments; whether there was one."""
        if v1_layout.is_small_file(self._names.clean(path)):
            return self.remove_small(path)
        removed = self._objects.remove(self._names.writable(path))
        self.uncache(path)
        return removed

    def remove_small(self, path):
        """Remove a file that never had segments; whether there was one."""
        removed = self._objects.remove_plain(self._names.writable(path))
        self.uncache(path)
        return removed

    def remove_once(self, path):
        """Remove a file by one request, which is not sent again; its segments stay. Whether there was one."""
        removed = self._objects.remove_once(self._names.writable(path))
        self.uncache(path)
        return removed

    def remove_each_once(self, paths):
        """Remove files by one request where the server can; returns those that failed, and why. Segments stay."""
        paths = {self._names.writable(path): path for path in paths}
        failed = self._objects.remove_each_once(paths)
        for path in paths.values():
            self.uncache(path)
        return {paths[name]: error for name, error in failed.items()}

    def abandon(self, path, parts):
        """Delete segments of a commit that was refused, unless the file of the path has them."""
        self._objects.forget(self._names.writable(path), parts)

    def uncache(self, path):
        """Let nobody see the former content of a path."""
        self._uncache(self._names.clean(path))

    # docker-registry-core's decorators want positional arguments, the path last.

    @lru.get
    def _get(self, path):
        return self._objects.get(self._names.file(path))

    @lru.set
    def _put(self, path, content):
        self._objects.write(self._names.writable(path), Content.plain(content))

    @lru.set
    def _overwrite(self, path, content):
        self._objects.overwrite(self._names.writable(path), Content.plain(content))

    @lru.remove
    def _uncache(self, path):
        """The decorator does it."""
