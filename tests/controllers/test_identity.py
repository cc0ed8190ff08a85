"""Which Azure profile an object takes: its own, one it may adopt, and never somebody else's."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetdns.api.profile import ADOPT, TrafficManagerProfile
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG, azure_profile_name
from fleetdns.core.trafficmanager import Monitor, Profile, ProfileRef
from fleetdns.errors import Forbidden, Transient
from tests.controllers.world import PROFILE_KEY, World, condition
from tests.core.builders import (
    RESOURCE_GROUP,
    SUBSCRIPTION,
    make_backend,
    make_export,
    make_foreign_endpoint,
    make_naming,
    make_profile,
)

pytestmark = pytest.mark.looptime

UID = "33333333-0000-4000-8000-000000000003"


def existing(name: str = "by-hand", *, group: str = "their-rg", dns: str = "shop", **tags: str) -> Profile:
    """A profile that is in Azure already, with somebody's endpoint in it."""
    return Profile(
        ref=ProfileRef(SUBSCRIPTION, group, name),
        relative_name=dns,
        ttl=300,
        monitor=Monitor("HTTPS", 443, "/", 30, 10, 3),
        tags=tuple(sorted(tags.items())),
        endpoints=(make_foreign_endpoint(),),
    )


async def test_an_object_recreated_after_its_finalizer_was_forced_off_adopts_its_old_profile_by_tag() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        await asyncio.sleep(5)
        ref = world.azure.only.ref
        world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)
        world.hub.apply(make_profile(uid=UID))
        await asyncio.sleep(5)

        assert world.azure.only.ref == ref
        assert world.profile_status().resource_id == ref.resource_id
        assert world.programmed() == ("True", "Programmed")


@pytest.mark.parametrize("verb", ["put_endpoint", "put_profile"])
async def test_an_object_recreated_after_a_write_was_lost_still_adopts_its_old_profile(verb: str) -> None:
    world = World()
    async with world.running():
        if verb == "put_endpoint":
            world.hub.apply(make_profile(), make_backend(), make_export("a"))
            await asyncio.sleep(5)
        world.azure.fail(verb, Transient("ConnectionBroken", "the connection broke"), is_after_commit=True)
        world.hub.apply(make_profile(), make_backend(weight=7), make_export("a"))
        await asyncio.sleep(0.6)
        ref = world.azure.only.ref
        world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
        world.hub.apply(make_profile(uid=UID, relative_name="another"))
        await asyncio.sleep(10)

        assert world.azure.only.ref == ref
        assert world.profile_status().resource_id == ref.resource_id
        assert world.programmed() == ("True", "Programmed")


async def test_a_hub_restored_without_status_finds_its_profiles_in_whatever_group_they_are() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(resource_group="elsewhere"), make_backend(), make_export("a"))
        await asyncio.sleep(5)
    kept = world.azure.only
    world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
    world.hub.apply(make_profile(uid=UID))
    before = len(world.azure.calls)
    async with world.running():
        await asyncio.sleep(5)

        assert world.azure.only == kept
        assert world.azure.writes(since=before) == []
        assert world.profile_status().dns_name == "myatm.trafficmanager.net"


async def test_a_profile_that_fleet_made_is_adopted_where_it_bears_this_objects_uid() -> None:
    world = World()
    uid = make_profile().metadata.uid
    world.azure.store(existing(azure_profile_name(uid), dns="work-myatm", **{PROFILE_TAG: "work/myatm"}))
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        await asyncio.sleep(5)

        assert world.azure.only.relative_name == "work-myatm"
        assert world.azure.only.tag(HUB_TAG) == "hub-one"
        assert world.profile_status().dns_name == "work-myatm.trafficmanager.net"
        assert world.weights() == {"by-hand": 7, "a": 100}


async def test_an_annotation_adopts_a_profile_made_by_hand_with_all_that_is_in_it() -> None:
    world = World()
    theirs = world.azure.store(existing())
    async with world.running():
        annotated = make_profile(annotations={ADOPT: theirs.ref.resource_id})
        world.hub.apply(annotated, make_backend(), make_export("a"))
        await asyncio.sleep(5)

        assert world.azure.only.ref == theirs.ref
        assert world.azure.only.endpoint("by-hand") == theirs.endpoints[0]
        assert world.weights() == {"by-hand": 7, "a": 100}
        assert world.azure.only.monitor.port == 8080
        assert world.profile_status().resource_id == theirs.ref.resource_id


async def test_an_annotation_on_an_object_that_has_a_profile_does_nothing_and_that_is_said_once() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        await asyncio.sleep(5)
        own = world.azure.only
        theirs = world.azure.store(existing())
        world.hub.apply(make_profile(annotations={ADOPT: theirs.ref.resource_id}))
        await asyncio.sleep(5)
        told = condition(world.profile_status().conditions, "Programmed")
        assert (told.status, told.reason) == ("True", "Programmed")
        assert "annotation fleetdns.io/adopt is ignored" in told.message
        writes = len(world.hub.writes)
        await asyncio.sleep(300)
        assert world.hub.writes[writes:] == []
        assert world.azure.profiles == {own.ref.folded: own, theirs.ref.folded: theirs}
        world.hub.apply(make_profile())
        await asyncio.sleep(5)
        assert "ignored" not in condition(world.profile_status().conditions, "Programmed").message


async def test_an_annotation_does_not_adopt_another_hubs_profile() -> None:
    world = World()
    theirs = world.azure.store(existing(**{HUB_TAG: "hub-two", PROFILE_TAG: "work/myatm"}))
    async with world.running():
        world.hub.apply(make_profile(annotations={ADOPT: theirs.ref.resource_id}), make_backend(), make_export("a"))
        await asyncio.sleep(5)

        assert list(world.azure.profiles.values()) == [theirs]
        assert world.programmed() == ("False", "Invalid")
        assert "belongs to hub 'hub-two'" in condition(world.profile_status().conditions, "Programmed").message


async def test_an_annotation_does_not_adopt_the_profile_of_another_object_of_this_hub() -> None:
    world = World()
    theirs = world.azure.store(existing(**{HUB_TAG: "hub-one", PROFILE_TAG: "work/other"}))
    async with world.running():
        world.hub.apply(make_profile(annotations={ADOPT: theirs.ref.resource_id}), make_backend(), make_export("a"))
        await asyncio.sleep(5)

        assert list(world.azure.profiles.values()) == [theirs]
        assert world.programmed() == ("False", "Invalid")
        assert "belongs to TrafficManagerProfile work/other" in (
            condition(world.profile_status().conditions, "Programmed").message
        )


@pytest.mark.parametrize("is_listable", [True, False], ids=["the subscription is listed", "groups are"])
async def test_an_annotation_that_names_nothing_makes_nothing_new_and_adopts_what_comes_to_be_there(
    is_listable: bool,
) -> None:
    """One letter wrong would else give a profile with another DNS name, pinned from then on."""
    world = World()
    world.azure.is_subscription_listable = is_listable
    async with world.running():
        world.hub.apply(make_profile(annotations={ADOPT: existing().ref.resource_id}), make_backend(), make_export("a"))
        await asyncio.sleep(130)
        assert not world.azure.profiles
        assert world.programmed() == ("False", "Invalid")
        assert "is not in Azure" in condition(world.profile_status().conditions, "Programmed").message
        theirs = world.azure.store(existing())
        await asyncio.sleep(65)

        assert world.azure.only.ref == theirs.ref
        assert world.programmed() == ("True", "Programmed")


async def test_an_adoption_that_is_refused_asks_azure_once_in_a_sweep_whatever_wakes_it() -> None:
    world = World()
    theirs = world.azure.store(existing(**{HUB_TAG: "hub-two"}))
    async with world.running():
        world.hub.apply(make_profile(annotations={ADOPT: theirs.ref.resource_id}), make_backend())
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        for number in range(50):
            world.hub.apply(make_export(f"member-{number}"))
            await asyncio.sleep(1)
        assert world.azure.operations(since=before).count("get") <= 1
        await asyncio.sleep(120)

        assert 2 <= world.azure.operations(since=before).count("get") <= 4


async def test_an_annotation_that_cannot_be_followed_is_forgotten_once_it_is_taken_away() -> None:
    world = World()
    async with world.running():
        annotated = make_profile(annotations={ADOPT: existing().ref.resource_id})
        world.hub.apply(annotated, make_backend(), make_export("a"))
        await asyncio.sleep(5)
        world.hub.apply(make_profile())
        await asyncio.sleep(5)

        assert world.azure.only.ref.name == azure_profile_name(annotated.metadata.uid)
        assert world.programmed() == ("True", "Programmed")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        pytest.param(Transient("ServiceUnavailable", "..."), ("Unknown", "Pending"), id="Azure fails"),
        pytest.param(Forbidden("AuthorizationFailed", "..."), ("False", "Invalid"), id="the right is missing"),
    ],
)
async def test_an_adoption_that_cannot_be_looked_at_makes_nothing_new_and_is_told(
    error: Transient | Forbidden, state: tuple[str, str]
) -> None:
    world = World()
    world.azure.is_subscription_listable = False
    theirs = world.azure.store(existing())
    world.azure.fail("get", error, times=2)
    async with world.running():
        world.hub.apply(make_profile(annotations={ADOPT: theirs.ref.resource_id}))
        await asyncio.sleep(0.5)
        assert world.programmed() == state
        assert len(world.azure.profiles) == 1
        await asyncio.sleep(60)

        assert world.azure.only.ref == theirs.ref
        assert world.programmed() == ("True", "Programmed")


async def test_a_foreign_profile_under_our_name_is_left_alone_told_and_taken_once_it_goes() -> None:
    world = World()
    name = azure_profile_name(make_profile().metadata.uid)
    theirs = world.azure.store(existing(name, group=RESOURCE_GROUP, **{HUB_TAG: "hub-two"}))
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        await asyncio.sleep(5)
        assert world.azure.only == theirs
        assert world.programmed() == ("False", "Invalid")
        assert "hub-two" in condition(world.profile_status().conditions, "Programmed").message
        world.azure.profiles.clear()
        await asyncio.sleep(65)

        assert world.weights() == {"a": 100}
        assert world.programmed() == ("True", "Programmed")


async def test_a_profile_that_another_hub_takes_between_two_sweeps_is_not_written_over() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        await asyncio.sleep(5)
        world.azure.tamper(lambda p: replace(p, tags=((HUB_TAG, "hub-two"), (PROFILE_TAG, "x/y"))))
        taken = world.azure.only
        world.hub.apply(make_export("b"))
        await asyncio.sleep(5)

        assert world.azure.only == taken
        assert world.programmed() == ("False", "Invalid")


async def test_a_group_that_is_not_allowed_for_a_namespace_is_neither_read_nor_written() -> None:
    world = World(naming=make_naming(allowed=[("", RESOURCE_GROUP), ("other", "theirs")]))
    async with world.running():
        world.hub.apply(make_profile(resource_group="theirs"), make_backend(), make_export("a"))
        await asyncio.sleep(130)

        assert world.programmed() == ("False", "Invalid")
        assert "theirs" in condition(world.profile_status().conditions, "Programmed").message
        assert all(call.operation == "list_subscription" for call in world.azure.calls)


async def test_the_dns_name_and_group_of_an_existing_profile_outlive_other_flags() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        await asyncio.sleep(5)
    kept, before = world.azure.only, len(world.azure.calls)
    world.settings = World(naming=make_naming(resource_group="new-rg", template="{namespace}-{name}")).settings
    async with world.running():
        await asyncio.sleep(100)

        assert world.azure.only == kept
        assert world.azure.writes(since=before) == []
        assert world.profile_status().dns_name == "myatm.trafficmanager.net"
