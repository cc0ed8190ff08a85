"""What one tenant, one namespace or one Deployment may not do to another."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ADOPT, CLEANUP_FINALIZER, TrafficManagerProfile
from fleetdns.core.trafficmanager import Monitor, Profile, ProfileRef
from tests.controllers.world import PROFILE_KEY, World, condition
from tests.core.builders import (
    NAMESPACE,
    RESOURCE_GROUP,
    SERVICE,
    SUBSCRIPTION,
    make_backend,
    make_export,
    make_naming,
    make_profile,
)

pytestmark = pytest.mark.looptime

OTHER_SUBSCRIPTION = "0b0b0b0b-0000-4000-8000-000000000002"


def precious(*, group: str = "theirs", subscription: str = SUBSCRIPTION) -> Profile:
    """A profile that somebody made by hand, far from fleetdns."""
    monitor = Monitor("HTTPS", 443, "/", 30, 10, 3)
    return Profile(ProfileRef(subscription, group, "precious"), "precious", ttl=300, monitor=monitor)


async def test_a_deployment_for_one_namespace_leaves_the_services_of_other_namespaces_to_others() -> None:
    world = World()
    async with world.running(namespace=NAMESPACE):
        world.hub.apply(make_export("a"), make_export("a", namespace="elsewhere"))
        await asyncio.sleep(30)

        assert world.service_import() is not None
        assert world.service_import(ObjectKey("elsewhere", SERVICE)) is None
        theirs = world.hub.get(InternalServiceExport, ObjectKey("fleet-member-a", f"elsewhere-{SERVICE}"))
        assert theirs is not None
        assert theirs.status.conditions == ()


async def test_a_deleted_object_that_names_a_profile_in_a_group_not_allowed_does_not_take_it_along() -> None:
    world = World(naming=make_naming(allowed=[("", RESOURCE_GROUP)]))
    theirs = world.azure.store(precious())
    async with world.running():
        world.hub.apply(
            make_profile(annotations={ADOPT: theirs.ref.resource_id}, finalizers=(CLEANUP_FINALIZER,), is_deleting=True)
        )
        await asyncio.sleep(30)

        assert world.azure.only == theirs
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)


@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param(precious(), id="a group that is not allowed"),
        pytest.param(precious(group=RESOURCE_GROUP, subscription=OTHER_SUBSCRIPTION), id="another subscription"),
    ],
)
async def test_an_annotation_reaches_no_further_than_the_administrator_allows(theirs: Profile) -> None:
    world = World(naming=make_naming(allowed=[("", RESOURCE_GROUP)]))
    world.azure.is_subscription_listable = False
    theirs = world.azure.store(theirs)
    async with world.running():
        world.hub.apply(make_profile(annotations={ADOPT: theirs.ref.resource_id}), make_backend(), make_export("a"))
        await asyncio.sleep(30)

        assert world.azure.profiles == {theirs.ref.folded: theirs}
        assert theirs.ref.folded not in {call.subject for call in world.azure.calls}
        assert world.programmed() == ("False", "Invalid")
        assert theirs.ref.resource_id in condition(world.profile_status().conditions, "Programmed").message


async def test_a_profile_taken_over_stays_ours_after_its_annotation_and_its_groups_permission_are_gone() -> None:
    world = World(naming=make_naming(allowed=[("", RESOURCE_GROUP), ("", "theirs")]))
    theirs = world.azure.store(precious())
    async with world.running():
        world.hub.apply(make_profile(annotations={ADOPT: theirs.ref.resource_id}))
        await asyncio.sleep(5)
        assert world.programmed() == ("True", "Programmed")
    naming = replace(world.settings.naming, allowed=frozenset({("", RESOURCE_GROUP)}))
    world.settings = replace(world.settings, naming=naming)
    async with world.running():
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(30)

        assert world.azure.profiles == {}
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
