"""Azure does not answer when a controller starts: how often it is asked, and how soon all is true when it is back."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.emulator.azure.service import Fault
from fleetdns.errors import Unavailable
from tests.controllers.emulated import MINUTE, EmulatedWorld
from tests.controllers.throttling import is_true, now, rolled_out, shops, until
from tests.controllers.world import SWEEP, World
from tests.core.builders import make_backend, make_export, make_profile

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

DOWN = Unavailable("ConnectionFailed", "Azure Resource Manager cannot be reached")
ANSWERS = 4.0  # seconds that a handful of calls takes


@pytest.mark.parametrize("interval", [5.0, 20.0, 60.0, 300.0])
@pytest.mark.parametrize("longer", [0.0, 13.0, 31.0, 47.0])
async def test_a_start_without_azure_is_made_up_for_within_one_sweep(interval: float, longer: float) -> None:
    world = World()
    world.azure.down = DOWN
    async with world.running(sweep_interval=interval):
        world.hub.apply(make_profile(), make_backend(), make_export())
        await asyncio.sleep(600 + longer)
        asked = sum(at > now() - 5 * MINUTE for at in world.azure.times("list_subscription"))
        world.azure.heal()
        await until(lambda: world.programmed() == ("True", "Programmed"), within=interval * 1.1 + ANSWERS)

    assert 1 <= asked <= 5 * MINUTE / min(interval, MINUTE) + 1


@pytest.mark.parametrize("longer", [0.0, 17.0, 34.0, 51.0])
async def test_a_start_while_azure_hangs_is_made_up_for_within_one_sweep_and_asks_a_few_times_a_minute(
    longer: float,
) -> None:
    world, names = EmulatedWorld(), shops(4)
    async with world.running():
        await rolled_out(world, names)
    world.service.add_fault(Fault(kind="hang"))
    async with world.running():
        began = now()
        world.hub.apply(*(make_profile(name, ttl=5) for name in names))
        await asyncio.sleep(600 + longer)
        asked = world.most_calls_a_minute(began + MINUTE, now())
        world.service.clear_faults()
        await until(lambda: all(is_true(world, name) for name in names), within=SWEEP * 1.1 + ANSWERS)

    assert asked <= 12
