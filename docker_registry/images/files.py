"""Files that are there whole, or not at all; and files without a name, for a while."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from docker_registry.core.exceptions import UsageError

__all__ = ["in_tmpdir", "temporary", "whole"]


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that has its name once it is whole; its folder is there. Raises UsageError where it cannot be written."""
    name = None
    try:
        handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), 0o644)
        os.replace(name, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    finally:
        # Where it did not get its name.
        if name is not None:
            with suppress(OSError):
                os.unlink(name)


@contextmanager
def temporary() -> Iterator[IO[bytes]]:
    """A file without a name in $TMPDIR, to be written within `in_tmpdir`. Raises UsageError."""
    with in_tmpdir():
        file = tempfile.TemporaryFile()  # noqa: SIM115  closed below, whatever that says
    try:
        yield file
    finally:
        with suppress(OSError):  # of what there was no room for
            file.close()


@contextmanager
def in_tmpdir() -> Iterator[None]:
    """Around what writes a temporary file, and reads nothing: its errors are told as UsageError, with the folder."""
    try:
        yield
    except OSError as error:
        folder = tempfile.tempdir or "any of the usual folders"
        why = f"cannot write a temporary file in {folder}: {error.strerror}; TMPDIR names another folder"
        raise UsageError(why) from None
