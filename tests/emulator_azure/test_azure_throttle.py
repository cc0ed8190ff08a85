"""The documented limits, with Retry-After, and that waiting as told is enough."""

from typing import Any

import pytest

from fleetdns.emulator.azure.service import Behaviour, Response
from tests.emulator_azure.arm import (
    Arm,
    azure_endpoint,
    endpoint_path,
    error_of,
    group_path,
    profile_body,
    profile_path,
    public_ip,
)

CHECK = "/providers/Microsoft.Network/checkTrafficManagerNameAvailability"


def throttled_arm() -> Arm:
    arm = Arm(Behaviour(throttling=True))
    assert arm.put(profile_path(), profile_body()).status == 201
    arm.now += 100
    return arm


def answered_until_refused(arm: Arm, *arguments: Any) -> tuple[int, Response]:
    for count in range(1_000):
        response = arm.send(*arguments)
        if response.status == 429:
            return count, response
    raise AssertionError("never refused")


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        pytest.param(("GET", profile_path()), 150, id="150 profile reads"),
        pytest.param(("PATCH", profile_path(), {"tags": {}}), 200, id="200 profile writes"),
        pytest.param(("DELETE", profile_path("none")), 50, id="50 profile deletes"),
        pytest.param(("GET", group_path()), 150, id="150 lists"),
        pytest.param(("PUT", endpoint_path(), azure_endpoint()), 100, id="100 endpoint writes"),
        pytest.param(("DELETE", endpoint_path()), 100, id="100 endpoint deletes"),
        pytest.param(("POST", CHECK, {"name": "a"}), 100, id="100 name checks"),
        pytest.param(("GET", endpoint_path()), 250, id="endpoint reads are bounded by ARM's bucket of 250"),
    ],
)
def test_a_burst_is_refused_at_the_documented_number(arguments: tuple[Any, ...], allowed: int) -> None:
    arm = throttled_arm()
    count, refused = answered_until_refused(arm, *arguments)
    assert count == allowed
    # ARM's bucket and the service's window know nothing of each other: the second may have its own wait to tell.
    for _ in range(2):
        wait = int(refused.headers.get("Retry-After", "0"))
        assert 0 <= wait <= 20
        arm.now += wait
        refused = arm.send(*arguments)
    assert refused.status != 429


def test_the_wait_is_the_rest_of_the_window() -> None:
    arm = throttled_arm()
    arm.get(profile_path())
    arm.now += 12.5
    _, refused = answered_until_refused(arm, "GET", profile_path())
    assert (error_of(refused), refused.headers["Retry-After"]) == ((429, "TooManyRequests"), "8")
    arm.now += 7
    assert arm.get(profile_path()).headers["Retry-After"] == "1"


def test_puts_and_deletes_of_endpoints_share_a_window() -> None:
    arm = throttled_arm()
    for number in range(50):
        assert arm.put(endpoint_path(), azure_endpoint(weight=number + 1)).status == 201
        assert arm.delete(endpoint_path()).status == 200
    assert arm.put(endpoint_path(), azure_endpoint()).status == 429


def test_arms_bucket_refills_by_the_second() -> None:
    arm = throttled_arm()
    path = public_ip()
    count, refused = answered_until_refused(arm, "GET", path)
    assert (count, error_of(refused)) == (250, (429, "SubscriptionRequestsThrottled"))
    arm.now += 1
    assert answered_until_refused(arm, "GET", path)[0] == 25


def test_a_request_before_the_wait_is_over_is_refused_with_what_is_left_although_there_are_tokens_again() -> None:
    arm = throttled_arm()
    path = public_ip()
    _, refused = answered_until_refused(arm, "GET", path)
    assert refused.headers["Retry-After"] == "1"
    arm.now += 0.6  # 15 tokens have grown
    early = arm.get(path)
    assert (error_of(early), early.headers["Retry-After"]) == ((429, "SubscriptionRequestsThrottled"), "1")
    arm.now += 0.4
    assert answered_until_refused(arm, "GET", path)[0] == 25


def test_asking_again_and_again_does_not_make_the_wait_longer() -> None:
    arm = throttled_arm()
    answered_until_refused(arm, "DELETE", profile_path("none"))
    waits = []
    for _ in range(20):
        waits.append(int(arm.delete(profile_path("none")).headers["Retry-After"]))
        arm.now += 1
    assert waits == list(range(20, 0, -1))
    assert arm.delete(profile_path("none")).status == 204


def test_a_refused_kind_leaves_the_others_open() -> None:
    arm = throttled_arm()
    answered_until_refused(arm, "GET", profile_path())
    assert arm.get(group_path()).status == 200
    assert arm.put(profile_path(), profile_body()).status == 200
    assert arm.put(endpoint_path(), azure_endpoint()).status == 201
    assert arm.delete(profile_path()).status == 200


def test_subscriptions_do_not_share_limits() -> None:
    arm = throttled_arm()
    answered_until_refused(arm, "GET", profile_path())
    assert arm.get(profile_path(subscription="other")).status == 404
    assert arm.get(profile_path(subscription=profile_path().split("/")[2].upper())).status == 429


def test_a_refused_call_does_nothing_and_costs_nothing() -> None:
    arm = throttled_arm()
    answered_until_refused(arm, "PATCH", profile_path(), {"tags": {"n": "1"}})
    assert arm.patch(profile_path(), {"tags": {"n": "2"}}).status == 429
    assert arm.get(profile_path()).json()["tags"] == {"n": "1"}


def test_without_throttling_everything_is_answered_and_still_counted() -> None:
    arm = Arm()
    left = [
        arm.get(group_path()).headers["x-ms-ratelimit-remaining-subscription-resource-requests"] for _ in range(300)
    ]
    assert (left[0], left[-1]) == ("149", "0")
