"""When something that an agent needs is away or says no: nothing is withdrawn, people are told, and it catches up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetdns.emulator.azure.service import Fault
from tests.e2e.cable import Cable
from tests.e2e.eventually import eventually
from tests.fleet.fleet import Fleet

pytestmark = pytest.mark.e2e


@pytest.fixture
async def cable(fleet: Fleet, tmp_path: Path) -> AsyncIterator[Cable]:
    """Between an agent and the hub."""
    async with Cable(fleet.world.kubeconfig) as found:
        yield found


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(Fault(kind="throttled", operation="publicips.list", retry_after=1), "throttled", id="throttled"),
        pytest.param(
            Fault(kind="forbidden", operation="publicips.list"), "publicIPAddresses/read", id="a right is missing"
        ),
        pytest.param(Fault(kind="drop", operation="publicips.list"), "broke", id="the connection breaks"),
    ],
)
async def test_why_public_ips_cannot_be_listed_reaches_the_serviceexport_and_the_backend(
    fault: Fault, said: str, fleet: Fleet
) -> None:
    azure = fleet.world.azure
    azure.add_fault(fault)
    member = await fleet.member("aks-1")
    await member.export(label="app-aks-1")
    rejected = await eventually(lambda: fleet.rejects("aks-1"), lambda seen: said in seen["message"])
    assert rejected["reason"] == "PublicIPPending"
    told = await fleet.condition(member, "Valid")
    assert told["status"] == "True"
    assert said in told["message"]
    azure.clear_faults()
    await fleet.serves("aks-1")
    assert await fleet.says(member, "Valid", "True", "ServiceIsValid") == "the Service is exported"


async def test_an_azure_that_fails_later_takes_nothing_away(fleet: Fleet) -> None:
    member = await fleet.member("aks-1")
    await member.export(weight=10, label="app-aks-1")
    await fleet.serves("aks-1")
    before = (await fleet.export_of(member))["spec"]
    fleet.world.azure.add_fault(Fault(kind="unavailable", operation="publicips.list"))
    await member.weigh(20)
    after = await eventually(lambda: fleet.export_of(member), lambda seen: seen["spec"]["weight"] == 20)
    assert after["spec"]["publicIPResourceID"] == before["publicIPResourceID"]
    assert after["spec"]["isDNSLabelConfigured"] is True


async def test_a_hub_that_is_away_loses_nothing_and_hears_afterwards_what_happened(
    fleet: Fleet, cable: Cable, tmp_path: Path
) -> None:
    near, far = await fleet.member("aks-1"), await fleet.cluster("aks-2")
    await fleet.runs(replace(far, hub_kubeconfig=cable.kubeconfig(tmp_path / "far.kubeconfig")))
    await near.export(weight=100, label="app-aks-1")
    await far.export(weight=100, label="app-aks-2")
    await fleet.serves("aks-1", "aks-2")

    cable.sever()
    await far.weigh(50)
    await near.weigh(50)
    await fleet.weighs(aks_1=33, aks_2=66)
    assert (await fleet.export_of(far))["spec"]["weight"] == 100

    cable.mend()
    await fleet.weighs(aks_1=50, aks_2=50)


async def test_an_export_that_is_deleted_while_the_hub_is_away_is_withdrawn_when_it_is_back(
    fleet: Fleet, cable: Cable, tmp_path: Path
) -> None:
    near, far = await fleet.member("aks-1"), await fleet.cluster("aks-2")
    await fleet.runs(replace(far, hub_kubeconfig=cable.kubeconfig(tmp_path / "far.kubeconfig")))
    await near.export(label="app-aks-1")
    await far.export(label="app-aks-2")
    await fleet.serves("aks-1", "aks-2")

    cable.sever()
    await far.leave()
    held = await fleet.service_export(far)
    assert held["metadata"]["finalizers"] == ["networking.fleet.azure.com/svc-export-cleanup"]
    assert await fleet.export_of(far)

    cable.mend()
    await eventually(lambda: fleet.service_export(far), lambda seen: not seen)
    await fleet.serves("aks-1")


async def test_a_drained_cluster_leaves_and_comes_back(fleet: Fleet) -> None:
    first, second = await fleet.member("aks-1"), await fleet.member("aks-2")
    await first.export(label="app-aks-1")
    await second.export(label="app-aks-2")
    await fleet.serves("aks-1", "aks-2")
    hub = fleet.world.cluster
    await hub.patch(
        "namespaces", None, "fleet-member-aks-2", {"metadata": {"annotations": {"fleetdns.io/drain": "true"}}}
    )
    await fleet.serves("aks-1")
    assert await fleet.export_of(second)
    await hub.patch(
        "namespaces", None, "fleet-member-aks-2", {"metadata": {"annotations": {"fleetdns.io/drain": None}}}
    )
    await fleet.serves("aks-1", "aks-2")
