"""The containers that are measured are filled also where Swift is busy."""

from __future__ import annotations

from types import SimpleNamespace

from benchmarks.fsck import fill
from docker_registry.embedded import EmbeddedSwift
from tests.live.faults import FaultProxy


def test_a_put_that_swift_has_no_time_for_is_sent_again(swift: EmbeddedSwift) -> None:
    with FaultProxy(swift.storage_url) as faults:
        faults.answer(503, method="PUT", path="/ours/", times=3)
        behind = SimpleNamespace(
            auth_url=swift.auth_url, user=swift.user, password=swift.password, storage_url=faults.url
        )
        written = fill(behind, "ours", 40)
        sent = [request for request in faults.requests if "/ours/" in request.target]
    assert len(sent) == written + 3
