"""The agent put together from its ports: informers feed a queue, workers reconcile, the sweep asks for public IPs.

Nothing here knows HTTP, files or signals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import Service, ServiceExport
from fleetdns.member import watches
from fleetdns.member.caches import MemberCaches, MemberInformers
from fleetdns.member.export import ExportReconciler
from fleetdns.member.ports import Cluster, Definitions, Hub, PublicIPs
from fleetdns.member.publicips import PublicIPDirectory, PublicIPObserver
from fleetdns.retry import classify
from fleetdns.runtime.controller import Controller, ControllerObserver
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.operator import Operator
from fleetdns.runtime.workqueue import QueueMetrics, WorkQueue

USER = 0
BACKGROUND = -100

T = TypeVar("T", ServiceExport, Service, Offer)


@dataclass(frozen=True, slots=True)
class Observers:
    """Who is told of what goes on."""

    controller: ControllerObserver
    queue: QueueMetrics
    public_ips: PublicIPObserver


class MemberAgent:
    """Everything `fleetdns member` does between its connections.

    `beside` runs with the workers, by name. `wall_clock`: Unix seconds; `sweep_interval`: seconds.
    """

    def __init__(
        self,
        informers: MemberInformers,
        *,
        public_ips: PublicIPs,
        hub: Hub,
        cluster: Cluster,
        definitions: Definitions,
        observers: Observers,
        subscription: str,
        sweep_interval: float,
        workers: int,
        wall_clock: Callable[[], float],
        random: Random,
        beside: Iterable[tuple[str, Callable[[], Awaitable[None]]]] = (),
    ) -> None:
        self._informers = informers
        self.exports: WorkQueue[ObjectKey] = WorkQueue("serviceexport", random=random, metrics=observers.queue)
        caches = informers.caches
        directory = PublicIPDirectory(
            public_ips,
            subscription=subscription,
            interval=sweep_interval,
            in_use=caches.groups_in_use,
            changed=self._look_at,
            observer=observers.public_ips,
            clock=asyncio.get_running_loop().time,
            random=random,
        )
        reconciler = ExportReconciler(
            caches,
            directory,
            hub=hub,
            cluster=cluster,
            definitions=definitions,
            clock=asyncio.get_running_loop().time,
            wall_clock=wall_clock,
        )
        controller = Controller(
            self.exports.name,
            queue=self.exports,
            reconcile=reconciler.reconcile,
            classify=classify,
            workers=workers,
            observer=observers.controller,
        )
        self._operator = Operator(
            informers.all,
            (controller,),
            before_work=self._subscribe,
            beside=(("sweep", directory.run), *beside),
        )

    @property
    def is_working(self) -> bool:
        """Workers have started: every cache has synced, and this replica leads."""
        return self._operator.is_working

    @property
    def caches(self) -> Iterable[Informer[ObjectKey, Any]]:
        """Every cache it reads."""
        return self._informers.all

    async def run(
        self, may_work: Callable[[], Awaitable[None]] | None = None, on_work: Callable[[], None] | None = None
    ) -> None:
        """Work until cancelled, or until `stop` has drained the workers."""
        await self._operator.run(may_work, on_work)

    async def stop(self) -> None:
        """Take no further key; returns when the reconciles in hand are finished."""
        await self._operator.stop()

    def _look_at(self, addresses: frozenset[str]) -> None:
        for key in sorted(self._informers.caches.keys_of_addresses(addresses)):
            if self._informers.caches.exports.get(key) is not None:
                self.exports.add(key, USER)

    async def _subscribe(self) -> None:
        informers = self._informers
        self._feed(informers.exports, watches.keys_of_export)
        self._feed(informers.services, watches.keys_of_service)
        self._feed(informers.offers, watches.keys_of_offer)

    def _feed(
        self,
        informer: Informer[ObjectKey, T],
        keys: Callable[[T | None, T | None, MemberCaches], frozenset[ObjectKey]],
    ) -> None:
        caches = self._informers.caches

        def enqueue(old: T | None, new: T | None, is_initial: bool) -> None:
            for key in sorted(keys(old, new, caches)):
                self.exports.add(key, BACKGROUND if is_initial else USER)

        informer.on_change(enqueue)
