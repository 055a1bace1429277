"""Files that are there whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from docker_registry.core.exceptions import UsageError

__all__ = ["whole"]


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that has its name once it is whole."""
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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
