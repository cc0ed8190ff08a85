"""Profiles: what PUT, PATCH, GET, LIST and DELETE do to them."""

from typing import Any

import pytest

from fleetdns.emulator.azure.service import Behaviour
from tests.emulator_azure.arm import (
    Arm,
    arm_with,
    azure_endpoint,
    endpoint_path,
    error_of,
    external_endpoint,
    group_path,
    message_of,
    profile_body,
    profile_path,
)


def test_a_first_put_answers_201_and_a_second_200() -> None:
    arm = Arm()
    assert arm.put(profile_path(), profile_body()).status == 201
    assert arm.put(profile_path(), profile_body()).status == 200


def test_the_server_fills_in_its_defaults() -> None:
    properties = arm_with(azure_endpoint("one"), azure_endpoint("two")).get(profile_path()).json()["properties"]
    assert properties["profileStatus"] == "Enabled"
    assert properties["trafficViewEnrollmentStatus"] == "Disabled"
    assert properties["maxReturn"] is None
    assert properties["monitorConfig"]["intervalInSeconds"] == 30
    assert properties["monitorConfig"]["timeoutInSeconds"] == 10
    assert properties["monitorConfig"]["toleratedNumberOfFailures"] == 3
    endpoints = [item["properties"] for item in properties["endpoints"]]
    assert [item["endpointStatus"] for item in endpoints] == ["Enabled", "Enabled"]
    assert [item["weight"] for item in endpoints] == [1, 1]
    assert [item["priority"] for item in endpoints] == [1, 2]


def test_the_default_timeout_follows_the_interval() -> None:
    arm = Arm()
    created = arm.put(profile_path(), profile_body(monitor={"intervalInSeconds": 10})).json()
    assert created["properties"]["monitorConfig"]["timeoutInSeconds"] == 9


@pytest.mark.parametrize(
    ("version", "has_record_type"),
    [("2018-04-01", False), ("2022-04-01", False), ("2024-04-01-preview", True), ("2026-09-01", True)],
)
def test_the_record_type_is_shown_only_by_versions_that_know_it(version: str, has_record_type: bool) -> None:
    shown = arm_with().get(profile_path(), version=version).json()["properties"]
    assert ("recordType" in shown) is has_record_type


def test_a_put_replaces_endpoints_and_tags() -> None:
    arm = arm_with(azure_endpoint("one"), azure_endpoint("two"))
    arm.put(profile_path(), {**profile_body(endpoints=[azure_endpoint("three")]), "tags": {"a": "b"}})
    assert arm.endpoint_names() == ["three"]
    arm.put(profile_path(), profile_body(endpoints=[azure_endpoint("three")]))
    assert arm.get(profile_path()).json()["tags"] == {}


@pytest.mark.parametrize("properties", [{}, {"endpoints": None}], ids=["absent", "null"])
def test_a_put_without_endpoints_removes_them_all(properties: dict[str, Any]) -> None:
    arm = arm_with(azure_endpoint())
    arm.put(profile_path(), profile_body(**properties))
    assert arm.endpoint_names() == []


def test_a_put_without_endpoints_keeps_them_when_the_service_is_told_so() -> None:
    arm = arm_with(azure_endpoint(), behaviour=Behaviour(keeps_absent_endpoints=True))
    arm.put(profile_path(), profile_body())
    assert arm.endpoint_names() == ["one"]


def test_what_was_read_can_be_written_back_with_all_its_read_only_fields() -> None:
    arm = arm_with(azure_endpoint("one", weight=5), azure_endpoint("two"))
    read = arm.get(profile_path()).json()
    read["name"], read["id"] = read["name"].upper(), read["id"].upper()
    read["properties"]["dnsConfig"]["fqdn"] = "other.example.com"
    read["properties"]["monitorConfig"]["profileMonitorStatus"] = "Degraded"
    read["properties"]["endpoints"][0]["properties"]["endpointMonitorStatus"] = "Degraded"
    read["properties"]["endpoints"][0]["properties"]["target"] = "other.example.com"
    before = arm.get(profile_path()).json()
    assert arm.put(profile_path(), read).json() == before


def test_endpoint_types_are_taken_in_any_case_and_answered_in_their_own() -> None:
    endpoint = external_endpoint()
    endpoint["type"] = "Microsoft.network/TrafficManagerProfiles/ExternalEndpoints"
    shown = arm_with(endpoint).get(profile_path()).json()["properties"]["endpoints"][0]
    assert shown["type"] == "Microsoft.Network/trafficManagerProfiles/externalEndpoints"
    assert "/trafficManagerProfiles/web/externalEndpoints/one" in shown["id"]


def test_enumerations_are_taken_in_any_case() -> None:
    arm = Arm()
    shown = arm.put(profile_path(), profile_body(trafficRoutingMethod="weighted", profileStatus="enabled")).json()
    assert shown["properties"]["trafficRoutingMethod"] == "Weighted"


@pytest.mark.parametrize("endpoints", [[], [azure_endpoint("two")]], ids=["empty", "one"])
def test_a_patch_with_endpoints_is_refused_and_changes_nothing(endpoints: list[Any]) -> None:
    arm = arm_with(azure_endpoint())
    refused = arm.patch(profile_path(), {"tags": {"a": "b"}, "properties": {"endpoints": endpoints}})
    assert error_of(refused) == (400, "BadRequest")
    assert message_of(refused) == (
        "The 'endpoints' property cannot be specified when updating a profile using PATCH. "
        "Please use PUT to update the profile instead."
    )
    assert arm.get(profile_path()).json()["tags"] == {}


def test_a_patch_with_null_endpoints_has_none() -> None:
    arm = arm_with(azure_endpoint())
    assert arm.patch(profile_path(), {"properties": {"endpoints": None}}).status == 200
    assert arm.endpoint_names() == ["one"]


def test_a_patch_changes_only_what_it_names() -> None:
    arm = arm_with(azure_endpoint(weight=7))
    before = arm.get(profile_path()).json()
    changed = arm.patch(profile_path(), {"properties": {"monitorConfig": {"path": "/healthz"}}})
    assert changed.status == 200
    before["properties"]["monitorConfig"]["path"] = "/healthz"
    assert changed.json() == before == arm.get(profile_path()).json()


def test_a_patch_may_be_told_to_replace_whole_groups() -> None:
    arm = arm_with(behaviour=Behaviour(patch_replaces_groups=True), monitor={"toleratedNumberOfFailures": 7})
    group = {"protocol": "HTTP", "port": 81, "path": "/"}
    monitor = arm.patch(profile_path(), {"properties": {"monitorConfig": group}}).json()["properties"]["monitorConfig"]
    assert (monitor["port"], monitor["toleratedNumberOfFailures"]) == (81, 3)


def test_a_patch_replaces_tags_when_it_gives_them() -> None:
    arm = Arm()
    arm.put(profile_path(), {**profile_body(), "tags": {"a": "1", "b": "2"}})
    assert arm.patch(profile_path(), {"tags": {"c": "3"}}).json()["tags"] == {"c": "3"}
    assert arm.patch(profile_path(), {"properties": {}}).json()["tags"] == {"c": "3"}


def test_a_patch_that_leaves_an_impossible_monitor_is_refused() -> None:
    arm = arm_with()
    assert error_of(arm.patch(profile_path(), {"properties": {"monitorConfig": {"intervalInSeconds": 10}}}))[0] == 400
    assert error_of(arm.patch(profile_path(), {"properties": {"monitorConfig": {"protocol": "TCP"}}}))[0] == 400


def test_a_patch_of_a_missing_profile_is_404() -> None:
    assert error_of(Arm().patch(profile_path(), {"tags": {}})) == (404, "ResourceNotFound")


def test_a_get_of_a_missing_profile_is_404() -> None:
    assert error_of(Arm().get(profile_path())) == (404, "ResourceNotFound")


def test_a_delete_answers_200_and_then_204() -> None:
    arm = arm_with(azure_endpoint())
    deleted = arm.delete(profile_path())
    assert (deleted.status, deleted.body) == (200, b"{}")
    missing = arm.delete(profile_path())
    assert (missing.status, missing.body) == (204, b"")
    assert arm.get(profile_path()).status == 404


def test_a_delete_may_answer_without_a_body_and_404_for_what_is_missing() -> None:
    arm = arm_with(behaviour=Behaviour(delete_body="empty", missing_delete_status=404))
    deleted = arm.delete(profile_path())
    assert (deleted.status, deleted.body, "Content-Type" in deleted.headers) == (200, b"", False)
    assert arm.delete(profile_path()).status == 404


def test_a_profile_keeps_the_spelling_of_its_first_put() -> None:
    arm = Arm()
    arm.put(profile_path("Web"), profile_body())
    shown = arm.put(profile_path("wEB", group="FLEET"), profile_body()).json()
    assert shown["name"] == "Web"
    assert "/resourceGroups/fleet/providers/Microsoft.Network/trafficManagerProfiles/Web" in shown["id"]


def test_ids_can_come_back_in_lower_case() -> None:
    arm = arm_with(azure_endpoint(), behaviour=Behaviour(lowercase_ids=True))
    shown = arm.get(profile_path()).json()
    assert shown["id"] == shown["id"].lower()
    endpoint = shown["properties"]["endpoints"][0]
    assert endpoint["properties"]["targetResourceId"] == endpoint["properties"]["targetResourceId"].lower()


def test_a_list_leaves_the_profiles_monitor_state_null_but_shows_the_endpoints() -> None:
    arm = arm_with(azure_endpoint())
    (listed,) = arm.get(group_path()).json()["value"]
    assert listed["properties"]["monitorConfig"]["profileMonitorStatus"] is None
    assert listed["properties"]["endpoints"][0]["properties"]["endpointMonitorStatus"] == "CheckingEndpoint"
    whole = arm.get(profile_path()).json()
    whole["properties"]["monitorConfig"]["profileMonitorStatus"] = None
    assert listed == whole


def test_lists_are_of_a_group_or_of_the_subscription() -> None:
    arm = Arm()
    for name, group in (("a", "one"), ("b", "one"), ("c", "two")):
        arm.put(profile_path(name, group=group), profile_body(name))
    arm.put(profile_path("d", subscription="another"), profile_body("d"))
    whole = group_path().replace("/resourceGroups/fleet", "")
    assert [item["name"] for item in arm.get(group_path("ONE")).json()["value"]] == ["a", "b"]
    assert [item["name"] for item in arm.get(whole).json()["value"]] == ["a", "b", "c"]
    assert arm.get(group_path("none")).json() == {"value": []}


def test_pages_hold_every_profile_once_even_when_one_is_deleted_meanwhile() -> None:
    arm = Arm(Behaviour(page_size=2))
    for number in range(5):
        arm.put(profile_path(f"p{number}"), profile_body(f"p{number}"))
    host = {"Host": "127.0.0.1:1234"}
    first = arm.get(group_path(), headers=host).json()
    assert first["nextLink"].startswith(f"http://127.0.0.1:1234{group_path()}?api-version={VERSION_IN_LINK}")
    arm.delete(profile_path("p0"))
    names = [item["name"] for item in first["value"]]
    link = first["nextLink"]
    while link:
        token = link.partition("skipToken=")[2].replace("%3D", "=")
        page = arm.get(group_path(), headers=host, query={"$skipToken": token}).json()
        names += [item["name"] for item in page["value"]]
        link = page.get("nextLink")
    assert names == ["p0", "p1", "p2", "p3", "p4"]


VERSION_IN_LINK = "2026-09-01"


def test_a_broken_skip_token_is_400() -> None:
    assert error_of(Arm().get(group_path(), query={"$skipToken": "é"}))[0] == 400


def test_the_dns_name_of_a_profile_does_not_change_unless_allowed() -> None:
    arm = arm_with()
    assert error_of(arm.put(profile_path(), profile_body("other"))) == (400, "BadRequest")
    arm.service.behaviour = Behaviour(relative_name_may_change=True)
    changed = arm.put(profile_path(), profile_body("other"))
    assert changed.json()["properties"]["dnsConfig"]["fqdn"] == "other.trafficmanager.net"


def test_a_record_type_once_set_stays() -> None:
    arm = arm_with(recordType="CNAME")
    assert error_of(arm.patch(profile_path(), {"properties": {"recordType": "A"}})) == (400, "BadRequest")


def test_a_subscription_holds_only_so_many_profiles() -> None:
    arm = Arm(Behaviour(profile_limit=2))
    for name in ("a", "b"):
        assert arm.put(profile_path(name), profile_body(name)).status == 201
    assert error_of(arm.put(profile_path("c"), profile_body("c"))) == (400, "BadRequest")
    assert arm.put(profile_path("b"), profile_body("b")).status == 200


def test_a_delete_under_a_lock_is_refused() -> None:
    arm = arm_with(azure_endpoint())
    scope = f"/subscriptions/{profile_path().split('/')[2]}/resourceGroups/fleet"
    arm.service.lock(scope)
    assert error_of(arm.delete(profile_path())) == (409, "ScopeLocked")
    assert error_of(arm.delete(endpoint_path())) == (409, "ScopeLocked")
    arm.service.unlock(scope)
    arm.service.lock(arm.get(endpoint_path()).json()["id"])
    assert error_of(arm.delete(profile_path())) == (409, "ScopeLocked")
    arm.service.unlock(arm.get(endpoint_path()).json()["id"])
    assert arm.delete(profile_path()).status == 200


def test_what_a_profile_says_about_itself_comes_back() -> None:
    given: dict[str, Any] = {
        "allowedEndpointRecordTypes": ["DomainName"],
        "trafficViewEnrollmentStatus": "Enabled",
        "recordType": "CNAME",
        "profileStatus": "Disabled",
    }
    monitor = {
        "customHeaders": [{"name": "Host", "value": "a.example"}],
        "expectedStatusCodeRanges": [{"min": 200, "max": 204}, {"min": 301, "max": 302}],
    }
    shown = arm_with(monitor=monitor, **given).get(profile_path()).json()["properties"]
    assert {name: shown[name] for name in given} == given
    assert {name: shown["monitorConfig"][name] for name in monitor} == monitor


def test_multivalue_returns_two_addresses_unless_told() -> None:
    shown = arm_with(external_endpoint(target="8.8.8.8"), trafficRoutingMethod="MultiValue").get(profile_path())
    assert shown.json()["properties"]["maxReturn"] == 2
