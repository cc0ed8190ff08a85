"""The series that are read when somebody scrapes: queues, caches and objects as they are at that moment."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import Condition
from fleetdns.api.meta import ObjectKey, ObjectMeta
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.contest import DRIFTING
from fleetdns.core.guard import GUARDED
from fleetdns.core.health import HEALTHY
from fleetdns.core.status import ACCEPTED, PAUSED_TYPE, PROGRAMMED
from fleetdns.core.trafficmanager import DEGRADED, ONLINE
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.observer import Phase
from fleetdns.runtime.workqueue import WorkQueue

_PROFILE_CONDITIONS = (PROGRAMMED, HEALTHY, GUARDED, PAUSED_TYPE, DRIFTING)


class Live(Collector):
    """Queues and informers as they are at this moment."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.queues: list[WorkQueue[Any]] = []
        self.informers: list[Informer[Any, Any]] = []
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        depth = _gauge("workqueue_depth", "Keys that want to run.", "name")
        unfinished = _gauge("workqueue_unfinished_work_seconds", "Age of the work in hand, summed.", "name")
        longest = _gauge("workqueue_longest_running_processor_seconds", "Age of the oldest work in hand.", "name")
        for queue in self.queues:
            depth.add_metric([queue.name], sum(queue.depth.values()))
            unfinished.add_metric([queue.name], queue.unfinished)
            longest.add_metric([queue.name], queue.longest_running)
        yield from (depth, unfinished, longest)
        yield from self._caches()

    def _caches(self) -> Iterator[GaugeMetricFamily]:
        objects = _gauge("fleetdns_informer_objects", "Objects in a cache.", "informer")
        unknown = _gauge("fleetdns_informer_undecodable_objects", "Objects present and not understood.", "informer")
        synced = _gauge("fleetdns_informer_synced", "1 once a cache has held the whole state.", "informer")
        phase = _gauge("fleetdns_informer_phase", "1 for where list and watch stand.", "informer", "phase")
        for informer in self.informers:
            objects.add_metric([informer.name], len(informer.store))
            unknown.add_metric([informer.name], len(informer.store.unknown))
            synced.add_metric([informer.name], informer.has_synced)
            for each in Phase:
                phase.add_metric([informer.name, each.name.lower()], informer.health.phase is each)
        yield from (objects, unknown, synced, phase)


class Objects(Collector):
    """What the objects on the hub say, and which states their endpoints are in."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.endpoints: dict[ObjectKey, Tally[str]] = {}
        self.profiles: Callable[[], Iterable[TrafficManagerProfile]] = tuple
        self.backends: Callable[[], Iterable[TrafficManagerBackend]] = tuple
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        endpoints = _gauge("fleetdns_endpoints", "Endpoints by state.", "namespace", "profile", "state")
        for key, states in sorted(self.endpoints.items()):
            # The two that alerts ask for are always there: a missing series is no zero.
            for state in sorted({ONLINE, DEGRADED, *states}):
                endpoints.add_metric([*key, state], states[state])
        rejected = _gauge("fleetdns_rejected_endpoints", "Exports that are no serving endpoints.", "reason")
        reasons = Tally(rejection.reason for backend in self.backends() for rejection in backend.status.rejected)
        for reason, count in sorted(reasons.items()):
            rejected.add_metric([reason], count)
        yield from (endpoints, rejected, self._profile_times(), self._backend_times())

    def _profile_times(self) -> GaugeMetricFamily:
        family = _status_times("profile")
        for profile in self.profiles():
            _add_times(family, profile.metadata, profile.status.conditions, _PROFILE_CONDITIONS)
        return family

    def _backend_times(self) -> GaugeMetricFamily:
        family = _status_times("backend")
        for backend in self.backends():
            _add_times(family, backend.metadata, backend.status.conditions, (ACCEPTED, GUARDED))
        return family


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _status_times(kind: str) -> GaugeMetricFamily:
    return _gauge(
        f"fleet_networking_traffic_manager_{kind}_status_last_timestamp_seconds",
        "When a condition took the status it has.",
        "namespace",
        "name",
        "condition",
        "status",
        "reason",
    )


def _add_times(
    family: GaugeMetricFamily, metadata: ObjectMeta, conditions: Iterable[Condition], kinds: tuple[str, ...]
) -> None:
    for condition in conditions:
        turned = _timestamp(condition.last_transition_time) if condition.type in kinds else None
        if turned is not None:
            labels = [metadata.namespace, metadata.name, condition.type, condition.status, condition.reason]
            family.add_metric(labels, turned)


def _timestamp(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:  # status is whatever its last writer left there
        return None
