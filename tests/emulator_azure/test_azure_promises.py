"""What holds for any profile: round trips, limits, case, and that nothing a client sends breaks the service."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.emulator.azure.service import Behaviour
from tests.emulator_azure.arm import (
    Arm,
    arm_with,
    azure_endpoint,
    endpoint_path,
    external_endpoint,
    profile_body,
    profile_path,
)

NAMES = st.text(alphabet="abcXYZ019-#_. é", min_size=1, max_size=20).filter(str.strip)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
KEYS = ("location", "tags", "properties", "endpoints", "monitorConfig", "dnsConfig", "target", "weight", "name", "type")


@st.composite
def endpoints(draw: st.DrawFn, *, most: int = 6) -> list[dict[str, Any]]:
    names = draw(st.lists(NAMES, max_size=most, unique_by=str.casefold))
    numbered = draw(st.booleans())
    found = []
    for number, name in enumerate(names):
        make = azure_endpoint if draw(st.booleans()) else external_endpoint
        optional: dict[str, Any] = {
            "weight": draw(st.none() | st.integers(1, 1000)),
            "priority": number + 1 if numbered else None,
        }
        endpoint = make(f"t{number}", **optional, endpointStatus=draw(st.sampled_from(("Enabled", "Disabled", None))))
        found.append({**endpoint, "name": name})
    return found


def respelled(value: str, *, upper: bool) -> str:
    return value.upper() if upper else value.lower()


@settings(max_examples=40, deadline=None)
@given(endpoints())
def test_writing_back_what_was_read_is_idempotent(found: list[dict[str, Any]]) -> None:
    arm = arm_with(*found)
    read = arm.get(profile_path()).json()
    assert arm.put(profile_path(), read).json() == read
    assert arm.patch(profile_path(), {"tags": read["tags"]}).json() == read
    for item in read["properties"]["endpoints"]:
        kind = item["type"].rpartition("/")[2]
        assert arm.put(endpoint_path(item["name"], kind=kind), item).json() == item
        assert arm.patch(endpoint_path(item["name"], kind=kind), item).json() == item
    assert arm.get(profile_path()).json() == read


@settings(max_examples=40, deadline=None)
@given(endpoints(), st.booleans())
def test_names_are_case_insensitive(found: list[dict[str, Any]], upper: bool) -> None:
    arm = arm_with(*found)
    assert arm.get(respelled(profile_path(), upper=upper)).json() == arm.get(profile_path()).json()
    for item in found:
        kind = item["type"].rpartition("/")[2]
        path = endpoint_path(respelled(item["name"], upper=upper), kind=respelled(kind, upper=upper))
        assert arm.get(path).json()["name"] == item["name"]


@settings(max_examples=40, deadline=None)
@given(endpoints())
def test_the_order_of_calls_does_not_matter_to_what_is_stored(found: list[dict[str, Any]]) -> None:
    whole, single = arm_with(*found), arm_with()
    for item in found:
        path = endpoint_path(item["name"], kind=item["type"].rpartition("/")[2])
        assert single.put(path, item).status == 201
    assert single.get(profile_path()).json() == whole.get(profile_path()).json()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(("put", "delete", "profile")), st.integers(0, 9)), max_size=30))
def test_stored_endpoints_never_exceed_the_limit_and_stay_unique(steps: list[tuple[str, int]]) -> None:
    arm = arm_with(behaviour=Behaviour(endpoint_limit=4))
    for step, number in steps:
        if step == "put":
            arm.put(endpoint_path(f"e{number}"), azure_endpoint(f"t{number % 7}"))
        elif step == "delete":
            arm.delete(endpoint_path(f"E{number}"))
        else:
            arm.put(profile_path(), profile_body(endpoints=[azure_endpoint(f"e{item}") for item in range(number)]))
        stored = arm.get(profile_path()).json()["properties"]["endpoints"]
        assert len(stored) <= 4
        for key in ("target", "priority"):
            assert len({item["properties"][key] for item in stored}) == len(stored)
        assert len({item["name"].casefold() for item in stored}) == len(stored)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(("PUT", "PATCH")),
    st.sampled_from((profile_path(), endpoint_path(), endpoint_path("new"), profile_path("new"))),
    st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5), max_size=5),
)
def test_no_body_breaks_the_service(method: str, path: str, body: dict[str, Any]) -> None:
    arm = arm_with(azure_endpoint())
    response = arm.send(method, path, body)
    assert response.status in (200, 201, 400, 404)
    assert json.loads(response.body)
    assert arm.get(profile_path()).status == 200


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(("GET", "PUT", "PATCH", "DELETE", "POST", "OPTIONS")), st.text(max_size=60))
def test_no_path_breaks_the_service(method: str, path: str) -> None:
    response = Arm().send(method, f"/{path}")
    assert response.status in (404, 405, 400)
    assert response.json()["error"]["code"]
