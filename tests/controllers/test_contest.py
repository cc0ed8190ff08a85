"""Somebody keeps changing back what fleetdns sets in Azure: noticed, put back more slowly, told, and over again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random

import pytest
from msgspec import structs

from fleetdns.api.conditions import find
from fleetdns.api.profile import PAUSED
from fleetdns.core.trafficmanager import DISABLED, Profile
from tests.controllers.world import SWEEP, World
from tests.core.builders import endpoint_name, make_backend, make_export, make_profile

pytestmark = pytest.mark.looptime

ONE, TWO = endpoint_name("member-1"), endpoint_name("member-2")
TEN_SWEEPS = 10 * SWEEP


def roll_out(world: World) -> None:
    world.hub.apply(make_profile(), make_backend(), make_export("member-1"), make_export("member-2"))


def weight_of_one(value: int) -> Callable[[Profile], Profile]:
    def changed(profile: Profile) -> Profile:
        endpoint = profile.endpoint(ONE)
        return profile if endpoint is None else profile.with_endpoint(structs.replace(endpoint, weight=value))

    return changed


def ttl(value: int) -> Callable[[Profile], Profile]:
    return lambda profile: replace(profile, ttl=value)


@asynccontextmanager
async def another_writer(world: World, change: Callable[[Profile], Profile]) -> AsyncIterator[None]:
    """Somebody who sets this in Azure every half a minute."""

    async def insist() -> None:
        while True:
            if world.azure.profiles:
                world.azure.tamper(change)
            await asyncio.sleep(30)

    task = asyncio.create_task(insist())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def drifting(world: World) -> str | None:
    """What the condition Drifting says."""
    condition = find(world.profile_status().conditions, "Drifting")
    if condition is None:
        return None
    assert (condition.status, condition.reason) == ("True", "ChangedElsewhere")
    return condition.message


def minutes_of_writes(world: World, *, since: float) -> list[float]:
    """The minutes at which Azure was written to."""
    calls = (call for call in world.azure.calls if call.operation.startswith(("put", "patch", "delete")))
    return [round((call.at - since) / 60, 1) for call in calls if call.at >= since]


def patches(world: World) -> int:
    return sum(write.startswith("patch_status") for write in world.hub.writes)


async def test_a_weight_that_somebody_keeps_changing_is_put_back_three_times_and_then_once_in_ten_sweeps() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        start = asyncio.get_running_loop().time()
        async with another_writer(world, weight_of_one(7)):
            await asyncio.sleep(3600 - 10)
            assert minutes_of_writes(world, since=start) == [0.9, 1.9, 2.9, 12.9, 22.9, 32.9, 42.9, 52.9]
            assert [drift.fields for drift in process.told.drifts] == [("weight",)] * 8
            message = drifting(world) or ""
            assert f"weight of endpoint {ONE}" in message
            assert TWO not in message
            assert "fleetdns.io/paused" in message
            assert world.programmed() == ("True", "Programmed")
            assert world.accepted() == ("Unknown", "Pending")
        warnings = [event for _, event in world.hub.events if event.reason == "ChangedElsewhere"]
        assert [(event.type, event.message) for event in warnings] == [("Warning", message)]


async def test_it_is_over_when_the_other_writer_has_been_silent_for_ten_sweeps() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with another_writer(world, weight_of_one(7)):
            await asyncio.sleep(5 * SWEEP)
        assert world.weights() == {"member-1": 7, "member-2": 50}  # seen, and not put back yet
        await asyncio.sleep(TEN_SWEEPS)
        assert world.weights() == {"member-1": 50, "member-2": 50}
        assert world.accepted() == ("True", "Accepted")
        assert drifting(world) is not None
        await asyncio.sleep(TEN_SWEEPS)
        assert drifting(world) is None
        before = len(world.azure.calls)
        world.azure.tamper(weight_of_one(7))
        await asyncio.sleep(SWEEP + 1)

        assert world.azure.writes(since=before) == ["put_endpoint"]
        assert drifting(world) is None


async def test_a_setting_that_somebody_keeps_changing_is_not_called_programmed_while_it_is_another() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with another_writer(world, ttl(5)):
            await asyncio.sleep(5 * SWEEP)
            assert world.azure.only.ttl == 5
            assert "dnsConfig.ttl of the profile" in (drifting(world) or "")
            assert world.programmed() == ("Unknown", "Pending")
            programmed = find(world.profile_status().conditions, "Programmed")
            assert programmed is not None
            assert "dnsConfig.ttl" in programmed.message
            assert world.accepted() == ("True", "Accepted")
            turns = [event for _, event in world.hub.events if event.reason == "Programmed"]
            assert len(turns) == 1
        await asyncio.sleep(TEN_SWEEPS)
        assert world.azure.only.ttl == 60
        assert world.programmed() == ("True", "Programmed")


async def test_what_a_user_asks_for_is_written_at_once_whatever_is_contested() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with another_writer(world, lambda profile: weight_of_one(7)(ttl(5)(profile))):
            await asyncio.sleep(5 * SWEEP)
            assert world.weights() == {"member-1": 7, "member-2": 50}
            world.hub.apply(make_export("member-3"))
            await asyncio.sleep(5)
            # The weight that member-1 has now is another: what the hub asks for is written, with that.
            assert world.weights() == {"member-1": 33, "member-2": 33, "member-3": 33}
            assert world.azure.only.ttl == 5
            world.hub.apply(make_profile(ttl=20, generation=2))
            await asyncio.sleep(5)
            assert world.azure.only.ttl == 20
            assert world.programmed() == ("True", "Programmed")


async def test_an_endpoint_that_joins_while_another_is_contested_is_written_and_leaves_that_one_as_it_is() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        world.hub.apply(make_backend("web"), make_export("member-1", service="web"))
        await asyncio.sleep(5)
        async with another_writer(world, ttl(5)):
            await asyncio.sleep(5 * SWEEP)
            before = len(world.azure.calls)
            world.hub.apply(make_export("member-2", service="web"))
            await asyncio.sleep(5)
            assert world.endpoints() >= {("web", "member-1"), ("web", "member-2")}
            assert world.azure.only.ttl == 5
            assert world.azure.writes(since=before) == ["put_profile"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(
            lambda profile: replace(profile, status=DISABLED), "profileStatus of the profile", id="switched off"
        ),
        pytest.param(lambda profile: replace(profile, endpoints=()), f"endpoint {ONE}", id="emptied"),
    ],
)
async def test_what_takes_the_name_out_of_dns_is_put_back_in_every_sweep_and_told(
    change: Callable[[Profile], Profile], named: str
) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with another_writer(world, change):
            before = len(world.azure.calls)
            await asyncio.sleep(20 * SWEEP)
            assert len(world.azure.writes(since=before)) == 20
            assert named in (drifting(world) or "")


async def test_a_profile_deleted_again_and_again_is_made_again_in_every_sweep_and_told() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        for _ in range(15):
            before = len(world.azure.calls)
            world.azure.profiles.clear()
            await asyncio.sleep(SWEEP)
            assert world.azure.writes(since=before) == ["put_profile"]
            assert world.weights() == {"member-1": 50, "member-2": 50}
        assert "changing this in Azure: the profile." in (drifting(world) or "")
        assert world.programmed() == ("True", "Programmed")
        await asyncio.sleep(TEN_SWEEPS + 1)
        assert drifting(world) is None


async def test_after_a_restart_it_is_put_back_at_once_and_what_was_told_stands_until_it_is_known_again() -> None:
    world = World()
    async with another_writer(world, weight_of_one(7)):
        async with world.running():
            roll_out(world)
            await asyncio.sleep(5 * SWEEP)
            told = drifting(world)
            assert told is not None
        before = len(world.azure.calls)
        async with world.running():
            await asyncio.sleep(5)
            assert world.azure.writes(since=before) == ["put_endpoint"]
            for _ in range(60):
                await asyncio.sleep(SWEEP)
                assert drifting(world) == told
            # three repairs until it is known again, and six in the hour
            assert len(world.azure.writes(since=before)) <= 10


async def test_after_a_restart_what_was_told_goes_when_nobody_writes_any_more() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with another_writer(world, weight_of_one(7)):
            await asyncio.sleep(5 * SWEEP)
    async with world.running():
        await asyncio.sleep(TEN_SWEEPS - 5)
        assert drifting(world) is not None
        await asyncio.sleep(10)
        assert drifting(world) is None


async def test_a_paused_profile_is_left_to_the_other_writer_and_put_back_when_the_pause_ends() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with another_writer(world, weight_of_one(7)):
            await asyncio.sleep(5 * SWEEP)
            world.hub.apply(make_profile(annotations={PAUSED: "true"}))
            before = len(world.azure.calls)
            await asyncio.sleep(3 * TEN_SWEEPS)
            assert world.azure.writes(since=before) == []
            assert drifting(world) is not None
        world.hub.apply(make_profile())
        await asyncio.sleep(5)
        assert world.weights() == {"member-1": 50, "member-2": 50}
        await asyncio.sleep(TEN_SWEEPS + 1)
        assert drifting(world) is None


async def test_an_hour_of_another_writer_costs_few_status_patches() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        before = patches(world)
        async with another_writer(world, lambda profile: weight_of_one(7)(ttl(5)(profile))):
            await asyncio.sleep(3600)
        # Twice in ten sweeps each of both objects turns: put back, and changed again.
        assert 0 < patches(world) - before <= 2 * 2 * 6 + 4


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
async def test_whatever_others_write_and_users_ask_for_azure_is_as_asked_ten_sweeps_after_the_last_of_it(
    seed: int,
) -> None:
    world, random = World(), Random(seed)
    clusters = ["member-1", "member-2", "member-3"]

    def meddle() -> None:
        """Somebody else writes, now this and now that."""
        name = endpoint_name(random.choice(clusters))
        others: list[Callable[[Profile], Profile]] = [
            ttl(random.choice([5, 7])),
            lambda profile: replace(profile, status=DISABLED),
            lambda profile: replace(profile, routing_method="Priority"),
            lambda profile: profile.without_endpoint(name),
            lambda profile: replace(
                profile,
                endpoints=tuple(structs.replace(e, weight=7) if e.name == name else e for e in profile.endpoints),
            ),
            lambda profile: replace(profile, tags=()),
        ]
        if random.random() < 0.05:
            world.azure.profiles.clear()
        elif world.azure.profiles:
            world.azure.tamper(random.choice(others))

    def ask() -> None:
        """A user changes the weight of the backend, or the ttl of the profile, or a cluster comes or leaves."""
        match random.randrange(3):
            case 0:
                world.hub.apply(make_backend(weight=random.choice([10, 100])))
            case 1:
                generation = world.profile().metadata.generation + 1
                world.hub.apply(make_profile(ttl=random.choice([20, 30]), generation=generation))
            case _:
                world.hub.apply(make_export("member-3", weight=random.choice([0, 1, 2])))

    async with world.running():
        roll_out(world)
        world.hub.apply(make_export("member-3"))
        await asyncio.sleep(5)
        for _ in range(200):
            random.choice([meddle, meddle, meddle, meddle, ask])()
            await asyncio.sleep(random.choice([1, 20, 40]))
        await asyncio.sleep(TEN_SWEEPS + SWEEP)

        fresh = World()  # where nobody meddles
        async with fresh.running():
            fresh.hub.apply(
                make_profile(ttl=world.profile().spec.dns_config.ttl),
                make_backend(weight=world.backend().spec.weight),
                *(make_export(cluster, weight=world.export(cluster).spec.weight) for cluster in clusters),
            )
            await asyncio.sleep(5)
        assert world.weights() == fresh.weights()
        assert replace(world.azure.only, endpoints=()) == replace(fresh.azure.only, endpoints=())
        assert world.programmed() == ("True", "Programmed")
        before = len(world.azure.calls)
        await asyncio.sleep(TEN_SWEEPS)
        assert drifting(world) is None
        assert world.azure.writes(since=before) == []


async def test_each_object_says_what_of_its_own_is_contested() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        async with another_writer(world, lambda profile: weight_of_one(7)(ttl(5)(profile))):
            await asyncio.sleep(5 * SWEEP)
            programmed = find(world.profile_status().conditions, "Programmed")
            accepted = find(world.backend_status().conditions, "Accepted")
        assert programmed is not None
        assert accepted is not None
        assert "changing dnsConfig.ttl in" in programmed.message
        assert "changing weight in" in accepted.message
