"""The hub controller put together from its ports: informers feed two queues, workers reconcile, the sweep looks again.

Nothing here knows HTTP, files or signals, so that the same composition runs in production, in the demo and in
simulated time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers import watches
from fleetdns.controllers.caches import Caches
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.informers import Informers
from fleetdns.controllers.metered import MeteredTrafficManager
from fleetdns.controllers.observer import ReconcileObserver
from fleetdns.controllers.orphans import OrphanCount
from fleetdns.controllers.overrides import OverrideReconciler
from fleetdns.controllers.overrideswitch import OverrideSwitch
from fleetdns.controllers.ports import Definitions, Discovery, Hub, TrafficManager
from fleetdns.controllers.profile import ProfileReconciler
from fleetdns.controllers.resolution import ResolutionReconciler
from fleetdns.controllers.service import ServiceReconciler
from fleetdns.controllers.status import StatusWriter
from fleetdns.controllers.sweep import Sweep, SweepObserver
from fleetdns.core import settle
from fleetdns.core.callbudget import CallBudget
from fleetdns.core.memory import Settings
from fleetdns.retry import classify
from fleetdns.runtime.controller import Controller, ControllerObserver, Result
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.operator import Operator
from fleetdns.runtime.workqueue import QueueMetrics, WorkQueue

STALE_SWEEPS = 3

T = TypeVar(
    "T",
    TrafficManagerProfile,
    TrafficManagerBackend,
    ServiceImport,
    InternalServiceExport,
    Namespace,
    MemberCluster,
    ResourceOverride,
)
KeyFunction = Callable[[T | None, T | None, Caches], frozenset[ObjectKey]]


@dataclass(frozen=True, slots=True)
class Observers:
    """Who is told of what goes on."""

    controller: ControllerObserver
    reconcile: ReconcileObserver
    sweep: SweepObserver
    queue: QueueMetrics


class HubController:
    """Everything `fleetdns run` does between its connections.

    `wall_clock`: Unix seconds; `sweep_interval`: seconds. `namespace`: the one whose services are resolved (None: all).
    `resource_overrides`: AUTO, ON or OFF of core/overrides.py. `budget`: None for Azure's documented limits.
    """

    def __init__(
        self,
        informers: Informers,
        *,
        azure: TrafficManager,
        hub: Hub,
        definitions: Definitions,
        discovery: Discovery,
        settings: Settings,
        observers: Observers,
        sweep_interval: float,
        workers: int,
        resolves_exports: bool,
        resource_overrides: str,
        namespace: str | None = None,
        budget: CallBudget | None = None,
        wall_clock: Callable[[], float],
        random: Random,
    ) -> None:
        clock = asyncio.get_running_loop().time
        self.informers = informers
        self.profiles: WorkQueue[ObjectKey] = WorkQueue("trafficmanagerprofile", random=random, metrics=observers.queue)
        self.services: WorkQueue[ObjectKey] = WorkQueue("serviceexport", random=random, metrics=observers.queue)
        self._resolves_exports = resolves_exports
        self._namespace = namespace
        self.azure = MeteredTrafficManager(azure, budget, clock=clock, random=random, on_recovered=self._wake_troubled)
        caches, index = informers.caches, AzureIndex(self.azure, clock=clock)
        writer = StatusWriter(hub, wall_clock=wall_clock)
        self._switch = OverrideSwitch(resource_overrides, discovery, interval=sweep_interval)
        overrides = OverrideReconciler(caches, hub, switch=self._switch, is_dry_run=settings.is_dry_run)
        self._reconciler = profiles = ProfileReconciler(
            caches,
            index,
            overrides=overrides,
            azure=self.azure,
            definitions=definitions,
            writer=writer,
            settings=settings,
            observer=observers.reconcile,
            patience=STALE_SWEEPS * sweep_interval,
            clock=clock,
            random=random,
            urgency=lambda key: watches.urgency(self.profiles.priority(key)),
            is_resolving=lambda service: services.is_new(service) and self.services.is_due(service, settle.LIMIT),
        )
        resolution = ResolutionReconciler(caches, hub, writer=writer, clock=clock, is_dry_run=settings.is_dry_run)
        services = ServiceReconciler(overrides, resolution.reconcile if resolves_exports else None)
        self.orphans = OrphanCount(caches, index, naming=settings.naming, namespace=namespace)
        self._sweep = self._sweeping(index, settings, observer=observers.sweep, interval=sweep_interval, random=random)
        self._operator = self._operated(
            self._controller(self.profiles, profiles.reconcile, workers, observers.controller),
            self._controller(self.services, services.reconcile, workers, observers.controller),
        )

    @property
    def is_working(self) -> bool:
        """Workers have started: every cache has synced and Azure was asked once."""
        return self._operator.is_working

    @property
    def caches(self) -> Iterable[Informer[ObjectKey, Any]]:
        """Every cache it reads."""
        return self.informers.all

    async def run(
        self, may_work: Callable[[], Awaitable[None]] | None = None, on_work: Callable[[], None] | None = None
    ) -> None:
        """Work until cancelled, or until `stop` has drained the workers.

        `may_work` is awaited once every cache is whole; until it returns nobody is written to, and Azure is not asked.
        `on_work` is called when Azure was asked, and the first key is about to be taken.
        """
        await self._operator.run(may_work, on_work)

    async def stop(self) -> None:
        """Take no further key; returns when the reconciles in hand are finished. `run` then ends."""
        await self._operator.stop()

    async def _before_work(self) -> None:
        # Absence in a cache that is not whole, or in an Azure nobody asked, must never remove or double anything. And
        # who applies overrides must be known before an export counts that they may leave out.
        async with asyncio.TaskGroup() as looks:
            looks.create_task(self._sweep.first(), name="first-sweep")
            looks.create_task(self._switch.look(), name="first-look")
        await self._subscribe()

    def _sweeping(
        self, index: AzureIndex, settings: Settings, *, observer: SweepObserver, interval: float, random: Random
    ) -> Sweep:
        return Sweep(
            self.informers.caches,
            index,
            naming=settings.naming,
            enqueue=lambda key: self.profiles.add(key, watches.BACKGROUND),
            observer=observer,
            interval=interval,
            patience=STALE_SWEEPS * interval,
            clock=asyncio.get_running_loop().time,
            random=random,
            troubled=self._reconciler.troubled,
            orphaned=self.orphans.groups,
        )

    def _operated(self, *controllers: Controller[ObjectKey]) -> Operator:
        return Operator(
            self.informers.all,
            controllers,
            before_work=self._before_work,
            beside=(
                ("sweep", self._sweep.run),
                ("override-switch", lambda: self._switch.run(self._enqueue_services)),
            ),
        )

    def _controller(
        self,
        queue: WorkQueue[ObjectKey],
        reconcile: Callable[[ObjectKey], Awaitable[Result]],
        workers: int,
        observer: ControllerObserver,
    ) -> Controller[ObjectKey]:
        return Controller(
            queue.name, queue=queue, reconcile=reconcile, classify=classify, workers=workers, observer=observer
        )

    async def _subscribe(self) -> None:
        informers = self.informers
        # First, so that whoever is queued by the same event knows of it.
        await informers.exports.subscribe(lambda old, new, _: informers.caches.withdrawals.changed(old, new))
        await self._feed(informers.profiles, watches.profile_keys_of_profile, self.profiles)
        await self._feed(informers.namespaces, watches.profile_keys_of_cluster, self.profiles)
        await self._feed(informers.members, watches.profile_keys_of_cluster, self.profiles)
        await self._feed(informers.backends, watches.profile_keys_of_backend, self.profiles)
        await self._feed(informers.imports, watches.profile_keys_of_import, self.profiles)
        await self._feed(informers.exports, watches.profile_keys_of_export, self.profiles)
        # Exports come from every member's namespace, whatever service they name; the imports and overrides of other
        # namespaces are not in the caches, and somebody else's to write and to apply.
        if self._resolves_exports or self._switch.may_be_on:
            await self._feed(informers.exports, watches.service_keys_of_export, self.services, only=self._namespace)
        if self._resolves_exports:
            await self._feed(informers.imports, watches.service_keys_of_import, self.services, only=self._namespace)
            await self._feed(
                informers.namespaces, watches.service_keys_of_namespace, self.services, only=self._namespace
            )
        if self._switch.may_be_on:
            await self._feed(informers.overrides, watches.service_keys_of_override, self.services, only=self._namespace)
            await self._feed(informers.members, watches.service_keys_of_cluster, self.services, only=self._namespace)
            await self._feed(informers.namespaces, watches.service_keys_of_cluster, self.services, only=self._namespace)

    def _wake_troubled(self) -> None:
        """Azure does its work again: whoever waited for that may go on."""
        for key in sorted(self._reconciler.troubled):
            self.profiles.add(key, watches.BACKGROUND)

    def _enqueue_services(self) -> None:
        """Look at every exported service again: who applies overrides is another one now."""
        for service in sorted({export.service_key for export in self.informers.caches.exports.values()}):
            if self._namespace in (None, service.namespace):
                self.services.add(service, watches.BACKGROUND)

    async def _feed(
        self,
        informer: Informer[ObjectKey, T],
        keys: KeyFunction[T],
        queue: WorkQueue[ObjectKey],
        *,
        only: str | None = None,
    ) -> None:
        """Add to the queue the keys that each change concerns; `only`: of this namespace."""
        caches = self.informers.caches

        def enqueue(old: T | None, new: T | None, is_initial: bool) -> None:
            is_deleting = new is None or new.metadata.is_deleting
            priority = watches.priority(is_initial=is_initial, is_deleting=is_deleting)
            for key in sorted(keys(old, new, caches)):
                if only is None or key.namespace == only:
                    queue.add(key, priority)

        await informer.subscribe(enqueue)
