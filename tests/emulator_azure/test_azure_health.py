"""Monitor states of endpoints and profiles, nested ones included."""

from typing import Any

import pytest

from fleetdns.emulator.azure.service import Behaviour
from tests.emulator_azure.arm import (
    Arm,
    arm_with,
    azure_endpoint,
    endpoint_path,
    external_endpoint,
    nested_endpoint,
    profile_body,
    profile_path,
    public_ip,
)


def profile_state(arm: Arm, profile: str = "web") -> str:
    state = arm.get(profile_path(profile)).json()["properties"]["monitorConfig"]["profileMonitorStatus"]
    assert isinstance(state, str)
    return state


def endpoint_states(arm: Arm, profile: str = "web") -> list[str]:
    endpoints = arm.get(profile_path(profile)).json()["properties"]["endpoints"]
    return [item["properties"]["endpointMonitorStatus"] for item in endpoints]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param([], "Inactive", id="no endpoints"),
        pytest.param(["CheckingEndpoint"], "CheckingEndpoints", id="checking"),
        pytest.param(["Online", "CheckingEndpoint"], "Online", id="one online"),
        pytest.param(["Online", "Degraded"], "Degraded", id="one degraded"),
        pytest.param(["Stopped"], "Inactive", id="all stopped"),
    ],
)
def test_a_profile_is_what_its_endpoints_are(states: list[str], expected: str) -> None:
    arm = arm_with(*(azure_endpoint(f"e{number}") for number in range(len(states))))
    for number, state in enumerate(states):
        arm.service.set_probe("web", f"e{number}", state)
    assert profile_state(arm) == expected
    assert endpoint_states(arm) == states


@pytest.mark.parametrize(
    ("profile", "endpoint", "states"),
    [
        pytest.param({"profileStatus": "Disabled"}, {}, ("Disabled", "Inactive"), id="profile disabled"),
        pytest.param({}, {"endpointStatus": "Disabled"}, ("Inactive", "Disabled"), id="endpoint disabled"),
        pytest.param({}, {"alwaysServe": "Enabled"}, ("Online", "Unmonitored"), id="always served"),
        pytest.param(
            {"profileStatus": "Disabled"}, {"endpointStatus": "Disabled"}, ("Disabled", "Disabled"), id="both disabled"
        ),
    ],
)
def test_switches_come_before_what_probes_find(
    profile: dict[str, Any], endpoint: dict[str, Any], states: tuple[str, str]
) -> None:
    arm = arm_with(azure_endpoint(**endpoint), **profile)
    arm.service.set_probe("web", None, "Degraded")
    assert (profile_state(arm), *endpoint_states(arm)) == states


def test_an_endpoint_is_checked_until_the_probes_had_time() -> None:
    arm = arm_with(azure_endpoint(), behaviour=Behaviour(probe_delay=10))
    assert endpoint_states(arm) == ["CheckingEndpoint"]
    arm.now += 9
    arm.put(endpoint_path(), azure_endpoint(weight=2))
    arm.now += 1
    assert endpoint_states(arm) == ["Online"]
    body = {"properties": {"targetResourceId": public_ip("other")}}
    arm.put(endpoint_path(), body)
    assert endpoint_states(arm) == ["CheckingEndpoint"]


def test_the_snapshot_turns_with_time_and_with_probes_and_is_kept_in_between() -> None:
    arm = arm_with(azure_endpoint(), behaviour=Behaviour(probe_delay=10))

    def state() -> str:
        found = arm.service.profiles()[0]["properties"]["endpoints"][0]["properties"]["endpointMonitorStatus"]
        assert isinstance(found, str)
        return found

    assert state() == "CheckingEndpoint"
    assert arm.service.profiles() is arm.service.profiles()
    arm.now += 10
    assert state() == "Online"
    arm.service.set_target_probe(public_ip().upper(), "Degraded")
    assert state() == "Degraded"
    arm.service.set_probe(
        profile_path().upper().replace("TRAFFICMANAGERPROFILES", "trafficManagerProfiles"), "ONE", "Online"
    )
    assert state() == "Online"


def test_what_probes_found_stays_through_writes_of_other_endpoints() -> None:
    arm = arm_with(azure_endpoint("one"), azure_endpoint("two"))
    arm.service.set_probe("web", "one", "Degraded")
    arm.put(endpoint_path("two"), azure_endpoint("two", weight=9))
    arm.patch(profile_path(), {"tags": {"a": "b"}})
    assert endpoint_states(arm) == ["Degraded", "CheckingEndpoint"]


def test_an_endpoint_made_again_is_unprobed() -> None:
    arm = arm_with(azure_endpoint())
    arm.service.set_probe("web", "one", "Degraded")
    arm.delete(endpoint_path())
    arm.put(endpoint_path(), azure_endpoint())
    assert endpoint_states(arm) == ["CheckingEndpoint"]


def test_probes_of_what_does_not_exist_are_refused() -> None:
    arm = arm_with(azure_endpoint())
    with pytest.raises(LookupError):
        arm.service.set_probe("web", "none", "Online")
    with pytest.raises(LookupError):
        arm.service.set_probe("none", None, "Online")
    with pytest.raises(ValueError, match="Online"):
        arm.service.set_probe("web", "one", "Disabled")
    with pytest.raises(ValueError, match="Online"):
        arm.service.set_target_probe("a", "Fine")


def parent_of(*children: str, child_properties: dict[str, Any] | None = None, **nested: Any) -> Arm:
    """`web` with one nested endpoint; its child has external endpoints in these probe states."""
    arm = Arm()
    endpoints = [external_endpoint(f"e{number}") for number in range(len(children))]
    arm.put(profile_path("child"), profile_body("child", endpoints=endpoints, **(child_properties or {})))
    for number, state in enumerate(children):
        arm.service.set_probe("child", f"e{number}", state)
    arm.put(profile_path(), profile_body(endpoints=[nested_endpoint("down", "child", **nested)]))
    return arm


@pytest.mark.parametrize(
    ("children", "nested", "expected"),
    [
        pytest.param(["Online", "Degraded"], {}, "Online", id="one online is enough by default"),
        pytest.param(["Online", "Degraded"], {"minChildEndpoints": 2}, "Degraded", id="two are asked for"),
        pytest.param(
            ["Online", "CheckingEndpoint"], {"minChildEndpoints": 2}, "CheckingEndpoint", id="the second is checked"
        ),
        pytest.param(["Degraded"], {}, "Degraded", id="none online"),
        pytest.param([], {}, "Stopped", id="an inactive child"),
        pytest.param(["Online"], {"minChildEndpointsIPv4": 1}, "Degraded", id="no IPv4 endpoint"),
    ],
)
def test_a_nested_endpoint_counts_its_childs_endpoints(
    children: list[str], nested: dict[str, Any], expected: str
) -> None:
    assert endpoint_states(parent_of(*children, **nested)) == [expected]


def test_a_nested_endpoint_with_a_disabled_or_deleted_child_is_stopped() -> None:
    arm = parent_of("Online", child_properties={"profileStatus": "Disabled"})
    assert endpoint_states(arm) == ["Stopped"]
    arm.delete(profile_path("child"))
    assert endpoint_states(arm) == ["Stopped"]


def test_a_nested_endpoint_can_be_named_by_its_dns_name() -> None:
    arm = parent_of("Online")
    body = {"properties": {"target": "CHILD.trafficmanager.net"}}
    shown = arm.put(endpoint_path("down", kind="NestedEndpoints"), body).json()["properties"]
    assert (shown["target"], shown["minChildEndpoints"]) == ("child.trafficmanager.net", 1)
    assert shown["endpointMonitorStatus"] == "Online"
