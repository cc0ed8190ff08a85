"""Server-side apply: who manages what, who conflicts with whom, and what goes when nobody wants it any more."""

from typing import Any

import pytest

from fleetdns.emulator.hub.managedfields import ApplyConflicts, ApplyInvalid, apply
from tests.emulator_hub.schema.managed import LATER, NOON, SCHEMA, V1, applied, owners, shop, updated


def conflicts(live: Any, config: Any, manager: str) -> tuple[str, list[dict[str, str]]]:
    with pytest.raises(ApplyConflicts) as raised:
        applied(live, config, manager)
    return str(raised.value), list(raised.value.causes)


def test_an_apply_to_nothing_creates_and_is_recorded() -> None:
    config = shop({"port": 80, "inner": {"a": 1}, "headers": [{"name": "x", "value": "1"}]}, labels={"k": "v"})

    new = apply(None, config, manager="one", force=False, schema=SCHEMA, api_version=V1, time=NOON)

    assert {**new, "metadata": {**new["metadata"], "managedFields": None}} == {
        **config,
        "metadata": {**config["metadata"], "managedFields": None},
    }
    assert new["metadata"]["managedFields"] == [
        {
            "manager": "one",
            "operation": "Apply",
            "apiVersion": V1,
            "time": NOON,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {"f:k": {}}},
                "f:spec": {
                    "f:port": {},
                    "f:inner": {"f:a": {}},
                    "f:headers": {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:value": {}}},
                },
            },
        }
    ]


def test_applying_the_same_again_gives_the_very_object_back() -> None:
    config = shop({"port": 80, "tags": ["a"], "ports": [{"port": 1}]})
    live = applied(None, config, "one")

    assert apply(live, config, manager="one", force=False, schema=SCHEMA, api_version=V1, time=LATER) is live


def test_another_manager_may_apply_the_same_values() -> None:
    live = applied(applied(None, shop({"port": 80}), "one"), shop({"port": 80}), "two", time=LATER)

    assert owners(live) == {"one": {"f:spec": {"f:port": {}}}, "two": {"f:spec": {"f:port": {}}}}


def test_one_conflict_is_told_in_one_line() -> None:
    live = applied(None, shop({"headers": [{"name": "a", "value": "1"}]}), "one")

    assert conflicts(live, shop({"headers": [{"name": "a", "value": "2"}]}), "two") == (
        'Apply failed with 1 conflict: conflict with "one": .spec.headers[name="a"].value',
        [
            {
                "field": '.spec.headers[name="a"].value',
                "message": 'conflict with "one"',
                "reason": "FieldManagerConflict",
            }
        ],
    )


def test_several_conflicts_are_told_manager_by_manager() -> None:
    live = applied(None, shop({"port": 80, "tags": ["a"], "whole": {"x": 1}}), "one")
    live = updated(live, {**live, "spec": {**live["spec"], "mode": "slow"}}, "edit")

    text, causes = conflicts(live, shop({"port": 81, "whole": {"x": 2}, "mode": "other"}), "two")

    assert text == (
        f'Apply failed with 3 conflicts: conflicts with "edit" using {V1}:\n- .spec.mode\n'
        'conflicts with "one":\n- .spec.port\n- .spec.whole'
    )
    assert [cause["message"] for cause in causes] == [f'conflict with "edit" using {V1}', *['conflict with "one"'] * 2]


def test_a_manager_of_the_status_is_named_with_its_subresource() -> None:
    live = applied(None, shop({"port": 80}), "one")
    live = applied(live, {**shop(), "status": {"phase": "A"}}, "ctl", subresource="status")

    with pytest.raises(ApplyConflicts) as raised:
        applied(live, {**shop(), "status": {"phase": "B"}}, "other", subresource="status")

    assert [one.message for one in raised.value.conflicts] == ['conflict with "ctl" with subresource "status"']


def test_force_takes_the_field_over() -> None:
    live = applied(None, shop({"port": 80, "inner": {"a": 1}}), "one")

    live = applied(live, shop({"port": 81}), "two", force=True)

    assert live["spec"]["port"] == 81
    assert owners(live) == {"one": {"f:spec": {"f:inner": {"f:a": {}}}}, "two": {"f:spec": {"f:port": {}}}}


def test_what_a_manager_no_longer_applies_is_removed() -> None:
    before = {"port": 80, "inner": {"a": 1, "b": 2}, "tags": ["a", "b"], "headers": [{"name": "x"}, {"name": "y"}]}
    live = applied(None, shop(before, labels={"k": "v", "l": "w"}), "one")

    live = applied(live, shop({"inner": {"b": 2}, "tags": ["b"], "headers": [{"name": "y"}]}, labels={"l": "w"}), "one")

    assert live["spec"] == {"inner": {"b": 2}, "tags": ["b"], "headers": [{"name": "y"}], "mode": "fast"}
    assert live["metadata"]["labels"] == {"l": "w"}
    assert live["metadata"]["name"] == "shop"


def test_what_somebody_else_applies_too_stays() -> None:
    live = applied(None, shop({"port": 80, "tags": ["a", "b"]}), "one")
    live = applied(live, shop({"port": 80, "tags": ["b"]}), "two")

    live = applied(live, shop({}), "one")

    assert live["spec"] == {"port": 80, "tags": ["b"], "mode": "fast"}
    assert set(owners(live)) == {"one", "two"}


def test_what_an_update_put_there_stays() -> None:
    live = updated(None, shop({"port": 80}), "edit")
    live = applied(live, shop({"mode": "fast", "inner": {"a": 1}}), "one")

    live = applied(live, shop({"mode": "fast"}), "one")

    assert live["spec"] == {"port": 80, "mode": "fast"}


def test_items_of_different_managers_live_in_one_list() -> None:
    live = applied(None, shop({"headers": [{"name": "a"}, {"name": "c"}]}), "one")

    live = applied(live, shop({"headers": [{"name": "b"}, {"name": "c"}]}), "two")

    assert [item["name"] for item in live["spec"]["headers"]] == ["a", "b", "c"]


def test_items_are_put_into_the_order_they_are_applied_in() -> None:
    live = applied(None, shop({"tags": ["a", "b", "c"]}), "one")

    live = applied(live, shop({"tags": ["c", "a"]}), "two")

    assert live["spec"]["tags"] == ["b", "c", "a"]


def test_a_key_that_is_left_out_counts_as_its_default() -> None:
    live = applied(None, shop({"ports": [{"port": 80, "protocol": "TCP"}, {"port": 80, "protocol": "UDP"}]}), "one")

    again = applied(live, shop({"ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]}), "two")

    assert again["spec"]["ports"] == live["spec"]["ports"]


def test_an_atomic_list_is_compared_with_its_live_defaults() -> None:
    """What reads the same to the user conflicts all the same: the live list has protocol, the applied one does not."""
    live = applied(None, shop({"probes": [{"port": 80}]}), "one")

    text, _ = conflicts(live, shop({"probes": [{"port": 80}]}), "two")

    assert text == 'Apply failed with 1 conflict: conflict with "one": .spec.probes'


def test_an_apply_to_an_object_that_nobody_tracked_conflicts_with_what_was_there() -> None:
    live = shop({"port": 80})

    text, _ = conflicts(live, shop({"port": 81}), "one")
    new = applied(live, shop({"port": 80, "inner": {"a": 1}}), "one")

    assert text == f'Apply failed with 1 conflict: conflict with "before-first-apply" using {V1}: .spec.port'
    assert owners(new)["before-first-apply"] == {"f:spec": {".": {}, "f:port": {}}}


def test_the_status_cannot_be_claimed_by_an_apply_to_the_object() -> None:
    live = {**applied(None, shop({"port": 80}), "one"), "status": {"phase": "A"}}

    new = applied(live, {**shop({"port": 80}), "status": {"phase": "B"}}, "two")

    assert owners(new)["two"] == {"f:spec": {"f:port": {}}}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        pytest.param({"colour": 1}, ".spec.colour: field not declared in schema", id="an unknown field"),
        pytest.param(
            {"headers": [{"name": "a", "odd": 1}]},
            '.spec.headers[name="a"].odd: field not declared in schema',
            id="an unknown field of an item",
        ),
        pytest.param(
            {"headers": [{"name": "a"}, {"name": "a"}]},
            '.spec.headers: duplicate entries for key [name="a"]',
            id="a key twice",
        ),
        pytest.param({"tags": ["a", "a"]}, '.spec.tags: duplicate entries for key [="a"]', id="an item twice"),
        pytest.param(
            {"headers": [{"value": "a"}]},
            ".spec.headers: element 0: associative list with keys has an element that omits all key fields "
            '["name"] (and doesn\'t have default values for any key fields)',
            id="an item without its key",
        ),
    ],
)
def test_what_does_not_fit_the_schema_cannot_be_applied(spec: dict[str, Any], problem: str) -> None:
    with pytest.raises(ApplyInvalid) as raised:
        applied(None, shop(spec), "one")

    assert str(raised.value) == f"failed to create typed patch object (work/shop; {V1}, Kind=Shop): {problem}"
