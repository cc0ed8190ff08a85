"""The hub takes no status when there is something to tell, or nobody knows yet whether: it is told later, and once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import structs

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.trafficmanager import CHECKING, DEGRADED, ONLINE
from fleetdns.errors import Conflict, FleetDNSError, Transient, Unavailable
from tests.controllers.fake_hub import FakeHub, Written
from tests.controllers.world import PROFILE_KEY, SWEEP, World, condition
from tests.core.builders import NAMESPACE, SERVICE, make_backend, make_export, make_profile

pytestmark = pytest.mark.looptime

AWAY = Transient("ServiceUnavailable", "the hub is restarted")
COLLIDED = Conflict("Conflict", "the object has been modified")
BACKEND_KEY = ObjectKey(NAMESPACE, SERVICE)


class Moody(FakeHub):
    """Takes no status of some kinds for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[type, FleetDNSError] = {}
        self.refusals = 0

    async def patch_status(self, obj: Written, patch: Mapping[str, Any]) -> None:
        error = self.refused.get(type(obj))
        if error is not None:
            self.refusals += 1
            raise error.again()
        await super().patch_status(obj, patch)


class MoodyWorld(World):
    """One profile with two endpoints, on a hub that has its moods."""

    def __init__(self) -> None:
        super().__init__()
        self.hub: Moody = Moody()
        exports = (make_export(f"member-{number}") for number in (1, 2))
        self.hub.apply(make_profile(), make_backend(), *exports)

    def told(self) -> Counter[tuple[ObjectKey, str]]:
        """How often each reason was told of each object, of those that are about what others did."""
        kinds = ("DriftRepaired", "ChangedElsewhere", "EndpointsDegraded", "EndpointsRecovered")
        return Counter((key, event.reason) for key, event in self.hub.events if event.reason in kinds)

    def turn(self, state: str, **fields: Any) -> None:
        """The probes of the first endpoint find something, and somebody changes it in the portal."""
        name = self.azure.only.endpoints[0].name
        self.azure.tamper_endpoint(name, lambda endpoint: structs.replace(endpoint, monitor_status=state, **fields))


@pytest.mark.parametrize("error", [AWAY, COLLIDED], ids=["the hub is away", "two writes met"])
async def test_a_repair_that_the_hub_could_not_be_told_of_is_told_once_when_it_can(error: FleetDNSError) -> None:
    world = MoodyWorld()
    async with world.running() as process:
        await asyncio.sleep(5)
        world.azure.unprobed = CHECKING
        world.azure.profiles.clear()
        world.hub.refused[TrafficManagerProfile] = error
        await asyncio.sleep(1.5 * SWEEP)
        assert len(world.azure.only.endpoints) == 2
        assert world.hub.refusals > 0
        assert world.told() == {}
        world.hub.refused.clear()
        await asyncio.sleep(3 * SWEEP)

        assert world.told() == {(PROFILE_KEY, "DriftRepaired"): 1}
        assert len(process.told.drifts) == 1


@pytest.mark.parametrize("refused", [TrafficManagerProfile, TrafficManagerBackend], ids=["profile", "backend"])
async def test_an_endpoint_that_fails_is_told_once_of_each_object_whichever_the_hub_does_not_take(
    refused: type,
) -> None:
    world = MoodyWorld()
    async with world.running():
        await asyncio.sleep(5)
        for state, reason in ((DEGRADED, "EndpointsDegraded"), (ONLINE, "EndpointsRecovered")):
            world.hub.refused[refused] = AWAY
            world.turn(state)
            await asyncio.sleep(2.5 * SWEEP)
            world.hub.refused.clear()
            await asyncio.sleep(2.5 * SWEEP)
            assert {key: count for key, count in world.told().items() if key[1] == reason} == {
                (PROFILE_KEY, reason): 1,
                (BACKEND_KEY, reason): 1,
            }
            assert world.backend_status().endpoints[0].monitor_status == state


async def test_somebody_who_keeps_changing_it_back_is_noticed_although_the_hub_refuses_each_time() -> None:
    world = MoodyWorld()
    async with world.running():
        await asyncio.sleep(5)
        for state in (DEGRADED, ONLINE, DEGRADED):
            world.turn(state, weight=7)
            world.hub.refused[TrafficManagerProfile] = AWAY
            await asyncio.sleep(SWEEP)
            world.hub.refused.clear()
            await asyncio.sleep(SWEEP)

        assert world.hub.refusals >= 3
        assert condition(world.profile_status().conditions, "Drifting").status == "True"
        found = world.told()
        assert (found[PROFILE_KEY, "DriftRepaired"], found[PROFILE_KEY, "ChangedElsewhere"]) == (3, 1)


async def test_a_repair_is_not_told_again_because_a_backend_could_not_be() -> None:
    world = MoodyWorld()
    async with world.running():
        await asyncio.sleep(5)
        world.turn(DEGRADED, weight=7)
        world.hub.refused[TrafficManagerBackend] = AWAY
        await asyncio.sleep(2.5 * SWEEP)
        world.hub.refused.clear()
        await asyncio.sleep(2.5 * SWEEP)

        assert world.told() == {
            (PROFILE_KEY, "DriftRepaired"): 1,
            (PROFILE_KEY, "EndpointsDegraded"): 1,
            (BACKEND_KEY, "EndpointsDegraded"): 1,
        }


@pytest.mark.parametrize("is_after_commit", [True, False], ids=["happened", "did not happen"])
@pytest.mark.parametrize("error", [Unavailable("Timeout", ""), COLLIDED], ids=["timed out", "collided"])
async def test_a_repair_of_which_nobody_knows_at_first_whether_it_happened_is_told_once_and_counted(
    error: FleetDNSError, is_after_commit: bool
) -> None:
    world = MoodyWorld()
    async with world.running() as process:
        await asyncio.sleep(5)
        for repairs in (1, 2, 3):
            world.azure.fail("put_endpoint", error, is_after_commit=is_after_commit)
            world.turn(ONLINE, weight=7)
            await asyncio.sleep(2 * SWEEP)
            assert world.told()[PROFILE_KEY, "DriftRepaired"] == repairs
            assert len(process.told.drifts) == repairs

        assert world.told()[PROFILE_KEY, "ChangedElsewhere"] == 1


async def test_what_somebody_else_put_back_while_it_waited_is_not_called_a_repair() -> None:
    world = MoodyWorld()
    async with world.running() as process:
        await asyncio.sleep(5)
        weight = world.azure.only.endpoints[0].weight
        world.azure.fail("get", Unavailable("Timeout", ""), times=10**6)
        world.turn(ONLINE, weight=7)
        await asyncio.sleep(1.5 * SWEEP)
        world.turn(ONLINE, weight=weight)
        world.azure.heal()
        await asyncio.sleep(3 * SWEEP)

        assert world.azure.writes() == ["put_profile"]
        assert process.told.drifts == []
        assert world.told() == {}
