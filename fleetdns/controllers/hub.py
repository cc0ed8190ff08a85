"""The hub controller put together from its ports: informers feed two queues, workers reconcile, the sweep looks again.

Nothing here knows HTTP, files or signals, so that the same composition runs in production, in the demo and in
simulated time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
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
from fleetdns.controllers.composition import Observers, Options, Ports
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.informers import Informers
from fleetdns.controllers.metered import MeteredTrafficManager
from fleetdns.controllers.observer import ReconcileObserver
from fleetdns.controllers.orphans import OrphanCount
from fleetdns.controllers.overrides import OverrideReconciler
from fleetdns.controllers.overrideswitch import OverrideSwitch
from fleetdns.controllers.ports import Hub
from fleetdns.controllers.profile import ProfileReconciler
from fleetdns.controllers.resolution import ResolutionReconciler
from fleetdns.controllers.service import ServiceReconciler
from fleetdns.controllers.status import StatusWriter
from fleetdns.controllers.surroundings import Surroundings
from fleetdns.controllers.sweep import Sweep, SweepObserver
from fleetdns.core import settle
from fleetdns.core.memory import Settings
from fleetdns.retry import classify
from fleetdns.runtime.controller import Controller, ControllerObserver, Result
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.operator import Operator
from fleetdns.runtime.workqueue import WorkQueue

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


class HubController:
    """Everything `fleetdns run` does between its connections. `wall_clock`: Unix seconds."""

    def __init__(
        self,
        informers: Informers,
        ports: Ports,
        *,
        settings: Settings,
        options: Options,
        observers: Observers,
        wall_clock: Callable[[], float],
        random: Random,
    ) -> None:
        clock, caches = asyncio.get_running_loop().time, informers.caches
        self.informers = informers
        # First, so that whoever is queued by the same event knows of it; and before this replica leads, too.
        informers.exports.on_change(lambda old, new, _: informers.caches.withdrawals.changed(old, new))
        self._options = options
        self.profiles: WorkQueue[ObjectKey] = WorkQueue("trafficmanagerprofile", random=random, metrics=observers.queue)
        self.services: WorkQueue[ObjectKey] = WorkQueue("serviceexport", random=random, metrics=observers.queue)
        self.azure = MeteredTrafficManager(
            ports.azure, options.budget, clock=clock, random=random, on_recovered=self._wake_troubled
        )
        around = Surroundings(
            AzureIndex(self.azure, clock=clock),
            self.azure,
            definitions=ports.definitions,
            writer=StatusWriter(ports.hub, wall_clock=wall_clock),
            settings=settings,
            patience=STALE_SWEEPS * options.sweep_interval,
            clock=clock,
        )
        self.orphans = OrphanCount(caches, around.index, naming=settings.naming, namespace=options.namespace)
        self._switch = OverrideSwitch(options.resource_overrides, ports.discovery, interval=options.sweep_interval)
        overrides = OverrideReconciler(caches, ports.hub, switch=self._switch, is_dry_run=settings.is_dry_run)
        services = self._resolving(around, overrides, ports.hub)
        self._reconciler = self._reconciling(around, overrides, services, observer=observers.reconcile, random=random)
        self._sweep = self._sweeping(around, observer=observers.sweep, random=random)
        self._operator = self._operated(
            self._controller(self.profiles, self._reconciler.reconcile, observers.controller),
            self._controller(self.services, services.reconcile, observers.controller),
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

    def _resolving(self, around: Surroundings, overrides: OverrideReconciler, hub: Hub) -> ServiceReconciler:
        resolution = ResolutionReconciler(
            self.informers.caches,
            hub,
            writer=around.writer,
            clock=around.clock,
            is_dry_run=around.settings.is_dry_run,
        )
        return ServiceReconciler(overrides, resolution.reconcile if self._options.resolves_exports else None)

    def _reconciling(
        self,
        around: Surroundings,
        overrides: OverrideReconciler,
        services: ServiceReconciler,
        *,
        observer: ReconcileObserver,
        random: Random,
    ) -> ProfileReconciler:
        return ProfileReconciler(
            self.informers.caches,
            around,
            overrides=overrides,
            observer=observer,
            random=random,
            urgency=lambda key: watches.urgency(self.profiles.priority(key)),
            is_resolving=lambda service: services.is_new(service) and self.services.is_due(service, settle.LIMIT),
        )

    def _sweeping(self, around: Surroundings, *, observer: SweepObserver, random: Random) -> Sweep:
        return Sweep(
            self.informers.caches,
            around.index,
            naming=around.settings.naming,
            enqueue=lambda key: self.profiles.add(key, watches.BACKGROUND),
            observer=observer,
            interval=self._options.sweep_interval,
            patience=around.patience,
            clock=around.clock,
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
        observer: ControllerObserver,
    ) -> Controller[ObjectKey]:
        return Controller(
            queue.name,
            queue=queue,
            reconcile=reconcile,
            classify=classify,
            workers=self._options.workers,
            observer=observer,
        )

    async def _subscribe(self) -> None:
        informers = self.informers
        await self._feed(informers.profiles, watches.profile_keys_of_profile, self.profiles)
        await self._feed(informers.namespaces, watches.profile_keys_of_cluster, self.profiles)
        await self._feed(informers.members, watches.profile_keys_of_cluster, self.profiles)
        await self._feed(informers.backends, watches.profile_keys_of_backend, self.profiles)
        await self._feed(informers.imports, watches.profile_keys_of_import, self.profiles)
        await self._feed(informers.exports, watches.profile_keys_of_export, self.profiles)
        # Exports come from every member's namespace, whatever service they name; the imports and overrides of other
        # namespaces are not in the caches, and somebody else's to write and to apply.
        if self._options.resolves_exports or self._switch.may_be_on:
            await self._feed(
                informers.exports, watches.service_keys_of_export, self.services, only=self._options.namespace
            )
        if self._options.resolves_exports:
            await self._feed(
                informers.imports, watches.service_keys_of_import, self.services, only=self._options.namespace
            )
            await self._feed(
                informers.namespaces, watches.service_keys_of_namespace, self.services, only=self._options.namespace
            )
        if self._switch.may_be_on:
            await self._feed(
                informers.overrides, watches.service_keys_of_override, self.services, only=self._options.namespace
            )
            await self._feed(
                informers.members, watches.service_keys_of_cluster, self.services, only=self._options.namespace
            )
            await self._feed(
                informers.namespaces, watches.service_keys_of_cluster, self.services, only=self._options.namespace
            )

    def _wake_troubled(self) -> None:
        """Azure does its work again: whoever waited for that may go on."""
        for key in sorted(self._reconciler.troubled):
            self.profiles.add(key, watches.BACKGROUND)

    def _enqueue_services(self) -> None:
        """Look at every exported service again: who applies overrides is another one now."""
        for service in sorted({export.service_key for export in self.informers.caches.exports.values()}):
            if self._options.namespace in (None, service.namespace):
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
