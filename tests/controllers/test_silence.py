"""Every profile says why nothing is heard from Azure, once for each outage, and stops when Azure is heard again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import PAUSED, TrafficManagerProfile
from fleetdns.errors import FleetDNSError, Forbidden, Throttled, Unavailable
from tests.controllers.world import SWEEP, World, condition
from tests.core.builders import NAMESPACE, make_backend, make_export, make_profile

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

NAMES = [f"shop-{number}" for number in range(8)]
UNREACHABLE = Unavailable("ConnectionFailed", "Azure Resource Manager cannot be reached")
EXPIRED = Forbidden("InvalidAuthenticationToken", "The access token has expired.")
OUTAGE = (
    Unavailable("Timeout", "Azure did not answer in time"),
    Unavailable("ConnectionBroken", "the connection to Azure Resource Manager broke"),
    Throttled("ServiceUnavailable", "The service is unavailable.", retry_after=5.0),
    Unavailable("InternalServerError", "Something broke."),
)


def roll_out(world: World) -> None:
    for name in NAMES:
        exports = (make_export(cluster, service=name) for cluster in ("a", "b"))
        world.hub.apply(make_profile(name), make_backend(name, profile=name), *exports)


def told(world: World, name: str) -> str:
    """What the condition Programmed of one profile says."""
    return condition(world.profile_status(ObjectKey(NAMESPACE, name)).conditions, "Programmed").message


def states(world: World) -> set[str]:
    return {world.programmed(ObjectKey(NAMESPACE, name))[0] for name in NAMES}


@asynccontextmanager
async def down_by_turns(world: World, *errors: FleetDNSError) -> AsyncIterator[None]:
    """Every few seconds Azure fails in another way."""

    async def alternate() -> None:
        for error in cycle(errors):
            world.azure.down = error
            await asyncio.sleep(7)

    async with asyncio.TaskGroup() as group:
        turns = group.create_task(alternate())
        yield
        turns.cancel()
    world.azure.heal()


async def test_every_profile_names_the_cause_of_a_silence_and_loses_it_one_look_after_azure_is_back() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        before = {name: world.profile_status(ObjectKey(NAMESPACE, name)) for name in NAMES}
        world.azure.down = UNREACHABLE
        world.hub.apply(make_profile(NAMES[0], ttl=5))
        await asyncio.sleep(5 * SWEEP)
        for name in NAMES:
            status = world.profile_status(ObjectKey(NAMESPACE, name))
            assert "ConnectionFailed: Azure Resource Manager cannot be reached" in told(world, name)
            assert (status.dns_name, status.endpoints) == (before[name].dns_name, before[name].endpoints)
            assert world.accepted(name) == ("True", "Accepted")
        world.azure.heal()
        await asyncio.sleep(SWEEP * 1.1 + 2)

        assert states(world) == {"True"}
        assert not any("ConnectionFailed" in told(world, name) for name in NAMES)


async def test_a_right_that_is_missing_for_the_list_is_named_by_every_profile() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.fail("list_group", EXPIRED, times=10**6)
        await asyncio.sleep(5 * SWEEP)

        assert states(world) == {"Unknown"}
        assert all("InvalidAuthenticationToken: The access token has expired." in told(world, name) for name in NAMES)


async def test_an_outage_that_fails_in_another_way_each_time_is_told_once_in_nine_sweeps_at_most() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with down_by_turns(world, *OUTAGE):
            await asyncio.sleep(5 * SWEEP)
            writes = len(world.hub.writes)
            await asyncio.sleep(30 * SWEEP)
            causes = [told(world, name) for name in NAMES]
            written = world.hub.writes[writes:]
        await asyncio.sleep(SWEEP * 1.1 + 2)
        assert states(world) == {"True"}

    assert len(written) <= len(NAMES) * 30 / 9
    assert all(any(f"({error})" in message for error in OUTAGE) for message in causes)


@pytest.mark.parametrize(
    ("errors", "often"),
    [
        pytest.param(OUTAGE, 1, id="down"),
        pytest.param((EXPIRED, *OUTAGE), 2, id="down, with a credential that has expired, which is told at once"),
    ],
)
async def test_an_outage_that_fails_in_another_way_each_time_is_told_as_rarely_of_changes_that_wait(
    errors: tuple[FleetDNSError, ...], often: int
) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with down_by_turns(world, *errors):
            world.hub.apply(*(make_profile(name, ttl=5) for name in NAMES))
            await asyncio.sleep(5 * SWEEP)
            writes = len(world.hub.writes)
            await asyncio.sleep(30 * SWEEP)
            written = world.hub.writes[writes:]
            assert "True" not in states(world)
        await asyncio.sleep(SWEEP * 1.1 + 2)
        assert states(world) == {"True"}

    assert len(written) <= len(NAMES) * often * 30 / 9


async def test_a_cause_that_is_another_one_for_good_is_told() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.down = UNREACHABLE
        await asyncio.sleep(20 * SWEEP)
        world.azure.down = EXPIRED
        await asyncio.sleep(5 * SWEEP)

        assert all("InvalidAuthenticationToken" in told(world, name) for name in NAMES)


async def test_a_profile_whose_changes_are_paused_names_the_cause_too() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.apply(make_profile(NAMES[0], ttl=5, annotations={PAUSED: "true"}))
        await asyncio.sleep(5)
        world.azure.down = UNREACHABLE
        await asyncio.sleep(5 * SWEEP)

        assert "a change waits" in told(world, NAMES[0])
        assert "ConnectionFailed" in told(world, NAMES[0])


async def test_a_start_during_which_only_reads_work_names_what_lists_are_answered() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    world.azure.fail(("list_subscription", "list_group"), UNREACHABLE, times=10**6)
    async with world.running():
        await asyncio.sleep(6 * SWEEP)

        assert all("ConnectionFailed" in told(world, name) for name in NAMES)


async def test_a_start_during_an_outage_names_the_cause() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    world.azure.down = UNREACHABLE
    async with world.running():
        await asyncio.sleep(6 * SWEEP)
        assert all("ConnectionFailed" in told(world, name) for name in NAMES)
        world.azure.heal()
        await asyncio.sleep(SWEEP * 1.1 + 2)

        assert states(world) == {"True"}


async def test_deletions_that_wait_for_azure_name_the_cause_as_rarely() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with down_by_turns(world, *OUTAGE):
            for name in NAMES:
                world.hub.delete(TrafficManagerProfile, ObjectKey(NAMESPACE, name))
            await asyncio.sleep(5 * SWEEP)
            writes = len(world.hub.writes)
            await asyncio.sleep(30 * SWEEP)
            written = world.hub.writes[writes:]
            messages = [told(world, name) for name in NAMES]
        await asyncio.sleep(SWEEP * 1.1 + 2)
        assert world.azure.profiles == {}

    assert len(written) <= len(NAMES) * 30 / 9
    assert all(any(str(error) in message for error in OUTAGE) for message in messages)


async def test_an_outage_is_told_once_with_its_cause_and_how_many_profiles_wait_and_each_of_them_says_nothing() -> None:
    world = World()
    names = [f"p{number}" for number in range(20)]
    async with world.running() as process:
        world.hub.apply(*(make_profile(name) for name in names), make_profile("other", resource_group="other-rg"))
        await asyncio.sleep(5)
        assert not any(run.is_quiet for run in process.told.runs)
        world.azure.down = UNREACHABLE
        await asyncio.sleep(3.5 * SWEEP)
        process.told.runs.clear()
        await asyncio.sleep(30 * SWEEP)
        looks = [run for run in process.told.runs if run.controller == "trafficmanagerprofile"]
        assert len(looks) >= 20 * 30
        assert all(run.is_quiet and run.error is None for run in looks)
        silences = [("fleet-rg", 20, UNREACHABLE.code), ("other-rg", 1, UNREACHABLE.code)]
        assert process.told.silences == silences
        world.azure.heal()
        await asyncio.sleep(1.5 * SWEEP)
        process.told.runs.clear()
        await asyncio.sleep(5 * SWEEP)

        assert not any(run.is_quiet for run in process.told.runs)
        assert process.told.silences == [*silences, ("fleet-rg", 20, ""), ("other-rg", 1, "")]


async def test_one_failed_sweep_is_no_outage_to_tell_of() -> None:
    world = World()
    async with world.running() as process:
        world.hub.apply(make_profile())
        await asyncio.sleep(5)
        world.azure.down = UNREACHABLE
        await asyncio.sleep(2 * SWEEP)
        world.azure.heal()
        await asyncio.sleep(5 * SWEEP)

        assert process.told.silences == []
        assert not any(run.is_quiet for run in process.told.runs)
