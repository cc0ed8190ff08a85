"""Azure breaks under the running controller, over real sockets: it waits, says so, and writes what waited once it can.

Every kind of outage, with many profiles and in virtual time, is played in tests/controllers/.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from fleetdns.demo.kubernetes import BACKENDS, PROFILES
from fleetdns.demo.world import World, controller, manifests
from fleetdns.emulator.azure.server import AzureServer
from fleetdns.emulator.azure.service import Fault
from tests.e2e.conftest import on_embedded
from tests.e2e.eventually import eventually

pytestmark = pytest.mark.e2e

_PATIENCE = 40.0  # seconds; a sweep is 5
Condition = tuple[str, str]


@pytest.fixture
async def azure(world: World) -> AsyncIterator[AzureServer]:
    """Another door to the world's Traffic Manager, which can be shut. The controller, one cluster and its profile."""
    async with AzureServer(world.azure) as server:
        await world.members.join("aks-1", weight=1)
        async with controller(replace(world, azure_url=server.url)):
            for file in ("profile.yaml", "backend.yaml"):
                await world.cluster.apply_text((manifests() / "samples" / file).read_text())
            await eventually(partial(accepted, world), lambda seen: seen == ("True", "Accepted"))
            yield server


async def status(world: World, plural: str, name: str) -> Mapping[str, Any]:
    found: dict[str, Any] = await world.cluster.get(plural, "work", name) or {}
    return dict(found.get("status", {}))


async def accepted(world: World) -> Condition:
    """Status and reason of the backend's Accepted."""
    conditions = (await status(world, BACKENDS, "app")).get("conditions", ())
    return next(((c["status"], c["reason"]) for c in conditions if c["type"] == "Accepted"), ("", ""))


def serving(world: World) -> list[str]:
    """The clusters that Azure serves."""
    endpoints = (e for profile in world.azure.profiles() for e in profile["properties"]["endpoints"])
    return sorted(endpoint["name"].rpartition("#")[2] for endpoint in endpoints)


async def joins_and_waits(world: World, *, told: Condition) -> None:
    """A cluster joins while Azure is away: that is said, and what was known is not forgotten."""
    before = await status(world, PROFILES, "myatm"), (await status(world, BACKENDS, "app"))["endpoints"]
    await world.members.join("aks-2", weight=1)
    await eventually(partial(accepted, world), lambda seen: seen == told)
    during = await status(world, PROFILES, "myatm"), (await status(world, BACKENDS, "app"))["endpoints"]
    assert [during[0][name] for name in ("dnsName", "resourceID", "endpoints")] == [
        before[0][name] for name in ("dnsName", "resourceID", "endpoints")
    ]
    assert during[1] == before[1]


async def catches_up(world: World) -> None:
    """What waited is in Azure, once."""
    await eventually(partial(accepted, world), lambda seen: seen == ("True", "Accepted"), within=_PATIENCE)
    assert serving(world) == ["aks-1", "aks-2"]
    assert len(world.azure.profiles()) == 1


@on_embedded
async def test_a_change_made_while_connections_are_refused_is_written_when_they_are_not(
    world: World, azure: AzureServer
) -> None:
    await azure.refuse()
    await joins_and_waits(world, told=("Unknown", "Pending"))
    await azure.accept()
    await catches_up(world)


@on_embedded
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(Fault(kind="drop", after_commit=True), ("Unknown", "Pending"), id="reset after the work was done"),
        pytest.param(Fault(kind="unavailable", retry_after=2), ("Unknown", "Pending"), id="503 with a pause"),
        pytest.param(Fault(kind="unauthorized"), ("False", "Invalid"), id="a token that is refused"),
    ],
)
async def test_a_change_made_while_azure_fails_is_written_when_it_does_not(
    world: World, azure: AzureServer, fault: Fault, told: Condition
) -> None:
    number = world.azure.add_fault(fault)
    await joins_and_waits(world, told=told)
    world.azure.remove_fault(number)
    await catches_up(world)


@pytest.mark.long
@on_embedded
async def test_a_write_that_was_done_and_never_answered_is_looked_at_and_not_repeated(
    world: World, azure: AzureServer
) -> None:
    world.azure.add_fault(Fault(kind="hang", operation="endpoints.put", after_commit=True, times=1))
    await world.cluster.patch(BACKENDS, "work", "app", {"spec": {"weight": 50}})
    await eventually(partial(accepted, world), lambda seen: seen == ("Unknown", "Pending"), within=_PATIENCE)
    await eventually(partial(accepted, world), lambda seen: seen == ("True", "Accepted"), within=_PATIENCE)
    (endpoint,) = (e for profile in world.azure.profiles() for e in profile["properties"]["endpoints"])
    assert endpoint["properties"]["weight"] == 50
    assert world.azure.calls.counts["endpoints.put"] == 1
