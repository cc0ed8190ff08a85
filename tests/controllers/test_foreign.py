"""What others have in our profile is the same to the byte after every kind of write that fleetdns makes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import MonitorConfig
from tests.controllers.emulated import EmulatedWorld
from tests.controllers.throttling import until
from tests.controllers.world import PROFILE_KEY, World
from tests.core.builders import (
    NAMESPACE,
    RESOURCE_GROUP,
    SERVICE,
    SUBSCRIPTION,
    endpoint_name,
    make_backend,
    make_export,
    make_profile,
    public_ip,
    uid_of,
)

pytestmark = pytest.mark.looptime

PROFILES = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/providers/Microsoft.Network/trafficManagerProfiles"
)
KEY = str(PROFILE_KEY)
# Of every type, and with every field that fleetdns never sets.
THEIRS = {
    "externalEndpoints/By-Hand": {
        "target": "Shop.Example.COM",
        "weight": 7,
        "priority": 33,
        "endpointStatus": "Disabled",
        "endpointLocation": "West Europe",
        "alwaysServe": "Enabled",
        "customHeaders": [{"name": "X-Probe", "value": "été/1"}],
        "subnets": [{"first": "1.2.3.0", "scope": 24}, {"first": "10.0.0.1", "last": "10.0.0.9"}],
    },
    "nestedEndpoints/region two": {
        "targetResourceId": f"{PROFILES}/child",
        "weight": 1000,
        "priority": 1000,
        "minChildEndpoints": 2,
        "minChildEndpointsIPv4": 1,
        "minChildEndpointsIPv6": 0,
        "endpointLocation": "North Europe",
    },
    "azureEndpoints/fleet-of-somebody": {"targetResourceId": public_ip("theirs"), "weight": 3, "priority": 4},
}


def body_of(name: str) -> dict[str, Any]:
    properties = {
        "trafficRoutingMethod": "Weighted",
        "dnsConfig": {"relativeName": name, "ttl": 60},
        "monitorConfig": {"protocol": "HTTP", "port": 80, "path": "/"},
    }
    return {"location": "global", "properties": properties}


async def shared(world: EmulatedWorld) -> None:
    """A profile of ours with two clusters, into which others have put what is theirs."""
    world.service.tamper("PUT", f"{PROFILES}/child", body_of("child"))
    world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b"))
    await until(lambda: world.accepted() == ("True", "Accepted"), within=20)
    profile = world.azure_profile(KEY)
    for path, properties in THEIRS.items():
        world.service.tamper("PUT", f"{profile['id']}/{path}", {"properties": properties})
    monitor = {"expectedStatusCodeRanges": [{"min": 200, "max": 202}, {"min": 301, "max": 301}]}
    properties = {
        "trafficViewEnrollmentStatus": "Enabled",
        "allowedEndpointRecordTypes": ["Any"],
        "monitorConfig": monitor,
    }
    tags = {**profile["tags"], "Owner": "ops", "cost-centre": ""}
    world.service.tamper("PATCH", profile["id"], {"tags": tags, "properties": properties})


def ours(profile: dict[str, Any]) -> list[dict[str, Any]]:
    return [endpoint for endpoint in profile["properties"]["endpoints"] if endpoint["name"].count("#") == 2]


def _written(endpoint: dict[str, Any]) -> dict[str, Any]:
    """What somebody wrote, and not what Azure's probes say of it at the moment."""
    return {**endpoint, "properties": {**endpoint["properties"], "endpointMonitorStatus": None}}


def theirs(world: EmulatedWorld) -> bytes:
    """Everything in the profile that is not ours to say."""
    profile = world.azure_profile(KEY)
    properties = profile["properties"]
    others = [endpoint for endpoint in properties["endpoints"] if endpoint not in ours(profile)]
    return json.dumps(
        {
            "tags": {name: value for name, value in profile["tags"].items() if "fleet" not in name},
            "codes": properties["monitorConfig"].get("expectedStatusCodeRanges"),
            "view": properties["trafficViewEnrollmentStatus"],
            "records": properties["allowedEndpointRecordTypes"],
            "endpoints": sorted(map(_written, others), key=lambda endpoint: str(endpoint["name"])),
        },
        sort_keys=True,
    ).encode()


CHANGES = [
    pytest.param("put_profile", lambda w: w.hub.apply(make_export("c")), id="a cluster joins"),
    pytest.param("put_profile", lambda w: w.withdraw("b"), id="a cluster leaves"),
    pytest.param(
        "put_endpoint", lambda w: w.hub.apply(make_export("b", target=public_ip("moved"))), id="an address moves"
    ),
    pytest.param("patch_profile", lambda w: w.hub.apply(make_profile(ttl=5)), id="a ttl"),
    pytest.param(
        "patch_profile",
        lambda w: w.hub.apply(make_profile(monitor=MonitorConfig(10, 9, 1, "HTTPS", 443, "/up"))),
        id="a monitor",
    ),
    pytest.param(
        "put_profile",
        lambda w: w.hub.apply(make_profile(ttl=5), make_backend(weight=40)),
        id="a setting and weights at once",
    ),
]


@pytest.mark.parametrize(("operation", "change"), CHANGES)
async def test_what_is_not_ours_is_the_same_to_the_byte_after_a_change(
    operation: str, change: Callable[[EmulatedWorld], None]
) -> None:
    world = EmulatedWorld()
    async with world.running():
        await shared(world)
        await asyncio.sleep(70)
        before, sent = theirs(world), len(world.door.sent)
        assert all(path.split("/")[1] in before.decode() for path in THEIRS)
        change(world)
        await asyncio.sleep(10)

        assert [call.operation for call in world.door.sent[sent:] if call.is_write] == [operation]
        assert theirs(world) == before
        assert world.programmed() == ("True", "Programmed")


async def test_probes_turn_to_tcp_although_somebody_expects_status_codes_which_tcp_has_not() -> None:
    world = EmulatedWorld()
    async with world.running() as process:
        await shared(world)
        await asyncio.sleep(70)
        before, drifts = world.azure_profile(KEY), len(process.told.drifts)
        assert before["properties"]["monitorConfig"]["expectedStatusCodeRanges"]
        world.hub.apply(make_profile(monitor=MonitorConfig(30, 10, 3, "TCP", 8080, None)))
        await asyncio.sleep(10)

        after = world.azure_profile(KEY)
        assert world.programmed() == ("True", "Programmed")
        assert after["properties"]["monitorConfig"]["protocol"] == "TCP"
        assert not after["properties"]["monitorConfig"].get("expectedStatusCodeRanges")
        assert after["tags"] == before["tags"]
        await asyncio.sleep(200)
        assert len(process.told.drifts) == drifts


async def test_what_is_not_ours_is_the_same_to_the_byte_after_repairs() -> None:
    world = EmulatedWorld()
    async with world.running():
        await shared(world)
        before = theirs(world)
        profile = world.azure_profile(KEY)
        for endpoint in ours(profile):
            world.service.tamper("PATCH", endpoint["id"], {"properties": {"weight": 999}})
        world.service.tamper("PATCH", profile["id"], {"properties": {"dnsConfig": {"ttl": 11}}})
        await asyncio.sleep(70)

        repaired = world.azure_profile(KEY)
        assert {endpoint["properties"]["weight"] for endpoint in ours(repaired)} == {50}
        assert repaired["properties"]["dnsConfig"]["ttl"] == 60
        assert theirs(world) == before


async def test_what_others_set_at_our_endpoints_is_still_there_after_a_restored_backend_has_renamed_them() -> None:
    world = EmulatedWorld()
    settings = {"endpointLocation": "West Europe", "customHeaders": [{"name": "Host", "value": "shop"}]}
    async with world.running():
        await shared(world)
        for endpoint in ours(world.azure_profile(KEY)):
            world.service.tamper("PATCH", endpoint["id"], {"properties": settings})
        await asyncio.sleep(70)
        before = {endpoint["name"] for endpoint in ours(world.azure_profile(KEY))}
        world.hub.remove(TrafficManagerBackend, ObjectKey(NAMESPACE, SERVICE))
        world.hub.apply(make_backend(uid=uid_of("restored")))
        await asyncio.sleep(10)

        renamed = ours(world.azure_profile(KEY))
        assert len(renamed) == 2
        assert not before & {endpoint["name"] for endpoint in renamed}
        for endpoint in renamed:
            assert {name: endpoint["properties"].get(name) for name in settings} == settings


async def test_a_cluster_joins_at_once_beside_an_endpoint_of_theirs_that_no_sweep_has_shown_yet() -> None:
    world = EmulatedWorld()
    async with world.running():
        world.hub.apply(make_profile(), make_backend())
        await asyncio.sleep(10)
        body = {"properties": {"target": "shop.example.com", "weight": 7, "priority": 1}}
        world.service.tamper("PUT", f"{PROFILES}/{world.azure_profile(KEY)['name']}/externalEndpoints/by-hand", body)
        world.hub.apply(make_export("a"))
        await asyncio.sleep(10)

        numbers = {e["name"]: e["properties"]["priority"] for e in world.azure_profile(KEY)["properties"]["endpoints"]}
        assert numbers == {"by-hand": 1, endpoint_name("a"): 2}
        assert world.rejected() == {}
        assert world.accepted() == ("True", "Accepted")


async def test_a_cluster_that_azure_refuses_for_its_target_costs_one_read_and_is_told_at_once() -> None:
    world = World()
    world.azure.bad_targets.add(public_ip("a-app").lower())
    async with world.running():
        world.hub.apply(make_profile(), make_backend())
        await asyncio.sleep(10)
        before = len(world.azure.calls)
        world.hub.apply(make_export("a"))
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) == ["put_endpoint", "get"]
        assert world.rejected() == {"a": "AzureRefused"}
