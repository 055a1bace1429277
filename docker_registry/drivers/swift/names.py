"""Paths of the driver, names of objects, names of segments: pure text arithmetic.

A file is the object `<storage_path>/<path>`. The folder `segments` directly
below the root is the driver's own and holds the segments of large objects.
"""

from __future__ import unicode_literals

from docker_registry.core.exceptions import WrongArgumentsError

from .compat import quote, say, text

__all__ = ["Names", "has_dots", "url"]

SEGMENTS = "segments"
# Swift's own limit; /info may say less, never more in practice.
LONGEST_NAME = 1024  # bytes
# Behind every name of a folder, in Swift's order.
_LAST = "\U0010ffff"


class Names(object):
    """The names below one root in one container.

    `storage_path` is the root, with or without slashes around it; `/` or
    nothing means the container itself. Of several slashes at its end all but
    one count: Distribution 2.x with the prefix `a/` writes to `a//files`.
    """

    def __init__(self, container, storage_path):
        self.container = text(container)
        root = text(storage_path or "").lstrip("/")
        self.root = root if not root or root.endswith("/") else root + "/"
        self.segments = self.root + SEGMENTS + "/"

    def file(self, path):
        """The object name of a file.

        Raises WrongArgumentsError for what Swift cannot store: nothing, more
        than 1024 bytes, a NUL, or text that is not Unicode.
        """
        path = self.clean(path)
        if not path:
            raise WrongArgumentsError("the root of the storage is no file")
        return _checked(self.root + path)

    def writable(self, path):
        """The object name of a file that may be written or removed."""
        name = self.file(path)
        if (name + "/").startswith(self.segments):
            raise WrongArgumentsError(say("{0}: the folder {1} at the root belongs to the driver", path, SEGMENTS))
        return name

    def folder(self, path=None):
        """What the names of all objects in a folder begin with."""
        path = self.clean(path).rstrip("/")
        return _checked(self.root + path) + "/" if path else self.root

    def clean(self, path):
        """A path as text without its leading slashes."""
        try:
            return text(path or "").lstrip("/")
        except UnicodeError:
            raise WrongArgumentsError("a path must be text or UTF-8, not %r" % (path,))

    def path(self, name):
        """The path of an object below the root."""
        return name[len(self.root) :]

    def is_segment(self, name):
        """Whether an object is in the driver's own folder."""
        return name.startswith(self.segments)

    def behind_segments(self):
        """A marker that makes a listing go on behind the driver's own folder."""
        return self.segments + _LAST

    def part(self, container, name):
        """The name of a part: short for a segment of this root, `/container/object` otherwise."""
        if container == self.container and self.is_segment(name):
            return name[len(self.segments) :]
        return "/{0}/{1}".format(container, name)

    def located(self, part):
        """The container and the object of a part's name."""
        part = text(part)
        if part.startswith("/"):
            container, _, name = part[1:].partition("/")
            return container, name
        return self.container, self.segments + part


def url(*names):
    """A URL path of container and object names.

    HTTP libraries resolve `.` and `..`; written as `%2E` they arrive.
    """
    path = "/" + "/".join(names)
    if "/." not in path:
        return quote(path, "/")
    return "/".join(_DOTS.get(segment) or quote(segment) for segment in path.split("/"))


def has_dots(name):
    """Whether a name has segments that URL libraries resolve."""
    return any(segment in (".", "..") for segment in name.split("/"))


_DOTS = {".": "%2E", "..": "%2E%2E"}


def _checked(name):
    try:
        size = len(name.encode("utf8"))
    except UnicodeError:
        raise WrongArgumentsError("a path must be Unicode text, not %r" % (name,))
    if size > LONGEST_NAME:
        raise WrongArgumentsError(
            say("a name of {0} bytes is too long for Swift, which takes {1}: {2}...", size, LONGEST_NAME, name[:60])
        )
    if "\0" in name:
        raise WrongArgumentsError("a path must not have a NUL character: %r" % (name,))
    return name
