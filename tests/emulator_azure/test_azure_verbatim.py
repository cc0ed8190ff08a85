"""Answers against recorded ones: the same keys in the same order, the same nulls, slashes escaped."""

import json
from typing import Any

from fleetdns.emulator.azure.service import Behaviour
from tests.emulator_azure.arm import Arm, message_of

OLD = "2018-04-01"
SUB = "00000000-0000-0000-0000-000000000000"
GROUP = "cli_test_traffic_manager000001"
LIST = f"/subscriptions/{SUB}/resourceGroups/{GROUP}/providers/Microsoft.Network/trafficmanagerprofiles"
PROFILE = f"{LIST}/mytmprofile"
ENDPOINT = f"{PROFILE}/externalEndpoints/myendpoint"
ID = PROFILE.replace("trafficmanagerprofiles", "trafficManagerProfiles")

PUT_REQUEST: dict[str, Any] = {
    "tags": {"foo": "doo"},
    "location": "global",
    "properties": {
        "profileStatus": "Enabled",
        "trafficRoutingMethod": "Priority",
        "dnsConfig": {"relativeName": "mytrafficmanager001100a", "ttl": 30},
        "monitorConfig": {"protocol": "HTTP", "port": 80, "path": "/"},
    },
}


def recorded_profile(*, state: str | None, endpoints: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": ID,
        "name": "mytmprofile",
        "type": "Microsoft.Network/trafficManagerProfiles",
        "location": "global",
        "tags": {"foo": "doo"},
        "properties": {
            "profileStatus": "Enabled",
            "trafficRoutingMethod": "Priority",
            "dnsConfig": {
                "relativeName": "mytrafficmanager001100a",
                "fqdn": "mytrafficmanager001100a.trafficmanager.net",
                "ttl": 30,
            },
            "monitorConfig": {
                "profileMonitorStatus": state,
                "protocol": "HTTP",
                "port": 80,
                "path": "/",
                "intervalInSeconds": 30,
                "toleratedNumberOfFailures": 3,
                "timeoutInSeconds": 10,
            },
            "endpoints": endpoints,
            "trafficViewEnrollmentStatus": "Disabled",
            "maxReturn": None,
        },
    }


RECORDED_ENDPOINT: dict[str, Any] = {
    "id": f"{ID}/externalEndpoints/myendpoint",
    "name": "myendpoint",
    "type": "Microsoft.Network/trafficManagerProfiles/externalEndpoints",
    "properties": {
        "endpointStatus": "Enabled",
        "endpointMonitorStatus": "CheckingEndpoint",
        "targetResourceId": None,
        "target": "www.contoso.com",
        "weight": 25,
        "priority": 1,
        "endpointLocation": None,
        "minChildEndpoints": None,
        "minChildEndpointsIPv4": None,
        "minChildEndpointsIPv6": None,
    },
}


def as_recorded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def recorded_arm() -> Arm:
    arm = Arm()
    assert arm.put(PROFILE, PUT_REQUEST, version=OLD).status == 201
    return arm


def test_a_profile_put_answers_as_recorded() -> None:
    created = Arm().put(PROFILE, PUT_REQUEST, version=OLD)
    assert created.body == as_recorded(recorded_profile(state="Inactive", endpoints=[]))
    assert created.headers["Content-Type"] == "application/json; charset=utf-8"
    assert created.headers["Cache-Control"] == "private"


def test_an_endpoint_put_answers_as_recorded() -> None:
    created = recorded_arm().put(ENDPOINT, {"properties": {"target": "www.contoso.com", "weight": 25}}, version=OLD)
    assert (created.status, created.body) == (201, as_recorded(RECORDED_ENDPOINT))


def test_a_get_with_an_endpoint_answers_as_recorded() -> None:
    arm = recorded_arm()
    arm.put(ENDPOINT, {"properties": {"target": "www.contoso.com", "weight": 25}}, version=OLD)
    shown = arm.get(PROFILE, version=OLD)
    assert shown.body == as_recorded(recorded_profile(state="CheckingEndpoints", endpoints=[RECORDED_ENDPOINT]))


def test_a_list_answers_as_recorded() -> None:
    listed = recorded_arm().get(LIST, version=OLD)
    assert listed.body == as_recorded({"value": [recorded_profile(state=None, endpoints=[])]})


def test_a_free_name_is_answered_as_recorded() -> None:
    asked = {"name": "myfoobar1", "type": "Microsoft.Network/trafficManagerProfiles"}
    path = "/providers/Microsoft.Network/checkTrafficManagerNameAvailability"
    shown = Arm().send("POST", path, asked, version=OLD)
    assert shown.body == (
        rb'{"name":"myfoobar1","type":"Microsoft.Network\/trafficManagerProfiles",'
        rb'"nameAvailable":true,"reason":null,"message":null}'
    )
    assert shown.headers["x-ms-ratelimit-remaining-tenant-writes"] == "199"


def test_deletes_without_a_body_are_as_recorded() -> None:
    arm = recorded_arm()
    arm.service.behaviour = Behaviour(delete_body="empty")
    arm.put(ENDPOINT, {"properties": {"target": "www.contoso.com"}}, version=OLD)
    for path in (ENDPOINT, PROFILE):
        deleted = arm.delete(path, version=OLD)
        assert (deleted.status, deleted.body, "Content-Type" in deleted.headers) == (200, b"", False)


def test_colliding_changes_are_refused_in_the_recorded_words() -> None:
    arm = Arm(Behaviour(latencies={"profiles.put": (5.0, 5.0)}))
    arm.put(PROFILE, PUT_REQUEST)
    refused = arm.put(PROFILE, PUT_REQUEST)
    assert refused.status == 409
    assert json.loads(refused.body) == {
        "error": {
            "code": "Conflict",
            "message": "Conflicting changes were detected when processing the request. This can happen when there are "
            "multiple requests trying to update one profile at the same time. Please retry your request.",
        }
    }


def test_a_taken_name_is_refused_in_the_words_of_the_name_check() -> None:
    arm = recorded_arm()
    refused = arm.put(f"{LIST}/other", PUT_REQUEST)
    assert refused.status == 409
    assert message_of(refused) == (
        "Domain name mytrafficmanager001100a.trafficmanager.net already exists. Please choose a different DNS prefix."
    )
