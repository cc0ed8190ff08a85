"""Endpoints one by one: PUT, PATCH, GET, DELETE, and what they do to their profile."""

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
    message_of,
    profile_path,
    public_ip,
)


def test_every_put_answers_201_the_second_as_the_first() -> None:
    arm = arm_with()
    assert arm.put(endpoint_path(), azure_endpoint(weight=5)).status == 201
    again = arm.put(endpoint_path(), azure_endpoint(weight=9))
    assert (again.status, again.json()["properties"]["weight"]) == (201, 9)


def test_an_update_may_answer_200() -> None:
    arm = arm_with(behaviour=Behaviour(endpoint_update_status=200))
    assert [arm.put(endpoint_path(), azure_endpoint()).status for _ in range(2)] == [201, 200]


def test_names_with_blanks_and_hashes_stay_whole() -> None:
    arm = arm_with()
    name = "fleet-1#svc#Ü b"
    shown = arm.put(endpoint_path(name), azure_endpoint("x")).json()
    assert shown["name"] == name
    assert shown["id"].endswith(f"/azureEndpoints/{name}")
    assert arm.get(endpoint_path(name.upper())).json() == shown
    assert arm.delete(endpoint_path(name)).status == 200
    assert arm.endpoint_names() == []


def test_name_id_and_type_in_the_body_are_ignored() -> None:
    arm = arm_with()
    body = {**azure_endpoint("ONE"), "id": "/some/where", "type": "Something/else"}
    assert arm.put(endpoint_path("one"), body).json()["name"] == "one"


def test_a_put_replaces_the_endpoint_and_a_patch_merges_into_it() -> None:
    arm = arm_with(azure_endpoint(weight=9, endpointStatus="Disabled", priority=4))
    patched = arm.patch(endpoint_path(), {"properties": {"weight": 10}})
    assert patched.status == 200
    kept = patched.json()["properties"]
    assert (kept["weight"], kept["endpointStatus"], kept["priority"]) == (10, "Disabled", 4)
    replaced = arm.put(endpoint_path(), {"properties": {"targetResourceId": public_ip()}}).json()["properties"]
    assert (replaced["weight"], replaced["endpointStatus"]) == (1, "Enabled")


def test_null_in_a_patch_is_not_there() -> None:
    arm = arm_with(azure_endpoint(weight=9))
    assert arm.patch(endpoint_path(), {"properties": {"weight": None}}).json()["properties"]["weight"] == 9


def test_a_replaced_endpoint_stays_in_its_place() -> None:
    arm = arm_with(azure_endpoint("one"), azure_endpoint("two"))
    arm.put(endpoint_path("ONE"), azure_endpoint("one", weight=3))
    assert arm.endpoint_names() == ["one", "two"]


def test_an_endpoint_without_a_priority_gets_the_next_free_one() -> None:
    arm = arm_with(azure_endpoint("one", priority=1), azure_endpoint("two", priority=3))
    assert arm.put(endpoint_path("three"), azure_endpoint("three")).json()["properties"]["priority"] == 2
    assert arm.put(endpoint_path("four"), azure_endpoint("four")).json()["properties"]["priority"] == 4


def test_a_missing_profile_is_404_for_every_method() -> None:
    arm = Arm()
    assert error_of(arm.put(endpoint_path(), azure_endpoint())) == (404, "ParentResourceNotFound")
    assert arm.get(endpoint_path()).status == 404
    assert arm.patch(endpoint_path(), {"properties": {}}).status == 404
    assert arm.delete(endpoint_path()).status == 404


def test_a_missing_endpoint_is_404_to_read_and_204_to_delete() -> None:
    arm = arm_with()
    assert arm.get(endpoint_path()).status == 404
    assert arm.patch(endpoint_path(), {"properties": {"weight": 1}}).status == 404
    assert arm.delete(endpoint_path()).status == 204


def test_a_delete_with_the_wrong_type_says_200_and_deletes_nothing() -> None:
    arm = arm_with(azure_endpoint())
    assert arm.delete(endpoint_path(kind="ExternalEndpoints")).status == 200
    assert arm.endpoint_names() == ["one"]
    assert arm.get(endpoint_path(kind="ExternalEndpoints")).status == 404


@pytest.mark.parametrize("name", ["a<b", "a%b", "a:b", "a/b", " ", "a*b", "a+b", "x" * 261, "a?b", "$a", "a\\b", "a>b"])
def test_names_with_characters_that_are_not_allowed_are_refused(name: str) -> None:
    refused = arm_with().put(endpoint_path(name), azure_endpoint())
    assert error_of(refused) == (400, "BadRequest")
    assert message_of(refused).startswith(f"Endpoint name '{name}' is invalid.")


def test_the_longest_name_is_260_characters() -> None:
    assert arm_with().put(endpoint_path("x" * 260), azure_endpoint()).status == 201


@pytest.mark.parametrize("kind", ["azureEndpoints", "AzureEndpoints", "AZUREENDPOINTS"])
def test_the_type_in_the_path_is_taken_in_any_case(kind: str) -> None:
    shown = arm_with(azure_endpoint()).get(endpoint_path(kind=kind)).json()
    assert shown["type"] == "Microsoft.Network/trafficManagerProfiles/azureEndpoints"


def test_a_whole_type_encoded_into_one_segment_is_refused() -> None:
    kind = "Microsoft.Network%2FtrafficManagerProfiles%2FazureEndpoints"
    assert error_of(arm_with().put(endpoint_path(kind=kind), azure_endpoint())) == (400, "BadRequest")


def test_an_unknown_endpoint_type_is_404() -> None:
    assert error_of(arm_with().get(endpoint_path(kind="otherEndpoints"))) == (404, "InvalidResourceType")


def test_a_second_endpoint_with_the_same_target_is_refused_in_the_real_words() -> None:
    arm = arm_with(azure_endpoint("one"))
    body = {"properties": {"targetResourceId": public_ip("ONE")}}
    refused = arm.put(endpoint_path("two"), body)
    assert error_of(refused) == (400, "BadRequest")
    assert message_of(refused) == (
        "Endpoint target must be unique in the profile. The following endpoint target already exists: "
        f"{public_ip('ONE')}."
    )
    assert arm.endpoint_names() == ["one"]


def test_a_name_and_the_public_ip_it_belongs_to_are_the_same_target() -> None:
    arm = Arm()
    arm = arm_with(azure_endpoint("one"))
    target = arm.get(endpoint_path()).json()["properties"]["target"]
    refused = arm.put(endpoint_path("two", kind="externalEndpoints"), external_endpoint(target=target.upper()))
    assert error_of(refused) == (400, "BadRequest")


def test_a_target_can_be_used_in_another_profile() -> None:
    arm = arm_with(azure_endpoint())
    other = arm.get(profile_path()).json()
    other["properties"]["dnsConfig"]["relativeName"] = "other"
    assert arm.put(profile_path("other"), other).status == 201


def test_two_endpoints_with_one_priority_are_refused() -> None:
    arm = arm_with(azure_endpoint("one", priority=1))
    assert error_of(arm.put(endpoint_path("two"), azure_endpoint("two", priority=1))) == (400, "BadRequest")


def test_the_same_name_with_another_type_is_a_duplicate() -> None:
    arm = arm_with(azure_endpoint("one"))
    refused = arm.put(endpoint_path("one", kind="externalEndpoints"), external_endpoint("one"))
    assert error_of(refused) == (400, "BadRequest")


def test_a_profile_holds_only_so_many_endpoints() -> None:
    arm = arm_with(azure_endpoint("one"), azure_endpoint("two"), behaviour=Behaviour(endpoint_limit=2))
    assert error_of(arm.put(endpoint_path("three"), azure_endpoint("three"))) == (400, "BadRequest")
    assert arm.put(endpoint_path("two"), azure_endpoint("two", weight=2)).status == 201


def test_what_an_endpoint_says_about_itself_comes_back() -> None:
    given: dict[str, Any] = {
        "alwaysServe": "Enabled",
        "geoMapping": ["GEO-AS", "GEO-AF"],
        "subnets": [{"first": "1.2.3.0", "scope": 24}, {"first": "25.26.27.28", "last": "29.30.31.32"}],
        "customHeaders": [{"name": "Host", "value": "a.example"}],
        "endpointLocation": "North Europe",
    }
    shown = arm_with(external_endpoint(**given)).get(endpoint_path(kind="externalEndpoints")).json()["properties"]
    assert {name: shown[name] for name in given} == given
