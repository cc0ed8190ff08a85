"""DNS names of profiles, and public IPs as targets."""

import pytest

from fleetdns.emulator.azure.service import Behaviour
from tests.emulator_azure.arm import (
    SUBSCRIPTION,
    Arm,
    arm_with,
    azure_endpoint,
    endpoint_path,
    error_of,
    profile_body,
    profile_path,
    public_ip,
)

V1 = "/providers/Microsoft.Network/checkTrafficManagerNameAvailability"
V2 = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/checkTrafficManagerNameAvailabilityV2"
STRICT = Behaviour(strict_public_ips=True)


def test_a_dns_name_is_unique_over_groups_subscriptions_and_case() -> None:
    arm = arm_with()
    for path in (profile_path("b"), profile_path(group="other"), profile_path(subscription="other")):
        assert error_of(arm.put(path, profile_body("WEB"))) == (409, "Conflict")
    assert arm.put(profile_path(), profile_body("Web")).status == 200


def test_a_dns_name_is_free_again_after_its_profile() -> None:
    arm = arm_with()
    arm.delete(profile_path())
    assert arm.put(profile_path("b"), profile_body("web")).status == 201


def test_a_name_can_belong_to_another_tenant() -> None:
    arm = Arm()
    arm.service.take_name("Web")
    assert error_of(arm.put(profile_path(), profile_body())) == (409, "Conflict")
    arm.service.release_name("wEB")
    assert arm.put(profile_path(), profile_body()).status == 201


@pytest.mark.parametrize("path", [V1, V2], ids=["V1", "V2"])
def test_both_name_checks_tell_taken_from_free(path: str) -> None:
    arm = arm_with()
    arm.service.take_name("elsewhere")
    for name, available in (("WEB", False), ("elsewhere", False), ("free", True)):
        shown = arm.send("POST", path, {"name": name, "type": "Microsoft.network/trafficmanagerprofiles"}).json()
        assert shown["nameAvailable"] is available
        assert shown["reason"] == (None if available else "AlreadyExists")
        assert shown["type"] == "Microsoft.Network/trafficManagerProfiles"


def test_a_name_check_without_a_name_is_400() -> None:
    assert error_of(Arm().send("POST", V1, {}))[0] == 400


def test_a_public_ip_resolves_to_its_label() -> None:
    arm = Arm()
    arm.service.set_public_ip(public_ip(), "shop.westeurope.cloudapp.azure.com")
    arm.put(profile_path(), profile_body(endpoints=[azure_endpoint()]))
    assert arm.get(endpoint_path()).json()["properties"]["target"] == "shop.westeurope.cloudapp.azure.com"
    arm.service.set_public_ip(public_ip().upper(), "new.westeurope.cloudapp.azure.com")
    assert arm.get(endpoint_path()).json()["properties"]["target"] == "new.westeurope.cloudapp.azure.com"


def test_a_registered_public_ip_without_a_label_is_refused_until_it_has_one() -> None:
    arm = Arm()
    arm.service.set_public_ip(public_ip(), None)
    body = profile_body(endpoints=[azure_endpoint()])
    assert error_of(arm.put(profile_path(), body)) == (400, "BadRequest")
    arm.service.set_public_ip(public_ip(), "shop.westeurope.cloudapp.azure.com")
    assert arm.put(profile_path(), body).status == 201


def test_unknown_public_ips_have_names_unless_strict() -> None:
    target = arm_with(azure_endpoint()).get(endpoint_path()).json()["properties"]["target"]
    assert target == "one.eastus.cloudapp.azure.com"
    strict = Arm(STRICT)
    assert error_of(strict.put(profile_path(), profile_body(endpoints=[azure_endpoint()]))) == (400, "BadRequest")


def test_unknown_public_ips_of_one_name_in_two_groups_are_two_targets() -> None:
    arm = arm_with(azure_endpoint("one"))
    body = {"properties": {"targetResourceId": public_ip("one", group="other")}}
    second = arm.put(endpoint_path("two"), body)
    assert (second.status, second.json()["properties"]["target"]) == (201, "one-2.eastus.cloudapp.azure.com")


def test_a_label_that_was_lost_does_not_break_what_is_stored_but_new_writes_of_it() -> None:
    arm = Arm()
    arm.service.set_public_ip(public_ip(), "shop.westeurope.cloudapp.azure.com")
    arm.put(profile_path(), profile_body(endpoints=[azure_endpoint()]))
    arm.service.set_public_ip(public_ip(), None)
    assert arm.get(endpoint_path()).json()["properties"]["target"] == "shop.westeurope.cloudapp.azure.com"
    assert arm.put(endpoint_path("two"), azure_endpoint("two")).status == 201
    assert error_of(arm.put(endpoint_path(), azure_endpoint()))[0] == 400


@pytest.mark.parametrize(
    ("resource", "target"),
    [("Microsoft.Web/sites", "shop.azurewebsites.net"), ("Microsoft.ClassicCompute/domainNames", "shop.cloudapp.net")],
)
def test_web_apps_and_cloud_services_are_targets(resource: str, target: str) -> None:
    identity = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/apps/providers/{resource}/Shop"
    arm = arm_with(azure_endpoint(targetResourceId=identity))
    assert arm.get(endpoint_path()).json()["properties"]["target"] == target
