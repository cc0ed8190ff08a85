"""Who does not lead asks Azure nothing, and a write that the fence refuses is made later, without a word."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.errors import NotLeading
from tests.controllers.fake_azure import WRITES
from tests.controllers.world import World
from tests.core.builders import make_backend, make_export, make_profile

pytestmark = pytest.mark.looptime

REFUSED = NotLeading("NotLeading", "the lease does not outlive the write")


async def test_one_who_waits_has_whole_caches_and_leaves_azure_and_the_hub_alone() -> None:
    world, elected = World(), asyncio.Event()

    async def may_work() -> None:
        await elected.wait()

    async with world.running(may_work=may_work) as process:
        world.hub.apply(make_profile(), make_backend(), make_export("member-1"))
        await asyncio.sleep(1000)
        assert world.azure.calls == []
        assert world.profile().metadata.finalizers == ()
        assert world.profile_status().conditions == ()
        assert all(informer.has_synced for informer in process.controller.informers.all)
        assert not process.controller.is_working

        elected.set()
        await asyncio.sleep(5)
        assert world.azure.calls[0].operation == "list_subscription"
        assert world.weights() == {"member-1": 100}
        assert world.programmed() == ("True", "Programmed")


async def test_a_write_that_the_fence_refuses_is_made_when_it_opens_and_shows_nowhere() -> None:
    world = World()
    async with world.running() as process:
        world.hub.apply(make_profile(), make_backend(), make_export("member-1"))
        await asyncio.sleep(5)
        good = world.profile_status()
        calls = len(world.azure.calls)
        world.azure.fail(WRITES, REFUSED, times=4)
        world.hub.apply(make_profile(ttl=5))
        await asyncio.sleep(1)
        assert world.profile_status().conditions == good.conditions
        await asyncio.sleep(20)
        assert world.azure.only.ttl == 5
        refused = [run for run in process.told.runs if isinstance(run.error, NotLeading)]
        assert len(refused) == 4
        assert {run.report for run in refused} == {"silent"}
        # Nothing was sent, so nothing has to be read again.
        assert [call.operation for call in world.azure.calls[calls:]] == ["patch_profile"] * 5


async def test_a_new_profile_that_the_fence_refuses_is_not_taken_for_a_name_in_use() -> None:
    world = World()
    async with world.running():
        world.azure.fail("put_profile", REFUSED, times=3)
        world.hub.apply(make_profile(), make_backend(), make_export("member-1"))
        await asyncio.sleep(20)
        assert "is_name_available" not in {call.operation for call in world.azure.calls}
        assert world.programmed() == ("True", "Programmed")
