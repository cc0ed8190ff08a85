"""Objects that go: what leaves Azure with them, what stays, and that nobody is kept from leaving without reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.meta import FLEET_METRICS_FINALIZER, ObjectKey
from fleetdns.api.profile import PAUSED, RETAIN, TrafficManagerProfile
from fleetdns.core.naming import HUB_TAG
from fleetdns.core.trafficmanager import Profile
from fleetdns.errors import Conflict, Transient
from tests.controllers.world import PROFILE_KEY, SWEEP, World, condition
from tests.core.builders import (
    NAMESPACE,
    RESOURCE_GROUP,
    SERVICE,
    make_backend,
    make_export,
    make_naming,
    make_profile,
)

pytestmark = pytest.mark.looptime

BACKEND_KEY = ObjectKey(NAMESPACE, SERVICE)
UNAVAILABLE = Transient("ServiceUnavailable", "The service is unavailable.")


def roll_out(world: World, *, deletion_policy: str | None = None) -> None:
    world.hub.apply(make_profile(deletion_policy=deletion_policy), make_backend(), make_export("a"), make_export("b"))


async def test_a_deleted_profile_takes_its_azure_profile_along_and_its_backends_stay_and_are_told() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

        assert world.azure.profiles == {}
        assert world.azure.operations(since=before) == ["get", "delete_profile"]
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert world.accepted() == ("False", "Invalid")
        assert world.backend_status().endpoints == ()
        assert world.reasons().count("Deleted") == 1
        assert process.told.gone[-1] == PROFILE_KEY


async def test_a_profile_recreated_after_its_deletion_serves_again() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)
        world.hub.apply(make_profile(uid="22222222-0000-4000-8000-000000000002"))
        await asyncio.sleep(5)

        assert world.weights() == {"a": 50, "b": 50}
        assert world.accepted() == ("True", "Accepted")


async def test_a_retained_profile_stays_in_azure_whole() -> None:
    world = World()
    async with world.running():
        roll_out(world, deletion_policy=RETAIN)
        await asyncio.sleep(5)
        azure, before = world.azure.only, len(world.azure.calls)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

        assert world.azure.only == azure
        assert world.azure.writes(since=before) == []
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)


async def test_a_paused_profile_waits_with_its_deletion_until_the_pause_ends() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.apply(make_profile(annotations={PAUSED: "true"}))
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(100)
        assert len(world.azure.only.endpoints) == 2
        assert world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert "paused" in condition(world.profile_status().conditions, "Programmed").message
        world.hub.apply(make_profile())
        await asyncio.sleep(5)

        assert world.azure.profiles == {}
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)


@pytest.mark.parametrize("is_after_commit", [False, True], ids=["before it took effect", "after it took effect"])
async def test_a_deletion_that_azure_fails_is_told_and_repeated(is_after_commit: bool) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        name = world.azure.only.ref.name
        world.azure.fail("delete_profile", UNAVAILABLE, is_after_commit=is_after_commit)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(0.5)
        assert world.programmed() == ("Unknown", "Pending")
        await asyncio.sleep(5)

        assert world.azure.profiles == {}
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert world.hub.events[-1][1].message == f"{name} is no longer in Azure"


async def test_a_deletion_that_meets_another_change_is_repeated_in_silence() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        writes = len(world.hub.writes)
        world.azure.fail("delete_profile", Conflict("Conflict", "Conflicting changes were detected."))
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert "patch_status trafficmanagerprofiles work/myatm" not in world.hub.writes[writes:]


async def test_a_deletion_that_meets_another_change_for_more_than_a_sweep_says_so_and_is_tried_slowly() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.fail("delete_profile", Conflict("Conflict", "Conflicting changes were detected."), times=10**6)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(0.8 * SWEEP)
        assert world.programmed() == ("True", "Programmed")
        await asyncio.sleep(2 * SWEEP)
        assert world.programmed() == ("Unknown", "Pending")
        assert "Conflicting changes" in condition(world.profile_status().conditions, "Programmed").message
        tried = len(world.azure.writes())
        await asyncio.sleep(30 * SWEEP)
        assert len(world.azure.writes()) - tried <= 3 * 30

        world.azure.heal()
        await asyncio.sleep(2 * SWEEP)
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)


async def test_a_profile_that_is_gone_from_azure_already_can_be_deleted() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.profiles.clear()
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)


async def test_a_deletion_leaves_an_azure_profile_that_another_hub_has_taken_over() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)

    def taken_over(profile: Profile) -> Profile:
        tags = {**dict(profile.tags), HUB_TAG: "another-hub"}
        return replace(profile, tags=tuple(sorted(tags.items())))

    async with world.running():
        await asyncio.sleep(5)
        world.azure.tamper(taken_over)  # between two sweeps
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert world.hub.events[-1][1].message == f"{world.azure.only.ref.name} stays in Azure: it is somebody else's"


@pytest.mark.parametrize("groups", ["forbidden_groups", "read_only_groups"])
async def test_an_object_in_a_forbidden_resource_group_can_be_deleted(groups: str) -> None:
    world = World()
    getattr(world.azure, groups).add(RESOURCE_GROUP)
    async with world.running():
        roll_out(world)
        await asyncio.sleep(30)
        assert world.programmed() == ("False", "Invalid")
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
        await asyncio.sleep(150)

        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)


async def test_nothing_that_was_never_written_bears_a_finalizer() -> None:
    world = World(naming=make_naming(resource_group=None))
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)

        assert world.profile().metadata.finalizers == ()
        assert world.backend().metadata.finalizers == ()
        assert world.programmed() == ("False", "Invalid")
        assert world.accepted() == ("False", "Invalid")


async def test_objects_deleted_while_nobody_ran_are_let_go_at_the_next_start() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
    world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
    async with world.running():
        await asyncio.sleep(5)

        assert world.azure.profiles == {}
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)


async def test_an_adopted_profile_deleted_without_a_status_is_still_deleted_in_azure() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)
        world.hub.apply(make_profile(uid="22222222-0000-4000-8000-000000000002"))
        await asyncio.sleep(5)
    world.hub.set_status(world.profile(), type(world.profile_status())())
    world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
    world.azure.fail("list_subscription", UNAVAILABLE, times=3)
    async with world.running():
        await asyncio.sleep(30)

        assert world.azure.profiles == {}
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)


async def test_nothing_is_made_for_an_object_whose_deletion_is_not_known_yet() -> None:
    world = World(delay=5.0)
    async with world.running():
        await asyncio.sleep(10)
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        await asyncio.sleep(4.9)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(60)

        assert "set_finalizers trafficmanagerprofiles" in " ".join(world.hub.writes)
        assert world.azure.writes() == []
        assert world.azure.profiles == {}


@pytest.mark.parametrize(
    "group", [pytest.param(None, id="programmed"), pytest.param("not-allowed", id="never programmed")]
)
async def test_objects_that_bear_fleet_s_finalizer_for_metrics_can_go(group: str | None) -> None:
    world = World(naming=make_naming(allowed=[("", RESOURCE_GROUP.lower())]))
    fleet_s = (FLEET_METRICS_FINALIZER,)
    async with world.running():
        world.hub.apply(
            make_profile(resource_group=group, finalizers=fleet_s), make_backend(finalizers=fleet_s), make_export("a")
        )
        await asyncio.sleep(5)
        world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(10)

        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert world.azure.profiles == {}


async def test_objects_that_stay_keep_fleet_s_finalizer_for_metrics() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(finalizers=(FLEET_METRICS_FINALIZER,)), make_backend(), make_export("a"))
        await asyncio.sleep(70)

        assert FLEET_METRICS_FINALIZER in world.profile().metadata.finalizers
