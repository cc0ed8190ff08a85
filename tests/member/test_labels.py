"""DNS labels: of the user, of a ResourceOverride on the hub, and of whoever changes them in Azure by hand."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.conditions import TRUE
from fleetdns.api.exports import DNS_LABEL
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import LABEL_ANNOTATION, RESOURCE_GROUP_ANNOTATION
from fleetdns.core.exportevents import LABEL_KEPT
from fleetdns.core.label import CLAIM
from fleetdns.core.offer import SERVICE_IS_VALID
from fleetdns.errors import Forbidden
from tests.core.builders import NAMESPACE, uid_of
from tests.core.memberbuilders import ADDRESS, GROUP, MEMBER, ip_id, make_ip
from tests.member.world import KEY, OFFER, World

pytestmark = pytest.mark.looptime


def has_label(world: World) -> bool:
    return world.hub.held(OFFER).spec.is_dns_label_configured


def label_of(world: World) -> tuple[str | None, str | None]:
    """The label on the Service, and what we claim of it."""
    annotations = world.service().metadata.annotations
    return annotations.get(LABEL_ANNOTATION), annotations.get(CLAIM)


def claims(world: World) -> int:
    return sum(write.startswith("claim_annotations") for write in world.cluster.writes)


# What Azure says of the label


async def test_a_label_that_comes_later_than_its_address_is_seen_without_any_event() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose(in_azure=False)
        world.azure.put(make_ip(label=None), group=GROUP)
        world.ask()
        await asyncio.sleep(20)
        assert (world.hub.held(OFFER).spec.public_ip_resource_id, has_label(world)) == (make_ip().id, False)
        world.azure.put(make_ip(), group=GROUP)
        await asyncio.sleep(70)
        assert has_label(world)


async def test_an_empty_annotation_takes_the_label_back_before_azure_does() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        assert has_label(world)
        world.cluster.annotate(KEY, {LABEL_ANNOTATION: ""})
        await asyncio.sleep(2)
        assert not has_label(world)
        assert world.hub.held(OFFER).spec.public_ip_resource_id == make_ip().id
        world.azure.put(make_ip(label=None), group=GROUP)
        await asyncio.sleep(70)
        lists = len(world.azure.calls)
        await asyncio.sleep(600)
        assert len(world.azure.calls) - lists <= 11, "nothing is on its way any more"


async def test_a_label_set_and_removed_in_azure_by_hand_is_seen_by_the_sweep() -> None:
    world = World(delay=0.1)
    async with world.exporting(label=None):
        assert not has_label(world)
        world.azure.put(make_ip(label="by-hand"), group=GROUP)
        await asyncio.sleep(70)
        assert has_label(world)
        world.azure.put(make_ip(label=None), group=GROUP)
        await asyncio.sleep(70)
        assert not has_label(world)
        assert world.hub.held(OFFER).spec.public_ip_resource_id == make_ip().id


async def test_a_public_ip_that_is_found_late_is_told_with_its_reason_until_then() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose(in_azure=False)
        world.ask()
        await asyncio.sleep(10)
        assert world.hub.held(OFFER).spec.public_ip_resource_id is None
        assert ADDRESS in world.message()
        world.azure.put(make_ip(), group=GROUP)
        await asyncio.sleep(70)
        assert world.hub.held(OFFER).spec.public_ip_resource_id == make_ip().id
        assert ADDRESS not in world.message()


async def test_an_address_in_another_resource_group_is_found_where_the_annotation_says() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose(in_azure=False)
        other = make_ip(group="other-group")
        world.azure.put(other, group="other-group")
        world.ask()
        await asyncio.sleep(10)
        world.cluster.annotate(KEY, {RESOURCE_GROUP_ANNOTATION: " Other-Group "})
        await asyncio.sleep(10)
        assert world.hub.held(OFFER).spec.public_ip_resource_id == ip_id(f"pip-{ADDRESS}", group="other-group")
        assert world.valid() == (TRUE, SERVICE_IS_VALID)
        await asyncio.sleep(600)
        assert max(world.azure.times(GROUP)) < 100, "nobody has an address in the other group any more"


async def test_an_address_that_moves_to_another_resource_is_followed() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(60)
        world.azure.remove(ADDRESS, group=GROUP)
        world.expose(address="20.0.0.2")
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.public_ip_resource_id == make_ip("20.0.0.2").id


# What an override asks for


async def test_an_override_sets_the_label_changes_it_and_takes_it_away() -> None:
    world = World(delay=0.1)
    async with world.exporting(label=None):
        world.hub.instruct(OFFER, {DNS_LABEL: "one"})
        await asyncio.sleep(5)
        assert label_of(world) == ("one", "one")
        world.hub.instruct(OFFER, {DNS_LABEL: "two"})
        await asyncio.sleep(5)
        assert label_of(world) == ("two", "two")
        world.hub.instruct(OFFER, {DNS_LABEL: None})
        await asyncio.sleep(5)
        assert label_of(world) == (None, None)
        assert claims(world) == 3
        assert LABEL_KEPT not in world.reasons()


async def test_a_users_label_wins_and_that_is_said_once() -> None:
    world = World(delay=0.1)
    async with world.exporting(label="theirs") as told:
        world.hub.instruct(OFFER, {DNS_LABEL: "ours"})
        await asyncio.sleep(5)
        for weight in ("2", "3", "4"):
            world.weigh(weight)
            await asyncio.sleep(5)
        looks = len(told.runs)
        await asyncio.sleep(3600)
        assert label_of(world) == ("theirs", None)
        assert claims(world) == 1
        assert world.reasons().count(LABEL_KEPT) == 1
        assert len(told.runs) == looks
        world.hub.instruct(OFFER, {DNS_LABEL: "other"})
        await asyncio.sleep(5)
        assert world.reasons().count(LABEL_KEPT) == 2
    async with world.running():
        await asyncio.sleep(600)
        assert world.reasons().count(LABEL_KEPT) == 3, "once in each life of the agent"


async def test_a_label_that_is_asked_for_again_is_told_again_that_it_is_not_taken() -> None:
    world = World(delay=0.1)
    async with world.exporting(label="theirs"):
        for label in ("ours", None, "ours"):
            world.hub.instruct(OFFER, {DNS_LABEL: label})
            await asyncio.sleep(5)
        assert world.reasons().count(LABEL_KEPT) == 2


@pytest.mark.parametrize("theirs", ["theirs", ""])
async def test_a_users_label_that_is_taken_off_makes_way_for_the_one_asked_for(theirs: str) -> None:
    world = World(delay=0.1)
    async with world.exporting(label=theirs):
        world.hub.instruct(OFFER, {DNS_LABEL: "ours"})
        await asyncio.sleep(5)
        world.cluster.annotate(KEY, {LABEL_ANNOTATION: None})
        await asyncio.sleep(5)
        assert label_of(world) == ("ours", "ours")


async def test_a_user_who_writes_over_our_label_has_it_and_keeps_it_when_the_override_goes() -> None:
    world = World(delay=0.1)
    async with world.exporting(label=None):
        world.hub.instruct(OFFER, {DNS_LABEL: "ours"})
        await asyncio.sleep(5)
        world.cluster.annotate(KEY, {LABEL_ANNOTATION: "theirs"})
        await asyncio.sleep(5)
        assert label_of(world) == ("theirs", "ours")
        assert world.reasons().count(LABEL_KEPT) == 1
        world.hub.instruct(OFFER, {DNS_LABEL: None})
        await asyncio.sleep(5)
        assert label_of(world) == ("theirs", None)


async def test_our_label_that_somebody_removes_is_put_back() -> None:
    world = World(delay=0.1)
    async with world.exporting(label=None):
        world.hub.instruct(OFFER, {DNS_LABEL: "ours"})
        await asyncio.sleep(5)
        world.cluster.annotate(KEY, {LABEL_ANNOTATION: None})
        await asyncio.sleep(5)
        assert label_of(world) == ("ours", "ours")


@pytest.mark.parametrize("how", ["deleted by hand", "weight 0 and back", "the ServiceExport made again"])
async def test_a_claimed_label_never_goes_while_the_export_is_made_anew(how: str) -> None:
    world, seen = World(delay=0.1), set[tuple[str | None, str | None]]()
    async with world.exporting(label=None):
        world.hub.instruct(OFFER, {DNS_LABEL: "ours"})
        await asyncio.sleep(5)
        if how == "deleted by hand":
            world.hub.remove(Offer, OFFER)
        elif how == "weight 0 and back":
            world.weigh("0")
            await asyncio.sleep(5)
            world.weigh("5")
        else:
            world.cluster.delete(type(world.export()), KEY)
            await asyncio.sleep(5)
            world.ask()
        for _ in range(1000):
            seen.add(label_of(world))
            await asyncio.sleep(0.01)
        assert seen == {("ours", "ours")}
        assert world.hub.held(OFFER).metadata.annotations[DNS_LABEL] == "ours", "until the hub says otherwise"
        world.hub.instruct(OFFER, {DNS_LABEL: None})
        await asyncio.sleep(5)
        assert label_of(world) == (None, None)


async def test_a_service_made_anew_gets_the_label_anew() -> None:
    world = World(delay=0.1)
    async with world.exporting(label=None):
        world.hub.instruct(OFFER, {DNS_LABEL: "ours"})
        await asyncio.sleep(5)
        world.cluster.remove(type(world.service()), KEY)
        world.expose(label=None, uid=uid_of("made again"))
        await asyncio.sleep(5)
        assert label_of(world) == (None, None)
        world.hub.instruct(OFFER, {DNS_LABEL: "ours"})
        await asyncio.sleep(5)
        assert label_of(world) == ("ours", "ours")


async def test_an_agent_that_may_not_write_services_still_exports_them_and_says_so() -> None:
    world = World(delay=0.1)
    world.cluster.fail("claim_annotations", Forbidden("Forbidden", "cannot patch services"), times=100)
    async with world.exporting(label=None) as told:
        world.hub.instruct(OFFER, {DNS_LABEL: "ours"})
        world.weigh("5")
        await asyncio.sleep(3600)
        assert world.hub.held(OFFER).spec.weight == 5
        assert world.valid() == (TRUE, SERVICE_IS_VALID)
        assert [run.label for run in told.runs[-3:]] == ["forbidden"] * 3
        assert len(told.runs) < 60


async def test_labels_of_several_services_do_not_mix() -> None:
    world = World(delay=0.1)
    async with world.running():
        for number in range(3):
            name = f"app-{number}"
            world.expose(name, label=None, address=f"20.0.0.{number}")
            world.ask(name)
        await asyncio.sleep(10)
        for number in range(3):
            key = MEMBER.offer_key(ObjectKey(NAMESPACE, f"app-{number}"))
            world.hub.instruct(key, {DNS_LABEL: f"label-{number}"})
        await asyncio.sleep(10)
        for number in range(3):
            annotations = world.service(ObjectKey(NAMESPACE, f"app-{number}")).metadata.annotations
            assert annotations[LABEL_ANNOTATION] == f"label-{number}"
