"""The series of a member agent: its ServiceExports as they are told, and the life of its token on the hub."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fleetdns.api.conditions import find
from fleetdns.api.exports import CONFLICT
from fleetdns.api.service import ServiceExport
from fleetdns.core.offer import VALID

_CLAIMS = (VALID, CONFLICT)


class MemberSeries(Collector):
    """Read when somebody scrapes. `exports`: all ServiceExports; `token_ends`: Unix seconds, None where unknown."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        exports: Callable[[], Iterable[ServiceExport]],
        token_ends: Callable[[], float | None],
    ) -> None:
        self._exports = exports
        self._token_ends = token_ends
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        told = GaugeMetricFamily(
            "fleetdns_service_exports",
            "ServiceExports by what they are told.",
            labels=["condition", "status", "reason"],
        )
        found = (
            (condition.type, condition.status, condition.reason)
            for export in self._exports()
            for condition in (find(export.status.conditions, claim) for claim in _CLAIMS)
            if condition is not None
        )
        for labels, count in sorted(Tally(found).items()):
            told.add_metric(list(labels), count)
        yield told
        ends = self._token_ends()
        if ends is not None:
            yield GaugeMetricFamily(
                "fleetdns_hub_token_expiry_timestamp_seconds", "When the token for the hub ends.", value=ends
            )
