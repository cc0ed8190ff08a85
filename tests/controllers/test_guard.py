"""Exports that vanish: the removal guard from the event to Azure and status, and how people let go."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import WITHDRAWN
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ALLOW_EMPTY, TrafficManagerProfile
from fleetdns.errors import Transient, Unavailable
from tests.controllers.world import PROFILE_KEY, World, condition, export_key
from tests.core.builders import NAMESPACE, SERVICE, make_backend, make_export, make_profile, public_ip, uid_of

pytestmark = pytest.mark.looptime

BACKEND_KEY = ObjectKey(NAMESPACE, SERVICE)


def roll_out(world: World, clusters: str, *, weights: dict[str, int] | None = None) -> None:
    exports = (make_export(cluster, weight=(weights or {}).get(cluster)) for cluster in clusters)
    world.hub.apply(make_profile(), make_backend(), *exports)


def guarded(world: World) -> str | None:
    """What the Guarded condition says; None where there is none."""
    kinds = {c.type for c in world.backend_status().conditions}
    return condition(world.backend_status().conditions, "Guarded").message if "Guarded" in kinds else None


async def test_a_service_made_again_within_three_seconds_costs_no_call() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world, "abc")
        await asyncio.sleep(5)
        before, looks = len(world.azure.calls), process.looks()
        world.lose("c")
        await asyncio.sleep(2)
        world.hub.apply(make_export("c"))
        await asyncio.sleep(20)

        assert len(world.azure.calls) == before
        assert process.looks() > looks
        assert world.accepted() == ("True", "Accepted")


async def test_one_of_three_that_vanished_goes_after_three_seconds_with_the_new_weights_in_one_write() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abc")
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.lose("c")
        await asyncio.sleep(2.9)
        assert world.weights() == {"a": 33, "b": 33, "c": 33}
        assert world.accepted() == ("True", "Accepted")
        await asyncio.sleep(0.3)

        assert world.weights() == {"a": 50, "b": 50}
        assert world.azure.operations(since=before) == ["get", "put_profile"]
        assert guarded(world) is None


@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "not answered"])
async def test_what_went_by_a_write_that_was_not_answered_counts_like_any_other(is_lost: bool) -> None:
    world = World()
    async with world.running():
        roll_out(world, "abcdefghij")
        await asyncio.sleep(5)
        if is_lost:
            world.azure.fail("put_profile", Unavailable("Timeout", "no answer"), is_after_commit=True)
        world.lose(*"abcde")
        await asyncio.sleep(10)
        assert sorted(world.weights()) == list("fghij")
        world.lose(*"fg")
        await asyncio.sleep(20)

        assert sorted(world.weights()) == list("fghij")
        assert "by f, g are gone" in (guarded(world) or "")


async def test_a_withdrawn_export_goes_at_once_even_the_last() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        await asyncio.sleep(5)
        world.withdraw("a")
        await asyncio.sleep(1)
        assert world.weights() == {"b": 100}
        world.withdraw("b")
        await asyncio.sleep(1)

        assert world.weights() == {}
        assert guarded(world) is None
        assert world.rejected() == {}


async def test_when_too_many_vanish_everything_stays_and_the_backend_says_which_and_how_to_let_go() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abc", weights={"a": 1, "b": 2, "c": 5})
        await asyncio.sleep(5)
        azure, calls = world.azure.only, len(world.azure.calls)
        world.lose("b", "c")
        await asyncio.sleep(300)

        assert world.azure.only == azure
        assert [call for call in world.azure.operations(since=calls) if call != "list_group"] == []
        message = guarded(world)
        assert message is not None
        assert "by b, c are gone" in message
        assert f"kubectl annotate tmb app -n work {ALLOW_EMPTY}=true" in message
        assert {e.from_.cluster: e.from_.weight for e in world.backend_status().endpoints if e.from_} == {
            "a": 1,
            "b": 2,
            "c": 5,
        }
        assert world.reasons().count("GuardHeld") == 1


@pytest.mark.long
async def test_many_that_vanish_one_after_the_other_and_come_back_so_are_told_in_a_handful_of_patches() -> None:
    clusters = [f"m{number:03}" for number in range(200)]
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), *map(make_export, clusters))
        await asyncio.sleep(60)
        azure, before = world.azure.only, len(world.hub.writes)
        for cluster in clusters:
            world.lose(cluster)
            await asyncio.sleep(0.012)
        await asyncio.sleep(5)
        held = guarded(world)
        assert held is not None
        assert "m009 and 190 more are gone" in held
        for cluster in clusters:
            world.hub.apply(make_export(cluster))
            await asyncio.sleep(0.012)
        await asyncio.sleep(5)

        assert guarded(world) is None
        assert world.azure.only == azure
        patches = [write for write in world.hub.writes[before:] if write.startswith("patch_status trafficmanager")]
        assert len(patches) <= 2 * (5 + 2 * 3)  # of either object one a second, at most
        assert world.reasons().count("GuardHeld") == 1


async def test_exports_that_come_back_one_by_one_free_nothing_and_end_the_guard() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abc")
        await asyncio.sleep(5)
        azure = world.azure.only
        world.lose("a", "b", "c")
        for cluster in "abc":
            await asyncio.sleep(100)
            assert world.azure.only == azure
            assert guarded(world) is not None
            world.hub.apply(make_export(cluster))
        await asyncio.sleep(100)

        assert world.azure.only == azure
        assert guarded(world) is None
        assert world.accepted() == ("True", "Accepted")


async def test_a_restart_does_not_forget_what_the_guard_holds() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abc")
        await asyncio.sleep(5)
        world.lose("b", "c")
        await asyncio.sleep(10)
    azure = world.azure.only
    world.hub.apply(make_export("b"))
    async with world.running():
        await asyncio.sleep(200)

        assert world.azure.only == azure
        assert "by c are gone" in (guarded(world) or "")


@pytest.mark.parametrize("where", ["profile", "backend"])
async def test_the_annotation_lets_go_of_what_is_held(where: str) -> None:
    world = World()
    async with world.running():
        roll_out(world, "abc")
        await asyncio.sleep(5)
        world.lose("b", "c")
        await asyncio.sleep(10)
        annotations = {ALLOW_EMPTY: "true"}
        world.hub.apply(
            make_profile(annotations=annotations) if where == "profile" else make_backend(annotations=annotations)
        )
        await asyncio.sleep(1)

        assert world.weights() == {"a": 100}
        assert guarded(world) is None


async def test_a_person_s_wish_is_carried_out_while_the_guard_holds() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        await asyncio.sleep(5)
        world.lose("a", "b")
        await asyncio.sleep(10)
        world.hub.apply(make_profile(ttl=20), make_backend(weight=40))
        await asyncio.sleep(5)

        assert world.azure.only.ttl == 20
        assert world.weights() == {"a": 20, "b": 20}
        world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
        await asyncio.sleep(5)
        assert world.weights() == {}
        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)


async def test_objects_made_anew_one_after_the_other_leave_azure_as_it_is() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abc", weights={"a": 1, "b": 2, "c": 5})
        await asyncio.sleep(5)
        served = {e.target_resource_id: e.weight for e in world.azure.only.endpoints}

        def now_served() -> dict[str | None, int | None]:
            return {e.target_resource_id: e.weight for e in world.azure.only.endpoints}

        world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
        world.hub.remove(TrafficManagerBackend, BACKEND_KEY)
        world.lose("a", "b", "c")
        await asyncio.sleep(30)
        for restored in (
            make_profile(uid=uid_of("anew")),
            make_backend(uid=uid_of("backend anew")),
            make_export("a", weight=1),
            make_export("b", weight=2),
            make_export("c", weight=5),
        ):
            world.hub.apply(restored)
            await asyncio.sleep(30)
            assert now_served() == served

        assert world.accepted() == ("True", "Accepted")
        assert guarded(world) is None
        assert {e.owner.uid for e in world.azure.only.endpoints if e.owner} == {uid_of("backend anew")}


async def test_an_outage_of_azure_turns_nothing_that_is_held() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        await asyncio.sleep(5)
        world.lose("a", "b")
        await asyncio.sleep(10)
        before = world.backend_status()
        world.azure.fail("list_group", Transient("ServiceUnavailable", "The service is unavailable."), times=50)
        world.hub.apply(make_backend(annotations={"example.com/touched": "yes"}))
        await asyncio.sleep(90)

        assert world.backend_status() == before


async def test_the_mark_and_the_deletion_may_be_one_look() -> None:
    world = World(delay=0.5)
    async with world.running(workers=1):
        roll_out(world, "a")
        await asyncio.sleep(5)
        assert world.weights() == {"a": 100}
        world.withdraw("a")
        assert not world.hub.holds(type(make_export()), export_key("a"))
        await asyncio.sleep(2)

        assert world.weights() == {}


async def test_an_hour_of_holding_writes_nothing_and_asks_azure_for_nothing_but_its_list() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abcd")
        await asyncio.sleep(5)
        world.lose("a", "b", "c")
        await asyncio.sleep(60)
        writes, calls = len(world.hub.writes), len(world.azure.calls)
        await asyncio.sleep(3600)

        assert world.hub.writes[writes:] == []
        assert set(world.azure.operations(since=calls)) == {"list_group"}


async def test_a_mark_that_is_taken_back_keeps_the_endpoint() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        await asyncio.sleep(5)
        world.hub.apply(make_export("a", annotations={WITHDRAWN: "true"}))
        await asyncio.sleep(1)
        assert world.weights() == {"b": 100}
        world.hub.apply(make_export("a", annotations={WITHDRAWN: "false"}))
        await asyncio.sleep(1)
        assert world.weights() == {"a": 50, "b": 50}


async def test_a_service_made_again_with_another_address_moves_in_one_write() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abc")
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.lose("c")
        await asyncio.sleep(1)
        world.hub.apply(make_export("c", target=public_ip("c-moved")))
        await asyncio.sleep(20)

        assert world.azure.operations(since=before) == ["get", "put_endpoint"]
        assert public_ip("c-moved") in {e.target_resource_id for e in world.azure.only.endpoints}
        assert world.accepted() == ("True", "Accepted")
