"""Server-side apply: who manages what, who conflicts with whom, and what goes when nobody wants it any more."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.managedfields import ApplyConflicts, ApplyInvalid, apply, track
from fleetdns.emulator.hub.schema import StructuralSchema

V1, NOON, LATER = "g.io/v1", "2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"
SCHEMA = StructuralSchema(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "port": {"type": "integer"},
                    "mode": {"type": "string", "default": "fast"},
                    "inner": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}},
                    "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": True},
                    "headers": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {
                            "type": "object",
                            "required": ["name"],
                            "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                        },
                    },
                    "ports": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {
                            "type": "object",
                            "required": ["port"],
                            "properties": {
                                "port": {"type": "integer"},
                                "protocol": {"type": "string", "default": "TCP"},
                            },
                        },
                    },
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    "probes": {
                        "type": "array",
                        "x-kubernetes-list-type": "atomic",
                        "items": {
                            "type": "object",
                            "properties": {
                                "port": {"type": "integer"},
                                "protocol": {"type": "string", "default": "TCP"},
                            },
                        },
                    },
                },
            },
            "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
        },
    }
)


def shop(spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    obj = {"apiVersion": V1, "kind": "Shop", "metadata": {"name": "shop", "namespace": "work", **metadata}}
    return obj if spec is None else {**obj, "spec": spec}


def applied(
    live: Any, config: Any, manager: str, *, force: bool = False, time: str = NOON, subresource: str = ""
) -> Any:
    """The live object after an apply, with its defaults, as it would be stored."""
    new = apply(
        live,
        config,
        manager=manager,
        force=force,
        schema=SCHEMA,
        api_version=V1,
        time=time,
        subresource=subresource,
    )
    return SCHEMA.default(new)


def updated(old: Any, new: Any, manager: str, *, time: str = NOON, subresource: str = "") -> Any:
    return track(
        old,
        SCHEMA.default(new),
        manager=manager,
        operation="Update",
        api_version=V1,
        time=time,
        subresource=subresource,
        schema=SCHEMA,
    )


def owners(obj: dict[str, Any]) -> dict[str, Any]:
    """What each manager manages, as written in fieldsV1."""
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", ())}


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
            ".spec.headers: element 0: associative list with keys has an element that omits all key fields",
            id="an item without its key",
        ),
    ],
)
def test_what_does_not_fit_the_schema_cannot_be_applied(spec: dict[str, Any], problem: str) -> None:
    with pytest.raises(ApplyInvalid) as raised:
        applied(None, shop(spec), "one")

    assert str(raised.value) == f"failed to create typed patch object (work/shop; {V1}, Kind=Shop): {problem}"


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


@pytest.mark.parametrize("sent", [[], [{}]])
def test_managers_can_be_wiped(sent: Any) -> None:
    live = updated(None, shop({"port": 80}), "one")

    new = updated(live, shop({"port": 81}, managedFields=sent), "two")

    assert "managedFields" not in new["metadata"]
    assert "managedFields" not in updated(new, shop({"port": 82}), "three")["metadata"]


def test_managers_can_be_edited_but_not_broken() -> None:
    live = updated(None, shop({"port": 80}), "one")
    (entry,) = live["metadata"]["managedFields"]

    renamed = updated(live, shop({"port": 80}, managedFields=[{**entry, "manager": "other"}]), "two")
    broken = updated(live, shop({"port": 80}, managedFields=[{**entry, "operation": "Odd"}]), "two")

    assert set(owners(renamed)) == {"other"}
    assert set(owners(broken)) == {"one"}


def test_a_write_to_a_subresource_cannot_edit_managers() -> None:
    live = updated(None, shop({"port": 80}), "one")

    assert updated(live, shop({"port": 80}, managedFields=[]), "two", subresource="status") == live


def test_without_a_schema_lists_are_owned_as_a_whole() -> None:
    new = track(None, {"data": {"a": [{"name": "x"}]}}, manager="m", operation="Update", api_version="v1", time=NOON)

    assert owners(new) == {"m": {"f:data": {".": {}, "f:a": {}}}}


NAMES = st.sampled_from("abc")
HEADERS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries({"name": NAMES}, optional={"value": NAMES})
# No object or keyed list here is empty: as on the API server, one that is applied empty and loses its last field by
# that apply is gone at first, and there after the next.
SPECS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"port": st.integers(1, 2)},
    optional={
        "mode": st.sampled_from(["fast", "slow"]),
        "inner": st.dictionaries(st.sampled_from("ab"), st.integers(1, 2), min_size=1),
        "whole": st.dictionaries(NAMES, st.integers(1, 2)),
        "headers": st.lists(HEADERS, unique_by=lambda item: item["name"], min_size=1),
        "tags": st.lists(NAMES, unique=True, min_size=1),
        "probes": st.lists(st.fixed_dictionaries({"port": st.just(1), "protocol": st.just("UDP")}), max_size=2),
    },
)
MANAGERS = st.sampled_from(["one", "two", "three"])
HISTORY = st.lists(st.tuples(MANAGERS, SPECS), max_size=3)
quickly = settings(max_examples=25, deadline=None)


def lived(history: list[tuple[str, Any]]) -> Any:
    live = None
    for manager, spec in history:
        live = applied(live, shop(spec), manager, force=True)
    return live


@quickly
@given(HISTORY, MANAGERS, SPECS)
def test_applying_twice_is_applying_once(history: Any, manager: str, spec: Any) -> None:
    once = applied(lived(history), shop(spec), manager, force=True)

    assert applied(once, shop(spec), manager, force=False, time=LATER) == once


@quickly
@given(HISTORY, MANAGERS, SPECS)
def test_what_is_applied_is_there_afterwards(history: Any, manager: str, spec: Any) -> None:
    live = applied(lived(history), shop(spec), manager, force=True)

    assert {name: live["spec"].get(name) for name in ("port", "whole", "mode") if name in spec} == {
        name: value for name, value in spec.items() if name in ("port", "whole", "mode")
    }
    assert set(spec.get("tags", ())) <= set(live["spec"].get("tags") or ())


@quickly
@given(HISTORY, SPECS)
def test_what_one_manager_alone_applied_goes_with_its_last_word(history: Any, spec: Any) -> None:
    others = [(manager, wanted) for manager, wanted in history if manager != "three"]
    base = lived(others) or applied(None, shop({}), "one")

    gone = applied(applied(base, shop(spec), "three", force=True), shop(None), "three")

    assert "three" not in owners(gone)


@quickly
@given(HISTORY, MANAGERS, SPECS)
def test_no_field_is_applied_against_another_managers_will(history: Any, manager: str, spec: Any) -> None:
    """Without force, an apply either conflicts or leaves everything the others manage as it was."""
    live = lived(history)
    try:
        new = applied(live, shop(spec), manager)
    except ApplyConflicts:
        return
    before = {name: fields for name, fields in owners(live or shop()).items() if name != manager}
    assert {name: fields for name, fields in owners(new).items() if name != manager} == before
