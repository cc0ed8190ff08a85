"""Everything a profile PUT is refused for. Only where the real words are known do the tests look at the message."""

from typing import Any

import pytest

from fleetdns.emulator.azure.service import Behaviour
from tests.emulator_azure.arm import (
    Arm,
    arm_with,
    azure_endpoint,
    error_of,
    external_endpoint,
    message_of,
    nested_endpoint,
    profile_body,
    profile_path,
)

HEADERS = [{"name": f"h{number}", "value": "v"} for number in range(9)]
RANGES = [{"min": 200 + number, "max": 200 + number} for number in range(9)]


@pytest.mark.parametrize(
    "monitor",
    [
        pytest.param({"intervalInSeconds": 20}, id="interval is 10 or 30"),
        pytest.param({"timeoutInSeconds": 4}, id="timeout is at least 5"),
        pytest.param({"timeoutInSeconds": 11}, id="timeout is at most 10"),
        pytest.param({"intervalInSeconds": 10, "timeoutInSeconds": 10}, id="timeout is at most 9 with interval 10"),
        pytest.param({"toleratedNumberOfFailures": 10}, id="at most 9 failures"),
        pytest.param({"toleratedNumberOfFailures": -1}, id="no negative failures"),
        pytest.param({"protocol": "UDP"}, id="no such protocol"),
        pytest.param({"protocol": "TCP"}, id="no path with TCP"),
        pytest.param({"path": None}, id="a path with HTTP"),
        pytest.param({"path": "healthz"}, id="a path begins with a slash"),
        pytest.param({"port": 0}, id="port is at least 1"),
        pytest.param({"port": 65536}, id="port is at most 65535"),
        pytest.param({"port": "80"}, id="port is a number"),
        pytest.param({"path": 7}, id="a path is a string"),
        pytest.param({"port": True}, id="port is not a boolean"),
        pytest.param({"customHeaders": HEADERS}, id="at most 8 headers"),
        pytest.param({"customHeaders": [{"name": "A", "value": ""}, {"name": "a", "value": ""}]}, id="a header twice"),
        pytest.param({"customHeaders": [{"name": "a b", "value": ""}]}, id="a header with a blank in its name"),
        pytest.param({"customHeaders": [{"name": "Host", "value": "*.example"}]}, id="no wildcard Host"),
        pytest.param({"customHeaders": "x"}, id="headers are a list"),
        pytest.param({"expectedStatusCodeRanges": RANGES}, id="at most 8 ranges"),
        pytest.param({"expectedStatusCodeRanges": [{"min": 300, "max": 200}]}, id="min is not above max"),
    ],
)
def test_a_monitor_that_breaks_a_rule_is_refused(monitor: dict[str, Any]) -> None:
    arm = Arm()
    assert error_of(arm.put(profile_path(), profile_body(monitor=monitor))) == (400, "BadRequest")
    assert arm.get(profile_path()).status == 404


def test_status_codes_cannot_be_expected_of_tcp() -> None:
    monitor = {"protocol": "TCP", "path": None, "expectedStatusCodeRanges": [{"min": 200, "max": 200}]}
    assert error_of(Arm().put(profile_path(), profile_body(monitor=monitor)))[0] == 400
    del monitor["expectedStatusCodeRanges"]
    created = Arm().put(profile_path(), profile_body(monitor=monitor))
    assert (created.status, created.json()["properties"]["monitorConfig"]["path"]) == (201, None)


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"trafficRoutingMethod": None}, id="a routing method is required"),
        pytest.param({"trafficRoutingMethod": "Random"}, id="no such routing method"),
        pytest.param({"dnsConfig": None}, id="a DNS name is required"),
        pytest.param({"dnsConfig": {"relativeName": "web"}}, id="a ttl has no default"),
        pytest.param({"dnsConfig": {"relativeName": "web", "ttl": -1}}, id="no negative ttl"),
        pytest.param({"dnsConfig": {"relativeName": "web", "ttl": 2**31}}, id="a ttl too long"),
        pytest.param({"dnsConfig": {"relativeName": "-web", "ttl": 1}}, id="a label begins with a letter or digit"),
        pytest.param({"dnsConfig": {"relativeName": "a" * 64, "ttl": 1}}, id="a label is at most 63"),
        pytest.param({"dnsConfig": {"relativeName": "a..b", "ttl": 1}}, id="no empty label"),
        pytest.param({"monitorConfig": None}, id="a monitor is required"),
        pytest.param({"monitorConfig": []}, id="a monitor is an object"),
        pytest.param({"profileStatus": "On"}, id="no such status"),
        pytest.param({"recordType": "MX"}, id="no such record type"),
        pytest.param({"maxReturn": 0}, id="at least one address"),
        pytest.param({"allowedEndpointRecordTypes": ["Mail"]}, id="no such addressing"),
        pytest.param({"allowedEndpointRecordTypes": "Any"}, id="addressing is a list"),
        pytest.param({"endpoints": {}}, id="endpoints are a list"),
        pytest.param({"endpoints": [external_endpoint(weight=0)]}, id="no weight 0"),
        pytest.param({"endpoints": [external_endpoint(weight=1001)]}, id="no weight over 1000"),
        pytest.param({"endpoints": [external_endpoint(priority=0)]}, id="no priority 0"),
        pytest.param({"endpoints": [external_endpoint(endpointStatus="Off")]}, id="no such endpoint status"),
        pytest.param({"endpoints": [external_endpoint(target="a b")]}, id="a target is a name"),
        pytest.param({"endpoints": [external_endpoint(target="a.example:80")]}, id="no port in a target"),
        pytest.param({"endpoints": [external_endpoint(target="https://a.example")]}, id="no URL as a target"),
        pytest.param({"endpoints": [external_endpoint(target="10.0.0.1")]}, id="no private address"),
        pytest.param({"endpoints": [external_endpoint(target="192.0.2.1")]}, id="no documentation address"),
        pytest.param({"endpoints": [external_endpoint(target="192.88.99.1")]}, id="no relay address"),
        pytest.param({"endpoints": [external_endpoint(target="1.2.3.400")]}, id="no broken address"),
        pytest.param({"endpoints": [external_endpoint(target="fd00::1")]}, id="no private IPv6 address"),
        pytest.param(
            {"endpoints": [external_endpoint(subnets=[{"first": "1.2.3.0", "last": "::1"}])]}, id="a mixed subnet"
        ),
        pytest.param({"endpoints": [external_endpoint(subnets=[{"first": "x"}])]}, id="a subnet has an address"),
        pytest.param(
            {"endpoints": [external_endpoint(subnets=[{"first": "1.2.3.0", "last": "1.2.3.4", "scope": 24}])]},
            id="a subnet has a last address or a scope",
        ),
        pytest.param({"endpoints": [azure_endpoint(targetResourceId=None)]}, id="an azureEndpoint needs a resource"),
        pytest.param({"endpoints": [azure_endpoint(targetResourceId="/x")]}, id="an azureEndpoint needs a whole id"),
        pytest.param(
            {
                "endpoints": [
                    azure_endpoint(
                        targetResourceId="/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"
                    )
                ]
            },
            id="a disk is no endpoint",
        ),
        pytest.param({"endpoints": [nested_endpoint("n", "missing")]}, id="a nested profile exists"),
        pytest.param(
            {"endpoints": [external_endpoint("a", "8.8.8.8"), external_endpoint("b", "b.example")]},
            id="names and addresses do not mix",
        ),
        pytest.param(
            {"endpoints": [external_endpoint("a", priority=1), external_endpoint("b")]},
            id="priorities for all or for none",
        ),
        pytest.param(
            {"endpoints": [external_endpoint("a", priority=1), external_endpoint("b", priority=1)]},
            id="priorities are unique in every routing method",
        ),
        pytest.param(
            {"trafficRoutingMethod": "Performance", "endpoints": [external_endpoint()]}, id="Performance needs places"
        ),
        pytest.param(
            {"trafficRoutingMethod": "Geographic", "endpoints": [external_endpoint()]}, id="Geographic needs mappings"
        ),
        pytest.param(
            {
                "trafficRoutingMethod": "Geographic",
                "endpoints": [external_endpoint("a", geoMapping=["DE"]), external_endpoint("b", geoMapping=["de"])],
            },
            id="a region maps to one endpoint",
        ),
        pytest.param(
            {"trafficRoutingMethod": "MultiValue", "endpoints": [external_endpoint()]}, id="MultiValue needs addresses"
        ),
    ],
)
def test_a_profile_that_breaks_a_rule_is_refused(properties: dict[str, Any]) -> None:
    arm = Arm()
    assert error_of(arm.put(profile_path(), profile_body(**properties))) == (400, "BadRequest")
    assert arm.get(profile_path()).status == 404


@pytest.mark.parametrize("name", ["-web", "web-", "a_b", "x" * 64, "a b"])
def test_a_profile_name_that_breaks_a_rule_is_refused(name: str) -> None:
    assert error_of(Arm().put(profile_path(name), profile_body())) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"location": None}, "LocationRequired", id="a location is required"),
        pytest.param({"location": "westeurope"}, "LocationNotAvailableForResourceType", id="the location is global"),
        pytest.param({"tags": {"a/b": "c"}}, "InvalidTagNameCharacters", id="a tag with a slash"),
        pytest.param({"tags": {"a": "c" * 257}}, "InvalidTagLength", id="a tag too long"),
        pytest.param({"tags": {str(number): "" for number in range(51)}}, "TooManyTags", id="more than 50 tags"),
        pytest.param({"tags": {"a": 1}}, "BadRequest", id="a tag is a string"),
    ],
)
def test_arms_own_rules_have_codes_of_their_own(change: dict[str, Any], code: str) -> None:
    assert error_of(Arm().put(profile_path(), {**profile_body(), **change})) == (400, code)


def test_several_problems_come_in_one_message_as_the_real_service_words_them() -> None:
    refused = Arm().put(profile_path(), profile_body(endpoints=[{}, {}]))
    assert message_of(refused).startswith(
        "Endpoint name '' is invalid. Endpoint names cannot be empty or all whitespace, and must be up to 260 "
        "alphanumeric characters long. The type '<null>' specified for endpoint '<null>' is invalid. Valid endpoint "
        "types are: 'Microsoft.Network/trafficManagerProfiles/azureEndpoints', "
        "'Microsoft.Network/trafficManagerProfiles/externalEndpoints', "
        "'Microsoft.Network/trafficManagerProfiles/nestedEndpoints'. "
    )
    assert (
        "There are duplicates in the list of endpoints. The following endpoint(s) appear more than once: ."
        in message_of(refused)
    )


def test_names_that_differ_only_in_case_are_duplicates() -> None:
    endpoints = [external_endpoint("One", "a.example"), external_endpoint("oNE", "b.example")]
    refused = Arm().put(profile_path(), profile_body(endpoints=endpoints))
    assert message_of(refused) == (
        "There are duplicates in the list of endpoints. The following endpoint(s) appear more than once: One."
    )


def test_one_bad_endpoint_refuses_the_whole_put() -> None:
    arm = arm_with(azure_endpoint("one"))
    endpoints = [azure_endpoint("one", weight=2), azure_endpoint("two", weight=0)]
    assert error_of(arm.put(profile_path(), profile_body(endpoints=endpoints))) == (400, "BadRequest")
    (kept,) = arm.get(profile_path()).json()["properties"]["endpoints"]
    assert kept["properties"]["weight"] == 1


def test_more_than_200_endpoints_are_too_many() -> None:
    endpoints = [external_endpoint(f"e{number}") for number in range(201)]
    assert error_of(Arm().put(profile_path(), profile_body(endpoints=endpoints))) == (400, "BadRequest")
    assert Arm().put(profile_path(), profile_body(endpoints=endpoints[:200])).status == 201


def test_mixed_priorities_may_be_taken() -> None:
    arm = Arm(Behaviour(refuses_mixed_priorities=False))
    endpoints = [external_endpoint("a", priority=1), external_endpoint("b")]
    shown = arm.put(profile_path(), profile_body(endpoints=endpoints)).json()["properties"]["endpoints"]
    assert [item["properties"]["priority"] for item in shown] == [1, 2]


def nesting_of(depth: int) -> tuple[Arm, int]:
    """A chain of nested profiles, each the parent of the one before; the status of the last PUT."""
    arm = Arm()
    status = arm.put(profile_path("p0"), profile_body("p0")).status
    for number in range(1, depth):
        endpoints = [nested_endpoint("down", f"p{number - 1}")]
        status = arm.put(profile_path(f"p{number}"), profile_body(f"p{number}", endpoints=endpoints)).status
    return arm, status


def test_nesting_ends_at_ten_levels() -> None:
    assert nesting_of(10)[1] == 201
    assert nesting_of(11)[1] == 400


def test_a_loop_of_nested_profiles_is_refused() -> None:
    arm, _ = nesting_of(3)
    looped = profile_body("p0", endpoints=[nested_endpoint("up", "p2")])
    assert error_of(arm.put(profile_path("p0"), looped)) == (400, "BadRequest")
    own = profile_body("p0", endpoints=[nested_endpoint("self", "p0")])
    assert error_of(arm.put(profile_path("p0"), own)) == (400, "BadRequest")
