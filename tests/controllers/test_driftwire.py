"""What somebody changes by requests of their own to an emulated Azure: what the wire tells of that is put back."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import pytest

from fleetdns.api.profile import CustomHeader, MonitorConfig
from fleetdns.emulator.azure.service import Behaviour
from tests.controllers.emulated import EmulatedWorld
from tests.controllers.test_driftkinds import fields_of
from tests.controllers.world import SWEEP, World
from tests.core.builders import endpoint_name, make_backend, make_export, make_profile, public_ip

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

KEY = "work/myatm"
ONE = endpoint_name("member-1")
HUB_TAG = "fleetdns.hub"
Json = dict[str, Any]


def roll_out(world: World) -> None:
    monitor = MonitorConfig(30, 10, 3, "HTTP", 8080, "/", (CustomHeader("Host", "a.example"),))
    exports = (make_export(f"member-{number}") for number in (1, 2, 3))
    world.hub.apply(make_profile(monitor=monitor), make_backend(), *exports)


def properties(**groups: Any) -> Callable[[Json], None]:
    """Somebody's PUT of the whole profile with these settings among its properties."""

    def change(profile: Json) -> None:
        for name, value in groups.items():
            group = profile["properties"]
            if isinstance(value, dict):
                group[name].update(value)
            else:
                group[name] = value

    return change


def of_one(**fields: Any) -> Callable[[Json], None]:
    """The same with other fields of one endpoint."""

    def change(profile: Json) -> None:
        (found,) = (e for e in profile["properties"]["endpoints"] if e["name"] == ONE)
        found["properties"].update(fields)

    return change


def without_one(profile: Json) -> None:
    found = profile["properties"]["endpoints"]
    profile["properties"]["endpoints"] = [e for e in found if e["name"] != ONE]


def retyped(profile: Json) -> None:
    (found,) = (e for e in profile["properties"]["endpoints"] if e["name"] == ONE)
    without_one(profile)
    external = {"target": "elsewhere.example", "weight": 33, "priority": found["properties"]["priority"]}
    kind = "Microsoft.Network/trafficManagerProfiles/externalEndpoints"
    profile["properties"]["endpoints"].append({"name": ONE, "type": kind, "properties": external})


def tags(**changed: str | None) -> Callable[[Json], None]:
    def change(profile: Json) -> None:
        kept = {name: value for name, value in profile["tags"].items() if name.replace(".", "_") not in changed}
        profile["tags"] = kept | {name: value for name, value in changed.items() if value is not None}

    return change


def put(world: EmulatedWorld, change: Callable[[Json], None]) -> None:
    profile = copy.deepcopy(world.azure_profile(KEY))
    change(profile)
    world.service.tamper("PUT", profile["id"], profile)


def fields_told(world: World) -> list[tuple[str, ...]]:
    messages = [event.message for _, event in world.hub.events if event.reason == "DriftRepaired"]
    parts = (message.partition(": ") for message in messages)
    return [fields_of(subject, repair) for subject, _, repair in parts]


def without_states(profile: Json) -> Json:
    """A profile but for what probes found: an endpoint that was made again is checked again."""
    bare = copy.deepcopy(profile)
    bare["properties"]["monitorConfig"].pop("profileMonitorStatus")
    for endpoint in bare["properties"]["endpoints"]:
        endpoint["properties"].pop("endpointMonitorStatus")
    bare["properties"]["endpoints"].sort(key=lambda endpoint: str(endpoint["name"]))
    return bare


@pytest.mark.parametrize(
    ("change", "fields", "calls"),
    [
        pytest.param(of_one(weight=7), ["weight"], ["get_profile", "put_endpoint"], id="a weight"),
        pytest.param(
            of_one(targetResourceId=public_ip("elsewhere")),
            ["targetResourceId"],
            ["get_profile", "put_endpoint"],
            id="a target",
        ),
        pytest.param(retyped, ["type", "targetResourceId"], ["get_profile", "put_profile"], id="a type"),
        pytest.param(without_one, ["endpoint"], ["put_endpoint"], id="an endpoint deleted"),
        pytest.param(properties(dnsConfig={"ttl": 5}), ["dnsConfig.ttl"], ["patch_profile"], id="the ttl"),
        pytest.param(
            properties(monitorConfig={"protocol": "TCP", "path": None, "port": 81, "customHeaders": []}),
            [
                "monitorConfig.protocol",
                "monitorConfig.port",
                "monitorConfig.path",
                "monitorConfig.customHeaders",
            ],
            ["get_profile", "patch_profile"],
            id="how it is probed",
        ),
        pytest.param(
            properties(monitorConfig={"intervalInSeconds": 10, "timeoutInSeconds": 9, "toleratedNumberOfFailures": 0}),
            [
                "monitorConfig.intervalInSeconds",
                "monitorConfig.timeoutInSeconds",
                "monitorConfig.toleratedNumberOfFailures",
            ],
            ["get_profile", "patch_profile"],
            id="how often it is probed",
        ),
        pytest.param(
            properties(monitorConfig={"customHeaders": [{"name": "HOST", "value": "b.example"}]}),
            ["monitorConfig.customHeaders"],
            ["get_profile", "patch_profile"],
            id="the value of a header",
        ),
        pytest.param(
            properties(trafficRoutingMethod="Priority"), ["trafficRoutingMethod"], ["patch_profile"], id="the routing"
        ),
        pytest.param(properties(profileStatus="Disabled"), ["profileStatus"], ["patch_profile"], id="switched off"),
        pytest.param(
            tags(fleetdns_hub=None), [f"tags.{HUB_TAG}"], ["get_profile", "patch_profile"], id="a tag of ours"
        ),
    ],
)
async def test_it_is_put_back_as_it_was_by_the_fewest_calls_and_the_fields_are_named(
    change: Callable[[Json], None], fields: list[str], calls: list[str]
) -> None:
    world = EmulatedWorld()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(10)
        good = copy.deepcopy(world.azure_profile(KEY))
        put(world, change)
        assert without_states(world.azure_profile(KEY)) != without_states(good)
        before = len(world.door.sent)
        await asyncio.sleep(3 * SWEEP)

        assert fields_told(world) == [tuple(fields)]
        sent = [call.operation for call in world.door.sent[before:]]
        assert [operation for operation in sent if operation != "list_group"] == calls
        assert without_states(world.azure_profile(KEY)) == without_states(good)
        assert world.programmed() == ("True", "Programmed")


FOREIGN = {
    "name": "by-hand",
    "type": "Microsoft.Network/trafficManagerProfiles/externalEndpoints",
    "properties": {"target": "elsewhere.example", "weight": 5, "priority": 90, "endpointLocation": "West Europe"},
}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(of_one(endpointStatus="Disabled"), id="the emergency brake"),
        pytest.param(lambda profile: profile["properties"]["endpoints"].append(FOREIGN), id="an endpoint of theirs"),
        pytest.param(tags(cost="42"), id="a tag of theirs"),
        pytest.param(
            properties(monitorConfig={"expectedStatusCodeRanges": [{"min": 200, "max": 299}]}), id="status codes"
        ),
        pytest.param(of_one(priority=77), id="a priority"),
    ],
)
async def test_what_is_theirs_to_change_stays_and_costs_nothing(change: Callable[[Json], None]) -> None:
    world = EmulatedWorld()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(10)
        put(world, change)
        theirs, before = copy.deepcopy(world.azure_profile(KEY)), len(world.door.sent)
        await asyncio.sleep(3 * SWEEP)

        assert world.azure_profile(KEY) == theirs
        assert {call.operation for call in world.door.sent[before:]} == {"list_group"}
        assert fields_told(world) == []


async def test_a_profile_deleted_in_azure_comes_back_whole_under_its_name_in_one_put() -> None:
    world = EmulatedWorld()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(10)
        good = copy.deepcopy(world.azure_profile(KEY))
        world.service.tamper("DELETE", good["id"])
        before = len(world.door.sent)
        await asyncio.sleep(2 * SWEEP)

        assert without_states(world.azure_profile(KEY)) == without_states(good)
        assert [call.operation for call in world.door.sent[before:] if call.is_write] == ["put_profile"]
        assert fields_told(world) == [("profile",)]
        assert world.profile_status().dns_name == "myatm.trafficmanager.net"


async def test_an_hour_of_probes_that_flap_costs_azure_one_list_a_minute() -> None:
    world = EmulatedWorld(behaviour=Behaviour(probe_delay=0.0))
    async with world.running():
        roll_out(world)
        await asyncio.sleep(10)
        before = len(world.door.sent)
        name = world.azure_profile(KEY)["name"]
        for number in range(360):
            world.service.set_probe(name, ONE, "Degraded" if number % 2 else "Online")
            await asyncio.sleep(10)

        sent = world.door.sent[before:]
        assert {call.operation for call in sent} == {"list_group"}
        assert 59 <= len(sent) <= 61
