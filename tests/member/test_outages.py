"""The hub or Azure is away, refuses or asks for a pause: nothing is withdrawn, the reason is told, it catches up."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.conditions import FALSE, TRUE
from fleetdns.api.exports import AZURE_MESSAGE
from fleetdns.api.meta import ObjectKey
from fleetdns.api.service import Service, ServiceExport
from fleetdns.core.events import AZURE_API_ERROR
from fleetdns.core.offer import INVALID_WEIGHT, SERVICE_IS_VALID
from fleetdns.errors import FleetDNSError, Forbidden, Rejected, Throttled, Transient
from tests.core.builders import NAMESPACE
from tests.core.memberbuilders import GROUP, make_ip
from tests.member.world import KEY, OFFER, World, most_in

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

HOUR = 3600.0


async def test_a_hub_that_is_away_for_hours_loses_nothing_and_is_caught_up_with() -> None:
    world = World(delay=0.1)
    for name in ("stays", "changes", "goes", "is-taken-back"):
        world.expose(name)
        world.ask(name)
    async with world.running():
        await asyncio.sleep(10)
        before = {offer.metadata.name: offer.spec for offer in world.hub.all}
        world.hub.is_away = True
        since = len(world.hub.writes)
        world.weigh("7", ObjectKey(NAMESPACE, "changes"))
        world.cluster.delete(ServiceExport, ObjectKey(NAMESPACE, "goes"))
        world.cluster.delete(Service, ObjectKey(NAMESPACE, "is-taken-back"))
        world.expose("comes")
        world.ask("comes")
        await asyncio.sleep(5 * HOUR)
        assert {offer.metadata.name: offer.spec for offer in world.hub.all} == before
        assert world.cluster.holds(ServiceExport, ObjectKey(NAMESPACE, "goes")), "it waits to take its export along"
        tried = world.hub.times[since:]
        assert most_in(tried[40:], 60) <= 8, "four keys, and once a minute each"
        world.hub.is_away = False
        await asyncio.sleep(300)
        after = {offer.service_key.name: offer.spec.weight for offer in world.hub.all}
        assert after == {"changes": 7, "comes": 1, "stays": 1}
        assert not world.cluster.holds(ServiceExport, ObjectKey(NAMESPACE, "goes"))


async def test_a_hub_that_may_be_written_to_but_not_watched_is_not_written_to_again_and_again() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(10)
        world.hub.delay = 1e9  # from now on the watch is silent, and lists hang
        world.expose()
        world.ask()
        await asyncio.sleep(1)
        assert world.offer() is not None
        for weight in ("2", "3"):
            world.weigh(weight)
            await asyncio.sleep(HOUR)
        assert most_in(world.hub.times, 60) <= 30
        world.cluster.delete(ServiceExport, KEY)
        await asyncio.sleep(60)
        assert world.offer() is None
        assert not world.cluster.holds(ServiceExport, KEY)


async def test_an_agent_that_starts_while_the_hub_is_away_waits_and_begins_when_it_is_back() -> None:
    world = World(delay=0.1)
    world.expose()
    world.ask()
    world.hub.is_away = True
    async with world.running() as told:
        await asyncio.sleep(HOUR)
        assert told.runs == []
        assert world.cluster.writes == []
        world.hub.is_away = False
        await asyncio.sleep(120)
        assert world.offer() is not None


ERRORS = [
    pytest.param(Transient("ServiceUnavailable", "The service is unavailable."), "ServiceUnavailable", id="away"),
    pytest.param(Throttled("TooManyRequests", "Slow down.", retry_after=30), "TooManyRequests", id="throttled"),
    pytest.param(
        Forbidden("AuthorizationFailed", "The client has no right."), "publicIPAddresses/read", id="forbidden"
    ),
    pytest.param(Rejected("ResourceGroupNotFound", "No such group."), "ResourceGroupNotFound", id="no such group"),
]


@pytest.mark.parametrize(("error", "words"), ERRORS)
async def test_why_an_address_cannot_be_told_reaches_the_user_and_the_hub_and_goes_again(
    error: FleetDNSError, words: str
) -> None:
    world = World(delay=0.1)
    world.azure.down = error
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(30)
        offer = world.hub.held(OFFER)
        assert offer.spec.public_ip_resource_id is None
        assert words in offer.metadata.annotations[AZURE_MESSAGE]
        assert words in world.message()
        assert world.valid() == (TRUE, SERVICE_IS_VALID)
        writes = len(world.hub.writes), len(world.cluster.writes)
        await asyncio.sleep(HOUR)
        assert (len(world.hub.writes), len(world.cluster.writes)) == writes, "the same reason is not written twice"
        assert world.reasons() == [AZURE_API_ERROR]
        world.azure.down = None
        await asyncio.sleep(120)
        offer = world.hub.held(OFFER)
        assert offer.spec.public_ip_resource_id == make_ip().id
        assert AZURE_MESSAGE not in offer.metadata.annotations
        assert words not in world.message()
        assert world.reasons() == [AZURE_API_ERROR, SERVICE_IS_VALID]


@pytest.mark.parametrize(("error", "words"), ERRORS)
@pytest.mark.parametrize("restarts", [False, True], ids=["the same process", "an agent that has just started"])
async def test_what_was_told_of_an_address_stands_while_azure_cannot_be_asked(
    error: FleetDNSError, words: str, restarts: bool
) -> None:
    world = World(delay=0.1)
    async with world.exporting():
        if not restarts:
            await _stands_through(world, error)
    if restarts:
        world.azure.down = error
        async with world.running():
            await _stands_through(world, error)
    assert words not in world.message()


async def _stands_through(world: World, error: FleetDNSError) -> None:
    spec, writes = world.hub.held(OFFER).spec, len(world.hub.writes)
    world.azure.down = error
    await asyncio.sleep(HOUR)
    assert world.hub.held(OFFER).spec == spec
    assert len(world.hub.writes) == writes
    world.azure.down = None
    await asyncio.sleep(120)
    assert world.hub.held(OFFER).spec == spec


async def test_an_azure_that_has_lost_everything_for_one_list_takes_no_endpoint_away() -> None:
    world = World(delay=0.1, latency=0.5)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(61)
        spec = world.hub.held(OFFER).spec
        before = len(world.azure.calls)
        world.azure.remove(make_ip().address, group=GROUP)
        await asyncio.sleep(60)
        assert len(world.azure.calls) == before + 1
        world.azure.put(make_ip(), group=GROUP)
        for _ in range(100):
            await asyncio.sleep(1)
            assert world.hub.held(OFFER).spec == spec


async def test_a_public_ip_that_is_really_gone_is_told_within_two_sweeps() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(40)
        world.azure.remove(make_ip().address, group=GROUP)
        await asyncio.sleep(130)
        assert world.hub.held(OFFER).spec.public_ip_resource_id is None
        assert make_ip().address in world.hub.held(OFFER).metadata.annotations[AZURE_MESSAGE]


async def test_a_new_service_is_no_azure_error_while_its_list_is_on_its_way() -> None:
    world = World(delay=0.1, latency=0.5)
    async with world.running():
        for number in range(20):
            name = f"app-{number}"
            world.expose(name, address=f"20.0.0.{number}")
            world.ask(name)
            await asyncio.sleep(0.5)
        await asyncio.sleep(120)
        assert AZURE_API_ERROR not in world.reasons()
        assert {offer.spec.public_ip_resource_id is None for offer in world.hub.all} == {False}


async def test_a_typo_while_azure_is_away_is_told_as_a_typo() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        world.azure.down = Transient("ServiceUnavailable", "no")
        world.weigh("ten")
        await asyncio.sleep(HOUR)
        assert world.valid() == (FALSE, INVALID_WEIGHT)
        assert AZURE_API_ERROR not in world.reasons()
