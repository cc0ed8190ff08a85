"""What ARM does around every call: versions, unknown groups, ids, rate headers, methods and bodies it does not take."""

import json

import pytest

from fleetdns.emulator.azure.errors import ArmError
from fleetdns.emulator.azure.service import Behaviour
from fleetdns.emulator.azure.versions import TRAFFIC_MANAGER_VERSIONS
from tests.emulator_azure.arm import (
    SUBSCRIPTION,
    Arm,
    arm_with,
    azure_endpoint,
    endpoint_path,
    error_of,
    group_path,
    message_of,
    profile_body,
    profile_path,
    public_ip,
)

CLIENT_ID = "x-ms-client-request-id"


@pytest.mark.parametrize("version", TRAFFIC_MANAGER_VERSIONS)
def test_every_published_version_is_taken(version: str) -> None:
    assert arm_with().get(profile_path(), version=version).status == 200


@pytest.mark.parametrize(
    ("version", "code"),
    [
        pytest.param(None, "MissingApiVersionParameter", id="none"),
        pytest.param("", "MissingApiVersionParameter", id="empty"),
        pytest.param("latest", "InvalidApiVersionParameter", id="no date"),
        pytest.param("2019-01-01", "NoRegisteredProviderFound", id="never published"),
    ],
)
def test_another_version_is_400(version: str | None, code: str) -> None:
    assert error_of(arm_with().get(profile_path(), version=version)) == (400, code)


def test_the_version_parameter_is_found_in_any_case() -> None:
    shown = arm_with().get(profile_path(), version=None, query={"API-Version": "2022-04-01"})
    assert shown.status == 200


def test_fixed_segments_and_names_compare_without_case() -> None:
    arm = arm_with(azure_endpoint())
    for path in (profile_path(), endpoint_path(), group_path()):
        assert arm.get(path.upper()).status == arm.get(path.lower()).status == arm.get(f"{path}/").status == 200


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        pytest.param("POST", profile_path(), (405, "MethodNotAllowed"), id="no POST of a profile"),
        pytest.param("PUT", group_path(), (405, "MethodNotAllowed"), id="no PUT of a list"),
        pytest.param("GET", f"{profile_path()}/AzureEndpoints", (404, "InvalidResourceType"), id="no endpoint list"),
        pytest.param("GET", "/", (404, "NotFound"), id="nothing at the root"),
        pytest.param("GET", "/subscriptions/x/providers/Other.Name/x", (404, "InvalidResourceNamespace"), id="other"),
        pytest.param("GET", "/subscriptions/x/providers", (404, "InvalidResourceNamespace"), id="no namespace"),
    ],
)
def test_what_the_service_does_not_have_is_refused(method: str, path: str, code: tuple[int, str]) -> None:
    assert error_of(arm_with().send(method, path)) == code


def test_405_names_the_methods_there_are() -> None:
    assert Arm().send("POST", profile_path()).headers["Allow"] == "GET, PUT, PATCH, DELETE"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe{}", b"null"])
def test_a_body_that_is_no_json_object_is_400(body: bytes) -> None:
    arm = arm_with(azure_endpoint())
    expected = (400, "InvalidRequestContent")
    for path in (profile_path(), endpoint_path()):
        assert error_of(arm.put(path, body)) == expected
        assert error_of(arm.patch(path, body)) == expected


def test_a_body_that_cannot_be_held_is_400() -> None:
    assert error_of(Arm().put(profile_path(), b"[" * 100_000)) == (400, "InvalidRequestContent")


def test_half_a_surrogate_pair_in_a_name_does_not_break_the_answer() -> None:
    body = json.dumps(profile_body(endpoints=[azure_endpoint("x\ud800")])).encode()
    assert Arm().put(profile_path(), body).json()["properties"]["endpoints"][0]["name"] == "x?"


@pytest.mark.parametrize("path", [profile_path(), endpoint_path()])
def test_properties_that_are_no_object_are_refused(path: str) -> None:
    arm = arm_with(azure_endpoint())
    assert arm.put(path, {"location": "global", "properties": []}).status == 400
    assert error_of(arm.patch(path, {"properties": 7})) == (400, "InvalidRequestContent")


def test_another_content_type_is_415() -> None:
    refused = Arm().put(profile_path(), profile_body(), headers={"content-type": "text/plain"})
    assert error_of(refused) == (415, "UnsupportedMediaType")
    taken = Arm().put(profile_path(), profile_body(), headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert taken.status == 201


def test_every_answer_has_ids_of_its_own() -> None:
    arm = Arm()
    names = ("x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id")
    first, second = (arm.get(profile_path()).headers for _ in range(2))
    assert all(first[name] and first[name] != second[name] for name in names)


def test_the_clients_id_comes_back_only_on_request() -> None:
    arm = Arm()
    assert CLIENT_ID not in arm.get(profile_path(), headers={CLIENT_ID: "a"}).headers
    asked = {CLIENT_ID: "a", "x-ms-return-client-request-id": "true"}
    assert arm.get(profile_path(), headers=asked).headers[CLIENT_ID] == "a"


def test_the_clients_correlation_id_is_kept() -> None:
    shown = Arm().get(profile_path(), headers={"X-MS-Correlation-Request-Id": "c"})
    assert shown.headers["x-ms-correlation-request-id"] == "c"


def test_profile_calls_carry_the_services_counter_and_endpoint_calls_that_of_arm() -> None:
    arm = arm_with()
    own = "x-ms-ratelimit-remaining-subscription-resource-requests"
    assert [int(arm.get(profile_path()).headers[own]) for _ in range(2)] == [149, 148]
    written = arm.put(endpoint_path(), azure_endpoint())
    assert written.headers["x-ms-ratelimit-remaining-subscription-writes"] == "198"
    assert written.headers["x-ms-ratelimit-remaining-subscription-global-writes"] == "2998"
    assert own not in written.headers
    deleted = arm.delete(endpoint_path())
    assert deleted.headers["x-ms-ratelimit-remaining-subscription-deletes"] == "199"


def test_an_unknown_group_is_404_for_every_call() -> None:
    arm = Arm(Behaviour(groups=frozenset({"Fleet"})))
    assert arm.put(profile_path(), profile_body()).status == 201
    for refused in (
        arm.put(profile_path(group="other"), profile_body("b")),
        arm.get(profile_path(group="other")),
        arm.get(group_path("other")),
        arm.put(endpoint_path(group="other"), azure_endpoint()),
        arm.delete(profile_path(group="other")),
    ):
        assert error_of(refused) == (404, "ResourceGroupNotFound")


def test_an_unknown_group_may_be_403_in_the_real_words() -> None:
    arm = Arm(Behaviour(groups=frozenset({"fleet"}), unknown_group="forbidden"))
    path = profile_path(group="other")
    refused = arm.get(path)
    assert error_of(refused) == (403, "AuthorizationFailed")
    assert "does not have authorization to perform action 'Microsoft.Network/trafficmanagerprofiles/read'" in (
        message_of(refused)
    )
    assert f"over scope '{path}' or the scope is invalid." in message_of(refused)
    assert "trafficmanagerprofiles/azureEndpoints/write'" in message_of(
        arm.put(endpoint_path(group="other"), azure_endpoint())
    )


def test_an_unknown_subscription_is_404() -> None:
    arm = Arm(Behaviour(subscriptions=frozenset({SUBSCRIPTION})))
    assert error_of(arm.get(group_path(subscription="x"))) == (404, "SubscriptionNotFound")
    assert arm.get(group_path()).status == 200


def test_a_subscription_without_the_provider_can_register_it() -> None:
    arm = Arm()
    arm.service.unregister(SUBSCRIPTION.upper())
    refused = arm.put(profile_path(), profile_body())
    assert error_of(refused) == (409, "MissingSubscriptionRegistration")
    assert "'Microsoft.Network'" in message_of(refused)
    provider = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network"
    assert arm.get(provider, version="2016-02-01").json()["registrationState"] == "NotRegistered"
    registered = arm.send("POST", f"{provider}/register", version="2016-02-01")
    assert registered.json()["registrationState"] == "Registered"
    assert arm.put(profile_path(), profile_body()).status == 201


def test_geography_heat_map_and_metrics_keys_answer() -> None:
    arm = arm_with()
    geography = arm.get("/providers/Microsoft.Network/trafficManagerGeographicHierarchies/default").json()
    root = geography["properties"]["geographicHierarchy"]
    assert root["code"] == "WORLD"
    assert "GEO-EU" in {region["code"] for region in root["regions"]}
    heat_map = arm.get(f"{profile_path()}/heatMaps/default").json()
    assert heat_map["properties"]["trafficFlows"] == []
    assert arm.get(f"{profile_path('none')}/heatMaps/default").status == 404
    keys = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/trafficManagerUserMetricsKeys/default"
    assert arm.get(keys).status == 404
    made = arm.put(keys, None)
    assert (made.status, len(made.json()["properties"]["key"])) == (201, 32)
    assert arm.get(keys).json() == made.json()
    assert arm.delete(keys).status == 200
    assert arm.get(keys).status == 404


def test_public_ips_are_read_in_arms_form() -> None:
    arm = Arm()
    tags = {"k": "v"}
    arm.service.set_public_ip(public_ip("a"), "a.eastus.cloudapp.azure.com", address="20.1.2.3", tags=tags)
    arm.service.set_public_ip(public_ip("b"), None, location="westeurope")
    arm.service.set_public_ip(public_ip("c", group="other"), None)
    shown = arm.get(public_ip("A"), version="2024-05-01").json()
    assert shown["properties"]["ipAddress"] == "20.1.2.3"
    assert shown["properties"]["dnsSettings"] == {"domainNameLabel": "a", "fqdn": "a.eastus.cloudapp.azure.com"}
    assert shown["tags"] == tags
    listed = arm.get(public_ip("").removesuffix("/"), version="2024-05-01").json()["value"]
    assert [item["name"] for item in listed] == ["a", "b"]
    assert "dnsSettings" not in listed[1]["properties"]
    whole = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/publicIPAddresses"
    assert len(arm.get(whole, version="2024-05-01").json()["value"]) == 3
    arm.service.remove_public_ip(public_ip("A"))
    assert arm.get(public_ip("a"), version="2024-05-01").status == 404


def test_a_public_ip_keeps_its_address_when_it_gets_a_label() -> None:
    arm = Arm()
    first = arm.service.set_public_ip(public_ip(), None, tags={"k": "v"})
    second = arm.service.set_public_ip(public_ip(), "a.eastus.cloudapp.azure.com")
    assert (first.address, first.tags) == (second.address, second.tags)


def test_an_address_is_given_out_once() -> None:
    arm = Arm()
    for name in ("a", "b"):
        arm.service.set_public_ip(public_ip(name), None)
    arm.service.remove_public_ip(public_ip("a"))
    arm.service.set_public_ip(public_ip("c"), None)
    listed = arm.get(public_ip("").removesuffix("/")).json()["value"]
    assert len({item["properties"]["ipAddress"] for item in listed}) == 2


def test_a_public_ip_loses_its_label_and_its_address_by_hand() -> None:
    arm = Arm()
    arm.service.set_public_ip(public_ip(), "a.eastus.cloudapp.azure.com", address="20.1.2.3")
    arm.service.set_public_ip(public_ip(), None, address="")
    assert arm.get(public_ip()).json()["properties"].keys() & {"ipAddress", "dnsSettings"} == set()


def test_a_label_belongs_to_one_public_ip_of_a_region() -> None:
    arm = Arm()
    name = "shop.eastus.cloudapp.azure.com"
    arm.service.set_public_ip(public_ip("a"), name)
    arm.service.set_public_ip(public_ip("a"), name, tags={"k": "v"})
    with pytest.raises(ArmError, match="is already used by another public IP") as used:
        arm.service.set_public_ip(public_ip("b", group="other"), name.upper())
    assert (used.value.status, used.value.code) == (400, "DnsRecordInUse")
    assert used.value.message == f"DNS record {name} is already used by another public IP."
    assert arm.get(public_ip("b", group="other")).status == 404
    arm.service.set_public_ip(public_ip("b"), "shop.westeurope.cloudapp.azure.com", location="westeurope")
    arm.service.set_public_ip(public_ip("a"), None)
    arm.service.set_public_ip(public_ip("c"), name)
    assert arm.get(public_ip("c")).json()["properties"]["dnsSettings"]["fqdn"] == name


def test_only_ids_of_public_ips_can_be_registered() -> None:
    with pytest.raises(ValueError, match="public IP"):
        Arm().service.set_public_ip("/x", None)


def test_calls_are_recorded_with_counters_and_marks() -> None:
    arm = arm_with()
    mark = arm.service.mark()
    arm.put(endpoint_path(), azure_endpoint())
    arm.get(profile_path("none"))
    arm.send("GET", "/nowhere")
    arm.put(endpoint_path(), b"{")
    calls = arm.service.calls_since(mark)
    assert [(call.operation, call.status) for call in calls] == [
        ("endpoints.put", 201),
        ("profiles.get", 404),
        ("unknown", 404),
        ("endpoints.put", 400),
    ]
    assert calls[0].body == azure_endpoint()
    assert calls[0].is_write
    assert not calls[1].is_write
    assert arm.service.calls.counts["endpoints.put"] == 2
    assert arm.service.calls_since(arm.service.mark()) == ()
    assert len(arm.service.calls) == len(tuple(arm.service.calls)) == 5
