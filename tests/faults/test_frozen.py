"""The API server stands still, its connections open: nothing comes, nothing breaks, and nobody is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.eventually import eventually
from tests.e2e.process import Process, process
from tests.faults.conftest import Measured
from tests.faults.fleet import CLUSTERS, FOUR, THREE, RealFleet, now, serving
from tests.faults.ledger import Ledger
from tests.faults.probes import Probes

pytestmark = [pytest.mark.faults, pytest.mark.realapi, pytest.mark.e2e, pytest.mark.timeout(300)]

# The longest lease there is: who leads is not what the two minutes are about.
LONG = ("--lease-duration=300",)


async def test_two_minutes_of_silence_are_said_and_caught_up_with(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    async with serving(fleet, tmp_path, *LONG) as served:
        fleet.server.pause()
        frozen = now()
        measured("not ready", await served.probes.turn_red("[-]leader-election failed", since=frozen, within=30))
        red = now()
        caches = await served.probes.turn_red("not in step with the hub", since=frozen, within=119)
        measured("caches not in step", caches)
        await asyncio.sleep(max(0.0, frozen + 120 - now()))
        served.probes.always_red(since=red)
        fleet.server.resume()
        measured("caught up", await served.catches_up(since=now()))


async def test_twenty_seconds_of_silence_cost_neither_the_lease_nor_an_endpoint(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    async with serving(fleet, tmp_path) as served:
        fleet.server.pause()
        frozen = now()
        measured("not ready", await served.probes.turn_red("[-]leader-election failed", since=frozen, within=19))
        red = now()
        await asyncio.sleep(max(0.0, frozen + 20 - now()))
        served.probes.always_red(since=red)
        fleet.server.resume()
        measured("caught up", await served.catches_up(since=now()))


@asynccontextmanager
async def pair(fleet: RealFleet, folder: Path, *flags: str) -> AsyncIterator[tuple[Process, Process]]:
    """A leader that serves three clusters, and one who waits and is ready."""
    own = replace(fleet.world, kubeconfig=fleet.kubeconfig)
    async with process(own, folder / "leader", *flags) as leader:
        await leader.says('"leading"')
        await fleet.roll_out()
        await fleet.serves(THREE)
        async with process(own, folder / "waiting", *flags) as waiting:
            await waiting.says("another replica leads")
            await waiting.becomes_ready()
            yield leader, waiting


async def test_silence_that_outlasts_the_lease_ends_the_leader_and_the_other_replica_goes_on(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    """A kubelet would start the leader again; the other one needs no start to take over."""
    async with (
        pair(fleet, tmp_path, "--lease-duration=12", "--lease-renew-interval=2") as (leader, waiting),
        Probes(waiting) as probes,
        Ledger(fleet.world.azure, kept=CLUSTERS) as ledger,
    ):
        fleet.server.pause()
        frozen = now()
        measured("not ready", await probes.turn_red("[-]leader-election failed", since=frozen, within=15))
        assert await leader.ended() == 1
        await asyncio.sleep(max(0.0, frozen + 20 - now()))
        fleet.server.resume()
        thawed = now()
        await eventually(waiting.lines, lambda log: any('"leading"' in line for line in log), within=40)
        measured("taken over", now() - thawed)
        ledger.is_silent()
        await fleet.world.members.join("aks-4", weight=1)
        await fleet.serves(FOUR)
        measured("caught up", now() - thawed)
        ledger.tells_only(FOUR)
        ledger.is_unbroken()
        probes.always_alive()
        probes.stop()
        assert await waiting.stop() == 0
