"""The budget of calls to Azure as it is at the moment of a scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

LANES = ("reads", "writes")


class BudgetSeries(Collector):
    """`tokens` and `refused` by bucket; `closed`: "reads" or "writes" for each lane that is closed by an outage."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        tokens: Callable[[], Mapping[str, float]],
        refused: Callable[[], Mapping[str, int]],
        closed: Callable[[], Iterable[str]],
    ) -> None:
        self._tokens = tokens
        self._refused = refused
        self._closed = closed
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Every bucket is always there: a missing series is no zero."""
        tokens = GaugeMetricFamily(
            "fleetdns_azure_budget_tokens", "Calls that may be made at once, by kind.", labels=["kind"]
        )
        refused = CounterMetricFamily(
            "fleetdns_azure_budget_refused", "How often somebody was told to wait for a call.", labels=["kind"]
        )
        counts = self._refused()
        for kind, amount in sorted(self._tokens().items()):
            tokens.add_metric([kind], amount)
            refused.add_metric([kind], counts.get(kind, 0))
        outages = GaugeMetricFamily(
            "fleetdns_azure_outages",
            "Resource groups in which Azure fails for everybody, so that one call at a time tries.",
            labels=["calls"],
        )
        closed = Counter(self._closed())
        for lane in LANES:
            outages.add_metric([lane], closed[lane])
        yield from (tokens, refused, outages)
