"""A hub and an Azure that outlive the controllers run on them: whole in virtual time, or one reconcile at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random

import msgspec

from fleetdns.api.backend import BackendStatus, TrafficManagerBackend
from fleetdns.api.conditions import Condition, find
from fleetdns.api.exports import EXPORT_FINALIZER, WITHDRAWN, InternalServiceExport, ServiceImport, ServicePort
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ProfileStatus, TrafficManagerProfile
from fleetdns.controllers.caches import BACKEND_INDEXES, CLUSTER_INDEXES, EXPORT_INDEXES, OVERRIDE_INDEXES, Caches
from fleetdns.controllers.composition import Observers, Options, Ports
from fleetdns.controllers.hub import HubController
from fleetdns.controllers.informers import Informers
from fleetdns.controllers.observer import ReconcileObserver
from fleetdns.controllers.ports import TrafficManager
from fleetdns.core.drift import Drift
from fleetdns.core.identity import Naming
from fleetdns.core.memory import Settings
from fleetdns.core.outcome import Failure, Outcome
from fleetdns.core.overrides import AUTO
from fleetdns.core.weights import EXACT
from fleetdns.errors import FleetDNSError
from fleetdns.runtime.controller import Reconciled
from fleetdns.runtime.observer import NoInformerObserver
from fleetdns.runtime.store import Store
from fleetdns.runtime.workqueue import NoQueueMetrics
from tests.controllers.fake_azure import FakeTrafficManager
from tests.controllers.fake_hub import FakeHub
from tests.core.builders import NAMESPACE, PROFILE, SERVICE, make_naming

EPOCH = 1767322800.0  # what the wall clock says when the loop's says 0
SWEEP = 60.0
PROFILE_KEY = ObjectKey(NAMESPACE, PROFILE)
SERVICE_KEY = ObjectKey(NAMESPACE, SERVICE)


def empty_caches() -> Caches:
    """The caches of a hub that holds nothing."""
    return Caches(
        profiles=Store(),
        backends=Store(BACKEND_INDEXES),
        imports=Store(),
        exports=Store(EXPORT_INDEXES),
        namespaces=Store(CLUSTER_INDEXES),
        members=Store(CLUSTER_INDEXES),
        overrides=Store(OVERRIDE_INDEXES),
    )


class NoJitter(Random):
    """Draws the middle: sweeps come exactly when they are due, and back-offs are the same every time."""

    def random(self) -> float:
        return 0.5


@dataclass(slots=True)
class Told:
    """Everything the observers were told."""

    reconciled_keys: list[ObjectKey] = field(default_factory=list)
    runs: list[Reconciled] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)  # endpoints that turned, by what they turned to
    gone: list[ObjectKey] = field(default_factory=list)
    unidentifiable: list[tuple[ObjectKey, str]] = field(default_factory=list)
    sweeps: list[tuple[str, int]] = field(default_factory=list)
    failures: list[tuple[str, FleetDNSError]] = field(default_factory=list)
    silences: list[tuple[str, int, str]] = field(default_factory=list)  # with the code of the cause; "" when it is over

    def swept(self, resource_group: str, changed: int) -> None:
        self.sweeps.append((resource_group, changed))

    def sweep_failed(self, resource_group: str, error: FleetDNSError) -> None:
        self.failures.append((resource_group, error))

    def fell_silent(self, resource_group: str, profiles: int, because: Failure | None) -> None:
        self.silences.append((resource_group, profiles, because.code if because is not None else "unknown"))

    def spoke_again(self, resource_group: str, profiles: int) -> None:
        self.silences.append((resource_group, profiles, ""))

    def repaired(self, _: ObjectKey, drift: Drift) -> None:
        self.drifts.append(drift)

    def health_changed(self, _: ObjectKey, states: Mapping[str, int]) -> None:
        self.states.update(states)

    def unidentified(self, key: ObjectKey, message: str) -> None:
        self.unidentifiable.append((key, message))

    def forgotten(self, key: ObjectKey) -> None:
        self.gone.append(key)


class _ReconcileTold:
    def __init__(self, told: Told) -> None:
        self._told = told
        self.repaired = told.repaired
        self.forgotten = told.forgotten
        self.unidentified = told.unidentified
        self.health_changed = told.health_changed

    def reconciled(self, key: ObjectKey, outcome: Outcome) -> None:
        self._told.reconciled_keys.append(key)


def observed_by(told: Told) -> ReconcileObserver:
    """What a reconciler tells, written down in `told`."""
    return _ReconcileTold(told)


class _ControllerTold:
    def __init__(self, told: Told) -> None:
        self._told = told

    def reconciled(self, run: Reconciled) -> None:
        self._told.runs.append(run)

    @property
    def bugs(self) -> list[Exception | None]:
        return [run.error for run in self._told.runs if run.report == "traceback"]


@dataclass(slots=True)
class Process:
    """One life of the controller."""

    controller: HubController
    told: Told

    def looks(self, *, controller: str = "trafficmanagerprofile") -> int:
        """How many reconciles have ended."""
        return sum(run.controller == controller for run in self.told.runs)

    def errors(self) -> list[Exception]:
        return [run.error for run in self.told.runs if run.error is not None]


class World:
    """What stays when a controller dies."""

    def __init__(
        self,
        *,
        naming: Naming | None = None,
        delay: float = 0.0,
        latency: float = 0.01,
        is_dry_run: bool = False,
        rounding: str = EXACT,
    ) -> None:
        self.hub = FakeHub(delay=delay)
        self.azure = FakeTrafficManager(latency=latency)
        self.port: TrafficManager | None = None  # what the controllers call in place of `azure`
        self.settings = Settings(naming or make_naming(), rounding, is_dry_run)

    @asynccontextmanager
    async def running(
        self,
        *,
        workers: int = 4,
        resolves_exports: bool = True,
        resource_overrides: str = AUTO,
        sweep_interval: float = SWEEP,
        namespace: str | None = None,
        may_work: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncIterator[Process]:
        """A controller that runs until the block ends, and then dies without a word. A bug in it fails the test."""
        told = Told()
        told_of_runs = _ControllerTold(told)
        random, loop = NoJitter(1), asyncio.get_running_loop()
        informers = Informers(self.hub, observer=NoInformerObserver(), random=random)
        self.hub.listeners = [informers.written]
        controller = HubController(
            informers,
            Ports(azure=self.port or self.azure, hub=self.hub, definitions=self.hub, discovery=self.hub),
            settings=self.settings,
            observers=Observers(
                controller=told_of_runs, reconcile=observed_by(told), sweep=told, queue=NoQueueMetrics()
            ),
            options=Options(
                sweep_interval=sweep_interval,
                workers=workers,
                resolves_exports=resolves_exports,
                resource_overrides=resource_overrides,
                namespace=namespace,
            ),
            wall_clock=lambda: EPOCH + loop.time(),
            random=random,
        )
        task = asyncio.create_task(controller.run(may_work))
        try:
            yield Process(controller, told)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert told_of_runs.bugs == []

    # What members do

    def withdraw(self, cluster: str, service: str = SERVICE) -> None:
        """A member takes its export back: it says so, and deletes it."""
        export = self.export(cluster, service)
        marked = {**export.metadata.annotations, WITHDRAWN: "true"}
        metadata = msgspec.structs.replace(export.metadata, annotations=marked)
        self.hub.apply(msgspec.structs.replace(export, metadata=metadata))
        self.hub.delete(InternalServiceExport, export.metadata.key)

    def lose(self, *clusters: str, service: str = SERVICE) -> None:
        """Exports vanish, and nobody said that they would."""
        for cluster in clusters:
            self.hub.remove(InternalServiceExport, export_key(cluster, service))

    # What it looks like now

    def profile(self, key: ObjectKey = PROFILE_KEY) -> TrafficManagerProfile:
        found = self.hub.get(TrafficManagerProfile, key)
        assert found is not None
        return found

    def backend(self, name: str = SERVICE) -> TrafficManagerBackend:
        found = self.hub.get(TrafficManagerBackend, ObjectKey(NAMESPACE, name))
        assert found is not None
        return found

    def profile_status(self, key: ObjectKey = PROFILE_KEY) -> ProfileStatus:
        return self.profile(key).status

    def backend_status(self, name: str = SERVICE) -> BackendStatus:
        return self.backend(name).status

    def programmed(self, key: ObjectKey = PROFILE_KEY) -> tuple[str, str]:
        return _state(self.profile_status(key).conditions, "Programmed")

    def accepted(self, name: str = SERVICE) -> tuple[str, str]:
        return _state(self.backend_status(name).conditions, "Accepted")

    def rejected(self, name: str = SERVICE) -> dict[str, str]:
        """The clusters whose exports are no endpoints, and the reasons."""
        return {r.cluster: r.reason for r in self.backend_status(name).rejected}

    def weights(self) -> dict[str, int | None]:
        """What Azure serves: the cluster (or the foreign endpoint's name) and its weight."""
        return {e.owner.cluster if e.owner else e.name: e.weight for e in self.azure.only.endpoints}

    def endpoints(self) -> set[tuple[str, str]]:
        """What Azure serves of ours: services and clusters."""
        return {(e.owner.service, e.owner.cluster) for e in self.azure.only.endpoints if e.owner}

    def service_import(self, key: ObjectKey = SERVICE_KEY) -> ServiceImport | None:
        return self.hub.get(ServiceImport, key)

    def export(self, cluster: str, service: str = SERVICE) -> InternalServiceExport:
        found = self.hub.get(InternalServiceExport, export_key(cluster, service))
        assert found is not None
        return found

    def reasons(self) -> list[str]:
        """The reasons of the events told, in order."""
        return [event.reason for _, event in self.hub.events]


def export_key(cluster: str, service: str = SERVICE) -> ObjectKey:
    return ObjectKey(f"fleet-member-{cluster}", f"{NAMESPACE}-{service}")


def with_ports(export: InternalServiceExport, *ports: int) -> InternalServiceExport:
    """The same export of a Service with other ports."""
    spec = msgspec.structs.replace(export.spec, ports=tuple(ServicePort(port) for port in ports))
    return msgspec.structs.replace(export, spec=spec)


def with_finalizer(export: InternalServiceExport) -> InternalServiceExport:
    """The same export as its agent writes it: the hub has to let it go."""
    metadata = msgspec.structs.replace(export.metadata, finalizers=(EXPORT_FINALIZER,))
    return msgspec.structs.replace(export, metadata=metadata)


def condition(conditions: tuple[Condition, ...], kind: str) -> Condition:
    found = find(conditions, kind)
    assert found is not None
    return found


def _state(conditions: tuple[Condition, ...], kind: str) -> tuple[str, str]:
    found = find(conditions, kind)
    return (found.status, found.reason) if found else ("", "")
