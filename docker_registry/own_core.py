"""Whether `docker_registry.core` is this project's: on Python 3 docker-registry-core's would break everything.

Both packages have modules of these names. pip overwrites one's with the other's
without a word, and takes them away when it uninstalls the other.
"""

from __future__ import annotations

import docker_registry.core

__all__ = ["check_core"]


def check_core() -> None:
    """Raises ImportError, one line that says what to do."""
    if getattr(docker_registry.core, "__title__", None) != "docker-registry-driver-swift":
        raise ImportError(
            "the package docker-registry-core is for Python 2 and has overwritten modules of this one:"
            " pip uninstall docker-registry-core, then"
            " pip install --force-reinstall docker-registry-driver-swift, with the extras in use"
        )
