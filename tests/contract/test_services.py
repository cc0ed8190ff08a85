"""Services as a member cluster has them: what each type is given, what is refused, and what a load balancer reports."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.contract.client import API, Reply

Object = dict[str, Any]

SERVICES = "/api/v1/namespaces/{ns}/services"
WEB = {"port": 80}
INSIDE = {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster"}
ADDRESSED = INSIDE | {"clusterIP": "an address", "clusterIPs": ["an address"], "sessionAffinity": "None"}
OUTSIDE = ADDRESSED | {"externalTrafficPolicy": "Cluster"}
BALANCED = OUTSIDE | {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": True}
BOTH_FAMILIES = {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"}


def service(name: str = "app", **spec: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [WEB]} | spec}


def port(number: int = 80, **more: Any) -> Object:
    return {"port": number, "protocol": "TCP", "targetPort": number} | more


def spec_of(reply: Reply) -> Object:
    """The spec with words in place of what the server picked."""
    assert reply.code in (200, 201), reply.text
    text = re.sub(r'"10\.0\.\d+\.\d+"', '"an address"', reply.text)
    text = re.sub(r'"(nodePort|healthCheckNodePort)":3\d{4}', r'"\1":30000', text)
    found: Object = Reply(reply.code, reply.headers, text).body["spec"]
    return found


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        pytest.param({}, ADDRESSED | {"type": "ClusterIP", "ports": [port()]}, id="of the cluster"),
        pytest.param(
            {"type": "NodePort"}, OUTSIDE | {"type": "NodePort", "ports": [port(nodePort=30000)]}, id="of the nodes"
        ),
        pytest.param({"type": "LoadBalancer"}, BALANCED | {"ports": [port(nodePort=30000)]}, id="load balancer"),
        pytest.param(
            {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False},
            BALANCED | {"allocateLoadBalancerNodePorts": False, "ports": [port()]},
            id="load balancer without node ports",
        ),
        pytest.param(
            {"type": "LoadBalancer", "externalTrafficPolicy": "Local"},
            BALANCED
            | {"externalTrafficPolicy": "Local", "healthCheckNodePort": 30000, "ports": [port(nodePort=30000)]},
            id="load balancer that keeps the client's address",
        ),
        pytest.param(
            {
                "ports": [
                    {"name": "web", "port": 80, "targetPort": "http"},
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                ]
            },
            ADDRESSED
            | {
                "type": "ClusterIP",
                "ports": [port(name="web", targetPort="http"), port(53, name="dns", protocol="UDP")],
            },
            id="several ports",
        ),
        pytest.param(
            {"ports": [{"port": 80, "targetPort": 0}]},
            ADDRESSED | {"type": "ClusterIP", "ports": [port()]},
            id="target port 0",
        ),
        pytest.param(
            {"clusterIP": "None"},
            ADDRESSED
            | BOTH_FAMILIES
            | {"clusterIP": "None", "clusterIPs": ["None"], "type": "ClusterIP", "ports": [port()]},
            id="headless",
        ),
        pytest.param(
            {"clusterIP": "None", "selector": {"a": "b"}},
            ADDRESSED
            | {
                "clusterIP": "None",
                "clusterIPs": ["None"],
                "type": "ClusterIP",
                "ports": [port()],
                "selector": {"a": "b"},
            },
            id="headless, with pods of its own",
        ),
        pytest.param(
            {"type": "ExternalName", "externalName": "a.example"},
            {"type": "ExternalName", "externalName": "a.example", "sessionAffinity": "None", "ports": [port()]},
            id="of another name",
        ),
    ],
)
async def test_each_type_is_given_what_it_needs(api: API, sent: Object, given: Object) -> None:
    made = await api.create(SERVICES, service(**sent))
    assert spec_of(made) == given
    assert made.body["status"] == {"loadBalancer": {}}
    assert "generation" not in made.body["metadata"]


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        pytest.param({"ports": []}, "spec.ports", "Required value", id="no ports"),
        pytest.param({"type": "ExternalName"}, "spec.externalName", "Required value", id="no external name"),
        pytest.param(
            {"type": "Balancer"},
            "spec.type",
            'Unsupported value: "Balancer": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
            id="no such type",
        ),
        pytest.param(
            {"ports": [{"port": 70000, "targetPort": 80}]},
            "spec.ports[0].port",
            "Invalid value: 70000: must be between 1 and 65535, inclusive",
            id="no such port",
        ),
        pytest.param(
            {"ports": [{"port": 80, "protocol": "QUIC"}]},
            "spec.ports[0].protocol",
            'Unsupported value: "QUIC": supported values: "SCTP", "TCP", "UDP"',
            id="no such protocol",
        ),
        pytest.param(
            {"ports": [{"port": 80, "targetPort": "123"}]},
            "spec.ports[0].targetPort",
            'Invalid value: "123": must contain at least one letter (a-z)',
            id="a number as a name",
        ),
        pytest.param(
            {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
            "spec.ports[1].name",
            'Duplicate value: "a"',
            id="two ports of one name",
        ),
        pytest.param(
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]},
            "spec.ports[0].nodePort",
            "Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
            id="no node port",
        ),
        pytest.param(
            {"clusterIP": "10.9.0.77"},
            "spec.clusterIPs",
            'Invalid value: ["10.9.0.77"]: failed to allocate IP 10.9.0.77: the provided network does not match the '
            "current range",
            id="an address from elsewhere",
        ),
        pytest.param(
            {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.8"]},
            "spec.clusterIPs",
            'Invalid value: ["10.0.0.8"]: first value must match `clusterIP`',
            id="two addresses in one place",
        ),
        pytest.param(
            {"clusterIPs": ["10.0.0.8"]},
            "spec.clusterIPs",
            'Invalid value: ["10.0.0.8"]: must be empty when `clusterIP` is not specified',
            id="the list of addresses alone",
        ),
        pytest.param(
            {"type": "LoadBalancer", "clusterIP": "None"},
            "spec.clusterIPs[0]",
            "Invalid value: \"None\": may not be set to 'None' for LoadBalancer services",
            id="headless load balancer",
        ),
        pytest.param(
            {"type": "ExternalName", "externalName": "a.example", "clusterIP": "10.0.0.7"},
            "spec.clusterIPs",
            "Forbidden: may not be set for ExternalName services",
            id="an address of another name",
        ),
        pytest.param(
            {"clusterIP": "here"},
            "spec.clusterIPs[0]",
            'Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
            id="no address",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(api: API, sent: Object, field: str, words: str) -> None:
    reply = await api.create(SERVICES, service(**sent))
    assert (reply.code, reply.causes) == (422, [(field, words)])


async def test_several_ports_need_names(api: API) -> None:
    reply = await api.create(SERVICES, service(ports=[{"port": 80}, {"port": 81}]))
    assert reply.causes == [(f"spec.ports[{place}].name", "Required value") for place in (0, 1)]


async def test_its_name_starts_with_a_letter(api: API) -> None:
    reply = await api.create(SERVICES, service("1up"))
    assert (reply.code, reply.causes[0][0]) == (422, "metadata.name")
    assert "a DNS-1035 label must consist of" in reply.causes[0][1]


async def test_a_field_that_it_does_not_have_is_left_out_with_a_warning(api: API) -> None:
    made = await api.create(SERVICES, service(colour="red"))
    assert "colour" not in made.body["spec"]
    assert made.headers["Warning"] == '299 - "unknown field \\"spec.colour\\""'


class TestWhatIsHandedOut:
    async def test_an_address_belongs_to_one_service_until_that_is_gone(self, api: API) -> None:
        address = (await api.create(SERVICES, service("first"))).body["spec"]["clusterIP"]
        second = service("second", clusterIP=address)
        reply = await api.create(SERVICES, second)
        why = f'Invalid value: ["{address}"]: failed to allocate IP {address}: provided IP is already allocated'
        assert reply.causes == [("spec.clusterIPs", why)]
        await api.delete(f"{SERVICES}/first")
        assert (await api.create(SERVICES, second)).body["spec"]["clusterIP"] == address

    async def test_a_node_port_belongs_to_one_service(self, api: API) -> None:
        first = await api.create(SERVICES, service("first", type="NodePort"))
        number = first.body["spec"]["ports"][0]["nodePort"]
        second = service("second", type="NodePort", ports=[WEB | {"nodePort": number}])
        reply = await api.create(SERVICES, second)
        words = f"Invalid value: {number}: provided port is already allocated"
        assert reply.causes == [("spec.ports[0].nodePort", words)]

    async def test_it_stays_when_the_service_is_written_without_it(self, api: API) -> None:
        ports = [WEB | {"name": "web"}, {"port": 81, "name": "more"}]
        made = await api.create(SERVICES, service(type="LoadBalancer", ports=ports))
        had = {one["name"]: one["nodePort"] for one in made.body["spec"]["ports"]}
        ports = [{"port": 90, "name": "more"}, WEB | {"name": "web"}]
        written = await api.update(f"{SERVICES}/app", service(type="LoadBalancer", ports=ports))
        assert written.body["spec"]["clusterIP"] == made.body["spec"]["clusterIP"]
        assert {one["name"]: one["nodePort"] for one in written.body["spec"]["ports"]} == had

    async def test_the_address_does_not_change(self, api: API) -> None:
        made = await api.create(SERVICES, service())
        first = made.body["spec"]["clusterIP"]
        other = "10.0.0.9" if first != "10.0.0.9" else "10.0.0.8"
        reply = await api.merge(f"{SERVICES}/app", {"spec": {"clusterIP": other}})
        assert reply.causes == [("spec.clusterIPs[0]", f'Invalid value: ["{other}"]: may not change once set')]
        assert (await api.merge(f"{SERVICES}/app", {"spec": {"clusterIP": None}})).body["spec"]["clusterIP"] == first

    async def test_a_dry_run_takes_nothing(self, api: API) -> None:
        address = (await api.create(SERVICES, service("first"))).body["spec"]["clusterIP"]
        await api.delete(f"{SERVICES}/first")
        shown = await api.create(f"{SERVICES}?dryRun=All", service("second", clusterIP=address))
        assert (shown.code, shown.body["spec"]["clusterIP"]) == (201, address)
        assert (await api.create(SERVICES, service("third", clusterIP=address))).code == 201


class TestAnotherType:
    async def test_a_load_balancer_that_is_one_no_longer_gives_its_things_back(self, api: API) -> None:
        await api.create(SERVICES, service(type="LoadBalancer"))
        await api.merge(f"{SERVICES}/app/status", {"status": {"loadBalancer": {"ingress": [{"ip": "20.1.2.3"}]}}})
        changed = await api.merge(f"{SERVICES}/app", {"spec": {"type": "ClusterIP"}})
        assert spec_of(changed) == ADDRESSED | {"type": "ClusterIP", "ports": [port()]}
        assert changed.body["status"] == {"loadBalancer": {}}

    async def test_one_that_becomes_a_load_balancer_keeps_its_address(self, api: API) -> None:
        address = (await api.create(SERVICES, service())).body["spec"]["clusterIP"]
        changed = await api.merge(f"{SERVICES}/app", {"spec": {"type": "LoadBalancer"}})
        assert spec_of(changed) == BALANCED | {"ports": [port(nodePort=30000)]}
        assert changed.body["spec"]["clusterIP"] == address

    async def test_an_external_name_has_no_address(self, api: API) -> None:
        await api.create(SERVICES, service())
        outside = {"type": "ExternalName", "externalName": "a.example"}
        changed = await api.merge(f"{SERVICES}/app", {"spec": outside})
        assert spec_of(changed) == outside | {"sessionAffinity": "None", "ports": [port()]}
        back = await api.merge(f"{SERVICES}/app", {"spec": {"type": "ClusterIP", "externalName": None}})
        assert spec_of(back) == ADDRESSED | {"type": "ClusterIP", "ports": [port()]}


class TestLoadBalancerStatus:
    @pytest.fixture
    async def balancer(self, api: API) -> str:
        assert (await api.create(SERVICES, service(type="LoadBalancer"))).code == 201
        return f"{SERVICES}/app"

    def given(self, *places: Object) -> Object:
        return {"status": {"loadBalancer": {"ingress": list(places)}}}

    async def test_is_written_alone(self, api: API, balancer: str) -> None:
        given = self.given({"ip": "20.1.2.3"}) | {"spec": {"selector": {"a": "b"}}}
        written = await api.merge(f"{balancer}/status", given)
        assert written.body["status"] == {"loadBalancer": {"ingress": [{"ip": "20.1.2.3", "ipMode": "VIP"}]}}
        assert "selector" not in written.body["spec"]
        named = await api.merge(f"{balancer}/status", self.given({"hostname": "lb.example"}))
        assert named.body["status"] == {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}

    async def test_is_not_written_with_the_service(self, api: API, balancer: str) -> None:
        written = await api.merge(balancer, self.given({"ip": "20.1.2.3"}))
        assert (written.code, written.body["status"]) == (200, {"loadBalancer": {}})
        made = await api.create(SERVICES, service("other", type="LoadBalancer") | self.given({"ip": "20.1.2.3"}))
        assert made.body["status"] == {"loadBalancer": {}}

    async def test_has_addresses_that_are_some(self, api: API, balancer: str) -> None:
        reply = await api.merge(f"{balancer}/status", self.given({"ip": "here"}))
        words = 'Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
        assert reply.causes == [("status.loadBalancer.ingress[0].ip", words)]

    async def test_is_for_load_balancers_only(self, api: API) -> None:
        await api.create(SERVICES, service())
        reply = await api.merge(f"{SERVICES}/app/status", self.given({"ip": "20.1.2.3"}))
        words = "Forbidden: may only be used when `spec.type` is 'LoadBalancer'"
        assert reply.causes == [("status.loadBalancer.ingress", words)]


class TestOwnership:
    """What the agent does to a Service: one annotation of its own, which it takes from nobody."""

    LABEL = "service.beta.kubernetes.io/azure-dns-label-name"
    AGENT, USER = "fleetdns-member", "kubectl-annotate"

    @pytest.fixture
    async def app(self, api: API) -> str:
        assert (await api.create(SERVICES, service(type="LoadBalancer"))).code == 201
        return f"{SERVICES}/app"

    async def claim(self, api: API, app: str, label: str | None, *, manager: str = AGENT, force: bool = False) -> Reply:
        metadata = {"name": "app"} | ({"annotations": {self.LABEL: label}} if label is not None else {})
        body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
        return await api.apply(app, body, manager=manager, force=force)

    async def written(self, api: API, app: str, label: str) -> None:
        path = f"{app}?fieldManager={self.USER}"
        assert (await api.merge(path, {"metadata": {"annotations": {self.LABEL: label}}})).code == 200

    def label(self, reply: Reply) -> str | None:
        label: str | None = reply.body["metadata"].get("annotations", {}).get(self.LABEL)
        return label

    async def test_the_label_is_the_agents_until_it_applies_without_it(self, api: API, app: str) -> None:
        made = await self.claim(api, app, "a")
        assert (made.code, self.label(made)) == (200, "a")
        again = await self.claim(api, app, "a")
        assert again.version == made.version
        assert self.label(await self.claim(api, app, "b")) == "b"
        gone = await self.claim(api, app, None)
        assert self.label(gone) is None
        assert self.AGENT not in [entry["manager"] for entry in gone.body["metadata"]["managedFields"]]

    async def test_a_users_label_is_a_conflict_and_stays(self, api: API, app: str) -> None:
        await self.written(api, app, "user")
        reply = await self.claim(api, app, "agent")
        words = f'conflict with "{self.USER}" using v1'
        field = f".metadata.annotations.{self.LABEL}"
        assert (reply.code, reply.body["reason"], reply.causes) == (409, "Conflict", [(field, words)])
        assert reply.body["message"] == f"Apply failed with 1 conflict: {words}: {field}"
        assert self.label(await api.get(app)) == "user"

    async def test_force_takes_it(self, api: API, app: str) -> None:
        await self.written(api, app, "user")
        assert self.label(await self.claim(api, app, "agent", force=True)) == "agent"
        await self.written(api, app, "user")
        assert self.label(await self.claim(api, app, None)) == "user"

    async def test_an_equal_value_belongs_to_both(self, api: API, app: str) -> None:
        await self.claim(api, app, "same")
        assert (await self.claim(api, app, "same", manager="other")).code == 200
        assert self.label(await self.claim(api, app, None)) == "same"
        assert self.label(await self.claim(api, app, None, manager="other")) is None

    async def test_the_same_status_again_is_a_change_only_where_it_moves_its_writer_behind_others(
        self, api: API, app: str
    ) -> None:
        # Without its default, the address is written each time; writers stand in the order of their last seconds.
        status = {"loadBalancer": {"ingress": [{"ip": "20.1.2.3"}]}}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"}, "status": status}
        await api.apply(f"{app}/status", body, manager="cloud")
        before = await self.claim(api, app, "a")
        versions = []
        for _ in range(2):
            await asyncio.sleep(1)
            versions.append((await api.apply(f"{app}/status", body, manager="cloud")).version)
        assert before.version != versions[0] == versions[1]

    async def test_a_service_that_is_gone_is_not_made_again(self, api: API, app: str) -> None:
        uid = (await api.get(app)).body["metadata"]["uid"]
        await api.delete(app)
        metadata = {"name": "app", "uid": uid, "annotations": {self.LABEL: "a"}}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
        reply = await api.apply(app, body, manager=self.AGENT)
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        assert (reply.code, reply.body["message"].partition('": ')[2]) == (409, why)
