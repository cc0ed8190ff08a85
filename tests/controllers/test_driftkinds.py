"""Every kind of change that somebody can make in Azure: which fields are named, and which calls put it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from fleetdns.api.profile import CustomHeader, MonitorConfig
from fleetdns.core.trafficmanager import DISABLED, Endpoint, Monitor, Profile
from tests.controllers.world import PROFILE_KEY, World
from tests.core.builders import (
    endpoint_name,
    make_backend,
    make_export,
    make_foreign_endpoint,
    make_naming,
    make_profile,
    public_ip,
)

pytestmark = pytest.mark.looptime

ONE, TWO = endpoint_name("member-1"), endpoint_name("member-2")
STRAY = endpoint_name("member-9")


def roll_out(world: World) -> None:
    monitor = MonitorConfig(30, 10, 3, "HTTP", 8080, "/", (CustomHeader("Host", "a.example"),))
    exports = (make_export(f"member-{number}") for number in (1, 2, 3))
    world.hub.apply(make_profile(monitor=monitor), make_backend(), *exports)


def monitor(change: Callable[[Monitor], Monitor]) -> Callable[[Profile], Profile]:
    return lambda profile: replace(profile, monitor=change(profile.monitor))


def endpoint(name: str, change: Callable[[Endpoint], Endpoint]) -> Callable[[Profile], Profile]:
    def changed(profile: Profile) -> Profile:
        found = profile.endpoint(name)
        assert found is not None
        return profile.with_endpoint(change(found))

    return changed


def retyped(profile: Profile) -> Profile:
    """The endpoint deleted, and made again as another kind of endpoint of the same name."""
    return endpoint(ONE, lambda e: structs.replace(e, kind="externalEndpoints", target_resource_id=None))(profile)


def without_tags_of(profile: Profile, *kept: str) -> Profile:
    return replace(profile, tags=tuple((name, value) for name, value in profile.tags if name in kept))


def told(world: World) -> list[tuple[str, tuple[str, ...]]]:
    """The subjects and the fields of the events DriftRepaired."""
    messages = [event.message for _, event in world.hub.events if event.reason == "DriftRepaired"]
    parts = (message.partition(": ") for message in messages)
    return [(subject, fields_of(subject, repair)) for subject, _, repair in parts]


def fields_of(subject: str, repair: str) -> tuple[str, ...]:
    """The subject itself, its first word, where it was deleted or added as a whole."""
    fields, put_back, _ = repair.partition(" put back (")
    return tuple(fields.split(", ")) if put_back else (subject.partition(" ")[0],)


FLEET_TAG, HUB_TAG = "networking.fleet.azure.com.trafficManagerProfile", "fleetdns.hub"
A_PATCH, A_READ_AND_A_PATCH = ["patch_profile"], ["get", "patch_profile"]
A_READ_AND_A_PUT = ["get", "put_profile"]


@pytest.mark.parametrize(
    ("change", "subject", "fields", "calls"),
    [
        pytest.param(
            endpoint(ONE, lambda e: structs.replace(e, weight=7)),
            f"endpoint {ONE}",
            ["weight"],
            ["get", "put_endpoint"],
            id="a weight",
        ),
        pytest.param(
            endpoint(ONE, lambda e: structs.replace(e, target_resource_id=public_ip("elsewhere"), target=None)),
            f"endpoint {ONE}",
            ["targetResourceId"],
            ["get", "put_endpoint"],
            id="a target",
        ),
        pytest.param(
            endpoint(
                ONE, lambda e: structs.replace(e, target_resource_id=public_ip("elsewhere"), target=None, weight=7)
            ),
            f"endpoint {ONE}",
            ["targetResourceId", "weight"],
            ["get", "put_endpoint"],
            id="a target and a weight",
        ),
        pytest.param(retyped, f"endpoint {ONE}", ["type", "targetResourceId"], A_READ_AND_A_PUT, id="a type"),
        pytest.param(
            lambda p: p.without_endpoint(ONE), f"endpoint {ONE}", ["endpoint"], ["put_endpoint"], id="an endpoint"
        ),
        pytest.param(lambda p: replace(p, ttl=5), "profile", ["dnsConfig.ttl"], A_PATCH, id="the ttl"),
        pytest.param(lambda p: replace(p, ttl=0), "profile", ["dnsConfig.ttl"], A_PATCH, id="the ttl to nothing"),
        pytest.param(
            monitor(lambda m: replace(m, protocol="TCP", path=None)),
            "profile",
            ["monitorConfig.protocol", "monitorConfig.path"],
            A_READ_AND_A_PATCH,
            id="the protocol, and the path with it",
        ),
        pytest.param(
            monitor(lambda m: replace(m, port=81)), "profile", ["monitorConfig.port"], A_READ_AND_A_PATCH, id="the port"
        ),
        pytest.param(
            monitor(lambda m: replace(m, path="/x")),
            "profile",
            ["monitorConfig.path"],
            A_READ_AND_A_PATCH,
            id="the path",
        ),
        pytest.param(
            monitor(lambda m: replace(m, interval=10, timeout=9)),
            "profile",
            ["monitorConfig.intervalInSeconds", "monitorConfig.timeoutInSeconds"],
            A_READ_AND_A_PATCH,
            id="interval and timeout",
        ),
        pytest.param(
            monitor(lambda m: replace(m, tolerated_failures=0)),
            "profile",
            ["monitorConfig.toleratedNumberOfFailures"],
            A_READ_AND_A_PATCH,
            id="the tolerated failures",
        ),
        pytest.param(
            monitor(lambda m: replace(m, headers=(("Host", "b.example"),))),
            "profile",
            ["monitorConfig.customHeaders"],
            A_READ_AND_A_PATCH,
            id="the value of a header",
        ),
        pytest.param(
            monitor(lambda m: replace(m, headers=())),
            "profile",
            ["monitorConfig.customHeaders"],
            A_READ_AND_A_PATCH,
            id="the headers away",
        ),
        pytest.param(
            lambda p: replace(p, status=DISABLED), "profile", ["profileStatus"], A_PATCH, id="the profile switched off"
        ),
        pytest.param(
            lambda p: replace(p, routing_method="Performance"),
            "profile",
            ["trafficRoutingMethod"],
            A_PATCH,
            id="the routing method",
        ),
        pytest.param(
            lambda p: without_tags_of(p, FLEET_TAG), "profile", [f"tags.{HUB_TAG}"], A_READ_AND_A_PATCH, id="one tag"
        ),
        pytest.param(
            lambda p: replace(p, tags=()),
            "profile",
            [f"tags.{HUB_TAG}", f"tags.{FLEET_TAG}"],
            A_READ_AND_A_PATCH,
            id="all tags",
        ),
        pytest.param(
            lambda p: replace(endpoint(ONE, lambda e: structs.replace(e, status=DISABLED, weight=7))(p), ttl=60),
            f"endpoint {ONE}",
            ["weight"],
            ["get", "put_endpoint"],
            id="a weight, with the emergency brake pulled",
        ),
    ],
)
async def test_what_somebody_changed_is_named_and_put_back_by_the_fewest_calls(
    change: Callable[[Profile], Profile], subject: str, fields: list[str], calls: list[str]
) -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        good, before = world.azure.only, len(world.azure.calls)
        world.azure.tamper(change)
        brakes = {e.folded for e in world.azure.only.endpoints if e.is_disabled}
        await asyncio.sleep(130)

        assert told(world) == [(subject, tuple(fields))]
        assert [drift.fields for drift in process.told.drifts] == [tuple(fields)]
        operations = world.azure.operations(since=before)
        assert [name for name in operations if name != "list_group"] == calls
        now = world.azure.only
        assert {e.folded for e in now.endpoints if e.is_disabled} == brakes
        assert {(e.name, e.kind, e.target_resource_id, e.weight) for e in now.endpoints} == {
            (e.name, e.kind, e.target_resource_id, e.weight) for e in good.endpoints
        }
        assert replace(now, endpoints=()) == replace(good, endpoints=())
        assert world.programmed() == ("True", "Programmed")


async def test_two_endpoints_and_a_setting_changed_at_once_are_put_back_by_one_write_and_told_together() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.azure.tamper(
            lambda p: replace(endpoint(TWO, lambda e: structs.replace(e, weight=9))(p.without_endpoint(ONE)), ttl=5)
        )
        await asyncio.sleep(61)

        assert [event.message for _, event in world.hub.events if event.reason == "DriftRepaired"] == [
            "profile and 2 endpoints put back (dnsConfig.ttl, endpoint, weight): profile (dnsConfig.ttl 5 -> 60), "
            f"{ONE} (deleted in Azure and made again), {TWO} (weight 9 -> 33)"
        ]
        assert [(drift.endpoint, drift.fields) for drift in process.told.drifts] == [
            ("", ("dnsConfig.ttl",)),
            (ONE, ("endpoint",)),
            (TWO, ("weight",)),
        ]
        assert world.azure.writes(since=before) == ["put_profile"]
        assert world.weights() == {"member-1": 33, "member-2": 33, "member-3": 33}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda p: p.with_endpoint(make_foreign_endpoint(priority=500)), id="an endpoint of theirs"),
        pytest.param(lambda p: replace(p, tags=(*p.tags, ("cost", "42"))), id="a tag of theirs"),
        pytest.param(monitor(lambda m: replace(m, unmanaged=b'{"x":1}')), id="a monitor setting nobody manages"),
        pytest.param(lambda p: replace(p, unmanaged=b'{"maxReturn":2}'), id="a setting nobody manages"),
        pytest.param(endpoint(ONE, lambda e: structs.replace(e, status=DISABLED)), id="the emergency brake"),
        pytest.param(endpoint(ONE, lambda e: structs.replace(e, priority=77)), id="a priority"),
        pytest.param(
            endpoint(ONE, lambda e: structs.replace(e, unmanaged=b'{"geoMapping":[]}')), id="something of an endpoint"
        ),
    ],
)
async def test_what_is_theirs_to_change_stays_and_costs_nothing(change: Callable[[Profile], Profile]) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.tamper(change)
        theirs, before = world.azure.only, len(world.azure.calls)
        await asyncio.sleep(130)

        assert world.azure.only == theirs
        assert set(world.azure.operations(since=before)) == {"list_group"}
        assert told(world) == []


async def test_a_profile_deleted_in_azure_comes_back_whole_in_one_put_under_its_name_and_is_told_once() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        good, before = world.azure.only, len(world.azure.calls)
        name = world.profile(PROFILE_KEY).status.dns_name
        world.azure.profiles.clear()
        await asyncio.sleep(130)

        assert world.azure.only == good
        assert world.profile(PROFILE_KEY).status.dns_name == name
        assert world.azure.writes(since=before) == ["put_profile"]
        assert told(world) == [("profile", ("profile",))]
        assert [drift.fields for drift in process.told.drifts] == [("profile",)]


async def test_an_endpoint_of_ours_that_somebody_adds_is_taken_out_and_told() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        world.hub.apply(make_export("member-9", weight=0))
        await asyncio.sleep(5)
        good, before = world.azure.only, len(world.azure.calls)
        stray = Endpoint(STRAY, target_resource_id=public_ip("member-9-app"), weight=5, priority=900)
        world.azure.tamper(lambda p: p.with_endpoint(stray))
        await asyncio.sleep(130)

        assert world.azure.only == good
        assert world.azure.writes(since=before) == ["delete_endpoint"]
        assert told(world) == [(f"endpoint {STRAY}", ("endpoint",))]
        assert [drift.fields for drift in process.told.drifts] == [("endpoint",)]


async def test_a_repair_that_azure_refuses_is_not_told_as_made() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.tamper(lambda p: p.without_endpoint(ONE))
        world.azure.bad_targets.add(public_ip("member-1-app").lower())
        await asyncio.sleep(70)
        assert world.rejected() == {"member-1": "AzureRefused"}
        assert process.told.drifts == []
        world.azure.bad_targets.clear()
        await asyncio.sleep(300)

        assert world.weights() == {"member-1": 33, "member-2": 33, "member-3": 33}
        assert told(world) == [(f"endpoint {ONE}", ("endpoint",))]


@pytest.mark.parametrize("before", [{}, {"env": "dev"}], ids=["another tag", "another value"])
async def test_tags_that_the_administrator_changed_while_nobody_ran_are_written_and_are_nobodys_doing_in_azure(
    before: dict[str, str],
) -> None:
    world = World(naming=make_naming(tags=before))
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    world.settings = replace(world.settings, naming=make_naming(tags={"env": "prod"}))
    async with world.running() as process:
        await asyncio.sleep(5)
        assert world.azure.only.tag("env") == "prod"
        assert process.told.drifts == []
        assert told(world) == []

        world.azure.tamper(lambda p: replace(p, tags=tuple((name, value) for name, value in p.tags if name != "env")))
        await asyncio.sleep(70)
        assert world.azure.only.tag("env") == "prod"
        assert told(world) == [("profile", ("tags.env",))]
