"""The list of the whole subscription fails though groups answer, or with all else, or on a bug of ours."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from msgspec import structs

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.listing import Seen, list_azure
from fleetdns.errors import Bug, FleetDNSError, Rejected, Throttled, Transient, Unavailable
from tests.controllers.groups import GroupedWorld
from tests.controllers.throttling import until
from tests.controllers.world import PROFILE_KEY, SWEEP, World, condition, empty_caches
from tests.core.builders import NAMESPACE, make_backend, make_export, make_naming, make_profile, uid_of

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

TIMEOUT = Unavailable("Timeout", "Azure did not answer in time")
FOR_EVER = 10**9


async def rolled_out(group: str | None = None) -> World:
    """A world whose controller made one profile, and is not there any more."""
    world = World()
    world.hub.apply(make_profile(resource_group=group), make_backend(), make_export("a"))
    async with world.running():
        await until(lambda: world.programmed() == ("True", "Programmed"), within=10)
    return world


@pytest.mark.parametrize(
    "error",
    [TIMEOUT, Transient("UndecodableAnswer", "not understood"), Rejected("BadRequest", "No.")],
    ids=lambda error: error.code,
)
async def test_where_that_list_alone_fails_the_groups_are_swept_and_new_profiles_are_made(
    error: FleetDNSError,
) -> None:
    world = await rolled_out()
    world.azure.fail("list_subscription", error, times=FOR_EVER)
    async with world.running():
        await asyncio.sleep(SWEEP / 2)
        new = make_profile("new")
        world.hub.apply(new, make_backend("new", profile="new"), make_export("a", service="new"))
        await until(lambda: world.programmed(new.metadata.key) == ("True", "Programmed"), within=10)
        world.hub.delete(TrafficManagerProfile, new.metadata.key)
        await until(lambda: len(world.azure.profiles) == 1, within=10)
        world.azure.tamper(lambda profile: profile.with_endpoint(structs.replace(profile.endpoints[0], weight=7)))
        await until(lambda: world.weights() == {"a": 100}, within=SWEEP * 1.1)
        assert world.programmed() == ("True", "Programmed")


@pytest.mark.long
async def test_that_list_is_asked_for_ever_more_rarely_while_it_fails_and_shows_what_is_in_other_groups_at_last() -> (
    None
):
    world = await rolled_out("old-rg")
    world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
    world.hub.apply(make_profile("other", resource_group="other-rg"))
    before = len(world.azure.calls)
    world.azure.fail("list_subscription", TIMEOUT, times=FOR_EVER)
    async with world.running() as process:
        await asyncio.sleep(24 * 3600)
        assert process.controller.orphans.number() == 0
        asked = world.azure.times("list_subscription", since=before)
        assert 24 <= len(asked) <= 36
        world.azure.heal()
        await until(lambda: process.controller.orphans.number() == 1, within=1.5 * 3600 + SWEEP * 1.1)
        asked = world.azure.times("list_subscription", since=before)
        await asyncio.sleep(3 * 3600)

        assert world.azure.times("list_subscription", since=before) == asked


@pytest.mark.parametrize("minutes", [1, 10, 60])
async def test_after_an_outage_at_the_start_nothing_is_made_twice_that_only_that_list_shows(minutes: int) -> None:
    world = await rolled_out("old-rg")
    kept = world.azure.only
    world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
    world.hub.apply(make_profile(uid=uid_of("restored"), relative_name="another"))
    world.azure.down = TIMEOUT
    async with world.running():
        await asyncio.sleep(60 * minutes)
        world.azure.heal()
        await until(lambda: world.programmed() == ("True", "Programmed"), within=SWEEP * 1.1 + 5)

        assert world.azure.only.ref == kept.ref
        assert world.profile_status().resource_id == kept.ref.resource_id


async def test_in_an_outage_at_the_start_each_group_is_asked_once_a_sweep_at_most() -> None:
    world = GroupedWorld(20)
    world.azure.down = TIMEOUT
    async with world.running():
        await asyncio.sleep(20 * SWEEP)

        asked = world.azure.times("list_subscription")
        assert all(later - earlier <= SWEEP * 1.1 for earlier, later in pairwise(asked))
        assert min(len(world.asked(name)) for name in world.names) >= 10
        assert max(len(world.asked(name)) for name in world.names) <= 20


async def test_a_group_whose_list_brings_a_bug_to_light_is_told_of_and_all_others_are_swept_on() -> None:
    world = GroupedWorld(3)
    failing = world.names[0]
    bug = KeyError("a field that is always there")
    async with world.running() as process:
        await asyncio.sleep(5)
        world.azure.failing[failing] = bug
        await asyncio.sleep(5 * SWEEP)
        assert [world.state(name)[0] for name in world.names] == ["Unknown", "True", "True"]
        assert (
            "KeyError"
            in condition(world.profile_status(ObjectKey(NAMESPACE, failing)).conditions, "Programmed").message
        )
        assert {len(world.asked(name)) for name in world.names} == {5}
        told = [(group, type(error), error.__cause__) for group, error in process.told.failures]
        assert set(told) == {(failing, Bug, bug)}
        world.azure.failing.clear()
        await until(lambda: world.state(failing)[0] == "True", within=SWEEP * 1.1 + 2)


async def test_a_start_goes_on_with_the_groups_where_that_list_brings_a_bug_to_light() -> None:
    world = await rolled_out()
    world.azure.fail("list_subscription", KeyError("a field that is always there"), times=FOR_EVER)
    async with world.running() as process:
        world.hub.apply(make_profile(ttl=5))
        await until(lambda: world.azure.only.ttl == 5, within=SWEEP / 2)

    assert {(group, type(error)) for group, error in process.told.failures} == {("", Bug)}


async def looked_once(world: World) -> Seen:
    """What a command sees that looks and ends."""
    index = AzureIndex(world.azure, clock=asyncio.get_running_loop().time)
    return await list_azure(empty_caches(), index, world.settings.naming)


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "groups alone"])
async def test_a_command_that_looks_once_ends_with_the_bug_itself(is_whole: bool) -> None:
    world = World()
    world.azure.is_subscription_listable = is_whole
    world.azure.fail("list_group", KeyError("a field that is always there"), times=2)
    if is_whole:
        world.azure.fail("list_subscription", KeyError("a field that is always there"), times=2)
    with pytest.raises(KeyError):
        await looked_once(world)


async def test_a_command_looks_at_the_groups_that_answer_and_says_why_the_subscription_did_not() -> None:
    world = World(naming=make_naming(allowed=[("", "fleet-rg"), ("", "closed")]))
    world.azure.fail("list_subscription", TIMEOUT, times=FOR_EVER)
    world.azure.forbidden_groups.add("closed")
    seen = await looked_once(world)
    assert (seen.is_whole, [group for group, _ in seen.refused], seen.blind) == (False, ["closed"], None)
    assert str(TIMEOUT) in (seen.shortfall or "")


async def test_a_command_sees_everything_where_the_list_of_it_failed_once() -> None:
    world = World()
    world.azure.fail("list_subscription", TIMEOUT)
    world.azure.fail("list_group", TIMEOUT)
    seen = await looked_once(world)
    assert (seen.is_whole, seen.shortfall) == (True, None)


@pytest.mark.parametrize("error", [TIMEOUT, Throttled("TooManyRequests", "Slow down.", retry_after=40.0)])
async def test_a_command_says_what_the_subscription_was_answered_where_no_group_answers_either(
    error: FleetDNSError,
) -> None:
    world = World()
    world.azure.down = error
    with pytest.raises(type(error)) as raised:
        await looked_once(world)
    assert raised.value.code == error.code
    assert len(world.azure.times("list_subscription")) == (1 if isinstance(error, Throttled) else 2)
