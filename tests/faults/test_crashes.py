"""The API server or its etcd crashes and comes back: Azure is left alone, and fleetdns goes on by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.conftest import Measured
from tests.faults.fleet import CLUSTERS, FOUR, RealFleet, now, serving
from tests.faults.front import Front, Mood

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
