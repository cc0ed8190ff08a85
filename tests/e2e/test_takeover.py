"""A leader that is gone is followed by the other: neither early nor late, whatever their clocks say."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleetdns.demo.world import World
from tests.e2e.conftest import on_real
from tests.e2e.lease import lease
from tests.e2e.process import Process
from tests.e2e.replicas import EARLIER, INTERVAL, LATER, LEASE, LONGEST_RETRY, apply_sample, now, pair
from tests.e2e.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long]

HOURS = 5.0


async def takes_over_in_time(leader: Process, waiting: Process) -> None:
    """The leader is killed; the other leads after the lease, which may have been renewed just before, and one retry."""
    await leader.stop(signal.SIGKILL)
    killed = now()
    await waiting.says('"leading"')
    assert LEASE - INTERVAL - EARLIER <= now() - killed <= LEASE + LONGEST_RETRY + LATER


async def test_a_killed_leader_is_followed_within_the_lease_and_one_retry(world: World, tmp_path: Path) -> None:
    async with pair(world, tmp_path) as (leader, waiting):
        await apply_sample(world)
        await leader.says('"put_profile"')
        await takes_over_in_time(leader, waiting)
        await world.members.join("aks-2", weight=1)
        await waiting.says('"azure write"')
        assert await waiting.stop() == 0


# What a server makes of the times in a Lease is the contract suite's matter, on both; here it is between replicas.
@on_real
async def test_clocks_that_are_wrong_by_hours_make_nobody_early_and_nobody_late(
    site: Site, world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ahead, behind = tmp_path_factory.mktemp("ahead"), tmp_path_factory.mktemp("behind")
    # Both at once, with a Lease for each pair: an administrator may have one in any namespace.
    elsewhere = site.administrator(behind / "administrator", namespace="kube-system")
    async with asyncio.TaskGroup() as group:
        group.create_task(_wrong(world, ahead, HOURS))
        group.create_task(_wrong(replace(world, kubeconfig=elsewhere), behind, -HOURS))


async def _wrong(world: World, folder: Path, hours: float) -> None:
    """The leader is so many hours ahead, the other as many behind."""
    async with pair(world, folder, clock_errors=(hours, -hours)) as (leader, waiting):
        held = await lease(world)
        assert _error(held["renewTime"]) == pytest.approx(hours, abs=0.5)
        await asyncio.sleep(2 * INTERVAL)  # the record has been seen, and seen to be renewed
        assert (await lease(world))["holderIdentity"] == held["holderIdentity"]
        await takes_over_in_time(leader, waiting)
        taken = await lease(world)
        assert taken["leaseTransitions"] == 1
        assert _error(taken["acquireTime"]) == pytest.approx(-hours, abs=0.5)
        assert await waiting.stop() == 0


def _error(time: str) -> float:
    """Hours that the clock was ahead by which that time was written just now."""
    return (datetime.fromisoformat(time) - datetime.now(UTC)) / timedelta(hours=1)
