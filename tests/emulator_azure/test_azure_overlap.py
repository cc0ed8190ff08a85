"""Writes take time: until one is done the old state shows and a second to the same profile collides."""

import pytest

from fleetdns.emulator.azure.behaviour import RECORDED_LATENCIES
from fleetdns.emulator.azure.service import Behaviour
from tests.emulator_azure.arm import (
    Arm,
    arm_with,
    azure_endpoint,
    endpoint_path,
    error_of,
    group_path,
    profile_body,
    profile_path,
)

SLOW = Behaviour(
    latencies=dict.fromkeys(("profiles.put", "profiles.patch", "profiles.delete"), (2.0, 2.0))
    | dict.fromkeys(("endpoints.put", "endpoints.patch", "endpoints.delete"), (1.0, 1.0))
)


def slow_arm() -> Arm:
    arm = arm_with(azure_endpoint())
    arm.service.behaviour = SLOW
    return arm


def test_an_answer_is_due_when_the_write_is_done() -> None:
    arm = slow_arm()
    assert arm.put(endpoint_path("two"), azure_endpoint("two")).delay == 1.0
    arm.now += 0.9
    assert arm.endpoint_names() == ["one"]
    arm.now += 0.1
    assert arm.endpoint_names() == ["one", "two"]


def test_a_list_during_a_write_shows_the_old_state() -> None:
    arm = slow_arm()
    arm.delete(profile_path())
    assert len(arm.get(group_path()).json()["value"]) == 1
    arm.now += 2
    assert arm.get(group_path()).json()["value"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("PUT", profile_path(), profile_body(), id="profile PUT"),
        pytest.param("PATCH", profile_path("WEB"), {"tags": {}}, id="profile PATCH"),
        pytest.param("DELETE", profile_path(), None, id="profile DELETE"),
        pytest.param("PUT", endpoint_path("two"), azure_endpoint("two"), id="endpoint PUT"),
        pytest.param("PATCH", endpoint_path(), {"properties": {"weight": 2}}, id="endpoint PATCH"),
        pytest.param("DELETE", endpoint_path(), None, id="endpoint DELETE"),
    ],
)
def test_any_second_write_to_the_profile_collides_until_the_first_is_done(method: str, path: str, body: object) -> None:
    arm = slow_arm()
    arm.patch(profile_path(), {"tags": {"a": "b"}})
    arm.now += 1.9
    refused = arm.send(method, path, body)
    assert error_of(refused) == (409, "Conflict")
    assert refused.delay == 0
    arm.now += 0.1
    assert arm.send(method, path, body).status in (200, 201)


def test_other_profiles_do_not_collide() -> None:
    arm = slow_arm()
    arm.patch(profile_path(), {"tags": {}})
    assert arm.put(profile_path("other"), profile_body("other")).status == 201


def test_two_first_puts_of_one_profile_collide() -> None:
    arm = Arm(SLOW)
    assert arm.put(profile_path(), profile_body()).status == 201
    assert error_of(arm.put(profile_path("WEB"), profile_body())) == (409, "Conflict")


def test_a_name_is_claimed_while_its_profile_is_being_made() -> None:
    arm = Arm(SLOW)
    arm.put(profile_path(), profile_body("shared"))
    refused = arm.put(profile_path("other"), profile_body("Shared"))
    assert error_of(refused) == (409, "Conflict")
    assert arm.get(profile_path()).status == 404


def test_profiles_being_made_count_towards_the_limit() -> None:
    arm = Arm(Behaviour(profile_limit=1, latencies=SLOW.latencies))
    arm.put(profile_path("a"), profile_body("a"))
    assert arm.put(profile_path("b"), profile_body("b")).status == 400


def test_a_change_by_hand_is_there_at_once() -> None:
    arm = slow_arm()
    arm.service.tamper("PATCH", endpoint_path(), {"properties": {"weight": 9}})
    assert arm.get(endpoint_path()).json()["properties"]["weight"] == 9


def test_recorded_latencies_stay_in_their_span() -> None:
    arm = Arm(Behaviour(latencies=RECORDED_LATENCIES))
    low, high = RECORDED_LATENCIES["profiles.put"]
    delay = arm.put(profile_path(), profile_body()).delay
    assert low <= delay <= high
    assert arm.get(profile_path("none")).delay == 0
