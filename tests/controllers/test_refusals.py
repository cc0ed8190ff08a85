"""One bad endpoint, one bad setting, one taken name: what Azure refuses never holds back the rest, and heals."""

from __future__ import annotations

import asyncio
import gc
from itertools import pairwise

import pytest

from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.profile import MonitorConfig
from fleetdns.controllers.run import Run
from fleetdns.errors import Conflict, Rejected
from tests.controllers.world import SWEEP, World, condition, export_key
from tests.core.builders import RESOURCE_GROUP, endpoint_name, make_backend, make_export, make_profile, public_ip

pytestmark = pytest.mark.looptime

REFUSED = Rejected("BadRequest", "That is not valid.")


def spoil(world: World, cluster: str) -> str:
    """Azure refuses the public IP of this cluster from now on."""
    target = public_ip(f"{cluster}-app").lower()
    world.azure.bad_targets.add(target)
    return target


def roll_out(world: World, *clusters: str) -> None:
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in clusters))


async def test_a_new_profile_with_one_bad_endpoint_is_made_empty_first_and_then_filled_with_the_good_ones() -> None:
    world = World()
    world.azure.is_terse = True
    spoil(world, "b")
    async with world.running():
        roll_out(world, "a", "b", "c")
        await asyncio.sleep(5)

        assert world.azure.writes() == ["put_profile", "put_profile", *["put_endpoint"] * 3]
        assert world.weights() == {"a": 33, "c": 33}
        assert world.rejected() == {"b": "AzureRefused"}
        assert world.accepted() == ("False", "Invalid")
        assert world.programmed() == ("True", "Programmed")


async def test_a_bad_endpoint_that_joins_does_not_block_those_that_join_with_it() -> None:
    world = World()
    spoil(world, "b")
    async with world.running():
        roll_out(world, "a")
        await asyncio.sleep(5)
        world.hub.apply(make_export("b"), make_export("c"))
        await asyncio.sleep(5)

        assert world.weights() == {"a": 33, "c": 33}
        assert world.rejected() == {"b": "AzureRefused"}


async def test_later_batches_leave_a_refused_endpoint_out() -> None:
    world = World()
    spoil(world, "b")
    async with world.running():
        roll_out(world, "a", "b", "c")
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.apply(make_export("d"))
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) == ["get", "put_profile"]
        assert world.weights() == {"a": 25, "c": 25, "d": 25}


async def test_a_refused_endpoint_is_tried_alone_more_and_more_slowly_and_heals_when_azure_takes_it() -> None:
    world = World()
    target = spoil(world, "b")
    async with world.running():
        roll_out(world, "a", "b")
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        await asyncio.sleep(600)
        tries = world.azure.times("put_endpoint", since=before)
        assert world.azure.writes(since=before) == ["put_endpoint"] * len(tries)
        assert 5 <= len(tries) <= 9
        assert all(15 <= later - earlier <= 150 for earlier, later in pairwise(tries))
        world.azure.bad_targets.discard(target)
        await asyncio.sleep(150)

        assert world.weights() == {"a": 50, "b": 50}
        assert world.rejected() == {}
        assert world.accepted() == ("True", "Accepted")
        before = len(world.azure.calls)
        await asyncio.sleep(300)
        assert world.azure.writes(since=before) == []
        world.hub.apply(make_export("c"))
        await asyncio.sleep(5)
        assert world.weights() == {"a": 33, "b": 33, "c": 33}
        assert world.azure.writes(since=before) == ["put_profile"]


async def test_after_a_restart_status_tells_which_endpoint_to_leave_out() -> None:
    world = World()
    spoil(world, "b")
    async with world.running():
        roll_out(world, "a", "b")
        await asyncio.sleep(5)
    before = len(world.azure.calls)
    async with world.running():
        world.hub.apply(make_export("c"))
        await asyncio.sleep(10)

        assert sorted(world.azure.writes(since=before)) == ["put_endpoint", "put_profile"]  # one lonely try, one join
        assert world.weights() == {"a": 33, "c": 33}


async def test_a_refused_setting_does_not_keep_clusters_from_joining() -> None:
    world = World()
    async with world.running():
        roll_out(world, "a")
        await asyncio.sleep(5)
        world.azure.fail(("patch_profile", "put_profile"), REFUSED, times=100)
        world.hub.apply(make_profile(monitor=MonitorConfig(30, 10, 3, "HTTP", 8080, "/bad")), make_export("b"))
        await asyncio.sleep(5)
        assert world.weights() == {"a": 50, "b": 50}
        assert world.programmed() == ("False", "Invalid")
        assert "That is not valid." in condition(world.profile_status().conditions, "Programmed").message
        assert world.accepted() == ("True", "Accepted")
        world.azure.heal()
        await asyncio.sleep(150)

        assert world.azure.only.monitor.path == "/bad"
        assert world.programmed() == ("True", "Programmed")


async def test_a_refused_removal_is_tried_again() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_backend("api", weight=50))
        world.hub.apply(make_export("a"), make_export("a", service="api"))
        await asyncio.sleep(5)
        world.azure.fail(("delete_endpoint", "put_profile"), REFUSED, times=3)
        world.hub.apply(make_backend("api", weight=0))
        await asyncio.sleep(200)

        assert len(world.azure.only.endpoints) == 1
        assert world.backend_status("api").endpoints == ()
        assert world.accepted("api") == ("True", "Accepted")


async def test_a_refused_endpoint_that_leaves_is_forgotten() -> None:
    world = World()
    spoil(world, "b")
    async with world.running():
        roll_out(world, "a", "b")
        await asyncio.sleep(5)
        world.hub.delete(InternalServiceExport, export_key("b"))
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        await asyncio.sleep(300)

        assert world.azure.writes(since=before) == []
        assert world.rejected() == {}
        assert world.weights() == {"a": 100}


async def test_a_dns_name_in_use_elsewhere_is_told_and_taken_when_it_is_free() -> None:
    world = World()
    world.azure.taken_names.add("myatm")
    async with world.running() as process:
        roll_out(world, "a")
        await asyncio.sleep(5)
        assert world.programmed() == ("False", "DNSNameNotAvailable")
        assert "myatm.trafficmanager.net" in condition(world.profile_status().conditions, "Programmed").message
        assert world.accepted() == ("False", "Invalid")
        assert {run.label for run in process.told.runs if run.error} == {"name_taken"}
        world.azure.taken_names.clear()
        await asyncio.sleep(150)

        assert world.programmed() == ("True", "Programmed")
        assert world.weights() == {"a": 100}
        assert world.accepted() == ("True", "Accepted")


async def test_another_dns_name_in_the_spec_is_tried_at_once() -> None:
    world = World()
    world.azure.taken_names.add("myatm")
    async with world.running():
        roll_out(world, "a")
        await asyncio.sleep(20)
        world.hub.apply(make_profile(relative_name="mine"))
        await asyncio.sleep(2)

        assert world.profile_status().dns_name == "mine.trafficmanager.net"
        assert world.programmed() == ("True", "Programmed")


async def test_two_profiles_that_want_one_name_do_not_fight_and_the_second_waits() -> None:
    world = World()
    other = make_profile("other", relative_name="myatm")
    async with world.running():
        roll_out(world, "a")
        await asyncio.sleep(5)
        world.hub.apply(other)
        await asyncio.sleep(5)

        assert world.programmed(other.metadata.key) == ("False", "DNSNameNotAvailable")
        assert world.programmed() == ("True", "Programmed")


@pytest.mark.parametrize(
    "operation", ["put_profile", "put_endpoint"], ids=["while a profile is made", "while an endpoint is written"]
)
async def test_two_changes_that_meet_are_repeated_in_silence(operation: str) -> None:
    world = World()
    async with world.running():
        if operation == "put_endpoint":
            roll_out(world, "a", "b")
            await asyncio.sleep(5)
        events, writes = len(world.hub.events), len(world.hub.writes)
        world.azure.fail(operation, Conflict("Conflict", "Conflicting changes were detected."), times=3)
        roll_out(world, "a", "b")
        world.hub.apply(make_export("a", target=public_ip("moved")))
        await asyncio.sleep(0.5)
        assert world.programmed() in (("", ""), ("True", "Programmed"))
        await asyncio.sleep(10)

        endpoint = world.azure.only.endpoint(endpoint_name("a"))
        assert endpoint is not None
        assert endpoint.target_resource_id == public_ip("moved")
        assert world.accepted() == ("True", "Accepted")
        assert "AzureAPIError" not in world.reasons()[events:]
        assert sum("trafficmanagerprofiles" in write for write in world.hub.writes[writes:]) <= 2


@pytest.mark.parametrize("is_new", [True, False], ids=["while a profile is made", "while its settings are written"])
async def test_changes_that_go_on_meeting_for_more_than_a_sweep_are_told_and_tried_slowly(is_new: bool) -> None:
    world = World()
    async with world.running():
        if not is_new:
            roll_out(world, "a", "b")
            await asyncio.sleep(5)
        collided = Conflict("Conflict", "The name is not available, and yet it is.")
        world.azure.fail({"put_profile", "patch_profile"}, collided, times=10**6)
        before = len(world.azure.calls)
        world.hub.apply(make_profile(ttl=5), make_backend(), make_export("a"), make_export("b"))
        await asyncio.sleep(0.8 * SWEEP)
        assert world.programmed() == (("", "") if is_new else ("True", "Programmed"))
        await asyncio.sleep(2 * SWEEP)
        assert world.programmed() == ("Unknown", "Pending")
        assert collided.sentence in condition(world.profile_status().conditions, "Programmed").message
        tried, writes = len(world.azure.writes(since=before)), len(world.hub.writes)
        await asyncio.sleep(30 * SWEEP)
        assert len(world.azure.writes(since=before)) - tried <= 3 * 30
        assert "patch_status trafficmanagerprofiles work/myatm" not in world.hub.writes[writes:]

        world.azure.heal()
        await asyncio.sleep(2 * SWEEP)
        assert world.programmed() == ("True", "Programmed")
        assert world.azure.only.ttl == 5


async def test_a_public_ip_that_two_services_share_serves_the_older_backend_and_passes_on_when_that_goes() -> None:
    world = World()
    shared = public_ip("shared")
    second = make_backend("api", created="2026-01-01T01:00:00Z")
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), second)
        world.hub.apply(make_export("a", target=shared), make_export("a", service="api", target=shared))
        await asyncio.sleep(5)
        assert world.rejected("api") == {"a": "DuplicateTarget"}
        assert world.accepted() == ("True", "Accepted")
        assert world.azure.writes() == ["put_profile"]
        world.hub.delete(type(second), make_backend().metadata.key)
        await asyncio.sleep(5)

        assert [e.target_resource_id for e in world.azure.only.endpoints] == [shared]
        assert world.rejected("api") == {}
        assert world.accepted("api") == ("True", "Accepted")


async def test_a_second_backend_for_the_same_service_waits_and_heals() -> None:
    world = World()
    second = make_backend("twin", service="app", created="2026-01-01T01:00:00Z")
    async with world.running():
        roll_out(world, "a", "b")
        world.hub.apply(second)
        await asyncio.sleep(5)
        assert world.rejected("twin") == {"a": "DuplicateTarget", "b": "DuplicateTarget"}
        assert world.accepted() == ("True", "Accepted")
        world.hub.delete(type(second), make_backend().metadata.key)
        await asyncio.sleep(5)

        assert world.accepted("twin") == ("True", "Accepted")
        assert {e.owner.uid for e in world.azure.only.endpoints if e.owner} == {second.metadata.uid}


async def test_a_refusal_that_is_not_about_the_endpoints_is_not_met_with_one_call_for_each_of_them() -> None:
    world = World()
    async with world.running():
        roll_out(world, *(f"member-{number}" for number in range(20)))
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        locked = Rejected("ScopeLocked", "The scope is locked.", is_content=False)
        world.azure.fail("put_profile", locked, times=2)
        world.hub.apply(make_backend(weight=7))
        await asyncio.sleep(5)
        assert world.azure.writes(since=before) == ["put_profile"]
        assert world.accepted() == ("False", "Invalid")
        await asyncio.sleep(150)
        assert set(world.weights().values()) == {1}
        assert world.accepted() == ("True", "Accepted")


async def test_for_a_dns_name_in_use_elsewhere_a_free_one_is_offered_and_looked_for_once() -> None:
    world = World()
    world.azure.taken_names |= {"myatm", "myatm-work"}
    async with world.running():
        roll_out(world, "a")
        await asyncio.sleep(5)
        message = condition(world.profile_status().conditions, "Programmed").message
        offered = message.partition("set spec.dnsConfig.relativeName to ")[2].partition(",")[0]
        assert message.startswith("the DNS name myatm.trafficmanager.net is in use elsewhere; ")
        assert f"{offered}.trafficmanager.net is free: " in message
        await asyncio.sleep(300)
        asked = [call.subject for call in world.azure.calls if call.operation == "is_name_available"]
        assert set(asked) == {"myatm", "myatm-work", offered}
        assert (asked.count("myatm-work"), asked.count(offered)) == (1, 1)
        world.hub.apply(make_profile(relative_name=offered))
        await asyncio.sleep(2)
        assert world.profile_status().dns_name == f"{offered}.trafficmanager.net"


async def test_where_no_name_like_it_is_free_the_message_says_how_to_choose_one() -> None:
    world = World()
    uid = make_profile().metadata.uid[:5]
    world.azure.taken_names |= {"myatm", "myatm-work", f"myatm-{uid}", f"myatm-work-{uid}"}
    async with world.running():
        roll_out(world, "a")
        await asyncio.sleep(5)
        message = condition(world.profile_status().conditions, "Programmed").message
        assert "choose another in spec.dnsConfig.relativeName" in message


async def test_looks_at_a_profile_that_azure_refuses_leave_nothing_in_memory() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world, "a", "b")
        await asyncio.sleep(5)
        world.azure.read_only_groups |= {RESOURCE_GROUP}
        world.hub.apply(make_profile(ttl=5))
        await asyncio.sleep(5)
        looks, numbered = process.looks(), "example.com/number"
        for number in range(50):
            world.hub.apply(make_profile(ttl=5, annotations={numbered: str(number)}))
            await asyncio.sleep(0.1)

        assert process.looks() >= looks + 50
        assert world.programmed() == ("False", "Invalid")
        process.told.runs.clear()  # the errors in it remember where they were raised
        gc.collect()
        runs = [run for run in gc.get_objects() if isinstance(run, Run)]
        assert [run for run in runs if numbered in run.profile.metadata.annotations] == []
