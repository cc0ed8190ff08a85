"""Every series that fleetdns serves, in a registry of its own.

counted: series that grow as things happen. live: what is read when somebody scrapes, so that the series of a deleted
object vanish with it. Labels carry names of objects and kinds and a few words; never a generation, a time or an id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from fleetdns import __version__
from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.api.service import ServiceExport
from fleetdns.metrics.budget import BudgetSeries
from fleetdns.metrics.changetimes import ChangeTimes
from fleetdns.metrics.counted import (
    AzureSeries,
    ControllerSeries,
    HubCalls,
    InformerSeries,
    QueueSeries,
    ReconcileSeries,
    SweepSeries,
)
from fleetdns.metrics.leadership import LeaderSeries, status_gauge
from fleetdns.metrics.live import Live, Objects
from fleetdns.metrics.member import MemberSeries
from fleetdns.metrics.orphans import OrphanSeries
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.workqueue import WorkQueue

# A second series for each counter, saying when this process first counted; a switch of the whole process.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library left it without annotations


class Metrics:
    """The registry, and one observer for each part that reports. `clock`: seconds, that of the loop."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        Gauge("fleetdns_build_info", "The version of fleetdns.", ["version"], registry=registry).labels(
            __version__
        ).set(1)
        changes = ChangeTimes(registry, clock)
        self._live = Live(registry)
        self._objects = Objects(registry)
        self._orphans = OrphanSeries(registry)
        self._requests = Counter(
            "rest_client_requests_total",
            "Requests to the hub's API server.",
            ["code", "method", "host"],
            registry=registry,
        )
        self._undecodable = Counter(
            "fleetdns_azure_undecodable_total",
            "Profiles in Azure's answers that are not understood.",
            registry=registry,
        )
        self._leading = status_gauge(registry)
        self.queue = QueueSeries(registry)
        self.controller = ControllerSeries(registry, changes)
        self.informer = InformerSeries(registry)
        self.reconcile = ReconcileSeries(registry, self._objects, changes)
        self.sweep = SweepSeries(registry)
        self.azure = AzureSeries(registry, changes)

    def kubernetes(self, server: str) -> HubCalls:
        """The observer of requests to the API server at this address."""
        return HubCalls(self._requests, urlsplit(server).netloc or server)

    def leadership(self, lease: str) -> LeaderSeries:
        """The observer of the election for the Lease of this name."""
        return LeaderSeries(self._leading, lease)

    def undecodable(self, profile: str, because: str) -> None:
        """Azure told of a profile that is not understood."""
        self._undecodable.inc()

    def watch_queue(self, queue: WorkQueue[Any]) -> None:
        """Show the depth of a queue and the work in hand."""
        self._live.queues.append(queue)

    def watch_informer(self, informer: Informer[Any, Any]) -> None:
        """Show what a cache holds and how its watch does."""
        self._live.informers.append(informer)

    def watch_budget(
        self,
        tokens: Callable[[], Mapping[str, float]],
        *,
        refused: Callable[[], Mapping[str, int]],
        closed: Callable[[], Iterable[str]],
    ) -> None:
        """Show how many calls Azure may be asked for, and whether it fails for everybody; asked at each scrape."""
        BudgetSeries(self.registry, tokens=tokens, refused=refused, closed=closed)

    def watch_member(
        self, exports: Callable[[], Iterable[ServiceExport]], *, token_ends: Callable[[], float | None]
    ) -> None:
        """Show what a member cluster's ServiceExports are told, and when the token for the hub ends."""
        MemberSeries(self.registry, exports=exports, token_ends=token_ends)

    def watch_orphans(self, number: Callable[[], int | None]) -> None:
        """Show how many profiles in Azure nobody stands for; asked at each scrape, None where nobody can say."""
        self._orphans.number = number

    def watch_objects(
        self,
        profiles: Callable[[], Iterable[TrafficManagerProfile]],
        backends: Callable[[], Iterable[TrafficManagerBackend]],
    ) -> None:
        """Show what the status of the objects says; both are asked at each scrape."""
        self._objects.profiles = profiles
        self._objects.backends = backends
