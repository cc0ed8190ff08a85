"""What watches the agent finds what it asks for on the page of one that runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fleetdns.demo.world import around, controller, install
from fleetdns.emulator.hub.kubeconfig import kubeconfig
from fleetdns.emulator.hub.server import HubServer
from tests.e2e.eventually import eventually
from tests.e2e.process import Process
from tests.fleet.fleet import Fleet
from tests.fleet.process import member_process
from tests.manifests.monitored import AGENT
from tests.manifests.series import selectors

pytestmark = pytest.mark.e2e

# Counted from the first bug of ours on, and made by Prometheus.
_NOT_ON_A_GOOD_DAY = {"fleetdns_informer_handler_failures_total", "up"}
_LIFE = 3600.0  # seconds that the token is good for


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    server = HubServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def agent(hub: HubServer, tmp_path: Path) -> AsyncIterator[Process]:
    """One that has exported a Service, with a token of its account on the hub."""
    async with around(hub) as world, AsyncExitStack() as stack:
        await install(world)
        await stack.enter_async_context(controller(world))
        fleet = Fleet(world, stack, tmp_path)
        await fleet.apply("profile.yaml", "backend.yaml", "members/aks-1.yaml")
        member = await fleet.cluster("aks-1")
        file = tmp_path / "hub.kubeconfig"
        token = hub.issuer.issue("system:serviceaccount:fleet-member-aks-1:fleetdns-member", seconds=_LIFE)
        file.write_text(kubeconfig(url=hub.url, ca=hub.ca_pem, token=token, namespace="fleet-member-aks-1"))
        async with member_process(world, replace(member, hub_kubeconfig=file), tmp_path / "log") as running:
            await running.becomes_ready()
            await member.export(label="app-aks-1")
            await fleet.serves("aks-1")
            yield running


async def sampled(agent: Process) -> dict[str, list[dict[str, str]]]:
    """The labels of all samples by the name of their series."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(await agent.metrics()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


async def test_every_series_that_an_alert_asks_for_is_there(agent: Process) -> None:
    asked = {series for alert in AGENT.alerts for series, _ in selectors(alert["expr"])}
    wanted = asked - _NOT_ON_A_GOOD_DAY

    found = await eventually(lambda: sampled(agent), lambda seen: wanted <= seen.keys())
    assert asked - found.keys() == _NOT_ON_A_GOOD_DAY
    assert {labels["informer"] for labels in found["fleetdns_informer_phase"]} == AGENT.values["informer"]
    assert {labels["condition"] for labels in found["fleetdns_service_exports"]} == AGENT.values["condition"]
    assert {labels["operation"] for labels in found["fleetdns_azure_requests_total"]} == {"list_public_ips"}
    # The alert that tells the hub's refusals from this cluster's goes by them.
    assert len({labels["host"] for labels in found["rest_client_requests_total"]}) == 2
