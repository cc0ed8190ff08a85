"""A member cluster, its namespace on the hub and an Azure that outlive the agents run on them, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from fleetdns.api.conditions import find
from fleetdns.api.exports import CONFLICT, ServicePort
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import LABEL_ANNOTATION, WEIGHT, Service, ServiceExport
from fleetdns.core.offer import VALID
from fleetdns.errors import FleetDNSError
from fleetdns.member.agent import MemberAgent, Observers
from fleetdns.member.caches import SERVICE_INDEXES, MemberCaches, MemberInformers, export_indexes
from fleetdns.member.export import ExportReconciler
from fleetdns.member.publicips import PublicIPDirectory
from fleetdns.runtime.controller import Reconciled
from fleetdns.runtime.listwatch import Codec, ListWatch
from fleetdns.runtime.observer import NoInformerObserver
from fleetdns.runtime.store import Store
from fleetdns.runtime.workqueue import NoQueueMetrics
from tests.controllers.world import EPOCH, NoJitter
from tests.core.builders import NAMESPACE, SERVICE, SUBSCRIPTION
from tests.core.memberbuilders import ADDRESS, GROUP, MEMBER, make_ip, make_service, make_service_export
from tests.member.fakes import FakeCluster, FakeNamespace, FakePublicIPs, HubSide

SWEEP = 60.0
KEY = ObjectKey(NAMESPACE, SERVICE)
OFFER = MEMBER.offer_key(KEY)


@dataclass(slots=True)
class Told:
    """Everything the observers were told."""

    runs: list[Reconciled] = field(default_factory=list)
    lists: list[tuple[str, int]] = field(default_factory=list)
    failures: list[tuple[str, FleetDNSError]] = field(default_factory=list)

    def reconciled(self, run: Reconciled) -> None:
        self.runs.append(run)

    def listed(self, resource_group: str, changed: int) -> None:
        self.lists.append((resource_group, changed))

    def list_failed(self, resource_group: str, error: FleetDNSError) -> None:
        self.failures.append((resource_group, error))


class _Sources:
    def __init__(self, cluster: FakeCluster, hub: FakeNamespace) -> None:
        self._cluster = cluster
        self._hub = hub

    def listwatch(self, kind: type[Any]) -> ListWatch:
        return self._of(kind).listwatch(kind)

    def codec(self, kind: type[Any]) -> Codec[ObjectKey, Any]:
        return self._of(kind).codec(kind)

    def _of(self, kind: type[Any]) -> FakeCluster | FakeNamespace:
        return self._hub if kind is Offer else self._cluster


class World:
    """What stays when an agent dies."""

    def __init__(self, *, delay: float = 0.0, hub_delay: float | None = None, latency: float = 0.0) -> None:
        self.cluster = FakeCluster(delay=delay)
        self.hub = FakeNamespace(delay=delay if hub_delay is None else hub_delay)
        self.azure = FakePublicIPs(latency=latency)

    @asynccontextmanager
    async def running(self, *, workers: int = 4, sweep_interval: float = SWEEP) -> AsyncIterator[Told]:
        """An agent that runs until the block ends, and then dies without a word. A bug in it fails the test."""
        told, loop = Told(), asyncio.get_running_loop()
        informers = MemberInformers(
            _Sources(self.cluster, self.hub),
            member=MEMBER,
            resource_group=GROUP,
            observer=NoInformerObserver(),
            random=NoJitter(1),
        )
        self.cluster.listeners = [informers.written]
        agent = MemberAgent(
            informers,
            public_ips=self.azure,
            hub=HubSide(self.hub),
            cluster=self.cluster,
            definitions=self.cluster,
            observers=Observers(controller=told, queue=NoQueueMetrics(), public_ips=told),
            subscription=SUBSCRIPTION,
            sweep_interval=sweep_interval,
            workers=workers,
            wall_clock=lambda: EPOCH + loop.time(),
            random=NoJitter(1),
        )
        task = asyncio.create_task(agent.run())
        try:
            yield told
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert [run.error for run in told.runs if run.report == "traceback"] == []

    @asynccontextmanager
    async def exporting(self, *, label: str | None = "app-one", weight: str | None = None) -> AsyncIterator[Told]:
        """An agent that runs, and has had the time to export one Service."""
        async with self.running() as told:
            self.expose(label=label)
            self.ask(weight=weight)
            await asyncio.sleep(5)
            yield told

    # What people and the cloud provider do

    def expose(
        self,
        name: str = SERVICE,
        *,
        namespace: str = NAMESPACE,
        uid: str | None = None,
        address: str | None = ADDRESS,
        label: str | None = "app-one",
        in_azure: bool = True,
        annotations: Mapping[str, str] | None = None,
        ports: tuple[ServicePort, ...] | None = None,
    ) -> None:
        """A LoadBalancer Service, its public IP, and the label that its user asks for."""
        asked = {} if label is None else {LABEL_ANNOTATION: label}
        changes: dict[str, Any] = {} if ports is None else {"ports": ports}
        service = make_service(
            name,
            namespace=namespace,
            uid=uid,
            address=address,
            annotations={**asked, **(annotations or {})},
            **changes,
        )
        self.cluster.apply(service)
        self._serve(service)
        if in_azure and address is not None:
            self.azure.put(make_ip(address, label=label or None), group=GROUP)

    def _serve(self, service: Service) -> None:
        """The status that the cloud provider writes, which kubectl apply leaves alone."""
        held = self.service(service.metadata.key)
        if held.status != service.status:
            self.cluster._store(msgspec.structs.replace(held, status=service.status), "MODIFIED")

    def ask(self, name: str = SERVICE, *, namespace: str = NAMESPACE, weight: str | None = None) -> None:
        """A ServiceExport."""
        self.cluster.apply(make_service_export(name, namespace=namespace, weight=weight))

    def weigh(self, weight: str | None, key: ObjectKey = KEY) -> None:
        """The user changes the weight's annotation."""
        held = self.export(key)
        self.cluster._restamp(held, annotations={} if weight is None else {WEIGHT: weight})

    # What it looks like now

    def export(self, key: ObjectKey = KEY) -> ServiceExport:
        found = self.cluster.get(ServiceExport, key)
        assert found is not None
        return found

    def service(self, key: ObjectKey = KEY) -> Service:
        found = self.cluster.get(Service, key)
        assert found is not None
        return found

    def offer(self, key: ObjectKey = OFFER) -> Offer | None:
        return self.hub.get(Offer, key)

    def valid(self, key: ObjectKey = KEY) -> tuple[str, str]:
        return self._state(key, VALID)

    def conflict(self, key: ObjectKey = KEY) -> tuple[str, str]:
        return self._state(key, CONFLICT)

    def message(self, kind: str = VALID, key: ObjectKey = KEY) -> str:
        found = find(self.export(key).status.conditions, kind)
        return "" if found is None else found.message

    def reasons(self) -> list[str]:
        """The reasons of the events told, in order."""
        return [event.reason for _, event in self.cluster.events]

    def _state(self, key: ObjectKey, kind: str) -> tuple[str, str]:
        found = find(self.export(key).status.conditions, kind)
        return ("", "") if found is None else (found.status, found.reason)


class Alone:
    """The reconciler of one process without queue, watches or workers, on caches that are up to date."""

    def __init__(self, world: World) -> None:
        caches = MemberCaches(MEMBER, GROUP, Store(export_indexes(MEMBER)), Store(SERVICE_INDEXES), Store())
        world.cluster.feed(ServiceExport, caches.exports)
        world.cluster.feed(Service, caches.services)
        world.hub.feed(Offer, caches.offers)
        self.told = Told()
        self.directory = directory(world.azure, self.told)
        self._reconciler = ExportReconciler(
            caches,
            self.directory,
            hub=HubSide(world.hub),
            cluster=world.cluster,
            definitions=world.cluster,
            clock=asyncio.get_running_loop().time,
            wall_clock=lambda: EPOCH,
        )
        self.reconcile = self._reconciler.reconcile


def directory(azure: FakePublicIPs, told: Told, *, interval: float = SWEEP, **options: Any) -> PublicIPDirectory:
    """A directory that nobody sweeps."""
    defaults: dict[str, Any] = {
        "subscription": SUBSCRIPTION,
        "interval": interval,
        "in_use": lambda: (GROUP,),
        "changed": lambda addresses: None,
        "observer": told,
        "clock": asyncio.get_running_loop().time,
        "random": Random(1),
    }
    return PublicIPDirectory(azure, **{**defaults, **options})


def most_in(times: list[float], window: float) -> int:
    """The most in any window of so many seconds."""
    return max((sum(start <= at < start + window for at in times) for start in times), default=0)
