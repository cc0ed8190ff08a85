"""A Service's way to the hub and back off it, told in the order of the rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition
from fleetdns.api.exports import (
    AZURE_MESSAGE,
    CONFLICT,
    EXPORT_FINALIZER,
    OVERRIDE_WEIGHT,
    WITHDRAWN,
    ServicePort,
)
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import INTERNAL_ANNOTATION, SERVICE_EXPORT_FINALIZER, Service, ServiceExport
from fleetdns.core.offer import (
    INVALID_WEIGHT,
    PENDING_CONFLICT,
    SERVICE_INELIGIBLE,
    SERVICE_IS_VALID,
    SERVICE_NOT_FOUND,
    VALID,
)
from fleetdns.errors import Forbidden, Rejected
from tests.controllers.fake_hub import Stored
from tests.core.builders import NAMESPACE, uid_of
from tests.core.memberbuilders import MEMBER, make_ip, make_offer, make_service
from tests.member.world import KEY, OFFER, Alone, World

pytestmark = pytest.mark.looptime

NO_CONFLICT = Condition(CONFLICT, FALSE, "NoConflictFound", "all clusters agree", 1, "2026-01-01T00:00:00Z")


async def test_a_service_that_is_exported_arrives_on_the_hub_with_everything_the_hub_has_to_know() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask(weight="50")
        await asyncio.sleep(5)
        offer = world.offer()
        assert offer is not None
        expected = make_offer(
            exported_since=offer.spec.service_reference.exported_since, weight=50, target=make_ip().id
        )
        reference, wanted = offer.spec.service_reference, expected.spec.service_reference
        assert (reference.uid, reference.cluster_id, reference.namespaced_name) == (
            wanted.uid,
            wanted.cluster_id,
            wanted.namespaced_name,
        )
        assert offer.spec.ports == expected.spec.ports
        assert (offer.spec.weight, offer.spec.public_ip_resource_id, offer.spec.is_dns_label_configured) == (
            50,
            make_ip().id,
            True,
        )
        assert world.export().metadata.finalizers == (SERVICE_EXPORT_FINALIZER,)
        assert world.valid() == (TRUE, SERVICE_IS_VALID)
        assert world.conflict() == (UNKNOWN, PENDING_CONFLICT)
        world.hub.judge(OFFER, NO_CONFLICT)
        await asyncio.sleep(5)
        assert world.conflict() == (FALSE, "NoConflictFound")
        assert world.reasons() == [SERVICE_IS_VALID]


async def test_the_order_in_which_service_and_export_come_does_not_matter() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.ask()
        await asyncio.sleep(5)
        assert world.valid() == (FALSE, SERVICE_NOT_FOUND)
        assert world.offer() is None
        assert world.export().metadata.finalizers == ()
        world.expose()
        await asyncio.sleep(5)
        assert world.offer() is not None
        assert world.valid() == (TRUE, SERVICE_IS_VALID)


async def test_a_service_that_nobody_exports_is_nobodys_business() -> None:
    world = World()
    async with world.running() as told:
        world.expose()
        await asyncio.sleep(100)
        assert world.hub.writes + world.cluster.writes == []
        assert world.azure.calls == []
        assert told.runs == []


async def test_a_service_that_changes_is_brought_up_to_date_with_one_write() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        before, offer = len(world.hub.writes), world.offer()
        world.expose(ports=(ServicePort(443, app_protocol="https", target_port="tls"),))
        await asyncio.sleep(5)
        after = world.offer()
        assert offer is not None
        assert after is not None
        assert after.spec.ports == (ServicePort(443, app_protocol="https", target_port="tls"),)
        assert after.spec.service_reference.exported_since == offer.spec.service_reference.exported_since
        assert world.hub.writes[before:] == [f"patch internalserviceexports {OFFER}"]


@pytest.mark.parametrize("hub_holds", [False, True], ids=["the hub lets go at once", "the hub holds it a while"])
async def test_a_service_that_is_deleted_is_withdrawn_and_the_hub_is_told_that_it_was_meant(hub_holds: bool) -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        if hub_holds:
            world.hub.mark(OFFER, finalizers=(EXPORT_FINALIZER,))
        await asyncio.sleep(5)
        before = len(world.hub.writes)
        world.cluster.delete(Service, KEY)
        await asyncio.sleep(5)
        assert world.hub.writes[before:] == [
            f"patch internalserviceexports {OFFER}",
            f"delete internalserviceexports {OFFER}",
        ]
        assert world.valid() == (FALSE, SERVICE_NOT_FOUND)
        assert world.conflict() == ("", "")
        if hub_holds:
            going = world.hub.held(OFFER)
            assert going.metadata.is_deleting
            assert going.metadata.annotations[WITHDRAWN] == "true"
            assert world.export().metadata.finalizers == (SERVICE_EXPORT_FINALIZER,)
            world.hub.remove(Offer, OFFER)
            await asyncio.sleep(5)
        assert world.offer() is None
        assert world.export().metadata.finalizers == (), "nothing is left that it would have to take along"


async def test_a_service_made_again_at_once_replaces_its_export_which_the_hub_lets_go_in_its_own_time() -> None:
    world = World(delay=0.1)
    async with world.running() as told:
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        world.hub.mark(OFFER, finalizers=(EXPORT_FINALIZER,))
        await asyncio.sleep(5)
        since = world.hub.held(OFFER).spec.service_reference.exported_since
        looks, before = len(told.runs), len(world.hub.writes)
        world.cluster.remake(world.service(), uid_of("made again"))
        await asyncio.sleep(600)
        going = world.hub.held(OFFER)
        assert going.metadata.is_deleting
        assert WITHDRAWN not in going.metadata.annotations, "nobody meant the traffic to go"
        assert world.hub.writes[before:] == [f"delete internalserviceexports {OFFER}"]
        assert world.valid() == (TRUE, SERVICE_IS_VALID)
        assert len(told.runs) - looks < 10, "it waits for the hub, and does not ask it again and again"
        world.hub.remove(Offer, OFFER)
        await asyncio.sleep(5)
        made = world.hub.held(OFFER).spec.service_reference
        assert made.uid == uid_of("made again")
        assert made.exported_since > since


async def test_a_service_export_that_is_deleted_takes_its_export_along_and_only_then_goes() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        before = len(world.hub.writes)
        world.cluster.delete(ServiceExport, KEY)
        await asyncio.sleep(5)
        assert world.hub.writes[before:] == [
            f"patch internalserviceexports {OFFER}",
            f"delete internalserviceexports {OFFER}",
        ]
        assert world.offer() is None
        assert not world.cluster.holds(ServiceExport, KEY)
        assert world.cluster.holds(Service, KEY)


async def test_a_service_export_deleted_before_the_hub_showed_what_was_written_leaves_nothing_behind() -> None:
    world = World(hub_delay=3.0)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(4)
        assert world.offer() is not None
        world.cluster.delete(ServiceExport, KEY)
        await asyncio.sleep(60)
        assert world.offer() is None
        assert not world.cluster.holds(ServiceExport, KEY)


async def test_a_service_export_that_nothing_was_written_for_can_be_deleted_without_an_agent() -> None:
    world = World()
    world.ask("no-service")
    world.ask("bad-weight", weight="ten")
    world.ask("weight-0", weight="0")
    for name in ("bad-weight", "weight-0"):
        world.expose(name)
    async with world.running():
        await asyncio.sleep(30)
    for name in ("no-service", "bad-weight", "weight-0"):
        world.cluster.delete(ServiceExport, ObjectKey(NAMESPACE, name))
        assert not world.cluster.holds(ServiceExport, ObjectKey(NAMESPACE, name))


async def test_one_that_was_withdrawn_can_be_deleted_without_an_agent_too() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        world.weigh("0")
        await asyncio.sleep(5)
        assert world.offer() is None
        assert world.valid() == (TRUE, SERVICE_IS_VALID)
        assert world.conflict() == ("", "")
    world.cluster.delete(ServiceExport, KEY)
    assert not world.cluster.holds(ServiceExport, KEY)


async def test_a_weight_comes_and_goes_and_a_typo_cuts_no_traffic() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        since = world.hub.held(OFFER).spec.service_reference.exported_since
        world.weigh("200")
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.weight == 200
        for text in ("2OO", "20O"):
            world.weigh(text)
            await asyncio.sleep(5)
            assert world.hub.held(OFFER).spec.weight == 200
            assert world.valid() == (FALSE, INVALID_WEIGHT)
            assert text in world.message()
        world.weigh("0")
        await asyncio.sleep(5)
        assert world.offer() is None
        world.weigh("7")
        await asyncio.sleep(5)
        again = world.hub.held(OFFER)
        assert again.spec.weight == 7
        assert again.spec.service_reference.exported_since == since
        world.weigh(None)
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.weight == 1


async def test_an_override_of_0_keeps_the_export_and_its_end_brings_the_weight_back() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask(weight="5")
        await asyncio.sleep(5)
        world.hub.instruct(OFFER, {OVERRIDE_WEIGHT: "0"})
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.weight == 0
        assert world.valid() == (TRUE, SERVICE_IS_VALID)
        world.hub.instruct(OFFER, {OVERRIDE_WEIGHT: None})
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.weight == 5


async def test_a_service_that_becomes_ineligible_or_internal() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        world.expose(annotations={INTERNAL_ANNOTATION: "true"})
        await asyncio.sleep(5)
        internal = world.hub.held(OFFER).spec
        assert (internal.is_internal_load_balancer, internal.public_ip_resource_id) == (True, None)
        world.cluster.apply(make_service(service_type="ExternalName"))
        await asyncio.sleep(5)
        assert world.offer() is None
        assert world.valid() == (FALSE, SERVICE_INELIGIBLE)


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


async def test_the_other_of_two_services_of_one_name_that_goes_takes_nothing_of_the_first_along() -> None:
    world, one, other = World(delay=0.1), ObjectKey("a-b", "c"), ObjectKey("a", "b-c")
    async with world.running():
        for key in (one, other):
            world.expose(key.name, namespace=key.namespace)
            world.ask(key.name, namespace=key.namespace)
            await asyncio.sleep(5)
        before = len(world.hub.writes)
        world.cluster.delete(Service, other)
        world.cluster.delete(ServiceExport, other)
        await asyncio.sleep(5)
        assert world.hub.writes[before:] == []
        assert not world.cluster.holds(ServiceExport, other)


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
    async with world.running():
        await asyncio.sleep(5)
        if how == "deleted":
            world.cluster.delete(ServiceExport, other)
        else:
            world.weigh("0", other)
        await asyncio.sleep(5)
        assert world.hub.held(MEMBER.offer_key(one)).service_key == one
        assert not world.hub.held(MEMBER.offer_key(one)).metadata.is_deleting
        assert not (how == "deleted" and world.cluster.holds(ServiceExport, other))


async def test_an_export_that_goes_is_not_touched_any_more_and_made_anew_when_it_is_gone() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        world.hub.mark(OFFER, finalizers=(EXPORT_FINALIZER,))
        world.weigh("0")
        await asyncio.sleep(5)
        before = len(world.hub.writes)
        world.weigh("5")
        await asyncio.sleep(600)
        assert world.hub.held(OFFER).metadata.annotations[WITHDRAWN] == "true"
        assert world.hub.writes[before:] == []
        world.hub.remove(Offer, OFFER)
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.weight == 5
        assert WITHDRAWN not in world.hub.held(OFFER).metadata.annotations


async def test_what_somebody_edits_on_the_hub_by_hand_is_put_back() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask(weight="5")
        await asyncio.sleep(5)
        spec = world.hub.held(OFFER).spec
        world.hub.respecify(OFFER, weight=900, public_ip_resource_id=make_ip("20.0.0.9").id, ports=(ServicePort(1),))
        world.hub.instruct(OFFER, {WITHDRAWN: "true", AZURE_MESSAGE: "nonsense", "example.com/note": "theirs"})
        await asyncio.sleep(5)
        held = world.hub.held(OFFER)
        assert held.spec == spec
        assert held.metadata.annotations == {"example.com/note": "theirs"}


async def test_what_somebody_deletes_on_the_hub_by_hand_is_made_again_as_old_as_it_was() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        since = world.hub.held(OFFER).spec.service_reference.exported_since
        await asyncio.sleep(600)
        world.hub.remove(Offer, OFFER)
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.service_reference.exported_since == since


async def test_exported_since_survives_restarts() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
    since = world.hub.held(OFFER).spec.service_reference.exported_since
    await asyncio.sleep(600)
    world.expose(ports=(ServicePort(81),))
    async with world.running():
        await asyncio.sleep(5)
        held = world.hub.held(OFFER)
        assert held.spec.ports == (ServicePort(81),)
        assert held.spec.service_reference.exported_since == since


async def test_a_restart_with_nothing_to_do_writes_nothing() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        world.hub.judge(OFFER, NO_CONFLICT)
        await asyncio.sleep(5)
    before = len(world.hub.writes), len(world.cluster.writes), len(world.cluster.events)
    async with world.running():
        await asyncio.sleep(600)
    assert (len(world.hub.writes), len(world.cluster.writes), len(world.cluster.events)) == before


async def test_what_happened_while_no_agent_ran_is_made_good() -> None:
    world = World(delay=0.1)
    for name in ("goes", "changes", "stays"):
        world.expose(name)
        world.ask(name)
    async with world.running():
        await asyncio.sleep(10)
        assert len(world.hub.all) == 3
    world.cluster.delete(ServiceExport, ObjectKey(NAMESPACE, "goes"))
    world.expose("changes", ports=(ServicePort(81),))
    world.expose("comes")
    world.ask("comes")
    async with world.running():
        await asyncio.sleep(10)
        assert [offer.service_key.name for offer in world.hub.all] == ["changes", "comes", "stays"]
        assert world.hub.all[0].spec.ports == (ServicePort(81),)


async def test_a_definition_that_is_deleted_leaves_the_exports_on_the_hub() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        world.cluster.leaving_kinds.add("serviceexports")
        world.cluster.delete(ServiceExport, KEY)
        await asyncio.sleep(5)
        assert not world.cluster.holds(ServiceExport, KEY)
        held = world.hub.held(OFFER)
        assert not held.metadata.is_deleting
        assert WITHDRAWN not in held.metadata.annotations


@pytest.mark.parametrize("kind", ["the ServiceExport", "the Service", "the export on the hub"])
async def test_nothing_is_decided_about_what_cannot_be_read_until_it_can(kind: str) -> None:
    world = World(delay=0.1)
    async with world.running() as told:
        world.expose()
        world.ask()
        await asyncio.sleep(5)
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


async def test_a_service_export_can_be_deleted_while_its_service_cannot_be_read() -> None:
    world = World(delay=0.1)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(5)
        world.cluster.garble(world.service())
        world.cluster.delete(ServiceExport, KEY)
        await asyncio.sleep(60)
        assert world.offer() is None
        assert not world.cluster.holds(ServiceExport, KEY)


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
    world.expose()
    world.ask(weight="7")
    alone = Alone(world)
    running = asyncio.create_task(alone.reconcile(KEY))
    await asyncio.sleep(1)
    world.cluster.remake(world.export(), uid_of("made again"))
    await asyncio.wait([running])
    assert world.valid() == ("", "")
    await alone.reconcile(KEY)
    assert world.valid() == (TRUE, SERVICE_IS_VALID)
