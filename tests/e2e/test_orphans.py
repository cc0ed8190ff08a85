"""`fleetdns orphans` as a process: what nobody stands for is told of, and only what is named is deleted."""

from __future__ import annotations

import pytest

from fleetdns.demo.world import World, controller
from fleetdns.emulator.azure.faults import Fault
from tests.e2e.command import asked, azure, looked
from tests.e2e.conftest import on_embedded
from tests.e2e.lease import lease_namespace
from tests.e2e.test_plan import apply_sample, becomes_true

pytestmark = pytest.mark.e2e


async def leave_an_orphan(world: World) -> str:
    """The sample, made and then forgotten by a hub that lost the object: its Azure profile's name."""
    await world.members.join("aks-1", weight=1)
    await apply_sample(world)
    async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
        await becomes_true(world)
    found = await world.cluster.get("trafficmanagerprofiles", "work", "myatm") or {}
    for plural, name in (("trafficmanagerprofiles", "myatm"), ("trafficmanagerbackends", "app")):
        await world.cluster.patch(plural, "work", name, {"metadata": {"finalizers": None}})
        await world.cluster.delete(plural, "work", name)
    return f"fleet-{found['metadata']['uid']}"


@on_embedded
async def test_an_orphan_is_shown_and_deleted_only_when_it_is_named(world: World) -> None:
    orphan = await leave_an_orphan(world)
    shown = await asked(world, "orphans")
    assert (shown.code, shown.err) == (0, "")
    assert shown.tables[1] == [
        orphan,
        "fleet-dns",
        "myatm.trafficmanager.net",
        "1",
        "work/myatm",
        "there is no TrafficManagerProfile work/myatm",
    ]
    (profile,) = (await asked(world, "orphans", "-o", "json")).document["orphans"]
    assert f"--resource-id {profile['resourceID']}\n" in shown.out, "a line to type as it is"
    assert "  use it      apply the TrafficManagerProfile again that it was made for" in shown.out
    elsewhere = await asked(world, "orphans", "--namespace=elsewhere")
    assert "that was made for an object in namespace elsewhere has its object" in elsewhere.out
    other = await asked(world, "orphans", "-n", "elsewhere", "--delete", orphan)
    assert (other.code, other.out) == (1, "")
    assert other.err == (
        f"fleetdns: {orphan} is not deleted: it was made for work/myatm, outside of namespace elsewhere: "
        "give --namespace work\n"
    )
    everywhere = await asked(world, "orphans", "-A", "-o", "json", FLEETDNS_NAMESPACE="elsewhere")
    assert [found["name"] for found in everywhere.document["orphans"]] == [orphan]
    unknown = await asked(world, "orphans", "--delete", "fleet-nobody")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err == "fleetdns: fleet-nobody is not deleted: no profile of that name was seen in Azure\n"
    deleted = await asked(world, "orphans", "--delete", orphan)
    assert (deleted.code, deleted.out, deleted.err) == (0, f"{orphan} in fleet-dns is deleted\n", "")
    assert (await asked(world, "orphans", "--output=json")).document["orphans"] == []


@on_embedded
async def test_an_object_that_is_made_again_stands_for_its_profile(world: World) -> None:
    orphan = await leave_an_orphan(world)
    await apply_sample(world)
    assert (await asked(world, "orphans")).out.startswith("No orphan: ")
    refused = await asked(world, "orphans", "--delete", orphan)
    assert refused.code == 1
    assert refused.err == (
        f"fleetdns: {orphan} is not deleted: it is no orphan: TrafficManagerProfile work/myatm stands for it\n"
    )


@on_embedded
async def test_where_nothing_may_be_read_nobody_says_that_there_is_no_orphan(world: World) -> None:
    fault = world.azure.add_fault(Fault("forbidden"))
    refused = await asked(world, "orphans")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("fleetdns: AuthorizationFailed: ")
    unconfigured = await looked(world, "orphans", **azure(world))
    assert (unconfigured.code, unconfigured.out) == (1, "")
    nothing_to_plan = await asked(world, "plan")
    assert (nothing_to_plan.code, nothing_to_plan.out) == (1, "")
    world.azure.remove_fault(fault)
    world.azure.add_fault(Fault("forbidden", operation="profiles.list", group="closed"))
    world.azure.add_fault(Fault("forbidden", operation="profiles.list", times=1))
    partly = await asked(world, "orphans", "--allowed-resource-groups=fleet-dns,closed")
    assert partly.code == 0
    assert partly.out.startswith("No orphan in what could be looked at: ")
    assert "resource group closed may not be read" in partly.err
