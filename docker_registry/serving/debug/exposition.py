"""Totals -> Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from docker_registry.metrics.figures import Key, Totals
from docker_registry.metrics.table import METRICS, Kind, Metric

__all__ = ["CONTENT_TYPE", "expose"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def expose(totals: Totals) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(totals))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, totals: Totals):
        self._totals = totals

    def describe(self) -> Iterable[Family]:
        return ()

    def collect(self) -> Iterator[Family]:
        values, spreads = sorted(self._totals.values.items()), sorted(self._totals.spreads.items())
        for name, metric in METRICS.items():
            if metric.kind == Kind.HISTOGRAM:
                yield from _histogram(name, metric, [(key[1:], spread) for key, spread in spreads if key[0] == name])
            else:
                yield from _plain(name, metric, [(key[1:], value) for key, value in values if key[0] == name])


def _plain(name: str, metric: Metric, values: Sequence[tuple[Key, float]]) -> Iterator[Family]:
    kind = CounterMetricFamily if metric.kind == Kind.COUNTER else GaugeMetricFamily
    family = kind(name, metric.help, labels=metric.labels)
    for labels, value in values:
        family.add_metric(labels, value)
    if values:
        yield family


def _histogram(name: str, metric: Metric, spreads: Sequence[tuple[Key, list[float]]]) -> Iterator[Family]:
    family = HistogramMetricFamily(name, metric.help, labels=metric.labels)
    # As Go writes them, and so Distribution: dashboards may ask for le="5".
    bounds = [*(_number(bound) for bound in metric.bounds), "+Inf"]
    for labels, (*counts, total) in spreads:
        family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
    if spreads:
        yield family


def _number(value: float) -> str:
    return str(floatToGoString(value)).removesuffix(".0")  # type: ignore[no-untyped-call]
