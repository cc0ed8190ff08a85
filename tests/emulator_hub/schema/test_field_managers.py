"""Every write but an apply takes over what it changes."""

from typing import Any

import pytest

from fleetdns.emulator.hub.managedfields import track
from tests.emulator_hub.schema.managed import LATER, NOON, applied, owners, shop, updated


def test_a_create_is_tracked_with_every_level_it_made() -> None:
    new = updated(None, shop({"port": 80, "headers": [{"name": "a"}]}, labels={"k": "v"}), "kubectl-create")

    assert owners(new) == {
        "kubectl-create": {
            "f:metadata": {"f:labels": {".": {}, "f:k": {}}},
            "f:spec": {
                ".": {},
                "f:headers": {".": {}, 'k:{"name":"a"}': {".": {}, "f:name": {}}},
                "f:mode": {},
                "f:port": {},
            },
        }
    }


def test_an_update_takes_over_what_it_changes_and_nothing_else() -> None:
    live = applied(None, shop({"port": 80, "inner": {"a": 1}}), "one")

    new = updated(live, {**live, "spec": {**live["spec"], "port": 81}}, "edit", time=LATER)

    assert owners(new) == {"one": {"f:spec": {"f:inner": {"f:a": {}}}}, "edit": {"f:spec": {"f:port": {}}}}
    assert [entry["time"] for entry in new["metadata"]["managedFields"]] == [NOON, LATER]


def test_an_update_that_changes_nothing_leaves_the_managers_alone() -> None:
    live = updated(None, shop({"port": 80}), "one")

    assert updated(live, live, "two", time=LATER) == live


def test_what_an_update_removes_is_nobodys_any_more() -> None:
    live = applied(None, shop({"port": 80, "inner": {"a": 1}}), "one")

    new = updated(live, shop({"port": 80}), "edit")

    assert owners(new) == {"one": {"f:spec": {"f:port": {}}}}


def test_updates_of_one_manager_to_object_and_status_are_kept_apart() -> None:
    live = updated(None, shop({"port": 80}), "ctl")

    new = updated(live, {**live, "status": {"phase": "A"}}, "ctl", subresource="status")

    entries = [(entry.get("subresource"), entry["fieldsV1"]) for entry in new["metadata"]["managedFields"]]
    assert entries[1] == ("status", {"f:status": {".": {}, "f:phase": {}}})


def test_an_empty_list_of_managers_changes_nothing_and_one_empty_entry_wipes_them() -> None:
    live = updated(None, shop({"port": 80}), "one")

    same = updated(live, shop({"port": 80}, managedFields=[]), "two")
    new = updated(live, shop({"port": 81}, managedFields=[{}]), "two")

    assert same["metadata"]["managedFields"] == live["metadata"]["managedFields"]
    assert "managedFields" not in new["metadata"]
    assert "managedFields" not in updated(new, shop({"port": 82}), "three")["metadata"]


def test_managers_can_be_edited() -> None:
    live = updated(None, shop({"port": 80}), "one")
    (entry,) = live["metadata"]["managedFields"]

    renamed = updated(live, shop({"port": 80}, managedFields=[{**entry, "manager": "other"}]), "two")

    assert set(owners(renamed)) == {"other"}


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"operation": "Odd"}, id="an operation that is none"),
        pytest.param({"apiVersion": ""}, id="no version"),
        pytest.param({"manager": 1}, id="a name that is a number"),
        pytest.param({"time": 1}, id="a time that is a number"),
        pytest.param({"fieldsType": "FieldsV2"}, id="fields of another form"),
        pytest.param({"fieldsV1": {"f:spec": 1}}, id="a field that is a number"),
        pytest.param({"fieldsV1": {"spec": {}}}, id="a field without its sort"),
        pytest.param({"fieldsV1": {"k:{": {}}}, id="a key that is no JSON"),
        pytest.param({"fieldsV1": {"k:1": {}}}, id="a key that is no object"),
    ],
)
def test_managers_that_cannot_be_read_are_those_from_before(broken: dict[str, Any]) -> None:
    live = updated(None, shop({"port": 80}), "one")
    (entry,) = live["metadata"]["managedFields"]

    assert updated(live, shop({"port": 80}, managedFields=[{**entry, **broken}]), "two") == live


def test_a_write_to_a_subresource_cannot_edit_managers() -> None:
    live = updated(None, shop({"port": 80}), "one")

    assert updated(live, shop({"port": 80}, managedFields=[]), "two", subresource="status") == live


def test_without_a_schema_lists_are_owned_as_a_whole() -> None:
    new = track(None, {"data": {"a": [{"name": "x"}]}}, manager="m", operation="Update", api_version="v1", time=NOON)

    assert owners(new) == {"m": {"f:data": {".": {}, "f:a": {}}}}
