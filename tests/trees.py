# -*- coding: utf-8 -*-
"""Any set of names, and what a driver must say of it: a plain model. Runs on Python 2.7 too."""

from __future__ import unicode_literals

import pytest

from docker_registry.core.exceptions import FileNotFoundError

__all__ = ["PIECES", "Tree", "check", "check_removals", "is_usable", "some_names"]

# What names are made of: one character more, what sorts around the slash, slashes in a row, the driver's own folder.
PIECES = (
    "a",
    "b",
    "0",
    "1",
    "é",
    "-",
    ".",
    "_",
    "tag_",
    "/",
    "/",
    "//",
    "/_",
    "a/",
    "segments",
    "segments/",
    "\x01",
    "￿",
    "💥",
)
DELIMITERS = ("/", "/_", "//", "/a")


class Tree(object):
    """The files of a driver, as a set of their paths."""

    def __init__(self, names):
        self.names = set(names)

    def below(self, path):
        folder = _folder(path)
        return {name for name in self.names if name.startswith(folder)}

    def children(self, path):
        """The slashes with which a name goes on below a folder belong to it: `a//b` is a child of `a`."""
        folder = _folder(path)
        found = set()
        for name in self.below(path):
            inner = name[len(folder) :].lstrip("/")
            found.add(name[: len(name) - len(inner)] + inner.partition("/")[0])
        return found

    def exists(self, path):
        return path in self.names or bool(self.below(path))

    def prefixes(self, path, delimiter):
        folder = _folder(path)
        inner = [name[len(folder) :] for name in self.below(path)]
        return {name.partition(delimiter)[0] for name in inner if delimiter in name}

    def removed(self, path):
        """What is left when a file, or else a folder, is removed."""
        return Tree(self.names - ({path} if path in self.names else self.below(path)))

    def questions(self):
        """Paths worth asking for: each file, each folder, and what nearly is one."""
        paths = {""}
        for name in self.names:
            shorter = name.encode("utf8")[:-1].decode("utf8", "ignore")  # a narrow Python 2 has halves of characters
            paths.update((name, shorter, name + "0", name + "/"))
            paths.update(name[:i] for i in range(len(name)) if name[i] == "/")
        return sorted(path for path in paths if not path.strip("/").startswith("segments/") and path != "segments")


def some_names(random, count=10):
    """Names of files, many of which begin alike; none ends in a slash, or lies in the driver's own folder."""
    names = [""]
    while len(names) <= count:
        begun = random.choice(names) + random.choice(("", "", "/"))
        name = (begun + "".join(random.choice(PIECES) for _ in range(random.randint(1, 3)))).strip("/")
        if is_usable(name):
            names.append(name)
    return set(names[1:])


def is_usable(name):
    return bool(name) and name != "segments" and not name.startswith("segments/")


def check(driver, tree):
    """A driver that has the files of a tree, and no other, says so in every way there is."""
    for path in tree.questions():
        same(driver.exists(path), tree.exists(path), path)
        same(sorted(listed(driver, path)), sorted(tree.children(path)), path)
        same(sorted(entry.path for entry in driver.walk(path)), sorted(tree.below(path)), path)
        check_prefixes(driver, tree, path)
        check_outside(driver, tree, path)


def check_prefixes(driver, tree, path):
    for delimiter in DELIMITERS:
        right = sorted(tree.prefixes(path, delimiter), key=lambda prefix: (prefix + delimiter).encode("utf8"))
        same(list(driver.list_prefixes(path, delimiter)), right, (path, delimiter))
        for place, prefix in enumerate(right, 1):
            got = list(driver.list_prefixes(path, delimiter, after=prefix + delimiter, page=2))
            same(got[len(got) + place - len(right) :], right[place:], (path, delimiter, prefix))


def check_outside(driver, tree, path):
    start = len(path.strip("/")) + 1 if path.strip("/") else 0
    for inner in DELIMITERS:
        right = [name for name in tree.below(path) if inner not in name[start:]]
        right.sort(key=lambda name: name.encode("utf8"))
        same([entry.path for entry in driver.walk_outside(path, inner)], right, (path, inner))


def check_removals(driver, tree, random):
    """Remove files and folders until nothing is left; their neighbours stay."""
    while tree.names:
        path = random.choice([path for path in tree.questions() if path.strip("/") and tree.exists(path)])
        driver.remove(path)
        tree = tree.removed(path)
        same(sorted(entry.path for entry in driver.walk()), sorted(tree.names), path)
        if not tree.exists(path):
            with pytest.raises(FileNotFoundError):
                driver.remove(path)


def same(got, right, where):
    assert got == right, "{0!r}: {1!r}, not {2!r}".format(where, got, right)


def listed(driver, path):
    try:
        return list(driver.list_directory(path))
    except FileNotFoundError:
        return []


def _folder(path):
    return path.strip("/") + "/" if path.strip("/") else ""
