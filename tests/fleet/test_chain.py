"""From a Service in a member cluster to a DNS answer: what a user does there, and what comes of it everywhere."""

from __future__ import annotations

import pytest

from fleetdns.demo.cloudprovider import Delays
from fleetdns.demo.kubernetes import SERVICES
from tests.e2e.eventually import eventually
from tests.fleet.fleet import Fleet

pytestmark = pytest.mark.e2e


async def test_an_exported_service_with_a_label_is_answered_for(fleet: Fleet) -> None:
    for name in ("aks-1", "aks-2", "aks-3"):
        member = await fleet.member(name)
        await member.export(weight=100, label=f"app-{name}")
        assert await fleet.says(member, "Valid", "True", "ServiceIsValid") == "the Service is exported"
        await fleet.says(member, "Conflict", "False", "NoConflictFound")
    await fleet.serves("aks-1", "aks-2", "aks-3")
    await fleet.answers_follow({"aks-1": 33, "aks-2": 33, "aks-3": 33})


async def test_a_service_without_a_label_is_told_so_and_joins_when_it_has_one(fleet: Fleet) -> None:
    first, second = await fleet.member("aks-1"), await fleet.member("aks-2")
    await first.export(label="app-aks-1")
    await second.export()
    rejected = await fleet.rejects("aks-2")
    assert rejected["reason"] == "DNSLabelMissing"
    assert "service.beta.kubernetes.io/azure-dns-label-name" in rejected["message"]
    await fleet.serves("aks-1")
    await second.label("app-aks-2")
    await fleet.serves("aks-1", "aks-2")


async def test_an_address_and_a_label_that_come_late_are_found_without_anything_changing_in_kubernetes(
    fleet: Fleet,
) -> None:
    member = await fleet.member("aks-1", delays=Delays(address=0.5, label=1.0))
    await member.export(label="app-aks-1")
    await fleet.serves("aks-1")
    await fleet.answers_follow({"aks-1": 1})


async def test_an_internal_load_balancer_and_a_service_of_another_type_are_rejected_with_their_reasons(
    fleet: Fleet,
) -> None:
    member = await fleet.member("aks-1")
    internal = {"metadata": {"annotations": {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}}}
    await member.export(label="app-aks-1")
    await fleet.serves("aks-1")
    await member.cluster.patch(SERVICES, "work", "app", internal)
    assert (await fleet.rejects("aks-1"))["reason"] == "InternalLoadBalancer"
    await fleet.serves()
    await member.cluster.patch(SERVICES, "work", "app", {"spec": {"type": "ClusterIP"}})
    rejected = await eventually(
        lambda: fleet.rejects("aks-1"), lambda seen: seen["reason"] == "ServiceTypeNotSupported"
    )
    assert "LoadBalancer" in rejected["message"]


async def test_weights_of_exports_are_shares_and_a_typo_changes_nothing(fleet: Fleet) -> None:
    first, second = await fleet.member("aks-1"), await fleet.member("aks-2")
    await first.export(weight=100, label="app-aks-1")
    await second.export(weight=100, label="app-aks-2")
    await fleet.weighs(aks_1=50, aks_2=50)
    await second.weigh(25)
    await fleet.weighs(aks_1=80, aks_2=20)
    await second.weigh("a lot")
    message = await fleet.says(second, "Valid", "False", "ServiceExportInvalidWeightAnnotation")
    assert "'a lot'" in message
    await fleet.weighs(aks_1=80, aks_2=20)


async def test_weight_0_takes_a_cluster_out_and_another_weight_brings_it_back(fleet: Fleet) -> None:
    first, second = await fleet.member("aks-1"), await fleet.member("aks-2")
    await first.export(weight=100, label="app-aks-1")
    await second.export(weight=100, label="app-aks-2")
    await fleet.serves("aks-1", "aks-2")
    await second.weigh(0)
    await fleet.serves("aks-1")
    assert await fleet.export_of(second) == {}
    assert "weight is 0" in await fleet.says(second, "Valid", "True", "ServiceIsValid")
    await second.weigh(50)
    await fleet.weighs(aks_1=66, aks_2=33)


async def test_the_last_cluster_may_leave_because_its_agent_says_that_it_is_meant(fleet: Fleet) -> None:
    member = await fleet.member("aks-1")
    await member.export(label="app-aks-1")
    await fleet.serves("aks-1")
    await member.leave()
    await eventually(lambda: fleet.service_export(member), lambda seen: not seen)
    await fleet.serves()
    assert await fleet.answers() == {}


async def test_a_deleted_service_leaves_and_one_made_anew_comes_back_under_its_new_uid(fleet: Fleet) -> None:
    first, second = await fleet.member("aks-1"), await fleet.member("aks-2")
    await first.export(label="app-aks-1")
    await second.export(label="app-aks-2")
    await fleet.serves("aks-1", "aks-2")
    before = (await fleet.export_of(second))["spec"]["serviceReference"]["uid"]
    await second.cluster.delete(SERVICES, "work", "app")
    await fleet.says(second, "Valid", "False", "ServiceNotFound")
    await fleet.serves("aks-1")
    await second.export(label="app-aks-2")
    await fleet.serves("aks-1", "aks-2")
    after = (await fleet.export_of(second))["spec"]["serviceReference"]["uid"]
    assert before != after


@pytest.mark.long
async def test_a_label_taken_away_in_azure_by_hand_takes_the_endpoint_and_one_set_by_hand_brings_it_back(
    fleet: Fleet,
) -> None:
    first, second = await fleet.member("aks-1"), await fleet.member("aks-2")
    await first.export(label="app-aks-1")
    await second.export(label="app-aks-2")
    await fleet.serves("aks-1", "aks-2")
    resource = (await fleet.export_of(second))["spec"]["publicIPResourceID"]
    fleet.world.azure.set_public_ip(resource, None, location="westeurope")
    assert (await fleet.rejects("aks-2"))["reason"] == "DNSLabelMissing"
    await fleet.serves("aks-1")
    fleet.world.azure.set_public_ip(resource, "app-aks-2.westeurope.cloudapp.azure.com", location="westeurope")
    await fleet.serves("aks-1", "aks-2")


async def test_ports_that_differ_lose_to_the_oldest_export_and_both_sides_are_told(fleet: Fleet) -> None:
    first, second = await fleet.member("aks-1"), await fleet.member("aks-2")
    await first.export(label="app-aks-1")
    await fleet.serves("aks-1")
    await second.export(label="app-aks-2")
    await fleet.serves("aks-1", "aks-2")
    await second.cluster.patch(SERVICES, "work", "app", {"spec": {"ports": [{"name": "http", "port": 81}]}})
    message = await fleet.says(second, "Conflict", "True", "ConflictFound")
    assert "aks-1" in message
    assert "81" in message
    rejected = await eventually(lambda: fleet.rejects("aks-2"), lambda seen: seen["reason"] == "ConflictLost")
    assert "81" in rejected["message"]
    await fleet.serves("aks-1")
