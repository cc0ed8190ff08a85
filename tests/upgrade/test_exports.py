"""Who makes ServiceImports during the move: Fleet's controller as before, or fleetdns in its place."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fleetdns.demo.world import World
from tests.upgrade.conftest import on_embedded
from tests.upgrade.estate import EXPORTS, IMPORTS, SERVING, TARGETS, become, settle
from tests.upgrade.fleet import FleetController
from tests.upgrade.fleet_exports import FleetResolver
from tests.upgrade.history import History
from tests.upgrade.hub import Hub, eventually
from tests.upgrade.objects import condition, export, service_import
from tests.upgrade.running import MOVING, fleetdns

# Whoever resolves writes status and finalizers and nothing else, which both servers are held to by the contract suite.
pytestmark = [pytest.mark.e2e, on_embedded]

Object = dict[str, Any]

RESOLVING = tuple(flag for flag in MOVING if not flag.startswith("--resolve-exports"))
TWO_PORTS = [
    {"name": "https", "protocol": "TCP", "port": 443, "targetPort": 8443},
    {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080},
]


async def test_fleetdns_resolves_as_fleet_did_and_no_endpoint_moves(
    hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(hub, world, fleet)
    before = [(await hub.read(obj))["status"] for obj in IMPORTS]
    await hub.upgrade()
    history = History(world.azure, monkeypatch)
    async with fleetdns(world, moving=RESOLVING):
        await become(hub, "True", *SERVING)
    assert all(seen.profiles == TARGETS for seen in history.states)
    assert [(await hub.read(obj))["status"] for obj in IMPORTS] == before


async def test_an_export_of_fleets_that_goes_is_let_go_by_who_resolves(
    hub: Hub, world: World, fleet: FleetController
) -> None:
    await settle(hub, world, fleet)
    await hub.upgrade()
    leaving = EXPORTS[1]
    async with fleetdns(world, moving=RESOLVING):
        await become(hub, "True", *SERVING)
        await hub.api.delete(hub.path(leaving))
        await eventually(lambda: hub.api.get(hub.path(leaving)), lambda reply: reply.code == 404)
        await eventually(
            lambda: hub.read(service_import("app")), lambda seen: seen["status"]["clusters"] == [{"cluster": "aks-1"}]
        )


async def test_a_conflict_stays_decided_as_fleet_decided_it_while_fleet_resolves(
    hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fleet lets the first that it meets win, and fleetdns the oldest: here another."""
    older = export("aks-3", "app", weight=100)
    older["spec"]["ports"] = TWO_PORTS
    older["spec"]["serviceReference"]["exportedSince"] = "2025-01-01T00:00:00Z"
    older["status"] = {"conditions": [condition("Conflict", "True", "ConflictFound")]}
    await hub.create(older)
    await settle(hub, world, fleet)
    await hub.upgrade()
    history = History(world.azure, monkeypatch)
    async with fleetdns(world):
        await become(hub, "False", SERVING[2], kind="Accepted")
        await become(hub, "True", *SERVING[:2], *SERVING[3:5])
    assert all(seen.profiles == TARGETS for seen in history.states)
    rejected = (await hub.read(SERVING[2]))["status"]["rejected"]
    assert [(one["cluster"], one["reason"]) for one in rejected] == [("aks-3", "ConflictLost")]


@pytest.mark.parametrize(
    "ports",
    [
        pytest.param(TWO_PORTS[1:], id="one port"),
        pytest.param(TWO_PORTS[::-1], id="two ports in order of their numbers"),
        pytest.param(TWO_PORTS, id="two ports in another order"),
    ],
)
async def test_an_import_that_fleetdns_resolved_agrees_with_its_exports_in_fleets_eyes(
    hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch, ports: list[Object]
) -> None:
    """Fleet takes a cluster out of the import, and so out of DNS, when the lists of ports are not the same."""
    for obj in (*EXPORTS, *IMPORTS):
        await hub.create(_with_ports(obj, ports))
    for obj in SERVING:
        await hub.create(obj)
    await fleet.settle()
    await hub.upgrade()
    async with fleetdns(world, moving=RESOLVING):
        await become(hub, "True", *SERVING)
        await hub.patch(EXPORTS[0], {"spec": {"weight": 50}})
        await eventually(lambda: _weight(hub), lambda weight: weight == 50)
    await hub.install()
    history = History(world.azure, monkeypatch)
    await FleetResolver(hub.api).look()
    await fleet.settle()
    assert history.states == [history.states[0]]
    assert history.states[0].profiles.keys() == TARGETS.keys()


def _with_ports(obj: Object, ports: list[Object]) -> Object:
    """An export or an import of other ports."""
    made = copy.deepcopy(obj)
    made["spec" if obj["kind"] == "InternalServiceExport" else "status"]["ports"] = ports
    return made


async def _weight(hub: Hub) -> int:
    """What the export of aks-1 counts in the status of a backend."""
    endpoints = (await hub.read(SERVING[2]))["status"]["endpoints"]
    return next(int(one["from"]["weight"]) for one in endpoints if one["from"]["cluster"] == "aks-1")
