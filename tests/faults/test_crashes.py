"""The API server or its etcd crashes and comes back: Azure is left alone, and fleetdns goes on by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.eventually import eventually
from tests.e2e.process import process
from tests.faults.conftest import Measured
from tests.faults.fleet import CLUSTERS, FOUR, THREE, RealFleet, now, serving
from tests.faults.front import Front, Mood
from tests.faults.ledger import Ledger

pytestmark = [pytest.mark.faults, pytest.mark.realapi, pytest.mark.e2e, pytest.mark.timeout(240)]

OUTAGE = 10.0  # seconds; less than a lease of 30 s, so that the leader stays one


async def test_a_killed_api_server_is_said_and_caught_up_with(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    async with serving(fleet, tmp_path) as served:
        fleet.server.kill()
        killed = now()
        measured("not ready", await served.probes.turn_red("cannot be reached", since=killed, within=15))
        red = now()
        await asyncio.sleep(max(0.0, killed + OUTAGE - now()))
        served.probes.always_red(since=red)
        await asyncio.to_thread(fleet.server.restart)
        measured("caught up", await served.catches_up(since=now()))


async def test_a_killed_etcd_is_said_and_caught_up_with(fleet: RealFleet, tmp_path: Path, measured: Measured) -> None:
    async with serving(fleet, tmp_path) as served:
        fleet.server.kill_etcd()
        killed = now()
        # Watches live on without etcd; the lease is what cannot be renewed.
        measured("not ready", await served.probes.turn_red("[-]leader-election failed", since=killed, within=20))
        red = now()
        await asyncio.sleep(max(0.0, killed + OUTAGE - now()))
        served.probes.always_red(since=red)
        await asyncio.to_thread(fleet.server.restart_etcd)
        measured("caught up", await served.catches_up(since=now()))


async def test_what_went_and_came_while_nobody_watched_is_seen_although_its_history_is_gone(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    """etcd is compacted and the API server restarted, so that every version fleetdns knows has expired."""
    async with Front(fleet.server) as front:
        front.behind(fleet.kubeconfig)
        async with serving(fleet, tmp_path) as served:
            served.ledger.parts_with("aks-3")
            front.mood = Mood.DEAF
            front.drop()
            cut = now()
            await served.probes.turn_red("not in step with the hub", since=cut, within=15)
            await fleet.world.members.leave("aks-3")
            await fleet.world.members.join("aks-4", weight=1)
            await fleet.world.members.join("aks-5", weight=1)
            await asyncio.to_thread(fleet.server.compact)
            fleet.server.kill()
            await asyncio.to_thread(fleet.server.restart)
            served.ledger.is_silent()
            front.mood = Mood.HONEST
            front.drop()
            back = now()
            expected = dict.fromkeys(("aks-1", "aks-2", "aks-4", "aks-5"), 25)
            await fleet.serves(expected)
            measured("caught up", now() - back)
            assert served.ledger.writes[-1].operation == "profiles.put"
            await served.probes.turn_green(since=now(), within=60)


async def test_most_clusters_gone_while_nobody_watched_are_held_by_the_guard(fleet: RealFleet, tmp_path: Path) -> None:
    async with Front(fleet.server) as front:
        front.behind(fleet.kubeconfig)
        async with serving(fleet, tmp_path) as served:
            front.mood = Mood.DEAF
            front.drop()
            await served.probes.turn_red("not in step with the hub", since=now(), within=15)
            for cluster in CLUSTERS:
                await fleet.vanish(cluster)
            await fleet.world.members.join("aks-4", weight=1)
            front.mood = Mood.HONEST
            front.drop()
            await fleet.is_guarded()
            assert set(served.ledger.weights) == {*CLUSTERS, "aks-4"}
            for cluster in CLUSTERS:
                await fleet.world.members.join(cluster, weight=1)
            await fleet.serves(FOUR)
            await fleet.is_guarded(False)


async def test_a_leader_that_an_outage_outlasts_ends_and_one_started_meanwhile_waits_for_the_hub(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    """What a Deployment does by default: the kubelet starts the container again while the API server is still away."""
    flags = ("--lease-duration=6", "--lease-renew-interval=1")
    own = replace(fleet.world, kubeconfig=fleet.kubeconfig)
    async with process(own, tmp_path / "first", *flags) as first:
        await first.says('"leading"')
        await fleet.roll_out()
        await fleet.serves(THREE)
        fleet.server.kill()
        assert await first.ended() == 1
    async with process(own, tmp_path / "second", *flags) as second, Ledger(fleet.world.azure, kept=CLUSTERS) as ledger:
        await second.says("the hub has not answered yet")
        assert "[-]hub failed" in (await second.probe("/readyz"))[1]
        assert (await second.probe("/healthz"))[0] == 200
        await asyncio.to_thread(fleet.server.restart)
        back = now()
        await eventually(lambda: second.probe("/readyz"), lambda seen: seen[0] == 200, within=60)
        measured("ready again", now() - back)
        ledger.is_silent()
        await fleet.world.members.join("aks-4", weight=1)
        await fleet.serves(FOUR)
        ledger.tells_only(FOUR)
        ledger.is_unbroken()
        assert await second.stop() == 0
