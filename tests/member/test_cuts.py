"""The agent may die at any await, and any one call may fail: whoever runs next makes everything true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from fleetdns.api.exports import DNS_LABEL, EXPORT_FINALIZER
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import SERVICE_EXPORT_FINALIZER, Service, ServiceExport
from fleetdns.errors import FleetDNSError, Transient
from tests.controllers.cut import Cut, CutAfter
from tests.core.builders import uid_of
from tests.core.memberbuilders import GROUP, make_ip
from tests.member.world import KEY, OFFER, Alone, World

pytestmark = pytest.mark.looptime

Story = Callable[[World], None]

ONE, OTHER = ObjectKey("a-b", "c"), ObjectKey("a", "b-c")
KEYS = (KEY, ONE, OTHER)


def nothing(world: World) -> None:
    """Where nothing was, nothing is."""


def exported(world: World) -> None:
    world.expose(label=None)
    world.ask()


def changes(world: World) -> None:
    world.expose(label="another", address="20.0.0.2")
    world.weigh("7")


def service_goes(world: World) -> None:
    world.cluster.delete(Service, KEY)


def service_is_made_again(world: World) -> None:
    world.cluster.remake(world.service(), uid_of("made again"))


def export_goes(world: World) -> None:
    world.cluster.delete(ServiceExport, KEY)


def export_is_made_again(world: World) -> None:
    world.cluster.delete(ServiceExport, KEY)
    world.cluster.remove(ServiceExport, KEY)
    world.ask()


def takes_no_traffic(world: World) -> None:
    world.weigh("0")


def has_a_typo(world: World) -> None:
    world.weigh("ten")
    world.expose(address="20.0.0.2")


def gets_a_label(world: World) -> None:
    world.hub.instruct(OFFER, {DNS_LABEL: "ours"})


def has_a_label(world: World) -> None:
    exported(world)
    world.expose(label="ours", annotations={DNS_LABEL: "ours"})


def loses_its_label(world: World) -> None:
    world.hub.instruct(OFFER, {DNS_LABEL: None})


def vanishes_on_the_hub(world: World) -> None:
    world.hub.remove(Offer, OFFER)


def loses_its_address(world: World) -> None:
    world.azure.remove(make_ip().address, group=GROUP)


def definition_goes(world: World) -> None:
    world.cluster.leaving_kinds.add("serviceexports")
    world.cluster.delete(ServiceExport, KEY)


def two_of_one_name(world: World) -> None:
    for key in (ONE, OTHER):
        world.expose(key.name, namespace=key.namespace)
        world.ask(key.name, namespace=key.namespace)


def the_first_goes(world: World) -> None:
    world.cluster.delete(ServiceExport, ONE)


STORIES = [
    pytest.param(nothing, exported, id="a first export"),
    pytest.param(exported, changes, id="everything changes"),
    pytest.param(exported, service_goes, id="the Service goes"),
    pytest.param(exported, service_is_made_again, id="the Service is made again"),
    pytest.param(exported, export_goes, id="the ServiceExport goes"),
    pytest.param(exported, export_is_made_again, id="the ServiceExport is made again without its finalizer"),
    pytest.param(exported, takes_no_traffic, id="the weight is 0"),
    pytest.param(exported, has_a_typo, id="the weight has a typo"),
    pytest.param(exported, gets_a_label, id="an override asks for a label"),
    pytest.param(has_a_label, loses_its_label, id="the override goes"),
    pytest.param(has_a_label, vanishes_on_the_hub, id="the export vanishes on the hub"),
    pytest.param(exported, loses_its_address, id="the public IP goes"),
    pytest.param(exported, definition_goes, id="the definition goes"),
    pytest.param(two_of_one_name, the_first_goes, id="a name becomes free"),
]


def the_hub_acts(world: World) -> None:
    """It holds every export, and lets go what is deleted."""
    for offer in world.hub.all:
        if offer.metadata.is_deleting:
            world.hub.remove(Offer, offer.metadata.key)
        elif EXPORT_FINALIZER not in offer.metadata.finalizers:
            world.hub.mark(offer.metadata.key, finalizers=(EXPORT_FINALIZER,))


async def settled(alone: Alone, world: World) -> None:
    """Reconcile every key until nothing more is asked for."""
    for _ in range(6):
        for key in KEYS:
            try:
                await alone.reconcile(key)
            except FleetDNSError:
                continue
        the_hub_acts(world)
        await asyncio.sleep(70)


async def started(before: Story) -> tuple[World, Alone]:
    """A world in which everything before the story is true, and the agent that runs now."""
    world = World()
    before(world)
    await settled(Alone(world), world)
    return world, Alone(world)


async def told(before: Story, story: Story) -> object:
    """What comes of the story without a cut."""
    world, alone = await started(before)
    story(world)
    await settled(alone, world)
    return facts(world)


def facts(world: World) -> object:
    """Everything that has to come out the same, however it was reached."""
    exports = [world.cluster.get(ServiceExport, key) for key in KEYS]
    services = [world.cluster.get(Service, key) for key in KEYS]
    return (
        [(offer.metadata.name, _spec(offer), offer.metadata.annotations) for offer in world.hub.all],
        [(e.metadata.finalizers, [(c.type, c.status, c.message) for c in e.status.conditions]) for e in exports if e],
        [s.metadata.annotations for s in services if s],
    )


def _spec(offer: Offer) -> object:
    reference = msgspec.structs.replace(offer.spec.service_reference, resource_version="", generation=0)
    return msgspec.structs.replace(offer.spec, service_reference=reference)


@pytest.mark.parametrize("dies", [False, True], ids=["the same process runs again", "another process takes over"])
@pytest.mark.parametrize(("before", "story"), STORIES)
async def test_cut_at_any_await_and_run_again_it_converges(before: Story, story: Story, dies: bool) -> None:
    expected = await told(before, story)
    cuts = 0
    for waits in range(200):
        world, alone = await started(before)
        story(world)
        key = ONE if story is the_first_goes else KEY
        try:
            await CutAfter(alone.reconcile(key), waits)
        except Cut:
            cuts += 1
        else:
            break
        await settled(Alone(world) if dies else alone, world)
        assert facts(world) == expected, f"after a cut at wait {waits}"
    assert cuts > 0


@pytest.mark.parametrize("is_after_it_took_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("before", "story"), STORIES)
async def test_any_one_call_that_fails_before_or_after_it_took_effect_is_made_good(
    before: Story, story: Story, is_after_it_took_effect: bool
) -> None:
    expected = await told(before, story)
    for verb in ("create", "patch", "delete", "read", "patch_status", "set_finalizers", "claim_annotations", "leaving"):
        world, alone = await started(before)
        story(world)
        for server in (world.hub, world.cluster):
            if is_after_it_took_effect:
                server.lose_answer(verb)
            else:
                server.fail(verb, Transient("Timeout", "no answer"))
        await settled(alone, world)
        assert facts(world) == expected, verb


@pytest.mark.parametrize(("before", "story"), STORIES)
async def test_a_list_of_public_ips_that_fails_once_is_made_good(before: Story, story: Story) -> None:
    expected = await told(before, story)
    world, alone = await started(before)
    story(world)
    world.azure.faults = [Transient("Timeout", "no answer")]
    await settled(alone, world)
    assert facts(world) == expected


async def test_no_cut_leaves_an_export_on_the_hub_that_nobody_would_take_along() -> None:
    for waits in range(200):
        world, alone = await started(nothing)
        exported(world)
        try:
            await CutAfter(alone.reconcile(KEY), waits)
        except Cut:
            if world.hub.all:
                assert SERVICE_EXPORT_FINALIZER in world.export().metadata.finalizers
        else:
            assert world.hub.all
            return
    raise AssertionError("it never ends")


async def test_no_cut_lets_a_service_export_go_before_its_export_was_told_to() -> None:
    for waits in range(200):
        world, alone = await started(exported)
        export_goes(world)
        try:
            await CutAfter(alone.reconcile(KEY), waits)
        except Cut:
            if not world.cluster.holds(ServiceExport, KEY):
                assert [offer.metadata.is_deleting for offer in world.hub.all] in ([], [True])
        else:
            return
    raise AssertionError("it never ends")


async def test_no_cut_deletes_an_export_that_is_not_marked_as_meant() -> None:
    for waits in range(200):
        world, alone = await started(exported)
        takes_no_traffic(world)
        try:
            await CutAfter(alone.reconcile(KEY), waits)
        except Cut:
            for offer in world.hub.all:
                assert not offer.metadata.is_deleting or "fleetdns.io/withdrawn" in offer.metadata.annotations
        else:
            return
    raise AssertionError("it never ends")
