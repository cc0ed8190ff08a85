"""The reconcilers without queues, watches or workers: a test runs each by hand, on caches that are up to date."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.metered import MeteredTrafficManager
from fleetdns.controllers.overrides import OverrideReconciler
from fleetdns.controllers.overrideswitch import OverrideSwitch
from fleetdns.controllers.profile import ProfileReconciler
from fleetdns.controllers.resolution import ResolutionReconciler
from fleetdns.controllers.service import ServiceReconciler
from fleetdns.controllers.status import StatusWriter
from fleetdns.controllers.surroundings import Surroundings
from fleetdns.core.callbudget import CallBudget
from fleetdns.core.overrides import ON
from tests.controllers.world import EPOCH, NoJitter, Told, World, empty_caches, observed_by


@dataclass(slots=True)
class Alone:
    """Both reconcilers of one process on a world."""

    profiles: ProfileReconciler
    resolution: ResolutionReconciler
    services: ServiceReconciler  # resolution, with overrides before it
    told: Told

    @classmethod
    async def start(cls, world: World) -> Alone:
        """A new process that has just listed Azure."""
        clock, told = asyncio.get_running_loop().time, Told()
        caches = empty_caches()
        world.hub.feed(TrafficManagerProfile, caches.profiles)
        world.hub.feed(TrafficManagerBackend, caches.backends)
        world.hub.feed(ServiceImport, caches.imports)
        world.hub.feed(InternalServiceExport, caches.exports)
        world.hub.feed(Namespace, caches.namespaces)
        world.hub.feed(MemberCluster, caches.members)
        world.hub.feed(ResourceOverride, caches.overrides)
        azure = MeteredTrafficManager(
            world.azure, CallBudget(now=clock()), clock=clock, random=NoJitter(1), on_recovered=lambda: None
        )
        index = AzureIndex(azure, clock=clock)
        await index.list_subscription(world.settings.naming.subscription)
        index.listing_ended(None)
        writer = StatusWriter(world.hub, wall_clock=lambda: EPOCH)
        overrides = OverrideReconciler(caches, world.hub, switch=OverrideSwitch(ON, world.hub, interval=60.0))
        profiles = ProfileReconciler(
            caches,
            Surroundings(index, azure, world.hub, writer, world.settings, patience=180.0, clock=clock),
            overrides=overrides,
            observer=observed_by(told),
            random=NoJitter(1),
        )
        resolution = ResolutionReconciler(caches, world.hub, writer=writer, clock=clock)
        return cls(profiles, resolution, ServiceReconciler(overrides, resolution.reconcile), told)
