"""For all tests, on every Python."""

import sys

import pytest


def pytest_collection_finish(session):
    """Swift's modules make logging's locks those of eventlet, on which a thread of the tests would wait for ever."""
    if "eventlet" in sys.modules:
        raise pytest.UsageError("a test imports eventlet, perhaps by Swift's modules: use a process of its own")


try:
    from hypothesis import HealthCheck, settings

    from docker_registry import rereading
    from tests.live import combinations
except ImportError:  # Python 2, and wherever only the driver is tested
    pass
else:
    # A busy machine is no fault of what is tested.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")

    @pytest.fixture
    def files_looked_at_each_time(monkeypatch):
        """What is read again when its files change, is at once."""
        monkeypatch.setattr(rereading, "PAUSE", 0.0)

    def pytest_sessionfinish(session):
        """A worker of pytest-xdist tells the process that reports."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["combinations"] = sorted(combinations.TRIED)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(node):
        combinations.TRIED.update(map(tuple, getattr(node, "workeroutput", {}).get("combinations", ())))

    def pytest_terminal_summary(terminalreporter):
        combinations.summarize(terminalreporter)
