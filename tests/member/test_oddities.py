"""Two Services of one name, hands on the hub, objects that cannot be read, and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition
from fleetdns.api.exports import AZURE_MESSAGE, CONFLICT, PENDING_CONFLICT, WITHDRAWN, ServicePort
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import SERVICE_EXPORT_FINALIZER, ServiceExport
from fleetdns.core.offer import SERVICE_INELIGIBLE, SERVICE_IS_VALID, VALID
from fleetdns.errors import Forbidden, Rejected
from tests.controllers.fake_hub import Stored
from tests.core.builders import uid_of
from tests.core.memberbuilders import MEMBER, make_ip, make_offer
from tests.member.world import KEY, OFFER, Alone, World

pytestmark = pytest.mark.looptime

NO_CONFLICT = Condition(CONFLICT, FALSE, "NoConflictFound", "all clusters agree", 1, "2026-01-01T00:00:00Z")


async def test_exported_since_is_remembered_while_the_service_export_cannot_be_read() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        since = world.hub.held(OFFER).spec.service_reference.exported_since
        export = world.export()
        world.cluster.garble(export)
        await asyncio.sleep(5)
        world.hub.remove(Offer, OFFER)
        await asyncio.sleep(5)
        world.cluster.mend(export)
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.service_reference.exported_since == since


async def test_of_two_services_of_one_name_the_first_has_it_until_it_goes() -> None:
    world, one, other = World(delay=0.1), ObjectKey("a-b", "c"), ObjectKey("a", "b-c")
    async with world.running() as told:
        for key in (one, other):
            world.expose(key.name, namespace=key.namespace)
            world.ask(key.name, namespace=key.namespace)
            await asyncio.sleep(5)
        assert MEMBER.offer_key(one) == MEMBER.offer_key(other)
        assert world.hub.held(MEMBER.offer_key(one)).service_key == one
        assert world.valid(one) == (TRUE, SERVICE_IS_VALID)
        assert world.valid(other) == (FALSE, SERVICE_INELIGIBLE)
        assert "a-b/c" in world.message(VALID, other)
        assert world.export(other).metadata.finalizers == ()
        looks = len(told.runs)
        await asyncio.sleep(600)
        assert len(told.runs) == looks
        world.cluster.delete(ServiceExport, one)
        await asyncio.sleep(5)
        assert world.hub.held(MEMBER.offer_key(one)).service_key == other
        assert world.valid(other) == (TRUE, SERVICE_IS_VALID)


@pytest.mark.parametrize("how", ["deleted", "of weight 0"])
async def test_one_that_had_the_name_before_the_other_leaves_it_alone_now(how: str) -> None:
    world, one, other = World(delay=0.1), ObjectKey("a-b", "c"), ObjectKey("a", "b-c")
    for key in (one, other):
        world.expose(key.name, namespace=key.namespace)
    world.ask(other.name, namespace=other.namespace)
    async with world.running():
        await asyncio.sleep(5)
    world.hub.remove(Offer, MEMBER.offer_key(other))
    world.ask(one.name, namespace=one.namespace)
    world.hub.apply(make_offer(one.name, namespace=one.namespace))
    assert SERVICE_EXPORT_FINALIZER in world.export(other).metadata.finalizers
    before = len(world.hub.writes)
    async with world.running():
        await asyncio.sleep(5)
        if how == "deleted":
            world.cluster.delete(ServiceExport, other)
        else:
            world.weigh("0", other)
        await asyncio.sleep(5)
        assert world.hub.held(MEMBER.offer_key(one)).service_key == one
        assert [write for write in world.hub.writes[before:] if write.startswith("delete")] == []
        assert not (how == "deleted" and world.cluster.holds(ServiceExport, other))


async def test_what_somebody_edits_on_the_hub_by_hand_is_put_back() -> None:
    world = World(delay=0.1)
    async with world.exporting(weight="5"):
        spec = world.hub.held(OFFER).spec
        world.hub.respecify(OFFER, weight=900, public_ip_resource_id=make_ip("20.0.0.9").id, ports=(ServicePort(1),))
        world.hub.instruct(OFFER, {WITHDRAWN: "true", AZURE_MESSAGE: "nonsense", "example.com/note": "theirs"})
        await asyncio.sleep(5)
        held = world.hub.held(OFFER)
        assert held.spec == spec
        assert held.metadata.annotations == {"example.com/note": "theirs"}


async def test_what_somebody_deletes_on_the_hub_by_hand_is_made_again_as_old_as_it_was() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        since = world.hub.held(OFFER).spec.service_reference.exported_since
        await asyncio.sleep(600)
        world.hub.remove(Offer, OFFER)
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.service_reference.exported_since == since


@pytest.mark.parametrize("kind", ["the ServiceExport", "the Service", "the export on the hub"])
async def test_nothing_is_decided_about_what_cannot_be_read_until_it_can(kind: str) -> None:
    world = World(delay=0.1)
    async with world.exporting() as told:
        before = len(world.hub.writes)
        server = world.hub if kind == "the export on the hub" else world.cluster
        found: dict[str, Callable[[], Stored]] = {"the ServiceExport": world.export, "the Service": world.service}
        obj: Stored = found[kind]() if kind in found else world.hub.held(OFFER)
        server.garble(obj)
        await asyncio.sleep(5)
        world.weigh("9") if kind != "the ServiceExport" else world.expose(ports=(ServicePort(81),))
        await asyncio.sleep(600)
        assert world.hub.writes[before:] == []
        assert len(told.runs) < 20
        server.mend(obj)
        await asyncio.sleep(5)
        spec = world.hub.held(OFFER).spec
        assert (spec.weight, spec.ports) != (1, make_offer().spec.ports)


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(Rejected("Invalid", "spec.ports: too many"), id="content"),
        pytest.param(Forbidden("Forbidden", "cannot create"), id="rights"),
    ],
)
async def test_what_the_hub_refuses_is_told_slowly_tried_again_and_heals(refusal: Rejected | Forbidden) -> None:
    world = World(delay=0.1)
    world.hub.fail("create", refusal, times=5)
    async with world.running() as told:
        world.expose()
        world.ask()
        await asyncio.sleep(10)
        assert world.conflict() == (UNKNOWN, PENDING_CONFLICT)
        assert refusal.sentence in world.message(CONFLICT)
        assert ("docs/member.md" in world.message(CONFLICT)) == isinstance(refusal, Forbidden), "what to do about it"
        await asyncio.sleep(600)
        assert world.offer() is not None
        assert refusal.sentence not in world.message(CONFLICT)
        assert len(told.runs) < 20


async def test_a_namespace_that_is_not_on_the_hub_is_named_and_waited_for() -> None:
    world = World(delay=0.1)
    world.hub.namespaces = set()
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(10)
        assert OFFER.namespace in world.message(CONFLICT)
        world.hub.namespaces = None
        await asyncio.sleep(200)
        assert world.offer() is not None


async def test_what_the_own_cluster_refuses_is_not_said_of_the_hub() -> None:
    world = World(delay=0.1)
    world.cluster.fail("set_finalizers", Forbidden("Forbidden", "no finalizers for you"), times=100)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(600)
        assert "hub" not in world.message(CONFLICT)
        assert world.offer() is None, "whoever deletes the ServiceExport could not take it along"


async def test_a_service_export_made_again_while_azure_was_asked_is_told_nothing_of_the_former() -> None:
    world = World(latency=5.0)
    world.expose(in_azure=False)
    world.ask()
    alone = Alone(world)
    await alone.reconcile(KEY)
    await asyncio.sleep(70)
    world.hub.judge(OFFER, NO_CONFLICT)
    running = asyncio.create_task(alone.reconcile(KEY))
    await asyncio.sleep(1)
    world.cluster.remake(world.export(), uid_of("made again"))
    await running
    assert world.conflict() == (UNKNOWN, PENDING_CONFLICT)
    await alone.reconcile(KEY)
    assert world.conflict() == (FALSE, "NoConflictFound")
