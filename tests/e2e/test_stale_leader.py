"""A leader that others have overruled, because it slept or was cut off: it writes nothing and ends."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from fleetdns.demo.world import World
from tests.e2e.cable import Cable
from tests.e2e.conftest import on_real
from tests.e2e.lease import lease
from tests.e2e.replicas import apply_sample, pair, said_at, writes

pytestmark = [pytest.mark.e2e, pytest.mark.long]


async def test_a_leader_that_slept_writes_nothing_when_it_wakes_and_ends_with_1(world: World, tmp_path: Path) -> None:
    async with pair(world, tmp_path) as (leader, waiting):
        await apply_sample(world)
        await leader.says('"put_profile"')
        before = await writes(leader)
        leader.send(signal.SIGSTOP)
        await waiting.says('"leading"')
        await world.members.join("aks-2", weight=1)  # work for whoever leads: the sleeper hears of it when it wakes
        await waiting.says('"azure write"')
        holder = (await lease(world))["holderIdentity"]
        await world.members.join("aks-3", weight=1)
        leader.send(signal.SIGCONT)
        assert await leader.ended() == 1
        assert await writes(leader) == before
        last = (await leader.lines())[-1]
        assert last.startswith("fleetdns: LeadershipLost: ")
        assert not any("Traceback" in line for line in await leader.lines())
        assert (await lease(world))["holderIdentity"] == holder
        assert await waiting.stop() == 0


# Nothing comes through the cable: who is at its other end makes no difference to the leader.
@on_real
async def test_a_leader_cut_off_from_the_hub_ends_before_the_other_begins(world: World, tmp_path: Path) -> None:
    async with Cable(world.kubeconfig) as cable:
        own = replace(world, kubeconfig=cable.kubeconfig(tmp_path / "own"))
        async with pair(world, tmp_path, leader_s=own) as (leader, waiting):
            cable.cut()
            assert await leader.ended() == 1
            await waiting.says('"leading"')
            assert await said_at(leader, "no longer leading") < await said_at(waiting, "leading")
            assert await waiting.stop() == 0
