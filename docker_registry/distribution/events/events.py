"""What the handlers tell of, and to whom it goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from werkzeug.wrappers import Request

from docker_registry.settings import Settings

from ..auth.caller import Caller
from .delivery import Delivery
from .event import Source

__all__ = ["Events"]


class Events:
    """All receivers of one process. Telling costs no request and waits for nobody."""

    def __init__(self, settings: Settings):
        self._source = Source(settings.port)
        self.references = settings.event_references
        self.deliveries = [Delivery(endpoint) for endpoint in settings.endpoints]

    @property
    def is_on(self) -> bool:
        return bool(self.deliveries)

    def tell(self, action: str, target: dict[str, Any], request: Request, caller: Caller) -> None:
        takers = [delivery for delivery in self.deliveries if delivery.wants(action, target.get("mediaType", ""))]
        if takers:
            event = self._source.event(action, target, request, caller)
            for delivery in takers:
                delivery.add(event)

    def close(self, patience: float) -> None:
        """Send what waits, for at most so many seconds."""
        for delivery in self.deliveries:
            delivery.end(time.monotonic() + patience)
        for delivery in self.deliveries:
            delivery.close()

    def figures(self) -> Iterator[tuple[tuple[str, ...], float]]:
        """Pairs of a metric's name and labels, and a number; Distribution's names."""
        for delivery in self.deliveries:
            name = delivery.endpoint.name
            for kind in ("Events", "Successes", "Failures", "Errors", "Dropped"):
                yield ("registry_notifications_events_total", kind, name), delivery.counts[kind]
            for status, count in delivery.statuses.items():
                yield ("registry_notifications_status_total", status, name), count
            yield ("registry_notifications_pending_total", name), delivery.pending
