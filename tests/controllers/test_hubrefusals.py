"""One object that the hub does not let fleetdns write (an admission policy, an older schema) holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import structs

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.trafficmanager import DEGRADED, ONLINE
from fleetdns.errors import FleetDNSError, Forbidden, Rejected, Transient
from tests.controllers.fake_hub import FakeHub, Written
from tests.controllers.world import PROFILE_KEY, SWEEP, World, condition, export_key, with_finalizer
from tests.core.builders import NAMESPACE, PROFILE, make_backend, make_export, make_profile

pytestmark = pytest.mark.looptime

SAYS_NO = Rejected("Invalid", "an admission policy says no")
FORBIDS = Forbidden("Forbidden", "an admission policy forbids it")
BREAKS = Transient("InternalError", "failed calling webhook")
SERVICES = ("s0", "s1", "s2")


class Picky(FakeHub):
    """Takes no status, or no finalizers, of the profiles and backends with some names."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[tuple[str, str], FleetDNSError] = {}  # by verb and name
        self.refusals = 0

    def _judge(self, verb: str, obj: Written) -> None:
        error = self.refused.get((verb, obj.metadata.name))
        if error is not None and isinstance(obj, TrafficManagerProfile | TrafficManagerBackend):
            self.refusals += 1
            raise error.again()

    async def patch_status(self, obj: Written, patch: Mapping[str, Any]) -> None:
        self._judge("patch_status", obj)
        await super().patch_status(obj, patch)

    async def set_finalizers(self, obj: Written, finalizers: tuple[str, ...]) -> None:
        self._judge("set_finalizers", obj)
        await super().set_finalizers(obj, finalizers)


class PickyWorld(World):
    """One profile with three backends, each with one endpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.hub: Picky = Picky()

    def roll_out(self) -> None:
        backends = (make_backend(name) for name in SERVICES)
        self.hub.apply(make_profile(), *backends, *(make_export("a", service=name) for name in SERVICES))

    def turn(self, service: str, state: str) -> None:
        """The probes of a service's endpoint find something."""
        found = next(e for e in self.azure.only.endpoints if e.owner is not None and e.owner.service == service)
        self.azure.tamper_endpoint(found.name, lambda endpoint: structs.replace(endpoint, monitor_status=state))

    def told(self, name: str) -> list[str]:
        """The reasons of the events about a backend's health."""
        events = [event.reason for key, event in self.hub.events if key == ObjectKey(NAMESPACE, name)]
        return [reason for reason in events if reason.startswith("Endpoints")]


@pytest.mark.parametrize("error", [SAYS_NO, FORBIDS, BREAKS], ids=["rejects", "forbids", "breaks"])
@pytest.mark.parametrize("name", [PROFILE, "s0"], ids=["profile", "backend"])
async def test_a_status_that_the_hub_refuses_keeps_no_other_from_being_told_and_no_backend_from_going(
    name: str, error: FleetDNSError
) -> None:
    world = PickyWorld()
    world.hub.refused["patch_status", name] = error
    async with world.running():
        world.roll_out()
        await asyncio.sleep(100)
        assert world.endpoints() == {(service, "a") for service in SERVICES}
        assert {world.accepted(service) for service in ("s1", "s2")} == {("True", "Accepted")}
        world.hub.delete(TrafficManagerBackend, ObjectKey(NAMESPACE, "s2"))
        await asyncio.sleep(300)
        assert world.hub.get(TrafficManagerBackend, ObjectKey(NAMESPACE, "s2")) is None
        assert world.hub.refusals > 1

        world.hub.refused.clear()
        await asyncio.sleep(200)
        assert world.programmed() == ("True", "Programmed")
        assert world.accepted("s0") == ("True", "Accepted")


async def test_a_status_that_the_hub_refuses_for_ever_is_tried_slowly() -> None:
    world = PickyWorld()
    world.hub.refused["patch_status", "s0"] = SAYS_NO
    async with world.running():
        world.roll_out()
        await asyncio.sleep(3600)
        assert world.hub.refusals < 60
        assert world.azure.writes() == ["put_profile"]


async def test_what_is_due_soon_does_not_wait_for_the_next_try_of_a_status_that_is_refused() -> None:
    world = PickyWorld()
    world.hub.refused["patch_status", "s0"] = SAYS_NO
    async with world.running():
        world.roll_out()
        await asyncio.sleep(600)
        world.lose("a", service="s1")
        await asyncio.sleep(5)
        assert world.endpoints() == {("s0", "a"), ("s2", "a")}


async def test_the_health_of_the_others_is_told_each_time_that_it_turns() -> None:
    world = PickyWorld()
    async with world.running():
        world.roll_out()
        await asyncio.sleep(10)
        world.hub.refused["patch_status", "s0"] = SAYS_NO
        for state in (DEGRADED, ONLINE, DEGRADED):
            for service in SERVICES:
                world.turn(service, state)
            await asyncio.sleep(5 * SWEEP)

        turns = ["EndpointsDegraded", "EndpointsRecovered", "EndpointsDegraded"]
        assert (world.told("s1"), world.told("s2")) == (turns, turns)


@pytest.mark.parametrize("error", [SAYS_NO, FORBIDS], ids=["rejects", "forbids"])
async def test_a_backend_whose_finalizer_the_hub_refuses_has_no_endpoint_and_says_why(error: FleetDNSError) -> None:
    world = PickyWorld()
    world.hub.refused["set_finalizers", "s0"] = error
    async with world.running():
        world.roll_out()
        await asyncio.sleep(60)
        assert world.endpoints() == {("s1", "a"), ("s2", "a")}
        assert world.programmed() == ("True", "Programmed")
        assert world.accepted("s1") == ("True", "Accepted")
        assert world.accepted("s0") == ("Unknown", "Pending")
        message = condition(world.backend_status("s0").conditions, "Accepted").message
        assert "the hub does not take the finalizer on this object" in message
        assert error.sentence in message
        assert "AzureAPIError" not in world.reasons()

        world.hub.refused.clear()
        await asyncio.sleep(200)
        assert world.endpoints() == {(service, "a") for service in SERVICES}
        assert world.backend("s0").metadata.finalizers
        assert world.accepted("s0") == ("True", "Accepted")


async def test_a_profile_whose_finalizer_the_hub_refuses_is_not_made_and_all_its_objects_say_why() -> None:
    world = PickyWorld()
    world.hub.refused["set_finalizers", PROFILE] = SAYS_NO
    async with world.running():
        world.roll_out()
        await asyncio.sleep(60)
        assert world.azure.profiles == {}
        assert world.programmed() == ("False", "Invalid")
        told = [condition(world.profile_status().conditions, "Programmed").message]
        told += [condition(world.backend_status(name).conditions, "Accepted").message for name in SERVICES]
        assert all("the hub does not take the finalizer on this object" in message for message in told)
        assert "AzureAPIError" not in world.reasons()

        world.hub.refused.clear()
        await asyncio.sleep(200)
        assert world.programmed() == ("True", "Programmed")
        assert {world.accepted(name) for name in SERVICES} == {("True", "Accepted")}


@pytest.mark.parametrize(("verb", "leaving"), [("patch_status", ("s1",)), ("set_finalizers", ("s0", "s1"))])
async def test_a_profile_goes_although_the_hub_refuses_one_of_its_backends(verb: str, leaving: tuple[str, ...]) -> None:
    world = PickyWorld()
    async with world.running():
        world.roll_out()
        await asyncio.sleep(10)
        world.hub.refused[verb, "s0"] = SAYS_NO
        for name in leaving:
            world.hub.delete(TrafficManagerBackend, ObjectKey(NAMESPACE, name))
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(120)
        assert world.azure.profiles == {}
        assert world.hub.get(TrafficManagerProfile, PROFILE_KEY) is None
        assert world.hub.get(TrafficManagerBackend, ObjectKey(NAMESPACE, "s1")) is None
        assert world.accepted("s2") == ("False", "Invalid")

        world.hub.refused.clear()
        await asyncio.sleep(200)
        left = world.hub.get(TrafficManagerBackend, ObjectKey(NAMESPACE, "s0"))
        assert left is None if "s0" in leaving else world.accepted("s0") == ("False", "Invalid")


class Holding(FakeHub):
    """Lets no finalizer of cluster a's exports go."""

    async def set_finalizers(self, obj: Written, finalizers: tuple[str, ...]) -> None:
        if obj.metadata.namespace == "fleet-member-a":
            raise SAYS_NO.again()
        await super().set_finalizers(obj, finalizers)


@pytest.mark.parametrize("is_imported", [False, True])
async def test_an_export_that_is_not_let_go_holds_up_no_other_of_its_service(is_imported: bool) -> None:
    world = World()
    world.hub = Holding()
    leaving = [with_finalizer(make_export(cluster)) for cluster in ("a", "c")]
    world.hub.apply(*leaving)
    async with world.running():
        if is_imported:
            world.hub.apply(make_export("b"))
            await asyncio.sleep(5)
        for cluster in ("a", "c"):
            world.hub.delete(InternalServiceExport, export_key(cluster))
        await asyncio.sleep(5)
        world.hub.apply(make_export("d"))
        await asyncio.sleep(60)
        imported = world.service_import()
        assert imported is not None
        assert "d" in [ref.cluster for ref in imported.status.clusters]
        assert condition(world.export("d").status.conditions, "Conflict").status == "False"
        assert not world.hub.holds(InternalServiceExport, export_key("c"))
