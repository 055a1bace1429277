"""What happens when a thousand nodes pull at once: a model, fed with the costs that were measured, and checked.

`python -m benchmarks.simulation FILE.json` prints both tables.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from .measure import Row
from .plan import MIB
from .queues import Fork, Job, Station, Use, Wait, run
from .results import Results
from .rig import OURS, WIRE

__all__ = ["Checked", "Costs", "check", "plan"]

_JOBS = 6  # layers that a node pulls at a time
_CORES = 2  # of the machine that was measured on
# The plan: nodes, the layers of their image, bytes of each, bytes per second of a link (10 Gbit/s), proxies of Swift.
_NODES = 1000
_LAYERS = 10
_LAYER = 30 * MIB
_LINK = 10e9 / 8
_PROXIES = 8


@dataclass(frozen=True)
class Costs:
    """CPU seconds, as measured: of the registry (its name first), of Swift, and of the client that measured.

    A request includes its share of the connections that a pull opens.
    """

    registry_request: float  # that is passed on to Swift, without the bytes of the answer
    registry_redirect: float  # a request that is answered with a link to Swift
    registry_byte: float  # that is passed on
    swift_request: float
    swift_byte: float
    client_request: float  # with its bytes: it fits the crowd that was measured only

    @classmethod
    def of(cls, results: Results) -> Costs:
        """Raises KeyError when a row that this needs was not measured."""
        hammered = _largest(results, "head-blob-")
        layers = _largest(results, "pull-image-")
        small, large = results.row(f"pull-image-{layers}"), results.row("pull-1-redirect")
        requests, bytes_ = layers + 2, small.gib * 2**30
        registry_byte = _cpu(results.row("pull-1"), OURS, "cpu") / (large.gib * 2**30)
        # Of a layer that was read before, as one that a crowd pulls was.
        swift_byte = _cpu(large, WIRE, "swift_cpu") / (large.gib * 2**30)
        return cls(
            registry_request=max(0.0, _cpu(small, OURS, "cpu") - bytes_ * registry_byte) / requests,
            registry_redirect=_cpu(results.row(f"head-blob-{hammered}"), OURS, "cpu"),
            registry_byte=registry_byte,
            swift_request=max(0.0, _cpu(small, OURS, "swift_cpu") - bytes_ * swift_byte) / requests,
            swift_byte=swift_byte,
            client_request=_cpu(results.row("pull-image-10"), OURS, "client_cpu") / (10 + 2),
        )


@dataclass
class Site:
    """Where the pulls take place. A station of network has one server, for as many bytes a second as `network` says."""

    replicas: list[Station]  # the workers of each
    swift: Station  # the processes of its proxies and object servers
    cores: list[Station]  # one station, that all share where they share a machine; or none
    replica_links: list[Station]
    swift_links: list[Station]
    network: float  # bytes per second of each link; 0: it is no bound
    latency: float  # seconds on the way to Swift, for each request


def pull(costs: Costs, site: Site, node: int, layers: int, size: int, redirect: bool, client: Station | None) -> Job:
    """One node pulls an image that its registry has served before: a manifest, then a config and the layers."""
    replica = node % len(site.replicas)
    workers, link = site.replicas[replica], site.replica_links[replica]

    def blob(number: int, size: int, redirect: bool) -> Job:
        asked = costs.registry_redirect if redirect else costs.registry_request + size * costs.registry_byte
        yield Use(asked, workers, *site.cores)
        yield Wait(site.latency)
        yield Use(costs.swift_request + size * costs.swift_byte, site.swift, *site.cores)
        if site.network:
            yield Use(size / site.network, site.swift_links[(node + number) % len(site.swift_links)])
            if not redirect:
                yield Use(size / site.network, link)
        if client:
            yield Use(costs.client_request, client, *site.cores)

    yield from blob(0, 0, redirect=False)  # a manifest is never redirected
    yield Fork((blob(number, size if number < layers else 0, redirect) for number in range(layers + 1)), _JOBS)


class Checked(NamedTuple):
    """A crowd that was measured, and what the model says of it: seconds, and CPU seconds of all who took part."""

    title: str
    measured: float
    simulated: float
    cpu_measured: float
    cpu_simulated: float


def check(results: Results) -> Iterator[Checked]:
    """Everything shared one machine: the registry, Swift, and the clients, which are one process.

    CPU seconds are compared too, since they hardly depend on what else the machine does; the model
    gives all of its cores to the crowd.
    """
    costs = Costs.of(results)
    for row in results.rows:
        if not row.id.startswith("crowd-") or row.cell(OURS).middle() is None:
            continue
        nodes = int(row.id.split("-")[1])
        size = row.gib * 2**30 / nodes / _LAYERS
        worker, swift, client = Station(1), Station(2), Station(1)
        site = Site([worker], swift, [Station(_CORES)], [Station(1)], [Station(1)], 0, 0.0)
        redirect = row.id.endswith("redirect")
        ends = run(pull(costs, site, node, _LAYERS, int(size), redirect, client) for node in range(nodes))
        yield Checked(
            row.title,
            row.cell(OURS).middle() or 0.0,
            ends[-1],
            sum(_cpu(row, OURS, what) for what in ("cpu", "swift_cpu", "client_cpu")),
            worker.busy + swift.busy + client.busy,
        )


@dataclass(frozen=True)
class Scenario:
    title: str
    replicas: int
    redirect: bool
    caches: int = 0  # that pull once each, and serve their share of the nodes from then on


_SCENARIOS = (
    Scenario("1 replica, proxied", 1, False),
    Scenario("3 replicas, proxied", 3, False),
    Scenario("10 replicas, proxied", 10, False),
    Scenario("1 replica, by redirect", 1, True),
    Scenario("3 replicas, by redirect", 3, True),
    Scenario("3 replicas, proxied to 20 caches", 3, False, caches=20),
)


def plan(results: Results) -> Iterator[tuple[str, float, float, str]]:
    """For each scenario: title, seconds until half and until all nodes have the image, and what was busiest."""
    costs = Costs.of(results)
    for scenario in _SCENARIOS:
        site = Site(
            replicas=[Station(4) for _ in range(scenario.replicas)],
            swift=Station(_PROXIES * 16),
            cores=[],
            replica_links=[Station(1) for _ in range(scenario.replicas)],
            swift_links=[Station(1) for _ in range(_PROXIES)],
            network=_LINK,
            latency=0.002,
        )
        pullers = scenario.caches or _NODES
        ends = run(pull(costs, site, n, _LAYERS, _LAYER, scenario.redirect, None) for n in range(pullers))
        # Behind a cache its nodes share its link, once it has the image.
        behind = _NODES / scenario.caches * _LAYERS * _LAYER / _LINK if scenario.caches else 0.0
        yield scenario.title, ends[len(ends) // 2] + behind / 2, ends[-1] + behind, _busiest(site, ends[-1])


def _busiest(site: Site, seconds: float) -> str:
    groups = {
        "the registry's CPU": site.replicas,
        "the registry's network": site.replica_links,
        "Swift's CPU": [site.swift],
        "Swift's network": site.swift_links,
    }
    shares = {
        name: sum(station.busy for station in stations) / sum(station.servers for station in stations) / seconds
        for name, stations in groups.items()
    }
    name = max(shares, key=lambda name: shares[name])
    return f"{name}, {shares[name]:.0%}"


def _cpu(row: Row, subject: str, what: str) -> float:
    """Mean seconds: they come in ticks of 10 ms, which a median would keep."""
    values: list[float] = getattr(row.cells[subject], what)
    if not values:
        raise KeyError(row.id)
    return mean(values)


def _largest(results: Results, prefix: str) -> int:
    """The largest number that ends the name of such a row."""
    ends = (row.id.removeprefix(prefix) for row in results.rows if row.id.startswith(prefix))
    numbers = [int(end) for end in ends if end.isdigit()]
    if not numbers:
        raise KeyError(prefix)
    return max(numbers)


if __name__ == "__main__":
    read = Results.load(Path(sys.argv[1]))
    for line in (*check(read), *plan(read)):
        print(*line, sep=" | ")
