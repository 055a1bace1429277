"""The text that Prometheus reads, read back by prometheus-client's own parser."""

from __future__ import annotations

import hypothesis
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from docker_registry.metrics.figures import Figures
from docker_registry.metrics.table import METRICS, Kind
from docker_registry.serving.debug.exposition import expose

labels = st.text(max_size=20)


@hypothesis.settings(max_examples=30)
@given(st.dictionaries(st.tuples(labels, labels), st.integers(0, 10**12), max_size=5))
def test_every_label_and_number_comes_through(counts: dict[tuple[str, str], int]) -> None:
    figures = Figures()
    for key, value in counts.items():
        figures.count("registry_repository_bytes_total", *key, by=value)
    samples = {
        (sample.labels["direction"], sample.labels["prefix"]): sample.value
        for family in text_string_to_metric_families(expose(figures.snapshot()).decode())
        for sample in family.samples
    }
    assert samples == counts


@given(st.lists(st.floats(0, 200), min_size=1, max_size=30))
def test_a_bucket_has_what_is_at_most_its_bound(values: list[float]) -> None:
    figures = Figures()
    for value in values:
        figures.observe(value, "registry_storage_action_seconds", "swift", "Stat")
    (family,) = text_string_to_metric_families(expose(figures.snapshot()).decode())
    found = {sample.labels.get("le", sample.name.rpartition("_")[2]): sample.value for sample in family.samples}
    for bound in METRICS["registry_storage_action_seconds"].bounds:
        label = next(label for label in found if label not in ("sum", "count") and float(label) == bound)
        assert found[label] == sum(value <= bound for value in values)
    assert found["+Inf"] == found["count"] == len(values)
    assert abs(found["sum"] - sum(values)) < 1e-6


def test_names_fit_their_kinds() -> None:
    for name, metric in METRICS.items():
        # Distribution's own gauge of this name ends so.
        is_counter = name.endswith("_total") and name != "registry_notifications_pending_total"
        assert is_counter == (metric.kind == Kind.COUNTER), name
