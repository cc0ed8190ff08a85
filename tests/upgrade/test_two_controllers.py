"""The mistake: Fleet's controller still runs, or comes back, beside fleetdns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from fleetdns.demo.world import World
from tests.upgrade.conftest import on_embedded, on_real
from tests.upgrade.estate import API, SERVING, SHOP, TARGETS, become, settle
from tests.upgrade.fleet import FleetController
from tests.upgrade.history import History, state
from tests.upgrade.hub import Hub, eventually
from tests.upgrade.running import MOVING, fleetdns

pytestmark = [pytest.mark.e2e, pytest.mark.long]

EXACT = tuple(flag for flag in MOVING if not flag.startswith("--weight-rounding"))
SHOP_NAME = "work-shop.trafficmanager.net"


@pytest.fixture
async def history(hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch) -> History:
    """Everything of Fleet's is there, and our definitions are in place."""
    await settle(hub, world, fleet)
    await hub.upgrade()
    return History(world.azure, monkeypatch)


@asynccontextmanager
async def working(fleet: FleetController) -> AsyncIterator[None]:
    """Fleet's controller at work."""
    running = asyncio.create_task(fleet.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


# A fight is about who wrote last: each server takes both, and the contract suite holds them to the same conflicts.
@on_embedded
async def test_with_fleets_names_and_weights_they_fight_over_status_and_not_over_azure(
    hub: Hub, world: World, fleet: FleetController, history: History
) -> None:
    async with working(fleet), fleetdns(world):
        for _ in range(4):
            await _writes_status(hub, "fleetdns")
            await _writes_status(hub, "")
    assert all(seen.profiles == TARGETS for seen in history.states)
    assert {call.method for call in history.writes if "work-taken" not in str(call.body)} == {"PATCH"}


async def _writes_status(hub: Hub, manager: str) -> None:
    """Wait until the shop's status is another one, and fleetdns's fields are in it or, "" meaning Fleet, are not."""
    has_fields = bool(manager)
    before = (await hub.read(SHOP))["metadata"]["resourceVersion"]

    async def look() -> tuple[str, bool]:
        shop = await hub.read(SHOP)
        return shop["metadata"]["resourceVersion"], "observedGeneration" in shop["status"]

    await eventually(look, lambda seen: seen[0] != before and seen[1] == has_fields)


@on_embedded
async def test_with_weights_of_its_own_each_repairs_what_the_other_wrote_and_events_and_a_condition_tell(
    hub: Hub, world: World, fleet: FleetController, history: History
) -> None:
    async with working(fleet), fleetdns(world, moving=EXACT, sweep=0.5):
        told = await eventually(lambda: _repairs(world), bool)
        drifting = await eventually(lambda: _drifting(hub), bool)
    assert "weight of endpoint fleet-" in drifting
    assert any("weight" in message for message in told)
    weights = {seen.profiles[SHOP_NAME]["api-aks-1.westeurope.cloudapp.azure.com"][0] for seen in history.states}
    assert weights == {33, 34}
    for seen in history.states:
        assert {name: set(targets) for name, targets in seen.profiles.items()} == {
            name: set(targets) for name, targets in TARGETS.items()
        }


async def _repairs(world: World) -> list[str]:
    events = await world.cluster.events("work")
    return [event["message"] for event in events if event["reason"] == "DriftRepaired"]


async def _drifting(hub: Hub) -> str:
    """What the shop says of somebody who keeps changing it."""
    conditions = (await hub.read(SHOP))["status"].get("conditions", [])
    return next((condition["message"] for condition in conditions if condition["type"] == "Drifting"), "")


# Where it takes a moment until the other definitions rule, and every watch ends later.
@on_real
async def test_fleets_definitions_put_back_under_fleetdns_harm_no_endpoint_and_cause_no_endless_writes(
    hub: Hub, world: World, history: History
) -> None:
    """A pod of Fleet's that starts anew installs its definitions over ours."""
    async with fleetdns(world):
        await become(hub, "True", *SERVING)
        await hub.install()
        await hub.patch(API, {"spec": {"weight": 90}})
        await eventually(lambda: _weight(world), lambda weight: weight == 30)
        await become(hub, "True", *SERVING)
        looked = _looks(world)
        poked = await hub.patch(SHOP, {"metadata": {"labels": {"poked": "once"}}})
        await eventually(lambda: _later(_looks, world), lambda looks: looks > looked)
        assert (await hub.read(SHOP))["metadata"]["resourceVersion"] == poked.version
    assert (await hub.read(SHOP))["status"]["dnsName"] == SHOP_NAME
    for seen in history.states:
        assert seen.profiles[SHOP_NAME].keys() == TARGETS[SHOP_NAME].keys()


async def _weight(world: World) -> int:
    """What Azure gives a cluster of the api."""
    return state(world.azure).profiles[SHOP_NAME]["api-aks-1.westeurope.cloudapp.azure.com"][0]


def _looks(world: World) -> int:
    """How often the controller has looked at the shop."""
    lines = world.log_file.read_text().splitlines()
    return sum('"reconciled"' in line and '"work/shop"' in line for line in lines)


async def _later(look: Callable[[World], int], world: World) -> int:
    return look(world)
