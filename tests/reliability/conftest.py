"""The Swifts of tests/live."""

from tests.live.conftest import cluster, container, running_cluster, swift

__all__ = ["cluster", "container", "running_cluster", "swift"]
