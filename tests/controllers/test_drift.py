"""What somebody changes in Azure by hand: put back and told, unless it is theirs to keep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from fleetdns.api.profile import PAUSED, MonitorConfig
from fleetdns.core.trafficmanager import DISABLED, Profile
from fleetdns.errors import Unavailable
from tests.controllers.world import PROFILE_KEY, World
from tests.core.builders import endpoint_name, make_backend, make_export, make_foreign_endpoint, make_profile, public_ip

pytestmark = pytest.mark.looptime


def roll_out(world: World, *, clusters: int = 2) -> None:
    exports = (make_export(f"member-{number}") for number in range(1, clusters + 1))
    world.hub.apply(make_profile(), make_backend(), *exports)


def spoilt(profile: Profile) -> Profile:
    endpoints = (structs.replace(endpoint, weight=999) for endpoint in profile.endpoints)
    return replace(profile, ttl=5, endpoints=tuple(endpoints))


def messages(world: World, reason: str) -> list[str]:
    return [event.message for _, event in world.hub.events if event.reason == reason]


async def test_a_weight_changed_by_hand_is_put_back_within_a_sweep_and_the_event_names_the_field() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.tamper_endpoint(endpoint_name("member-1"), lambda e: structs.replace(e, weight=7))
        before = len(world.azure.calls)
        await asyncio.sleep(61)

        assert world.weights() == {"member-1": 50, "member-2": 50}
        assert world.azure.writes(since=before) == ["put_endpoint"]
        (message,) = messages(world, "DriftRepaired")
        assert "weight" in message
        assert endpoint_name("member-1") in message
        assert [drift.fields for drift in process.told.drifts] == [("weight",)]


@pytest.mark.parametrize(
    ("operation", "ask", "take_back"),
    [
        pytest.param(
            "patch_profile",
            lambda w: w.hub.apply(make_profile(ttl=5)),
            lambda w: w.hub.apply(make_profile()),
            id="a setting",
        ),
        pytest.param(
            "put_profile",
            lambda w: w.hub.apply(make_export("member-3")),
            lambda w: w.withdraw("member-3"),
            id="a cluster joins and leaves",
        ),
        pytest.param(
            "put_profile",
            lambda w: w.withdraw("member-2"),
            lambda w: w.hub.apply(make_export("member-2")),
            id="a cluster leaves and joins",
        ),
    ],
)
async def test_what_a_user_takes_back_while_the_answer_is_lost_is_called_nobody_else_s_change(
    operation: str, ask: Callable[[World], None], take_back: Callable[[World], None]
) -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        before = world.weights()
        world.azure.fail(operation, Unavailable("Timeout", "no answer"), is_after_commit=True)
        writes = len(world.azure.writes())
        ask(world)
        await asyncio.sleep(0.3)
        assert world.azure.writes()[writes:] == [operation]
        take_back(world)
        await asyncio.sleep(90)

        assert (world.weights(), world.azure.only.ttl) == (before, 60)
        assert process.told.drifts == []
        assert messages(world, "DriftRepaired") == []
        world.azure.tamper(spoilt)
        await asyncio.sleep(61)
        assert {drift.endpoint for drift in process.told.drifts} == {
            "",
            *(e.folded for e in world.azure.only.endpoints),
        }


async def test_what_a_script_changed_in_every_endpoint_is_one_event_and_each_of_them_is_counted() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world, clusters=200)
        await asyncio.sleep(200)
        world.azure.tamper(spoilt)
        before = len(world.hub.events)
        await asyncio.sleep(70)

        assert {endpoint.weight for endpoint in world.azure.only.endpoints} == {1}
        (told,) = world.hub.events[before:]
        assert told[0] == PROFILE_KEY
        assert told[1].message.startswith("profile and 200 endpoints put back (dnsConfig.ttl, weight): profile (")
        assert "weight 999 -> 1" in told[1].message
        assert told[1].message.endswith(" and 196 more")
        assert len(process.told.drifts) == 201


async def test_drift_of_the_time_when_nobody_ran_is_put_back_and_told_after_the_restart() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    world.azure.tamper_endpoint(endpoint_name("member-1"), lambda e: structs.replace(e, weight=7))
    async with world.running():
        await asyncio.sleep(5)
        assert world.weights() == {"member-1": 50, "member-2": 50}
        (message,) = messages(world, "DriftRepaired")
        assert "weight" in message


async def test_a_target_that_moved_on_the_hub_while_nobody_ran_is_no_drift() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    world.hub.apply(make_export("member-1", target=public_ip("moved")))
    async with world.running():
        await asyncio.sleep(5)
        endpoint = world.azure.only.endpoint(endpoint_name("member-1"))
        assert endpoint is not None
        assert endpoint.folded_target == public_ip("moved").lower()
        assert messages(world, "DriftRepaired") == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param(lambda p: replace(p, ttl=5), "dnsConfig.ttl", id="the ttl"),
        pytest.param(
            lambda p: replace(p, monitor=replace(p.monitor, path="/elsewhere")), "monitorConfig.path", id="the path"
        ),
        pytest.param(lambda p: replace(p, status=DISABLED), "profileStatus", id="the profile switched off"),
        pytest.param(lambda p: replace(p, routing_method="Priority"), "trafficRoutingMethod", id="the routing"),
        pytest.param(lambda p: replace(p, tags=()), "tags.", id="the tags"),
    ],
)
async def test_a_setting_changed_by_hand_is_put_back_by_one_patch(
    change: Callable[[Profile], Profile], field: str
) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        good = world.azure.only
        world.azure.tamper(change)
        before = len(world.azure.calls)
        await asyncio.sleep(61)

        assert world.azure.only == good
        assert world.azure.writes(since=before) == ["patch_profile"]
        assert field in messages(world, "DriftRepaired")[0]


async def test_an_endpoint_deleted_by_hand_comes_back() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.tamper(lambda p: p.without_endpoint(endpoint_name("member-2")))
        await asyncio.sleep(61)

        assert world.weights() == {"member-1": 50, "member-2": 50}
        assert len(messages(world, "DriftRepaired")) == 1


async def test_a_profile_deleted_by_hand_is_made_again_whole() -> None:
    world = World()
    async with world.running():
        roll_out(world, clusters=3)
        await asyncio.sleep(5)
        good = world.azure.only
        world.azure.profiles.clear()
        before = len(world.azure.calls)
        await asyncio.sleep(62)

        assert world.azure.only == good
        assert world.azure.writes(since=before) == ["put_profile"]
        assert world.programmed() == ("True", "Programmed")
        assert len(messages(world, "DriftRepaired")) == 1


async def test_a_users_own_change_is_no_drift() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.apply(make_profile(ttl=5), make_backend(weight=10), make_export("member-3"))
        await asyncio.sleep(100)
        world.hub.apply(make_profile(), make_backend())
        await asyncio.sleep(100)

        assert world.azure.only.ttl == 60
        assert messages(world, "DriftRepaired") == []


async def test_a_change_that_waited_for_the_end_of_a_pause_is_no_drift() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.apply(make_profile(ttl=5, annotations={PAUSED: "true"}), make_backend(weight=10))
        await asyncio.sleep(5)
        world.hub.apply(make_profile(ttl=5))
        await asyncio.sleep(5)

        assert world.azure.only.ttl == 5
        assert world.weights() == {"member-1": 5, "member-2": 5}
        assert messages(world, "DriftRepaired") == []


async def test_drift_is_told_although_another_endpoint_is_refused_all_the_time() -> None:
    world = World()
    bad = make_export("member-3")
    world.azure.bad_targets.add((bad.spec.public_ip_resource_id or "").lower())
    async with world.running():
        roll_out(world, clusters=3)
        await asyncio.sleep(5)
        world.azure.tamper_endpoint(endpoint_name("member-1"), lambda e: structs.replace(e, weight=7))
        await asyncio.sleep(61)

        assert world.weights() == {"member-1": 33, "member-2": 33}
        assert len(messages(world, "DriftRepaired")) == 1


async def test_a_change_taken_back_while_another_endpoint_is_refused_is_no_drift() -> None:
    world = World()
    bad = make_export("member-3")
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.bad_targets.add((bad.spec.public_ip_resource_id or "").lower())
        world.hub.apply(bad)
        await asyncio.sleep(5)
        assert world.weights() == {"member-1": 33, "member-2": 33}
        world.hub.delete(type(bad), bad.metadata.key)
        await asyncio.sleep(5)

        assert world.weights() == {"member-1": 50, "member-2": 50}
        assert messages(world, "DriftRepaired") == []


async def test_an_endpoint_disabled_by_hand_stays_disabled_and_is_reported() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        name = endpoint_name("member-1")
        world.azure.tamper_endpoint(name, lambda e: structs.replace(e, status=DISABLED, monitor_status="Disabled"))
        await asyncio.sleep(61)
        assert world.rejected() == {"member-1": "DisabledInAzure"}
        world.hub.apply(make_export("member-3"))  # a whole PUT must not switch it on again
        await asyncio.sleep(5)
        endpoint = world.azure.only.endpoint(name)
        assert endpoint is not None
        assert endpoint.status == DISABLED
        world.azure.tamper_endpoint(name, lambda e: structs.replace(e, status="Enabled", monitor_status="Online"))
        await asyncio.sleep(61)

        assert world.rejected() == {}
        assert world.accepted() == ("True", "Accepted")


async def test_foreign_endpoints_stay_through_joins_leaves_settings_and_repairs() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        foreign = make_foreign_endpoint(priority=500)
        world.azure.tamper(lambda p: p.with_endpoint(foreign))
        await asyncio.sleep(61)
        world.hub.apply(make_export("member-3"), make_profile(ttl=20))
        await asyncio.sleep(5)
        world.azure.tamper(lambda p: replace(p.without_endpoint(endpoint_name("member-1")), ttl=99))
        await asyncio.sleep(61)
        world.withdraw("member-2")
        world.withdraw("member-3")
        await asyncio.sleep(5)

        assert world.azure.only.endpoint("by-hand") == foreign
        assert world.weights() == {"member-1": 100, "by-hand": 7}
        counts = world.profile_status().endpoints
        assert counts is not None
        assert counts.total == 1


async def test_an_endpoint_that_appears_in_azure_between_two_sweeps_survives_a_batch() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        foreign = make_foreign_endpoint(priority=500)
        world.azure.tamper(lambda p: p.with_endpoint(foreign))
        world.hub.apply(make_export("member-3"))
        await asyncio.sleep(5)

        assert world.azure.only.endpoint("by-hand") == foreign
        assert len(world.azure.only.endpoints) == 4


async def test_the_emergency_brake_pulled_between_two_sweeps_survives_a_weight_change() -> None:
    world = World()
    async with world.running():
        roll_out(world, clusters=1)
        await asyncio.sleep(5)
        name = endpoint_name("member-1")
        world.azure.tamper_endpoint(name, lambda e: structs.replace(e, status=DISABLED, monitor_status="Disabled"))
        world.hub.apply(make_backend(weight=5))
        await asyncio.sleep(5)

        endpoint = world.azure.only.endpoint(name)
        assert endpoint is not None
        assert (endpoint.weight, endpoint.status) == (5, DISABLED)
        assert world.rejected() == {"member-1": "DisabledInAzure"}


async def test_what_others_set_between_two_sweeps_survives_a_patch_of_the_group_it_is_in() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        ranges = b'{"expectedStatusCodeRanges":[{"max":299,"min":200}]}'
        world.azure.tamper(lambda p: replace(p, monitor=replace(p.monitor, unmanaged=ranges)))
        world.hub.apply(make_profile(monitor=MonitorConfig(path="/healthz")))
        await asyncio.sleep(5)

        assert world.azure.only.monitor.path == "/healthz"
        assert world.azure.only.monitor.unmanaged == ranges
