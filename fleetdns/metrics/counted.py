"""The series that are counted as things happen; each class fulfils the observer Protocol of one part."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from fleetdns.api.meta import ObjectKey
from fleetdns.core.drift import Drift
from fleetdns.core.outcome import Failure, Outcome
from fleetdns.core.trafficmanager import DISABLED, STATES, Endpoint
from fleetdns.errors import FleetDNSError
from fleetdns.metrics.changetimes import ChangeTimes
from fleetdns.metrics.live import Objects
from fleetdns.runtime.controller import Reconciled
from fleetdns.runtime.events import Unknown
from fleetdns.runtime.observer import InformerObserver

PROFILES_CONTROLLER = "trafficmanagerprofile"

_QUICK = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1000)
_CALL = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)


class QueueSeries:
    """What happens in the work queues, as client-go counts it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str) -> Histogram:
            return Histogram(name, text, ["name"], registry=registry, buckets=_QUICK)

        self._adds = Counter("workqueue_adds_total", "Keys added to a queue.", ["name"], registry=registry)
        self._retries = Counter("workqueue_retries_total", "Keys added with a delay.", ["name"], registry=registry)
        self._waited = histogram("workqueue_queue_duration_seconds", "How long keys were ready before a worker came.")
        self._worked = histogram("workqueue_work_duration_seconds", "How long a worker had a key in hand.")

    def added(self, name: str, /) -> None:
        self._adds.labels(name).inc()

    def taken(self, name: str, waited: float, /) -> None:
        self._waited.labels(name).observe(waited)

    def finished(self, name: str, worked: float, /) -> None:
        self._worked.labels(name).observe(worked)

    def retried(self, name: str, /) -> None:
        self._retries.labels(name).inc()


class ControllerSeries:
    """How reconciles end."""

    def __init__(self, registry: CollectorRegistry, changes: ChangeTimes) -> None:
        self._changes = changes
        self._runs = Counter(
            "fleetdns_reconcile_total", "Reconciles by how they ended.", ["controller", "result"], registry=registry
        )
        self._seconds = Histogram(
            "fleetdns_reconcile_duration_seconds",
            "How long a reconcile took.",
            ["controller"],
            registry=registry,
            buckets=_QUICK,
        )

    def reconciled(self, run: Reconciled, /) -> None:
        self._runs.labels(run.controller, run.label).inc()
        self._seconds.labels(run.controller).observe(run.duration)
        if run.controller == PROFILES_CONTROLLER:
            self._changes.ended(run)


class InformerSeries(InformerObserver):
    """How the caches are kept true."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(what: str, text: str, *labels: str) -> Counter:
            return Counter(f"fleetdns_informer_{what}_total", text, ["informer", *labels], registry=registry)

        self._lists = counter("lists", "Whole states that arrived, by why they were needed and how.", "reason", "by")
        self._events = counter("events", "Watch events that arrived.", "type")
        self._watches = counter("watches_ended", "Watches that ended, by how.", "reason")
        self._undecodable = counter("undecodable", "Objects that could not be understood; each once per reason.")
        self._failures = counter("handler_failures", "Handlers that raised: bugs.")
        self._heard: dict[tuple[str, str], Counter] = {}  # bound children: events come by the thousand

    def listed(self, name: str, /, *, reason: str, by: str, objects: int, duration: float) -> None:
        self._lists.labels(name, reason, by).inc()

    def heard(self, name: str, kind: str, /) -> None:
        child = self._heard.get((name, kind))
        if child is None:
            child = self._heard[name, kind] = self._events.labels(name, kind)
        child.inc()

    def watch_ended(self, name: str, /, *, reason: str, duration: float) -> None:
        self._watches.labels(name, reason).inc()

    def undecodable(self, name: str, unknown: Unknown[Any], /) -> None:
        self._undecodable.labels(name).inc()

    def handler_failed(self, name: str, error: Exception, /) -> None:
        self._failures.labels(name).inc()


class ReconcileSeries:
    """What reconciles of profiles find and repair."""

    def __init__(self, registry: CollectorRegistry, objects: Objects, changes: ChangeTimes) -> None:
        self._objects = objects
        self._changes = changes
        self._repaired = Counter(
            "fleetdns_drift_repaired_total", "Fields changed in Azure and put back.", ["field"], registry=registry
        )
        self._turned = Counter(
            "fleetdns_endpoint_health_changes_total",
            "Endpoints that status shows in another state than before, by the new one.",
            ["to"],
            registry=registry,
        )

    def reconciled(self, key: ObjectKey, outcome: Outcome) -> None:
        self._changes.reported(key, outcome.identity.ref.folded)
        if outcome.observed is not None:
            self._objects.endpoints[key] = Tally(_state(endpoint) for endpoint in outcome.observed.owned)
        elif outcome.is_observed:
            self._objects.endpoints.pop(key, None)

    def repaired(self, _: ObjectKey, drift: Drift) -> None:
        for field in drift.fields:
            self._repaired.labels(field).inc()

    def health_changed(self, _: ObjectKey, states: Mapping[str, int]) -> None:
        for state, count in states.items():
            self._turned.labels(state if state in STATES else "Unknown").inc(count)

    def unidentified(self, key: ObjectKey, _: str) -> None:
        self.forgotten(key)

    def forgotten(self, key: ObjectKey) -> None:
        self._objects.endpoints.pop(key, None)
        self._changes.forgotten(key)


class SweepSeries:
    """How lists of Azure go."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lists = Counter(
            "fleetdns_sweep_lists_total",
            "Lists of Azure by sweeps: success, or the class of the error.",
            ["result"],
            registry=registry,
        )
        self._changed = Counter(
            "fleetdns_sweep_changed_profiles_total", "Profiles that a sweep found not as known.", registry=registry
        )
        self._last = Gauge(
            "fleetdns_sweep_last_success_timestamp_seconds", "When Azure last answered a sweep.", registry=registry
        )

    def swept(self, resource_group: str, changed: int) -> None:
        self._lists.labels("success").inc()
        self._changed.inc(changed)
        self._last.set_to_current_time()

    def sweep_failed(self, resource_group: str, error: FleetDNSError) -> None:
        self._lists.labels(type(error).__name__.lower()).inc()

    def fell_silent(self, resource_group: str, profiles: int, because: Failure | None) -> None:
        """The time of the last success tells."""

    def spoke_again(self, resource_group: str, profiles: int) -> None:
        """So it does here."""


class AzureSeries:
    """Requests to Azure."""

    def __init__(self, registry: CollectorRegistry, changes: ChangeTimes) -> None:
        self._changes = changes
        self._requests = Counter(
            "fleetdns_azure_requests_total", "Requests to Azure.", ["operation", "code"], registry=registry
        )
        self._seconds = Histogram(
            "fleetdns_azure_request_duration_seconds",
            "How long Azure took to answer.",
            ["operation"],
            registry=registry,
            buckets=_CALL,
        )

    def called(self, *, operation: str, code: str, seconds: float, correlation_id: str, resource: str) -> None:
        self._requests.labels(operation, code).inc()
        self._seconds.labels(operation).observe(seconds)
        # Nobody reports on a profile that was deleted: its time would wait for ever.
        if code.startswith("2") and operation.startswith(("put_", "patch_", "delete_endpoint")):
            self._changes.written(resource)


class HubCalls:
    """Requests to one API server."""

    def __init__(self, requests: Counter, host: str) -> None:
        self._requests = requests
        self._host = host

    def called(self, *, method: str, code: str) -> None:
        self._requests.labels(code, method, self._host).inc()


def _state(endpoint: Endpoint) -> str:
    return DISABLED if endpoint.is_disabled else endpoint.monitor_status or "Unknown"
