"""Each kind of fault, whom it hits, how often, and whether the work was done."""

from typing import Any

import pytest

from fleetdns.emulator.azure.service import Fault
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


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("error", (500, "InternalServerError")),
        ("throttled", (429, "TooManyRequests")),
        ("in-progress", (429, "RetryableErrorDueToAnotherOperation")),
        ("server-error", (500, "InternalServerError")),
        ("unavailable", (503, "ServiceUnavailable")),
        ("timeout", (408, "RequestTimeout")),
        ("unauthorized", (401, "InvalidAuthenticationToken")),
        ("forbidden", (403, "AuthorizationFailed")),
        ("conflict", (409, "Conflict")),
        ("unregistered", (409, "MissingSubscriptionRegistration")),
        ("locked", (409, "ScopeLocked")),
    ],
)
@pytest.mark.parametrize("after_commit", [False, True], ids=["before commit", "after commit"])
def test_an_error_is_answered_and_the_work_is_done_only_after_commit(
    kind: str, answer: tuple[int, str], after_commit: bool
) -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind=kind, after_commit=after_commit, operation="endpoints.put"))
    assert error_of(arm.put(endpoint_path(), azure_endpoint())) == answer
    assert arm.endpoint_names() == (["one"] if after_commit else [])


@pytest.mark.parametrize("after_commit", [False, True], ids=["before commit", "after commit"])
def test_a_dropped_connection_leaves_the_outcome_open(after_commit: bool) -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind="drop", after_commit=after_commit, times=1))
    dropped = arm.put(endpoint_path(), azure_endpoint())
    assert dropped.drop
    assert [call.status for call in arm.service.calls][-1] == 0
    assert arm.endpoint_names() == (["one"] if after_commit else [])


@pytest.mark.parametrize("after_commit", [False, True], ids=["before commit", "after commit"])
def test_a_call_that_hangs_leaves_the_outcome_open(after_commit: bool) -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind="hang", after_commit=after_commit, times=1))
    silent = arm.put(endpoint_path(), azure_endpoint())
    assert (silent.hang, silent.drop) == (True, False)
    assert [call.status for call in arm.service.calls][-1] == 0
    assert arm.endpoint_names() == (["one"] if after_commit else [])


def test_an_empty_answer_keeps_its_status() -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind="empty", operation="*.delete"))
    deleted = arm.delete(profile_path())
    assert (deleted.status, deleted.body) == (200, b"")
    assert arm.get(profile_path()).status == 404


def test_garbage_is_a_page_of_html() -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind="garbage"))
    shown = arm.get(profile_path())
    assert (shown.status, shown.headers["Content-Type"]) == (502, "text/html")


def test_a_slow_answer_is_the_right_one() -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind="slow", delay=3.5))
    shown = arm.get(profile_path())
    assert (shown.status, shown.delay) == (200, 3.5)


def test_an_unauthorized_answer_says_how_to_authenticate() -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind="unauthorized"))
    assert arm.get(profile_path()).headers["WWW-Authenticate"].startswith("Bearer ")


def test_retry_after_status_code_and_message_can_be_given() -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(status=418, code="Teapot", message="short and stout", retry_after=7))
    refused = arm.get(profile_path())
    assert error_of(refused) == (418, "Teapot")
    assert refused.headers["Retry-After"] == "7"
    assert refused.json()["error"]["message"] == "short and stout"


@pytest.mark.parametrize("kind", ["throttled", "unavailable", "server-error"])
def test_an_answer_asks_for_a_pause_only_where_the_fault_does(kind: str) -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind=kind, times=1))
    arm.service.add_fault(Fault(kind=kind, times=1, retry_after=30))
    assert [arm.get(profile_path()).headers.get("Retry-After") for _ in range(3)] == [None, "30", None]


@pytest.mark.parametrize(
    ("selector", "hit"),
    [
        pytest.param({}, {"put", "get", "endpoint", "list"}, id="every call"),
        pytest.param({"operation": "profiles.get"}, {"get"}, id="one operation"),
        pytest.param({"operation": "*.put"}, {"put", "endpoint"}, id="a pattern of operations"),
        pytest.param({"profile": "WEB"}, {"put", "get", "endpoint"}, id="one profile"),
        pytest.param({"endpoint": "one"}, {"endpoint"}, id="one endpoint"),
        pytest.param({"profile": "other"}, set(), id="another profile"),
    ],
)
def test_a_fault_hits_the_calls_it_names(selector: dict[str, Any], hit: set[str]) -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind="unavailable", **selector))
    answers = {
        "put": arm.put(profile_path(), profile_body()),
        "get": arm.get(profile_path()),
        "endpoint": arm.put(endpoint_path(), azure_endpoint()),
        "list": arm.get(group_path()),
    }
    assert {name for name, answer in answers.items() if answer.status == 503} == hit


def test_a_fault_ends_after_its_times() -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind="timeout", times=2))
    assert [arm.get(profile_path()).status for _ in range(3)] == [408, 408, 200]
    assert arm.service.faults() == {}


def test_a_fault_ends_at_its_time() -> None:
    arm = arm_with()
    arm.service.add_fault(Fault(kind="timeout", until=arm.now + 5))
    assert arm.get(profile_path()).status == 408
    arm.now += 5
    assert arm.get(profile_path()).status == 200


def test_the_first_fault_that_fits_is_the_one() -> None:
    arm = arm_with()
    first = arm.service.add_fault(Fault(kind="timeout"))
    arm.service.add_fault(Fault(kind="unavailable"))
    assert arm.get(profile_path()).status == 408
    arm.service.remove_fault(first)
    assert arm.get(profile_path()).status == 503
    arm.service.clear_faults()
    assert arm.get(profile_path()).status == 200


def test_an_unknown_kind_of_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no such kind"):
        Fault(kind="earthquake")


def test_tampering_meets_no_fault_and_leaves_no_record() -> None:
    arm = Arm()
    arm.put(profile_path(), profile_body())
    mark = arm.service.mark()
    arm.service.add_fault(Fault(kind="unavailable"))
    made = arm.service.tamper("PUT", endpoint_path("a#b").replace("%23", "#"), azure_endpoint())
    assert made["name"] == "a#b"
    assert arm.service.calls_since(mark) == ()
    assert arm.service.profiles()[0]["properties"]["endpoints"] == [made]
