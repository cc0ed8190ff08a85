"""A lane that is closed: whoever tries it is left to it, and whoever waits is told what may come true."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from fleetdns.controllers.metered import LONGEST_CALL, MeteredTrafficManager
from fleetdns.core.callbudget import PROFILE_READS, PROFILE_WRITES, USER
from fleetdns.core.trafficmanager import Profile, ProfileRef
from fleetdns.errors import Deferred, FleetDNSError, Throttled, Unavailable
from tests.controllers.fake_azure import FakeTrafficManager
from tests.controllers.world import NoJitter
from tests.core.builders import RESOURCE_GROUP, SUBSCRIPTION

pytestmark = pytest.mark.looptime

BROKEN = Unavailable("InternalServerError", "Azure broke.")


class Uneven(FakeTrafficManager):
    """Reads of some profiles take longer than those of others."""

    def __init__(self) -> None:
        super().__init__()
        self.slow: dict[str, float] = {}  # names of profiles, and seconds

    async def get(self, ref: ProfileRef) -> Profile | None:
        await asyncio.sleep(self.slow.get(ref.name, 0.0))
        return await super().get(ref)


class Lane:
    """The reads of one resource group."""

    def __init__(self) -> None:
        self.azure = Uneven()
        self.metered = MeteredTrafficManager(self.azure, None, clock=now, random=NoJitter(1), on_recovered=lambda: None)

    async def read(self, name: str) -> FleetDNSError | None:
        """What a read of one profile, with a turn of its own, raises."""
        with self.metered.turn(profile(name), urgency=USER):
            try:
                await self.metered.get(profile(name))
            except FleetDNSError as error:
                return error
        return None

    async def close(self) -> None:
        """Five reads fail, of three profiles."""
        self.azure.down = BROKEN
        for name in ("a", "b", "c", "d", "e"):
            assert isinstance(await self.read(name), Unavailable)
        assert self.metered.failing() == ("reads",)

    async def told(self, name: str) -> float:
        """The seconds that somebody who asks now is told to wait."""
        error = await self.read(name)
        assert isinstance(error, Deferred)
        return error.retry_after


def profile(name: str) -> ProfileRef:
    return ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, name)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_call_from_before_the_lane_closed_that_fails_late_does_not_disturb_the_one_that_tries() -> None:
    lane = Lane()
    lane.azure.slow["old"] = 5.0
    async with asyncio.TaskGroup() as group:
        old = group.create_task(lane.read("old"))
        await asyncio.sleep(0)
        await lane.close()
        await asyncio.sleep(4)
        with lane.metered.turn(profile("a"), urgency=USER):
            lane.metered.reserve(profile("a"), {PROFILE_READS: 1, PROFILE_WRITES: 1})
            await asyncio.sleep(2)
            assert old.done()
            assert isinstance(old.result(), Unavailable)
            assert await lane.told("b") > 0
            with pytest.raises(Unavailable):
                await lane.metered.get(profile("a"))
        assert await lane.told("b") == pytest.approx(4, abs=0.5)  # after one try, not two


async def test_whoever_asks_while_one_call_tries_is_told_when_the_next_may_try_not_how_long_a_call_may_take() -> None:
    lane = Lane()
    await lane.close()
    await asyncio.sleep(3)
    lane.azure.slow["a"] = 0.5
    async with asyncio.TaskGroup() as group:
        group.create_task(lane.read("a"))
        await asyncio.sleep(0.1)
        told, asked = await lane.told("b"), now()
    after = now() + await lane.told("b")

    assert asked + told == pytest.approx(after, abs=1)
    assert told < LONGEST_CALL / 2


async def test_whoever_waits_for_a_try_that_hangs_waits_no_longer_than_a_call_may_take() -> None:
    lane = Lane()
    await lane.close()
    await asyncio.sleep(3)
    lane.azure.slow["a"] = 1000.0
    hanging = asyncio.create_task(lane.read("a"))
    await asyncio.sleep(0.1)
    began = now()
    for _ in range(10):
        error = await lane.read("b")
        if not isinstance(error, Deferred):
            break
        await asyncio.sleep(error.retry_after)
    hanging.cancel()
    with suppress(asyncio.CancelledError):
        await hanging

    assert isinstance(error, Unavailable)
    assert now() - began == pytest.approx(LONGEST_CALL, abs=1)


async def test_a_list_that_was_to_try_and_was_asked_for_a_pause_leaves_the_try_to_others() -> None:
    lane = Lane()
    await lane.close()
    await asyncio.sleep(3)
    lane.azure.fail("list_group", Throttled("TooManyRequests", "Slow down.", retry_after=30.0))
    with pytest.raises(Throttled):
        await lane.metered.list_group(SUBSCRIPTION, RESOURCE_GROUP)

    assert isinstance(await lane.read("b"), Unavailable)
