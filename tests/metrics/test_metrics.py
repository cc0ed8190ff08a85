"""The exposition: names and labels of the contract, what moves them, and series that vanish with their object."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from random import Random

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fleetdns.api.backend import BackendStatus, RejectedExport, TrafficManagerBackend
from fleetdns.api.conditions import Condition
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ProfileStatus, TrafficManagerProfile
from fleetdns.azure.exchange import AzureCallObserver
from fleetdns.controllers.observer import ReconcileObserver
from fleetdns.controllers.sweep import SweepObserver
from fleetdns.core.callbudget import USER, CallBudget
from fleetdns.core.drift import Drift
from fleetdns.core.naming import EndpointName
from fleetdns.core.outcome import Outcome
from fleetdns.core.trafficmanager import Endpoint
from fleetdns.errors import Transient
from fleetdns.kube.transport import HubCallObserver
from fleetdns.metrics import Metrics
from fleetdns.runtime.controller import ControllerObserver, Reconciled
from fleetdns.runtime.events import Replaced, Unknown
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.listwatch import Entry, ListPage, Take, Unavailable, Undecodable
from fleetdns.runtime.observer import InformerObserver
from fleetdns.runtime.workqueue import QueueMetrics, WorkQueue
from tests.core.builders import make_backend, make_desired, make_identity, make_profile, uid_of

KEY = ObjectKey("work", "myatm")
PROFILE_ID = make_identity().ref.resource_id


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(clock: Clock) -> Metrics:
    return Metrics(clock=clock)


def samples(metrics: Metrics, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """What a scrape says of one series: sorted labels to value."""
    text = generate_latest(metrics.registry).decode()
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def value(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    return samples(metrics, name).get(tuple(sorted(labels.items())))


def endpoint(cluster: str, state: str | None, status: str = "Enabled") -> Endpoint:
    name = str(EndpointName(uid_of("backend"), "app", cluster))
    return Endpoint(name=name, monitor_status=state, status=status)


def outcome(*endpoints: Endpoint, is_there: bool = True, is_observed: bool = True) -> Outcome:
    desired = make_desired()
    observed = replace(desired.profile, endpoints=endpoints) if is_there else None
    return Outcome(make_identity(), desired, observed, is_observed)


def run(*, waited: float = 0.0, duration: float = 0.0, error: Exception | None = None) -> Reconciled:
    label = "success" if error is None else "transient"
    return Reconciled("trafficmanagerprofile", KEY, label, waited, duration, None, error, "silent")


def azure_call(metrics: Metrics, operation: str, code: str, resource: str = PROFILE_ID) -> None:
    observer: AzureCallObserver = metrics.azure
    observer.called(operation=operation, code=code, seconds=0.2, correlation_id="c", resource=resource)


async def test_every_series_of_the_contract_is_there_and_none_twice(metrics: Metrics) -> None:
    observe_everything(metrics)
    text = generate_latest(metrics.registry).decode()
    families = [family.name for family in text_string_to_metric_families(text)]
    assert len(families) == len(set(families))
    assert not [line for line in text.splitlines() if "_created" in line]
    expected = {
        "workqueue_adds_total": {"name"},
        "workqueue_depth": {"name"},
        "workqueue_queue_duration_seconds_count": {"name"},
        "workqueue_work_duration_seconds_count": {"name"},
        "workqueue_retries_total": {"name"},
        "workqueue_unfinished_work_seconds": {"name"},
        "workqueue_longest_running_processor_seconds": {"name"},
        "rest_client_requests_total": {"code", "method", "host"},
        "fleet_networking_traffic_manager_profile_status_last_timestamp_seconds": STATUS_LABELS,
        "fleet_networking_traffic_manager_backend_status_last_timestamp_seconds": STATUS_LABELS,
        "fleetdns_reconcile_total": {"controller", "result"},
        "fleetdns_reconcile_duration_seconds_count": {"controller"},
        "fleetdns_azure_requests_total": {"operation", "code"},
        "fleetdns_azure_request_duration_seconds_count": {"operation"},
        "fleetdns_azure_undecodable_total": set(),
        "fleetdns_azure_budget_tokens": {"kind"},
        "fleetdns_azure_budget_refused_total": {"kind"},
        "fleetdns_azure_outages": {"calls"},
        "fleetdns_endpoints": {"namespace", "profile", "state"},
        "fleetdns_drift_repaired_total": {"field"},
        "fleetdns_endpoint_health_changes_total": {"to"},
        "fleetdns_rejected_endpoints": {"reason"},
        "fleetdns_change_to_azure_seconds_count": set(),
        "fleetdns_sweep_lists_total": {"result"},
        "fleetdns_informer_lists_total": {"informer", "reason", "by"},
        "fleetdns_informer_events_total": {"informer", "type"},
        "fleetdns_informer_watches_ended_total": {"informer", "reason"},
        "fleetdns_informer_undecodable_total": {"informer"},
        "fleetdns_informer_handler_failures_total": {"informer"},
        "fleetdns_build_info": {"version"},
        "process_cpu_seconds_total": set(),
    }
    for name, labels in expected.items():
        found = samples(metrics, name)
        assert found, name
        assert {label for sample in found for label, _ in sample} == labels, name


def observe_everything(metrics: Metrics) -> None:
    queues: QueueMetrics = metrics.queue
    queue: WorkQueue[ObjectKey] = WorkQueue("trafficmanagerprofile", random=Random(1), metrics=queues)
    metrics.watch_queue(queue)
    queue.add(KEY)
    queues.taken(queue.name, 0.1)
    queues.finished(queue.name, 0.1)
    queues.retried(queue.name)
    hub: HubCallObserver = metrics.kubernetes("https://hub.example:6443")
    hub.called(method="GET", code="200")
    metrics.watch_budget(lambda: {"lists": 1.0}, refused=dict, closed=tuple)
    metrics.watch_objects(lambda: [profile_with(condition("Programmed"))], lambda: [backend_with("DNSLabelMissing")])
    controllers: ControllerObserver = metrics.controller
    controllers.reconciled(run())
    azure_call(metrics, "put_profile", "201")
    metrics.undecodable("profile", "no properties")
    reconciles: ReconcileObserver = metrics.reconcile
    reconciles.reconciled(KEY, outcome(endpoint("a", "Online")))
    reconciles.repaired(KEY, Drift("", ("profile",), "deleted in Azure"))
    reconciles.health_changed(KEY, {"Degraded": 1})
    sweeps: SweepObserver = metrics.sweep
    sweeps.swept("fleet-rg", 1)
    informers: InformerObserver = metrics.informer
    informers.listed("serviceimports", reason="start", by="list", objects=1, duration=0.1)
    informers.heard("serviceimports", "ADDED")
    informers.watch_ended("serviceimports", reason="closed", duration=300)
    informers.undecodable("serviceimports", Unknown(KEY, "uid", "1", "broken"))
    informers.handler_failed("serviceimports", ValueError())


STATUS_LABELS = {"namespace", "name", "condition", "status", "reason"}


def condition(kind: str, since: str = "2026-01-02T03:04:05Z") -> Condition:
    return Condition(kind, "True", kind, last_transition_time=since)


def profile_with(*conditions: Condition) -> TrafficManagerProfile:
    return make_profile(status=ProfileStatus(conditions=conditions))


def backend_with(*reasons: str, name: str = "app") -> TrafficManagerBackend:
    rejected = tuple(RejectedExport("member-1", reason, "why") for reason in reasons)
    return make_backend(name, status=BackendStatus(rejected=rejected, conditions=(condition("Accepted"),)))


def test_endpoints_are_counted_by_state_and_the_usual_states_are_never_absent(metrics: Metrics) -> None:
    metrics.reconcile.reconciled(
        KEY,
        outcome(
            endpoint("a", "Online"), endpoint("b", "Online"), endpoint("c", None), endpoint("d", "Online", "Disabled")
        ),
    )
    labels = {"namespace": "work", "profile": "myatm"}
    states = {dict(sample)["state"]: count for sample, count in samples(metrics, "fleetdns_endpoints").items()}
    assert states == {"Online": 2, "Degraded": 0, "Unknown": 1, "Disabled": 1}
    assert value(metrics, "fleetdns_endpoints", **labels, state="Online") == 2


@pytest.mark.parametrize("ending", ["object forgotten", "profile gone in Azure"])
def test_series_of_a_profile_vanish_with_it(ending: str, metrics: Metrics) -> None:
    metrics.reconcile.reconciled(KEY, outcome(endpoint("a", "Online")))
    assert samples(metrics, "fleetdns_endpoints")
    if ending == "object forgotten":
        metrics.reconcile.forgotten(KEY)
    else:
        metrics.reconcile.reconciled(KEY, outcome(is_there=False))
    assert not samples(metrics, "fleetdns_endpoints")


def test_an_outage_keeps_the_last_known_states(metrics: Metrics) -> None:
    metrics.reconcile.reconciled(KEY, outcome(endpoint("a", "Online")))
    metrics.reconcile.reconciled(KEY, outcome(is_there=False, is_observed=False))
    assert value(metrics, "fleetdns_endpoints", namespace="work", profile="myatm", state="Online") == 1


def test_series_of_status_follow_the_objects_that_are_there(metrics: Metrics) -> None:
    profiles = [profile_with(condition("Programmed"), condition("Ready"), condition("Healthy", "no time"))]
    backends = [backend_with("DNSLabelMissing", "EndpointLimit"), backend_with("DNSLabelMissing", name="other")]
    metrics.watch_objects(lambda: profiles, lambda: backends)
    name = "fleet_networking_traffic_manager_profile_status_last_timestamp_seconds"
    labels = {"namespace": "work", "name": "myatm", "condition": "Programmed", "status": "True"}
    assert samples(metrics, name) == {tuple(sorted({**labels, "reason": "Programmed"}.items())): 1767323045.0}
    assert value(metrics, "fleetdns_rejected_endpoints", reason="DNSLabelMissing") == 2
    assert value(metrics, "fleetdns_rejected_endpoints", reason="EndpointLimit") == 1
    profiles.clear()
    backends.clear()
    for family in (name, name.replace("profile", "backend"), "fleetdns_rejected_endpoints"):
        assert not samples(metrics, family)


def test_the_series_of_a_profile_tell_since_when_somebody_else_keeps_writing_to_it(metrics: Metrics) -> None:
    metrics.watch_objects(lambda: [profile_with(condition("Drifting"))], tuple)
    name = "fleet_networking_traffic_manager_profile_status_last_timestamp_seconds"
    assert value(metrics, name, namespace="work", name="myatm", condition="Drifting", status="True", reason="Drifting")


def test_changes_of_health_are_counted_by_the_new_state_and_words_that_nobody_knows_share_a_label(
    metrics: Metrics,
) -> None:
    metrics.reconcile.health_changed(KEY, {"Degraded": 2, "Online": 1})
    metrics.reconcile.health_changed(KEY, {"Degraded": 1, "Perplexed": 1, "Baffled": 2})
    found = samples(metrics, "fleetdns_endpoint_health_changes_total")
    assert {dict(sample)["to"]: count for sample, count in found.items()} == {"Degraded": 3, "Online": 1, "Unknown": 3}


async def test_depth_is_read_from_the_living_queue(metrics: Metrics) -> None:
    queue: WorkQueue[ObjectKey] = WorkQueue("trafficmanagerprofile", random=Random(1), metrics=metrics.queue)
    metrics.watch_queue(queue)
    for number in range(3):
        queue.add(ObjectKey("work", f"p{number}"), priority=-number)
    assert value(metrics, "workqueue_depth", name=queue.name) == 3
    assert value(metrics, "workqueue_adds_total", name=queue.name) == 3
    await queue.get()
    assert value(metrics, "workqueue_depth", name=queue.name) == 2


class Silence:
    """A hub and a codec that are never asked."""

    async def list(self, *, resource_version: str, limit: int | None, continue_token: str, take: Take) -> ListPage:
        raise Unavailable

    def watch(
        self, *, resource_version: str, timeout_seconds: int, initial_events: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        raise Unavailable

    def decode(self, raw: bytes | memoryview) -> Entry[ObjectKey, str]:
        raise Undecodable


def test_a_cache_shows_what_it_holds_and_where_its_watch_stands(metrics: Metrics) -> None:
    informer: Informer[ObjectKey, str] = Informer("serviceimports", Silence(), Silence(), random=Random(1))
    metrics.watch_informer(informer)
    informer.store.apply(Replaced([Entry(KEY, "uid", "1", "held")], [Unknown(None, None, None, "broken")], "1"))
    labels = {"informer": "serviceimports"}
    assert value(metrics, "fleetdns_informer_objects", **labels) == 1
    assert value(metrics, "fleetdns_informer_synced", **labels) == 0
    assert value(metrics, "fleetdns_informer_phase", **labels, phase="starting") == 1
    assert value(metrics, "fleetdns_informer_phase", **labels, phase="not_served") == 0


def test_the_host_of_the_api_server_is_told_as_client_go_tells_it(metrics: Metrics) -> None:
    metrics.kubernetes("https://10.0.0.1:443").called(method="PATCH", code="409")
    assert value(metrics, "rest_client_requests_total", code="409", method="PATCH", host="10.0.0.1:443") == 1


def test_a_sweep_that_fails_is_counted_by_what_failed_and_not_by_where(metrics: Metrics) -> None:
    metrics.sweep.swept("fleet-rg", 3)
    metrics.sweep.sweep_failed("fleet-rg", Transient("503", "down"))
    assert value(metrics, "fleetdns_sweep_lists_total", result="success") == 1
    assert value(metrics, "fleetdns_sweep_lists_total", result="transient") == 1
    assert value(metrics, "fleetdns_sweep_changed_profiles_total") == 3


def change_seconds(metrics: Metrics) -> tuple[float | None, float | None]:
    name = "fleetdns_change_to_azure_seconds"
    return value(metrics, f"{name}_count"), value(metrics, f"{name}_sum")


def test_a_change_is_timed_from_its_event_to_azures_answer(metrics: Metrics, clock: Clock) -> None:
    clock.now += 5  # since the event: 1 s in the queue, 4 s until Azure answered
    azure_call(metrics, "put_endpoint", "201", f"{PROFILE_ID.upper()}/azureEndpoints/fleet-x")
    clock.now += 2  # status was written
    metrics.reconcile.reconciled(KEY, outcome())
    metrics.controller.reconciled(run(waited=1, duration=6))
    assert change_seconds(metrics) == (1, 5)


def test_attempts_that_fail_count_into_the_time_of_a_change(metrics: Metrics, clock: Clock) -> None:
    clock.now += 3
    azure_call(metrics, "put_profile", "503")
    metrics.reconcile.reconciled(KEY, outcome())
    metrics.controller.reconciled(run(duration=3, error=Transient("503", "down")))
    assert change_seconds(metrics) == (0, 0)
    clock.now += 60
    azure_call(metrics, "put_profile", "201")
    metrics.reconcile.reconciled(KEY, outcome())
    metrics.controller.reconciled(run(duration=2))
    assert change_seconds(metrics) == (1, 63)


def test_a_profile_deleted_in_azure_is_no_change_of_the_one_that_comes_after_it(metrics: Metrics, clock: Clock) -> None:
    azure_call(metrics, "delete_profile", "200")
    metrics.reconcile.forgotten(KEY)
    metrics.controller.reconciled(run())
    clock.now += 600
    metrics.reconcile.reconciled(KEY, outcome())
    metrics.controller.reconciled(run())
    assert change_seconds(metrics) == (0, 0)


def test_a_reconcile_that_writes_nothing_is_no_change(metrics: Metrics) -> None:
    azure_call(metrics, "get_profile", "200")
    metrics.reconcile.reconciled(KEY, outcome())
    metrics.controller.reconciled(run(duration=1))
    assert change_seconds(metrics) == (0, 0)


def test_the_election_shows_whether_this_replica_leads() -> None:
    metrics = Metrics()
    series = metrics.leadership("fleetdns")

    def status() -> float | None:
        return metrics.registry.get_sample_value("leader_election_master_status", {"name": "fleetdns"})

    assert status() == 0
    series.leading()
    assert status() == 1
    series.lost("the lease was not renewed")
    assert status() == 0
    series.leading()
    series.released()
    assert status() == 0


def test_the_budget_of_calls_is_shown_as_it_is_when_somebody_looks() -> None:
    metrics, budget, closed = Metrics(), CallBudget(now=0.0), ["writes", "writes"]
    metrics.watch_budget(lambda: budget.available(0.0), refused=lambda: budget.refused, closed=lambda: closed)
    full = value(metrics, "fleetdns_azure_budget_tokens", kind="endpoint-writes")
    assert full is not None
    assert budget.reserve("work/app", {"endpoint-writes": int(full)}, urgency=USER, now=0.0) is None
    assert budget.reserve("work/other", {"endpoint-writes": 1}, urgency=USER, now=0.0) is not None

    assert value(metrics, "fleetdns_azure_budget_tokens", kind="endpoint-writes") == full - int(full)
    assert value(metrics, "fleetdns_azure_budget_refused_total", kind="endpoint-writes") == 1
    assert value(metrics, "fleetdns_azure_budget_refused_total", kind="lists") == 0
    assert value(metrics, "fleetdns_azure_outages", calls="writes") == 2
    assert value(metrics, "fleetdns_azure_outages", calls="reads") == 0
