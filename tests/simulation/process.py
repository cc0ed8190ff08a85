"""The controller's process: started, stopped in order, or killed at any moment, as often as a schedule wants."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from random import Random
from typing import cast

from fleetdns.controllers.composition import Observers, Options, Ports
from fleetdns.controllers.hub import HubController
from fleetdns.controllers.informers import Informers
from fleetdns.core.memory import Settings
from fleetdns.core.overrides import ON
from fleetdns.emulator.hub.rest import Hub
from fleetdns.kube.definitions import HubDefinitions
from fleetdns.kube.discovery import HubDiscovery
from fleetdns.kube.events import EventPublisher
from fleetdns.kube.sources import HubSources
from fleetdns.kube.transport import Transport
from fleetdns.kube.writer import HubWriter
from fleetdns.log import fanned
from fleetdns.metrics import Metrics
from fleetdns.runtime.controller import NoControllerObserver, Reconciled
from tests.simulation.azure import Door, SimulatedTrafficManager
from tests.simulation.hub import SimulatedTransport
from tests.simulation.network import Network

SWEEP_INTERVAL = 60.0
_DRAIN = 25.0  # seconds, as the app gives


class Bugs(NoControllerObserver):
    """Collects what no reconcile should end in."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def reconciled(self, run: Reconciled, /) -> None:
        if run.report == "traceback":
            self.found.append(f"{run.controller} {run.key}: {run.error!r}")


class Process:
    """At most one controller at a time between this hub and this Azure."""

    def __init__(
        self,
        hub: Hub,
        transport: SimulatedTransport,
        *,
        azure: Door,
        network: Network,
        settings: Settings,
        random: Random,
        workers: int = 16,
    ) -> None:
        self.bugs = Bugs()
        self._hub = hub
        self._transport = cast("Transport", transport)
        self._azure = azure
        self._network = network
        self._settings = settings
        self._random = random
        self._workers = workers
        self._controller: HubController | None = None
        self._work: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._work is not None

    def start(self) -> HubController:
        """A new controller that remembers nothing."""
        assert self._work is None
        metrics = Metrics(clock=asyncio.get_running_loop().time)
        informers = Informers(
            HubSources(self._transport, namespace=None), observer=metrics.informer, random=self._random
        )
        self._controller = HubController(
            informers,
            Ports(
                azure=SimulatedTrafficManager(self._azure, self._network),
                hub=HubWriter(
                    self._transport,
                    events=EventPublisher(self._transport, instance="simulation", now=self._now),
                    written=informers.written,
                ),
                definitions=HubDefinitions(self._transport),
                discovery=HubDiscovery(self._transport),
            ),
            settings=self._settings,
            observers=Observers(
                controller=fanned(metrics.controller, self.bugs),
                reconcile=metrics.reconcile,
                sweep=metrics.sweep,
                queue=metrics.queue,
            ),
            options=Options(
                sweep_interval=SWEEP_INTERVAL,
                workers=self._workers,
                resolves_exports=True,
                resource_overrides=ON,
            ),
            wall_clock=self._hub.clock,
            random=self._random,
        )
        self._work = asyncio.create_task(self._controller.run())
        return self._controller

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._hub.clock(), UTC)

    async def stop(self) -> None:
        """Finish what is in hand, as after SIGTERM."""
        if self._controller is not None:
            try:
                async with asyncio.timeout(_DRAIN):
                    await self._controller.stop()
            except TimeoutError:
                self._network.note("controller: the drain took too long")
        await self.kill()

    async def kill(self) -> None:
        """End at whatever await it is."""
        if self._work is None:
            return
        self._work.cancel()
        await asyncio.wait((self._work,))
        if not self._work.cancelled() and (error := self._work.exception()) is not None:
            self.bugs.found.append(f"the controller ended: {error!r}")
        self._controller = self._work = None
