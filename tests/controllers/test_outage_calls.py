"""While Azure is down it is left in peace: how often it is asked does not depend on how many profiles there are."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from fleetdns.emulator.azure.service import Fault
from tests.controllers.emulated import EmulatedWorld
from tests.controllers.outages import OUTAGES, SWEEP, Outage, play
from tests.controllers.throttling import is_true, rolled_out, shops, ttl, until
from tests.core.builders import NAMESPACE, make_profile

pytestmark = pytest.mark.thorough

FEW = 12  # calls a minute
# Calls on their way when many begin to ask at once: so many go wrong before anybody knows that it is Azure.
IN_HAND = 14

every_outage = pytest.mark.parametrize("outage", OUTAGES, ids=str)
one_and_fifty = pytest.mark.parametrize(
    "count",
    [pytest.param(1, id="one profile"), pytest.param(50, id="fifty profiles", marks=pytest.mark.long)],
)


@every_outage
@one_and_fifty
def test_a_service_that_is_down_is_asked_a_few_times_a_minute(outage: Outage, count: int) -> None:
    story = play(outage, count)
    assert story.first_minute <= FEW
    assert story.at_once <= FEW + IN_HAND
    # Where Azure names a pause, whoever waited for its end asks at once.
    assert story.a_minute <= FEW + (IN_HAND if outage.pause else 0)


@pytest.mark.parametrize("outage", [outage for outage in OUTAGES if outage.pause], ids=str)
@one_and_fifty
def test_the_pause_that_one_call_is_asked_for_is_kept_by_all_calls_of_its_kind(outage: Outage, count: int) -> None:
    assert play(outage, count).early == []


@pytest.mark.looptime
@pytest.mark.long
@pytest.mark.parametrize("kind", ["server-error", "hang", "forbidden"])
async def test_profiles_that_azure_cannot_write_do_not_hold_up_the_others(kind: str) -> None:
    world = EmulatedWorld()
    names = shops(20)
    async with world.running(workers=8):
        await rolled_out(world, names)
        for name in names[:10]:
            azure_name = world.azure_profile(f"{NAMESPACE}/{name}")["name"]
            world.service.add_fault(Fault(kind=kind, operation="profiles.p*", profile=azure_name))
            world.hub.apply(make_profile(name, ttl=5))
        for name in names[10:]:
            await asyncio.sleep(40)
            world.hub.apply(make_profile(name, ttl=5))
            await until(partial(_has_ttl, world, name, 5), within=15)
        world.service.clear_faults()
        await until(lambda: all(is_true(world, name) for name in names), within=SWEEP)


def _has_ttl(world: EmulatedWorld, name: str, seconds: int) -> bool:
    return ttl(world, name) == seconds
