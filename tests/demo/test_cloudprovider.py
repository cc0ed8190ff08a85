"""The stand-in for a cluster's cloud provider: addresses, public IPs and DNS labels, as Azure gives them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fleetdns.demo.cloudprovider import FINALIZER, Delays
from fleetdns.emulator.azure.service import Request
from fleetdns.emulator.hub.server import HubServer
from fleetdns.emulator.hub.status import StatusError
from tests.demo.member import GROUP, SUBSCRIPTION, Member, fqdn, ingress, label_of
from tests.e2e.eventually import eventually


def labelled(label: str | None) -> Any:
    return lambda found: label_of(found) == label


class TestAddress:
    async def test_a_load_balancer_gets_an_address_and_a_public_ip_of_its_own(self, member: Member) -> None:
        member.provide()
        made = await member.serve()
        address = await member.address()
        assert list(member.public_ips()) == [f"kubernetes-a{made['metadata']['uid'].replace('-', '')[:31]}"]
        found = await member.public_ip(lambda _found: True)
        assert (found["ipAddress"], label_of(found)) == (address, None)

    async def test_services_that_were_there_before_the_provider_get_theirs_too(self, member: Member) -> None:
        await member.serve("first")
        await member.serve("second")
        member.provide()
        assert await member.address("first") != await member.address("second")
        assert len(member.public_ips()) == 2

    async def test_other_services_get_nothing(self, member: Member) -> None:
        member.provide()
        await member.serve("inside", kind="ClusterIP")
        await member.serve("theirs")
        await member.delete("theirs")
        spec = {"type": "LoadBalancer", "loadBalancerClass": "example.com/other", "ports": [{"port": 80}]}
        metadata = {"name": "classy", "namespace": member.namespace}
        await member.cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        await member.serve("last")
        await member.address("last")
        assert [ingress(await member.service(name)) for name in ("inside", "classy")] == [None, None]
        await member.public_ip(lambda found: True)

    async def test_the_public_ip_lies_in_the_group_that_the_service_names(self, member: Member) -> None:
        member.provide()
        await member.serve(group="shared")
        first = await member.address()
        assert (await member.public_ip(lambda _found: True, "shared"))["ipAddress"] == first
        assert member.public_ips() == {}
        await member.annotate(group=None)
        second = await member.address(other_than=first)
        assert (await member.public_ip(lambda _found: True))["ipAddress"] == second
        await member.no_public_ip("shared")

    async def test_an_internal_load_balancer_gets_a_private_address_and_no_public_ip(self, member: Member) -> None:
        member.provide()
        await member.serve(internal="true", label="shop")
        assert (await member.address()).startswith("10.")
        assert member.public_ips() == {}

    async def test_one_that_becomes_internal_loses_its_public_ip_and_gets_one_again(self, member: Member) -> None:
        member.provide()
        await member.serve()
        outside = await member.address()
        await member.annotate(internal="true")
        inside = await member.address(other_than=outside)
        assert inside.startswith("10.")
        await member.no_public_ip()
        await member.annotate(internal="false")
        again = await member.address(other_than=inside)
        await member.public_ip(lambda found: found["ipAddress"] == again)

    async def test_it_takes_as_long_as_it_is_told_to(self, member: Member) -> None:
        member.provide(Delays(address=0.5))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await member.serve()
        await member.address()
        assert loop.time() - began >= 0.5


class TestEnd:
    async def test_a_deleted_service_is_held_until_its_public_ip_is_gone(self, member: Member) -> None:
        member.provide()
        await member.serve()
        await member.address()
        await member.stopped()
        await member.delete()
        held = await member.service()
        assert held is not None
        assert held["metadata"]["finalizers"] == [FINALIZER]
        assert len(member.public_ips()) == 1
        member.provide()
        await eventually(member.service, lambda found: found is None)
        assert member.public_ips() == {}

    async def test_finalizers_of_others_are_left_alone(self, member: Member) -> None:
        member.provide()
        await member.serve()
        await member.address()
        await member.change({"metadata": {"finalizers": [FINALIZER, "example.com/hold"]}})
        await member.delete()
        await member.no_public_ip()

        async def finalizers() -> list[str]:
            return list((await member.service() or {"metadata": {}})["metadata"].get("finalizers", ()))

        await eventually(finalizers, lambda seen: seen == ["example.com/hold"])
        await member.change({"metadata": {"finalizers": []}})

    async def test_one_that_is_no_load_balancer_any_more_gives_its_public_ip_back(self, member: Member) -> None:
        member.provide()
        await member.serve()
        await member.address()
        await member.change({"spec": {"type": "ClusterIP"}})
        await member.no_public_ip()

        async def finalizers() -> object:
            return (await member.service() or {})["metadata"].get("finalizers")

        await eventually(finalizers, lambda seen: not seen)
        assert ingress(await member.service()) is None

    async def test_a_service_made_again_has_another_public_ip(self, member: Member) -> None:
        member.provide()
        await member.serve()
        await member.address()
        (first,) = member.public_ips()
        await member.delete()
        await eventually(member.service, lambda found: found is None)
        await member.serve()
        await member.address()
        assert list(member.public_ips()) != [first]


class TestLabel:
    async def test_follows_the_annotation(self, member: Member) -> None:
        member.provide()
        await member.serve(label="shop")
        address = await member.address()
        found = await member.public_ip(labelled("shop"))
        assert found["dnsSettings"]["fqdn"] == fqdn("shop")
        await member.annotate(label="barn")
        await member.public_ip(labelled("barn"))
        await member.annotate(label=None)
        await member.annotate(internal="no")  # asks for the same, as the label is left as it is
        await member.annotate(label="")
        await member.public_ip(labelled(None))
        assert await member.address() == address

    async def test_stays_when_the_annotation_goes(self, member: Member) -> None:
        member.provide()
        await member.serve(label="shop")
        await member.public_ip(labelled("shop"))
        await member.annotate(label=None)
        await member.serve("other")
        await member.address("other")
        assert sorted(str(label_of(found)) for found in member.public_ips().values()) == ["None", "shop"]

    async def test_comes_later_than_the_address_where_it_is_told_to(self, member: Member) -> None:
        member.provide(Delays(label=2.0))
        await member.serve(label="shop")
        await member.address()
        assert label_of(await member.public_ip(lambda _found: True)) is None
        await member.public_ip(labelled("shop"))

    async def test_that_is_in_use_is_told_in_an_event_and_tried_again(self, member: Member) -> None:
        taken = member.take("shop")
        member.provide()
        made = await member.serve(label="shop")
        event = await member.warned(lambda event: event.get("count", 0) >= 2)
        assert (event["reason"], event["involvedObject"]["uid"]) == (
            "SyncLoadBalancerFailed",
            made["metadata"]["uid"],
        )
        assert event["message"].endswith(
            f"ERROR CODE: DnsRecordInUse: DNS record {fqdn('shop')} is already used by another public IP."
        )
        assert ingress(await member.service()) is None
        member.azure.remove_public_ip(taken.id)
        await member.address()
        await member.public_ip(labelled("shop"))

    async def test_that_is_in_use_leaves_the_former_one(self, member: Member) -> None:
        member.take("taken")
        member.provide()
        await member.serve(label="shop")
        address = await member.address()
        await member.annotate(label="taken")
        await member.warned(lambda event: "DnsRecordInUse" in event["message"])
        assert label_of(await member.public_ip(lambda _found: True)) == "shop"
        await member.annotate(label="free")
        await member.public_ip(labelled("free"))
        assert await member.address() == address

    async def test_that_is_none_is_told_in_an_event(self, member: Member) -> None:
        member.provide()
        await member.serve(label="No_Label")
        event = await member.warned(lambda event: "InvalidDomainNameLabel" in event["message"])
        assert "^[a-z][a-z0-9-]{1,61}[a-z0-9]$" in event["message"]
        await member.annotate(label="label")
        await member.public_ip(labelled("label"))

    async def test_that_was_taken_away_by_hand_stays_away_until_the_service_changes(self, member: Member) -> None:
        member.provide()
        await member.serve(label="shop")
        await member.public_ip(labelled("shop"))
        (name,) = member.public_ips()
        path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/publicIPAddresses"
        member.azure.set_public_ip(f"{path}/{name}", None)
        await member.annotate(other="of no interest")
        await member.serve("other")
        await member.address("other")
        assert label_of(member.public_ips()[name]) is None
        await member.annotate(label="barn")

        async def look() -> str | None:
            return label_of(member.public_ips()[name])

        assert await eventually(look, lambda seen: seen is not None) == "barn"


async def test_an_endpoint_follows_the_label_that_the_service_asks_for(member: Member) -> None:
    """Without one, Traffic Manager refuses the endpoint, as Azure does."""
    member.provide()
    await member.serve()
    await member.address()
    (name,) = member.public_ips()
    base = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
    target = f"{base}/{GROUP}/providers/Microsoft.Network/publicIPAddresses/{name}"
    endpoint = {
        "name": "one",
        "type": "Microsoft.Network/trafficManagerProfiles/azureEndpoints",
        "properties": {"targetResourceId": target, "weight": 1},
    }
    settings = {"dnsConfig": {"relativeName": "web", "ttl": 60}, "monitorConfig": {"protocol": "TCP", "port": 80}}
    properties = {"trafficRoutingMethod": "Weighted", "endpoints": [endpoint], **settings}
    path = f"{base}/fleet/providers/Microsoft.Network/trafficManagerProfiles/web"
    body = {"location": "global", "properties": properties}
    assert _put(member, path, body) == 400
    await member.annotate(label="shop")
    await member.public_ip(labelled("shop"))
    assert _put(member, path, body) == 201
    (profile,) = member.azure.profiles()
    assert profile["properties"]["endpoints"][0]["properties"]["target"] == fqdn("shop")
    await member.annotate(label="barn")
    await member.public_ip(labelled("barn"))
    (profile,) = member.azure.profiles()
    assert profile["properties"]["endpoints"][0]["properties"]["target"] == fqdn("barn")


def _put(member: Member, path: str, body: object) -> int:
    return member.azure.handle(
        Request("PUT", path, {"api-version": "2022-04-01"}, {}, json.dumps(body).encode())
    ).status


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
class TestOutage:
    """Faults are ordered at the embedded server only."""

    async def test_a_watch_that_ends_or_breaks_is_followed_by_another(self, member: Member, server: HubServer) -> None:
        server.faults.drop(verb="list", plural="services", times=2)
        server.faults.end_watch(StatusError(410, "Expired", "too old resource version"), plural="services", times=2)
        member.provide()
        await member.serve()
        await member.address()

        async def cut() -> int:
            return server.faults.cut_watches("services")

        assert await eventually(cut, lambda seen: seen > 0) == 1
        await member.serve("second")
        await member.address("second")

    async def test_a_write_that_is_refused_is_tried_again(self, member: Member, server: HubServer) -> None:
        await member.serve()
        server.faults.refuse(StatusError(500, "InternalError", "no"), verb="patch", plural="services", times=3)
        member.provide()
        await member.address()
