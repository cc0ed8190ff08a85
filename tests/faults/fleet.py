"""Three clusters served in Azure by a controller that runs as deployed, on an API server that a test may break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fleetdns.demo.kubernetes import BACKENDS, EXPORTS
from fleetdns.demo.sight import condition, is_, weights_in
from fleetdns.demo.world import World, manifests
from tests.apiserver.server import RealAPIServer
from tests.contract.client import API
from tests.e2e.eventually import eventually
from tests.e2e.process import Process, process
from tests.faults.ledger import Ledger, Weights
from tests.faults.probes import Probes

CLUSTERS = ("aks-1", "aks-2", "aks-3")
THREE = dict.fromkeys(CLUSTERS, 33)
FOUR = dict.fromkeys((*CLUSTERS, "aks-4"), 25)

_PATIENCE = 60.0  # seconds; a busy machine takes its time


@dataclass(frozen=True, slots=True)
class Fleet:
    """`world` is as the administrator reaches it; `kubeconfig` is the controller's own."""

    world: World
    kubeconfig: Path

    async def roll_out(self) -> None:
        """Three clusters export the service, and a profile and a backend ask for it."""
        for cluster in CLUSTERS:
            await self.world.members.join(cluster, weight=1)
        await self.apply_samples()

    async def apply_samples(self) -> None:
        for name in ("profile.yaml", "backend.yaml"):
            await self.world.cluster.apply_text((manifests() / "samples" / name).read_text())

    async def serves(self, weights: Weights, *, within: float = _PATIENCE) -> None:
        """Azure holds these endpoints and the status says so."""

        async def look() -> tuple[dict[str, int], dict[str, int], bool]:
            backend = await self.world.cluster.get(BACKENDS, "work", "app") or {}
            return azure_weights(self.world), weights_in(backend), is_("Accepted")(backend)

        expected = (dict(weights), dict(weights), True)
        try:
            await eventually(look, lambda seen: seen == expected, within=within)
        except TimeoutError:
            raise AssertionError(f"not {weights} within {within:g} s: {await look()}") from None

    async def vanish(self, cluster: str) -> None:
        """A cluster's export goes, and nobody said before that it would."""
        await self.world.cluster.delete(EXPORTS, f"fleet-member-{cluster}", "work-app")

    async def is_guarded(self, expected: bool = True) -> None:
        """The backend says that endpoints are held whose exports vanished, or does not say so any more."""

        async def look() -> str:
            backend = await self.world.cluster.get(BACKENDS, "work", "app") or {}
            return str(condition(backend, "Guarded").get("status", "False"))

        await eventually(look, lambda seen: seen == str(expected), within=_PATIENCE)


@dataclass(frozen=True, slots=True)
class RealFleet(Fleet):
    """On a real API server, where the controller is the manifests' ServiceAccount. `api` is the administrator's."""

    server: RealAPIServer
    api: API


@dataclass(frozen=True, slots=True)
class Served:
    """A fleet while its controller runs."""

    fleet: Fleet
    process: Process
    probes: Probes
    ledger: Ledger

    async def catches_up(self, *, since: float, within: float = _PATIENCE) -> float:
        """Seconds from `since` until a cluster that joins now is in Azure and in the status, and it is ready again.

        The one write that this takes is the only one since the beginning.
        """
        self.ledger.is_silent()
        await self.fleet.world.members.join("aks-4", weight=1)
        async with asyncio.TaskGroup() as group:
            if self.probes.is_red:
                group.create_task(self._knows_four_when_ready(within))
            await self.fleet.serves(FOUR, within=within)
        took = now() - since
        self.ledger.tells_only(FOUR)
        await self.probes.turn_green(since=now(), within=within)
        return took

    async def _knows_four_when_ready(self, within: float) -> None:
        """It does not call itself ready before its cache holds what came while it was not."""
        await self.probes.turn_green(since=now(), within=within)
        assert 'fleetdns_informer_objects{informer="internalserviceexports"} 4.0' in await self.process.metrics()


@asynccontextmanager
async def serving(fleet: Fleet, folder: Path, *flags: str, says: str = '"leading"') -> AsyncIterator[Served]:
    """The controller at work with three clusters; at the end it must have kept every endpoint, and still live."""
    own = replace(fleet.world, kubeconfig=fleet.kubeconfig)
    async with process(own, folder / "log", *flags) as running:
        await running.says(says)
        await fleet.roll_out()
        await fleet.serves(THREE)
        async with Probes(running) as probes, Ledger(fleet.world.azure, kept=CLUSTERS) as ledger:
            await probes.turn_green(since=now(), within=_PATIENCE)
            yield Served(fleet, running, probes, ledger)
            ledger.is_unbroken()
            probes.always_alive()
            probes.stop()
            # Nobody ended it before: it is the process that began.
            assert await running.stop() == 0


def azure_weights(world: World) -> dict[str, int]:
    """What Azure holds."""
    return Ledger(world.azure, kept=()).weights


def now() -> float:
    return asyncio.get_running_loop().time()
