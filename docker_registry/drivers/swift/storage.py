"""The driver: one short method per verb of the contract."""

from __future__ import unicode_literals

import calendar
import logging
from email.utils import parsedate
from itertools import islice

from docker_registry.concurrency import deadline
from docker_registry.concurrency.workers import each
from docker_registry.core import driver
from docker_registry.core.exceptions import BrokenError, FileNotFoundError, UnspecifiedError

from . import v1_layout
from .compat import Stat, say
from .files import Files
from .http import habits, listing
from .http.client import Client
from .http.deletion import delete_each
from .http.pool import BODY, CLIENTS_BODY
from .login.token import Auth
from .names import Names
from .objects import reading
from .objects.large import NEWEST, LargeObjects
from .objects.memory import shared_budget
from .objects.objects import Objects, size_of
from .objects.segments import Segments
from .objects.stage import SegmentedStage
from .settings import config as options
from .tempurl import TempUrls

__all__ = ["Storage"]

logger = logging.getLogger(__name__)

CHUNK = 256 << 10  # bytes read at a time; each client that reads slowly holds as many
SIDE_BY_SIDE = 8  # small requests in flight for one call


class Storage(driver.Base):
    """Files as objects of one Swift container, see `docker_registry.core.driver.Base`.

    `path` is `storage_path` of the configuration, `config` has the `swift_*`
    options. Raises ConfigError for what is wrong with them; opens no
    connection before the first call.
    """

    scheme = "swift"
    supports_bytes_range = True
    supports_expiry = True
    supports_callers = True

    def __init__(self, path=None, config=None):
        self._settings = options.read(config)
        self._newest = NEWEST if self._settings.newest else None
        self._names = Names(self._settings.container, path)
        self._client = Client(self._settings, Auth(self._settings))
        self._large = LargeObjects(self._client, self._names, SIDE_BY_SIDE)
        self._segments = Segments(self._client, self._names, self._large, self._settings.retries)
        self._objects = Objects(self._client, self._large)
        self._files = Files(self._names, self._objects)
        self._temp_urls = TempUrls(self._client, self._settings)
        self._budget = shared_budget(self._settings.memory)

    # The v1 interface.

    def get_content(self, path):
        return self._files.get(path)

    def put_content(self, path, content):
        self._files.put(path, content)
        return path

    def stream_read(self, path, bytes_range=None):
        with self.open_for_client(path, bytes_range) as reader:
            for chunk in reader:
                yield chunk

    def stream_write(self, path, fp):
        with self.stage() as stage:
            stage.fill(fp)
            stage.commit(path)

    def list_directory(self, path=None):
        found = False
        for child in self._children(self._names.folder(path)):
            found = True
            yield child
        if not found:
            raise FileNotFoundError(say("{0}: nothing is there", path))

    def exists(self, path):
        folder = self._names.folder(path)
        if folder != self._names.root and self._objects.head(self._names.file(path)) is not None:
            return True
        if v1_layout.is_file(self._names.clean(path)):
            return False
        return any(True for _ in self._rows(folder, limit=None if folder == self._names.root else 1))

    def remove(self, path):
        if self._files.remove(path):
            return
        if v1_layout.is_file(self._names.clean(path)) or not self._remove_folder(self._names.folder(path)):
            raise FileNotFoundError(say("{0}: nothing is there", path))

    def get_size(self, path):
        return self.stat(path).size

    def content_redirect_url(self, path):
        try:
            return self._temp_urls.sign(self._names.file(path))
        except UnspecifiedError as error:
            logger.warning("no URL to redirect to for %s: %s", self._names.clean(path), error)
            return None

    # Beyond v1.

    def time_limit(self, seconds):
        return deadline.until(deadline.Deadline(seconds))

    def figures(self):
        for figure in self._client.figures():
            yield figure
        yield ("memory_bytes",), self._budget.used
        yield ("memory_limit_bytes",), self._budget.total

    def overwrite(self, path, content):
        self._files.overwrite(path, content)

    def overwrite_once(self, path, content):
        self._files.overwrite_once(path, content)

    def overwrite_until(self, path, content, expires):
        self._files.overwrite_until(path, content, int(expires) + 1)  # never sooner

    def remove_small(self, path):
        if not self._files.remove_small(path):
            raise FileNotFoundError(say("{0}: nothing is there", path))

    def get_newest(self, path):
        return self._files.get_as(path, self._newest)

    def get_aged(self, path):
        answer = self._files.ask(path, NEWEST)
        # Without the newest for every look, what was removed may still be seen: then no age counts.
        return answer.body, _age(answer.headers) if self._newest else None

    def remove_once(self, path):
        if not self._files.remove_once(path):
            raise FileNotFoundError(say("{0}: nothing is there", path))

    def remove_each_once(self, paths):
        return self._files.remove_each_once(paths)

    def stat(self, path, newest=False):
        name, headers = self._existing(path, self._newest if newest else None)
        return Stat(size_of(name, headers), _modified(headers))

    def open(self, path, bytes_range=None):
        return self._open(path, bytes_range, BODY)

    def open_for_client(self, path, bytes_range=None):
        return self._open(path, bytes_range, CLIENTS_BODY)

    def walk(self, path=None):
        rows = self._rows(self._names.folder(path))
        for batch in iter(lambda: list(islice(rows, SIDE_BY_SIDE)), []):
            hidden = [row["name"] for row in batch if listing.hides_size(row)]
            sizes = dict(each(lambda name: (name, self._true_size(name)), hidden, SIDE_BY_SIDE))
            for row in batch:
                yield listing.entry(self._names.path(row["name"]), row, sizes.get(row["name"]))

    def prove_walk(self):
        # Without a prefix, since the container counts what it has without regard to any.
        before, count = self._count(), 0
        for row in listing.rows(self._client):
            count += 1
            name = row["name"]
            if name.startswith(self._names.root) and not self._names.is_segment(name):
                yield listing.entry(self._names.path(name), row)
        least = min(before, self._count())
        if count < least:
            raise BrokenError(
                say("the listing of container {0} ends after {1} of {2} objects", self._client.container, count, least)
            )

    def list_prefixes(self, path, delimiter="/", after="", page=None):
        folder = self._names.folder(path)
        marker = folder + after if after else ""
        for row in listing.rows(self._client, folder, marker, delimiter, page=page):
            if "subdir" in row and not self._names.is_segment(row["subdir"]):
                yield row["subdir"][len(folder) : -len(delimiter)]

    def walk_outside(self, path, inner, after="", page=None):
        folder = self._names.folder(path)
        marker = folder + after if after else ""
        for row in listing.rows(self._client, folder, marker, inner, page=page):
            if "name" in row and not self._names.is_segment(row["name"]):
                yield listing.entry(self._names.path(row["name"]), row)

    def remove_many(self, paths):
        outcomes = each(lambda path: (path, self._remove_file(path)), paths, SIDE_BY_SIDE)
        return {path: error for path, error in outcomes if error is not None}

    def stage(self, parts=()):
        return SegmentedStage(self._files, self._segments, self._budget, self._settings, parts)

    def parts(self, path):
        # Whoever removes segments asks for those that files still have.
        name, headers = self._existing(path, NEWEST)
        return self._large.parts(name, headers)

    def parts_prefix(self, path):
        return self._large.prefix(*self._existing(path, NEWEST))

    def walk_parts(self):
        for row in listing.rows(self._client, self._names.segments):
            yield listing.entry(self._names.part(self._client.container, row["name"]), row)

    def remove_parts(self, names):
        return self._large.delete_parts(names)

    def _open(self, path, bytes_range, kind):
        name, retries = self._names.file(path), self._settings.retries
        return reading.open_object(self._client, name, bytes_range, CHUNK, retries, kind=kind)

    def _existing(self, path, how=None):
        """Name and headers of a file, asked for with the headers `how`."""
        name = self._names.file(path)
        headers = self._objects.head(name, how)
        if headers is None:
            raise FileNotFoundError(say("{0}: nothing is there", path))
        return name, headers

    def _count(self):
        """How many objects the container says it has."""
        told = self._client.request("HEAD", headers=NEWEST).headers.get("x-container-object-count", "")
        if not told.isdigit():
            raise BrokenError(say("container {0} does not say how many objects it has", self._client.container))
        return int(told)

    def _true_size(self, name):
        """The size of an object whose row does not tell it; None where it is gone."""
        headers = self._objects.head(name)
        return None if headers is None else size_of(name, headers)

    def _rows(self, folder, limit=None):
        """The rows of all files below a folder, without the driver's own."""
        if self._names.is_segment(folder):
            return
        marker = ""
        while True:
            for row in listing.rows(self._client, folder, marker, limit=limit):
                if folder == self._names.root and self._names.is_segment(row["name"]):
                    break
                yield row
            else:
                return
            marker = self._names.behind_segments()

    def _children(self, folder):
        """The paths of a folder's files and folders, each once."""
        if self._names.is_segment(folder):
            return
        while folder is not None:
            nameless = None
            for row in self._level(folder):
                if "name" in row:
                    yield self._names.path(row["name"])
                elif row["subdir"] == folder + "/":
                    nameless = row["subdir"]
                elif row["subdir"] != self._names.segments:
                    yield self._names.path(row["subdir"][:-1])
            # Names such as `a//b` make folders without a name; what is in them are children of `a`.
            folder = nameless

    def _level(self, folder):
        """The rows of a folder, one level deep, without the folders that have the name of a file."""
        # The files with which the current name begins: folders of their names may still come.
        begun = []  # type: list[str]
        for row in listing.rows(self._client, folder, delimiter="/"):
            name = row.get("name") or row["subdir"]
            if name == folder:
                continue  # an object by which other programs mark a folder
            while begun and not name.startswith(begun[-1]):
                begun.pop()
            if "name" in row:
                begun.append(name)
            elif name[:-1] in begun:
                continue
            yield row

    def _remove_file(self, path):
        """Why a file could not be removed, or None."""
        try:
            self._files.remove(path)
        except UnspecifiedError as error:
            return error
        return None

    def _remove_folder(self, folder):
        """Remove all files below a folder; whether there was any."""
        failed, found, page = {}, False, []
        for row in self._rows(folder):
            found = True
            page.append(row)
            if len(page) == habits.PAGE:
                failed.update(self._remove_rows(page))
                page = []
        failed.update(self._remove_rows(page))
        if failed:
            name, error = sorted(failed.items(), key=lambda item: item[0])[0]
            raise type(error)(say("{0} files could not be removed, such as {1}: {2}", len(failed), name, error))
        return found

    def _remove_rows(self, rows):
        """Remove files given their rows; returns names that could not be removed, and why."""
        plain = []  # type: list[str]
        others = []  # type: list[str]
        for row in rows:
            (others if listing.is_perhaps_large(row) else plain).append(row["name"])
        failed = {
            name: error
            for (_, name), error in delete_each(
                self._client, [(self._client.container, name) for name in plain], SIDE_BY_SIDE
            ).items()
        }
        others = [self._names.path(name) for name in others]
        for name, error in self.remove_many(others).items():
            failed[name] = error
        for name in plain:
            self._files.uncache(self._names.path(name))
        return failed


def _age(headers):
    """How many seconds ago an object was written, by the server's clock; None where it does not say."""
    written, now = _modified(headers), parsedate(headers.get("date", ""))
    return None if written is None or now is None else calendar.timegm(now) - written


def _modified(headers):
    """When an object was written, in seconds since the epoch; None where the server does not say."""
    if "x-timestamp" in headers:
        return float(headers["x-timestamp"])
    date = parsedate(headers.get("last-modified", ""))
    return None if date is None else float(calendar.timegm(date))
