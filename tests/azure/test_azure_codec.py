"""Answers of Traffic Manager as values: what Azure varies is equal, what is not ours survives, nulls harm nobody."""

from __future__ import annotations

import gc
import json
import random
from codecs import BOM_UTF8
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.api.exports import InternalServiceExport
from fleetdns.azure.codec import (
    Undecodable,
    decode_availability,
    decode_endpoint,
    decode_listed,
    decode_profile,
    encode_endpoint,
    encode_patch,
    encode_profile,
)
from fleetdns.core.changes import diff
from fleetdns.core.naming import EndpointName
from fleetdns.core.trafficmanager import Endpoint, Monitor, Profile, ProfileRef
from fleetdns.kube.codec import StructCodec
from tests.azure.values import GROUP, REF, SUBSCRIPTION, endpoint_body, patch, profile, profile_body, public_ip

# Bodies recorded from the service, with its escaped slashes.
RECORDED_PROFILE = rb"""{"id":"\/subscriptions\/00000000-0000-0000-0000-000000000000\/resourceGroups\/cli_test\/providers\/Microsoft.Network\/trafficManagerProfiles\/mytmprofile","name":"mytmprofile","type":"Microsoft.Network\/trafficManagerProfiles","location":"global","tags":{"foo":"boo"},"properties":{"profileStatus":"Enabled","trafficRoutingMethod":"Weighted","dnsConfig":{"relativeName":"mytrafficmanager001100a","fqdn":"mytrafficmanager001100a.trafficmanager.net","ttl":30},"monitorConfig":{"profileMonitorStatus":"CheckingEndpoints","protocol":"HTTP","port":80,"path":"\/","intervalInSeconds":30,"toleratedNumberOfFailures":3,"timeoutInSeconds":10},"endpoints":[{"id":"\/subscriptions\/00000000-0000-0000-0000-000000000000\/resourceGroups\/cli_test\/providers\/Microsoft.Network\/trafficManagerProfiles\/mytmprofile\/externalEndpoints\/myendpoint","name":"myendpoint","type":"Microsoft.Network\/trafficManagerProfiles\/externalEndpoints","properties":{"endpointStatus":"Enabled","endpointMonitorStatus":"CheckingEndpoint","targetResourceId":null,"target":"www.contoso.com","weight":25,"priority":1,"endpointLocation":null,"minChildEndpoints":null,"minChildEndpointsIPv4":null,"minChildEndpointsIPv6":null}}],"trafficViewEnrollmentStatus":"Disabled","maxReturn":null}}"""  # noqa: E501 - verbatim
RECORDED_ENDPOINT = rb"""{"id":"\/subscriptions\/00000000-0000-0000-0000-000000000000\/resourceGroups\/cli_test\/providers\/Microsoft.Network\/trafficManagerProfiles\/mytmprofile\/externalEndpoints\/myendpoint","name":"myendpoint","type":"Microsoft.Network\/trafficManagerProfiles\/externalEndpoints","properties":{"endpointStatus":"Enabled","endpointMonitorStatus":"CheckingEndpoint","target":"www.microsoft.com","weight":50,"priority":1,"endpointLocation":null,"NestedProfile":null}}"""  # noqa: E501 - verbatim


def wire(body: Any) -> bytes:
    return json.dumps(body).encode()


def decoded(**properties: Any) -> Profile:
    return decode_profile(wire(profile_body(**properties)), REF)


def test_a_recorded_profile_is_read_whole() -> None:
    read = decode_profile(RECORDED_PROFILE, REF)
    assert read == Profile(
        ref=ProfileRef("00000000-0000-0000-0000-000000000000", "cli_test", "mytmprofile"),
        relative_name="mytrafficmanager001100a",
        ttl=30,
        monitor=Monitor("HTTP", 80, "/", 30, 10, 3),
        tags=(("foo", "boo"),),
        endpoints=(
            Endpoint(
                "myendpoint",
                kind="externalEndpoints",
                weight=25,
                priority=1,
                target="www.contoso.com",
                monitor_status="CheckingEndpoint",
            ),
        ),
        fqdn="mytrafficmanager001100a.trafficmanager.net",
        unmanaged=b'{"trafficViewEnrollmentStatus":"Disabled"}',
    )


def test_a_recorded_endpoint_is_read_whole() -> None:
    assert decode_endpoint(RECORDED_ENDPOINT) == Endpoint(
        "myendpoint",
        kind="externalEndpoints",
        weight=50,
        priority=1,
        target="www.microsoft.com",
        monitor_status="CheckingEndpoint",
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"profileStatus": "enabled"}, id="status in lower case"),
        pytest.param({"trafficRoutingMethod": "WEIGHTED"}, id="routing method in upper case"),
        pytest.param({"endpoints": None}, id="no endpoints spelled as null"),
        pytest.param({"maxReturn": None, "recordType": None}, id="settings never made spelled as null"),
        pytest.param(
            {"dnsConfig": {"relativeName": "shop", "fqdn": "shop.trafficmanager.net", "ttl": "60"}},
            id="a number spelled as text",
        ),
    ],
)
def test_another_spelling_of_the_same_profile_is_equal(change: dict[str, Any]) -> None:
    assert decoded(**change) == decoded()


def test_the_monitor_state_that_a_list_leaves_null_makes_no_difference() -> None:
    body = profile_body()
    body["properties"]["monitorConfig"]["profileMonitorStatus"] = None
    assert decode_profile(wire(body), REF) == decoded()


@pytest.mark.parametrize(
    "kind",
    [
        "Microsoft.Network/trafficManagerProfiles/azureEndpoints",
        "microsoft.network/TrafficManagerProfiles/AzureEndpoints",
        "MICROSOFT.NETWORK/TRAFFICMANAGERPROFILES/AZUREENDPOINTS",
        "azureendpoints",
        None,
    ],
)
def test_an_endpoint_type_is_the_same_in_any_case_and_without_one_the_id_tells(kind: str | None) -> None:
    assert decode_endpoint(wire(endpoint_body() | {"type": kind})) == decode_endpoint(wire(endpoint_body()))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"tags": None}, {"tags": ()}, id="null tags"),
        pytest.param({"id": None}, {"ref": REF}, id="null id is the one that was asked for"),
        pytest.param({"id": "not an id"}, {"ref": REF}, id="an id of another shape"),
        pytest.param({"name": None, "type": None, "location": None}, {"ref": REF}, id="null name, type, location"),
        pytest.param({"tags": {"a": None}}, {"tags": (("a", ""),)}, id="a null tag"),
    ],
)
def test_nulls_around_a_profile_do_no_harm(body: dict[str, Any], expected: dict[str, Any]) -> None:
    read = decode_profile(wire(profile_body() | body), REF)
    assert {name: getattr(read, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param({"trafficRoutingMethod": None}, {"routing_method": None}, id="null routing method"),
        pytest.param(
            {"monitorConfig": None}, {"monitor": Monitor(None, None, None, None, None, None)}, id="null monitor"
        ),
        pytest.param(
            {"dnsConfig": {"relativeName": "shop", "fqdn": None, "ttl": None}},
            {"fqdn": None, "ttl": None},
            id="null fqdn and ttl",
        ),
    ],
)
def test_null_properties_are_unknown_not_wrong(properties: dict[str, Any], expected: dict[str, Any]) -> None:
    read = decoded(**properties)
    assert {name: getattr(read, name) for name in expected} == expected


def test_a_profile_that_says_no_status_is_enabled_and_is_not_patched_for_ever() -> None:
    read = decoded(profileStatus=None)
    assert read == decoded(profileStatus="Enabled")
    assert diff(replace(read, status="Enabled"), read) == ()


def test_a_byte_order_mark_is_no_part_of_an_answer() -> None:
    raw = BOM_UTF8 + wire(profile_body())
    assert decode_profile(raw, REF) == decode_profile(wire(profile_body()), REF)


def test_an_endpoint_of_nulls_keeps_its_name() -> None:
    body = endpoint_body() | {"id": None, "properties": None}
    assert decode_endpoint(wire(body)) == Endpoint(body["name"])


def test_an_endpoint_without_a_name_is_called_as_in_its_id() -> None:
    assert decode_endpoint(wire(endpoint_body() | {"name": None})).name == endpoint_body()["name"]


def test_an_empty_path_is_no_path() -> None:
    assert decoded(monitorConfig={"protocol": "tcp", "port": 443, "path": ""}).monitor == Monitor(
        "TCP", 443, None, None, None, None
    )


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="an empty body"),
        pytest.param(b"<html></html>", id="a page"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"name":"fleet-one","properties":null}', id="no properties: it would look empty"),
        pytest.param(wire(profile_body(dnsConfig=None)), id="no DNS name"),
        pytest.param(wire(profile_body(dnsConfig={"relativeName": None})), id="a null DNS name"),
        pytest.param(wire(profile_body(endpoints=[{"properties": {}}])), id="an endpoint that is nobody"),
        pytest.param(wire(profile_body(endpoints=[endpoint_body(weight="much")])), id="a weight that is a word"),
        pytest.param(b'{"name":"\xff"}', id="text that is not UTF-8"),
    ],
)
def test_what_is_no_profile_is_undecodable(raw: bytes) -> None:
    with pytest.raises(Undecodable):
        decode_profile(raw, REF)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        pytest.param(wire(profile_body("bad", dnsConfig=None)), "bad", id="by its name"),
        pytest.param(wire(profile_body("by-id") | {"name": None, "tags": "none"}), "by-id", id="by its id"),
        pytest.param(wire(profile_body("nobody") | {"id": None, "name": None}), "", id="by nothing"),
        pytest.param(b"null", "", id="nothing at all"),
    ],
)
def test_a_listed_profile_nobody_understands_is_told_by_what_is_known_of_it(raw: bytes, name: str) -> None:
    with pytest.raises(Undecodable) as problem:
        decode_listed(raw, subscription=SUBSCRIPTION, resource_group=GROUP)
    assert problem.value.name == name


def test_a_listed_profile_without_an_id_belongs_to_the_group_that_was_listed() -> None:
    raw = wire(profile_body() | {"id": None})
    assert decode_listed(raw, subscription=SUBSCRIPTION, resource_group=GROUP).ref == REF
    with pytest.raises(Undecodable):
        decode_listed(raw, subscription=SUBSCRIPTION)


def test_the_texts_that_azure_and_the_hub_both_hold_are_stored_once() -> None:
    name = EndpointName("0c1f6d0e-11aa-4c3e-9d2b-3f5f0a6b7c8d", "app", "aks-1")
    target = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/ips/providers/Microsoft.Network/publicIPAddresses/app"
    spec = {
        "publicIPResourceID": target,
        "serviceReference": {"clusterId": "aks-1", "namespace": "work", "name": "app"},
    }
    export = StructCodec(InternalServiceExport).decode(wire({"metadata": {"name": "work-app"}, "spec": spec})).value
    endpoint = decode_endpoint(wire(endpoint_body(str(name), targetResourceId=target)))
    assert endpoint.target_resource_id is export.spec.public_ip_resource_id
    assert endpoint.name is str(name)


def test_no_collection_of_garbage_looks_at_an_endpoint() -> None:
    assert not gc.is_tracked(decode_endpoint(wire(endpoint_body())))


def test_everything_unmanaged_is_kept_as_canonical_json() -> None:
    read = decoded(
        trafficViewEnrollmentStatus="Enabled",
        maxReturn=2,
        recordType=None,
        monitorConfig={"expectedStatusCodeRanges": [{"min": 200, "max": 299}]},
        dnsConfig={"relativeName": "shop", "novelty": {"b": 1, "a": None}},
        endpoints=[endpoint_body(subnets=[{"scope": 24, "first": "1.2.3.0"}], geoMapping=["GEO-EU"], alwaysServe=None)],
    )
    assert read.unmanaged == b'{"maxReturn":2,"trafficViewEnrollmentStatus":"Enabled"}'
    assert read.monitor.unmanaged == b'{"expectedStatusCodeRanges":[{"max":299,"min":200}]}'
    assert read.unmanaged_dns == b'{"novelty":{"b":1}}'
    assert read.endpoints[0].unmanaged == b'{"geoMapping":["GEO-EU"],"subnets":[{"first":"1.2.3.0","scope":24}]}'


def test_what_only_azure_says_is_never_sent() -> None:
    body = json.dumps(encode_profile(decoded(endpoints=[endpoint_body()])))
    for finding in ("fqdn", "onitorStatus", '"id"', "cloudapp.azure.com"):
        assert finding not in body


@pytest.mark.parametrize(
    ("endpoint", "sent"),
    [
        pytest.param(Endpoint("a", target_resource_id="/ip", target="x.net"), None, id="Azure derives a public IP's"),
        pytest.param(Endpoint("a", kind="externalEndpoints", target="x.net"), "x.net", id="an external one is input"),
        pytest.param(
            Endpoint("a", kind="nestedEndpoints", target_resource_id="/p", target="x.net"),
            None,
            id="a nested one with a resource",
        ),
        pytest.param(Endpoint("a", kind="nestedEndpoints", target="x.net"), "x.net", id="a nested one by name"),
    ],
)
def test_a_target_is_sent_where_it_is_input(endpoint: Endpoint, sent: str | None) -> None:
    assert encode_endpoint(endpoint)["properties"].get("target") == sent


def test_a_put_without_endpoints_says_so() -> None:
    assert encode_profile(profile())["properties"]["endpoints"] == []


def test_a_patch_sends_whole_groups_and_no_endpoints() -> None:
    value = replace(
        decoded(
            monitorConfig={"protocol": "TCP", "port": 443, "expectedStatusCodeRanges": [{"min": 200, "max": 299}]},
            endpoints=[endpoint_body()],
        ),
        tags=(("a", "b"), ("c", "d")),
    )
    assert encode_patch(patch(value, "dnsConfig", "monitorConfig", "tags")) == {
        "tags": {"a": "b", "c": "d"},
        "properties": {
            "dnsConfig": {"relativeName": "shop", "ttl": 60},
            "monitorConfig": {
                "protocol": "TCP",
                "port": 443,
                "expectedStatusCodeRanges": [{"min": 200, "max": 299}],
            },
        },
    }
    assert encode_patch(patch(value, "profileStatus", "trafficRoutingMethod")) == {
        "properties": {"profileStatus": "Enabled", "trafficRoutingMethod": "Weighted"}
    }


def test_a_patch_of_a_group_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(ValueError):
        encode_patch(patch(profile(), "endpoints"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b'{"nameAvailable":true,"reason":null}', True), (b'{"nameAvailable":false,"message":"taken"}', False)],
)
def test_a_name_check_says_yes_or_no(raw: bytes, expected: bool) -> None:
    assert decode_availability(raw) is expected


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"nameAvailable":null}', b'{"nameAvailable":"true"}'])
def test_a_name_check_that_says_neither_is_undecodable(raw: bytes) -> None:
    with pytest.raises(Undecodable):
        decode_availability(raw)


NAMES = st.text("abcdefgh-#", min_size=1, max_size=8)
NUMBERS = st.none() | st.integers(0, 1000)
JSON_VALUES = st.recursive(
    st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=3,
)
UNMANAGED = st.dictionaries(st.text("uvwxyz", min_size=1, max_size=6), JSON_VALUES, max_size=3).map(
    lambda value: msgspec.json.encode(value, order="deterministic") if value else b""
)
PAIRS = st.dictionaries(NAMES, st.text(max_size=5), max_size=3).map(lambda pairs: tuple(sorted(pairs.items())))


@st.composite
def endpoints(draw: st.DrawFn) -> Endpoint:
    kind = draw(st.sampled_from(["azureEndpoints", "externalEndpoints", "nestedEndpoints"]))
    return Endpoint(
        draw(NAMES),
        kind=kind,
        target_resource_id=None if kind == "externalEndpoints" else public_ip(draw(NAMES)),
        target="x.example" if kind == "externalEndpoints" else None,
        weight=draw(NUMBERS),
        status=draw(st.sampled_from(["Enabled", "Disabled"])),
        priority=draw(NUMBERS),
        unmanaged=draw(UNMANAGED),
    )


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    members = draw(st.lists(endpoints(), max_size=4, unique_by=lambda endpoint: endpoint.folded))
    return Profile(
        REF,
        draw(NAMES),
        draw(NUMBERS),
        Monitor(
            draw(st.none() | st.sampled_from(["HTTP", "HTTPS", "TCP"])),
            draw(NUMBERS),
            draw(st.none() | st.just("/health")),
            draw(NUMBERS),
            draw(NUMBERS),
            draw(NUMBERS),
            headers=draw(PAIRS),
            unmanaged=draw(UNMANAGED),
        ),
        tags=draw(PAIRS),
        endpoints=tuple(sorted(members, key=lambda endpoint: (endpoint.folded, endpoint.kind))),
        status=draw(st.sampled_from(["Enabled", "Disabled"])),
        routing_method=draw(st.none() | st.sampled_from(["Weighted", "Priority"])),
        unmanaged=draw(UNMANAGED),
        unmanaged_dns=draw(UNMANAGED),
    )


@settings(max_examples=40)
@given(profiles())
def test_what_is_written_is_read_back(value: Profile) -> None:
    assert decode_profile(wire(encode_profile(value)), REF) == value


@settings(max_examples=40)
@given(endpoints())
def test_an_endpoint_that_is_written_is_read_back(value: Endpoint) -> None:
    assert decode_endpoint(wire(encode_endpoint(value))) == value


@settings(max_examples=40)
@given(profiles(), st.randoms(use_true_random=False))
def test_the_order_azure_answers_in_makes_no_difference(value: Profile, chance: random.Random) -> None:
    body = shuffled(encode_profile(value), chance)
    chance.shuffle(body["properties"]["endpoints"])
    chance.shuffle(body["properties"]["monitorConfig"].get("customHeaders", []))
    assert decode_profile(wire(body), REF) == value


@settings(max_examples=40)
@given(profiles())
def test_null_is_the_same_as_absent(value: Profile) -> None:
    body = encode_profile(value)
    for group in (body["properties"], body["properties"]["monitorConfig"], body["properties"]["dnsConfig"]):
        group["neverHeardOf"] = None
    assert decode_profile(wire(body), REF) == value


def shuffled(value: Any, chance: random.Random) -> Any:
    """`value` with the keys of its objects in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        return {name: shuffled(inner, chance) for name, inner in items}
    return [shuffled(inner, chance) for inner in value] if isinstance(value, list) else value
