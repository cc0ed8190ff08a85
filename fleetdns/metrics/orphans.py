"""How many profiles in Azure nobody stands for any more, as far as the leader knows at this moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class OrphanSeries(Collector):
    """`number` None: not everything was seen, so that nobody can say; then there is no sample."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.number: Callable[[], int | None] = lambda: None
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "fleetdns_orphaned_profiles", "Profiles in Azure of this hub that no object stands for.", labels=()
        )
        number = self.number()
        if number is not None:
            family.add_metric([], number)
        yield family
