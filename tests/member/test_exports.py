"""A Service's way to the hub and back off it, told in the order of the rules."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition
from fleetdns.api.exports import CONFLICT, EXPORT_FINALIZER, OVERRIDE_WEIGHT, PENDING_CONFLICT, WITHDRAWN, ServicePort
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import INTERNAL_ANNOTATION, SERVICE_EXPORT_FINALIZER, ServiceExport
from fleetdns.core.offer import INVALID_WEIGHT, SERVICE_INELIGIBLE, SERVICE_IS_VALID, SERVICE_NOT_FOUND
from tests.core.builders import NAMESPACE, uid_of
from tests.core.memberbuilders import GROUP, make_ip, make_offer, make_service
from tests.member.world import KEY, OFFER, World

pytestmark = pytest.mark.looptime

NO_CONFLICT = Condition(CONFLICT, FALSE, "NoConflictFound", "all clusters agree", 1, "2026-01-01T00:00:00Z")


async def test_a_service_that_is_exported_arrives_on_the_hub_with_everything_the_hub_has_to_know() -> None:
    world = World(delay=0.1)
    async with world.exporting(weight="50"):
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


async def test_a_public_ip_of_a_service_that_nobody_exports_wakes_nobody() -> None:
    world = World(delay=0.1)
    async with world.exporting() as told:
        world.expose("unexported", address="20.0.0.2")
        await asyncio.sleep(100)
        world.azure.put(make_ip("20.0.0.2", label="another"), group=GROUP)
        await asyncio.sleep(100)
        assert {run.key for run in told.runs} == {KEY}


async def test_a_service_that_changes_is_brought_up_to_date_with_one_write() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        before, offer = len(world.hub.writes), world.offer()
        world.expose(ports=(ServicePort(443, app_protocol="https", target_port="tls"),))
        await asyncio.sleep(5)
        after = world.offer()
        assert offer is not None
        assert after is not None
        assert after.spec.ports == (ServicePort(443, app_protocol="https", target_port="tls"),)
        assert after.spec.service_reference.exported_since == offer.spec.service_reference.exported_since
        assert world.hub.writes[before:] == [f"patch internalserviceexports {OFFER}"]


async def test_a_service_made_again_at_once_replaces_its_export_which_the_hub_lets_go_in_its_own_time() -> None:
    world = World(delay=0.1)
    async with world.exporting() as told:
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


async def test_a_weight_comes_and_goes_and_a_typo_cuts_no_traffic() -> None:
    world = World(delay=0.1)
    async with world.exporting():
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
    async with world.exporting(weight="5"):
        world.hub.instruct(OFFER, {OVERRIDE_WEIGHT: "0"})
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.weight == 0
        assert world.valid() == (TRUE, SERVICE_IS_VALID)
        world.hub.instruct(OFFER, {OVERRIDE_WEIGHT: None})
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.weight == 5


async def test_a_service_that_becomes_ineligible_or_internal() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        world.expose(annotations={INTERNAL_ANNOTATION: "true"})
        await asyncio.sleep(5)
        internal = world.hub.held(OFFER).spec
        assert (internal.is_internal_load_balancer, internal.public_ip_resource_id) == (True, None)
        world.cluster.apply(make_service(service_type="ExternalName"))
        await asyncio.sleep(5)
        assert world.offer() is None
        assert world.valid() == (FALSE, SERVICE_INELIGIBLE)


async def test_exported_since_survives_restarts() -> None:
    world = World(delay=0.1)
    async with world.exporting():
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
    async with world.exporting():
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
