"""Defaults are filled in, unknown fields taken out, and nothing is done twice."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.schema import StructuralSchema
from tests.emulator_hub.schema.conftest import SCHEMA
from tests.emulator_hub.schema.objects import shop


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        pytest.param({}, {"name": "shop", "interval": 30}, id="missing fields"),
        pytest.param({"interval": None}, {"name": "shop", "interval": 30}, id="null takes the default"),
        pytest.param({"weight": None}, {"name": "shop", "interval": 30}, id="null without a default is dropped"),
        pytest.param({"note": None}, {"name": "shop", "interval": 30, "note": None}, id="null stays where it may"),
        pytest.param({"weight": 80.0}, {"name": "shop", "interval": 30, "weight": 80}, id="80.0 is 80"),
        pytest.param({"share": 0.5}, {"name": "shop", "interval": 30, "share": 0.5}, id="fractions stay"),
        pytest.param(
            {"limits": {"low": 2}},
            {"name": "shop", "interval": 30, "limits": {"low": 2, "high": 9}},
            id="inside an object that is there",
        ),
        pytest.param(
            {"headers": [{"name": "a"}, {"name": "b", "value": "x"}]},
            {"name": "shop", "interval": 30, "headers": [{"name": "a", "value": "none"}, {"name": "b", "value": "x"}]},
            id="inside the items of a list",
        ),
        pytest.param(
            {"tags": ["a", None]}, {"name": "shop", "interval": 30, "tags": ["a", None]}, id="null in a list stays"
        ),
        pytest.param(
            {"labels": {"a": None, "b": "c"}},
            {"name": "shop", "interval": 30, "labels": {"b": "c"}},
            id="null in a map",
        ),
        pytest.param(
            {"free": {"known": {}, "other": None}},
            {"name": "shop", "interval": 30, "free": {"known": {"depth": 3}, "other": None}},
            id="unknown null stays where unknown fields do",
        ),
    ],
)
def test_defaults(schema: StructuralSchema, given: dict[str, Any], filled: dict[str, Any]) -> None:
    assert schema.default({"spec": given}) == {"spec": filled}


def test_defaults_are_not_shared_between_objects() -> None:
    held = {"type": "object", "default": {"a": 1}, "x-kubernetes-preserve-unknown-fields": True}
    level = {"type": "object", "properties": {"held": held}}
    schema = StructuralSchema({"type": "object", "properties": {"spec": level}})

    schema.default({"spec": {}})["spec"]["held"]["a"] = 2

    assert schema.default({"spec": {}}) == {"spec": {"held": {"a": 1}}}


@pytest.mark.parametrize(
    ("given", "kept", "unknown"),
    [
        pytest.param(shop(), shop(), (), id="nothing is unknown"),
        pytest.param(shop({"colour": 1}), shop(), ("spec.colour",), id="a field"),
        pytest.param(shop(extra=1, also=2), shop(), ("also", "extra"), id="fields of the root, sorted"),
        pytest.param(
            shop({"headers": [{"name": "a", "x": 1}]}),
            shop({"headers": [{"name": "a"}]}),
            ("spec.headers[0].x",),
            id="in an item of a list",
        ),
        pytest.param(shop({"labels": {"any": "x"}}), shop({"labels": {"any": "x"}}), (), id="a map knows every key"),
        pytest.param(
            shop({"free": {"any": {"x": 1}, "known": {"odd": 1}}}),
            shop({"free": {"any": {"x": 1}, "known": {}}}),
            ("spec.free.known.odd",),
            id="only below what is declared, where unknown fields are kept",
        ),
        pytest.param(
            shop({"template": {"kind": "X", "metadata": {"x": 1}, "data": 2}}),
            shop({"template": {"kind": "X", "metadata": {"x": 1}, "data": 2}}),
            (),
            id="an object within the object keeps what objects have",
        ),
        pytest.param(
            {**shop(), "metadata": {"name": "a", "odd": 1}},
            {**shop(), "metadata": {"name": "a", "odd": 1}},
            (),
            id="metadata is somebody else's business",
        ),
    ],
)
def test_pruning(schema: StructuralSchema, given: Any, kept: Any, unknown: Any) -> None:
    before = copy.deepcopy(given)

    assert schema.prune(given) == (kept, unknown)
    assert given == before


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "B", "shop"]) | st.just(0.5)
NAMES = st.sampled_from([*SCHEMA["properties"]["spec"]["properties"], "name", "value", "known", "depth", "odd", "low"])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
quickly = settings(max_examples=40, deadline=None)
OBJECTS = st.builds(lambda spec, odd: {"kind": "Shop", "metadata": {"name": "a"}, "spec": spec, "odd": odd}, JSON, JSON)


@quickly
@given(OBJECTS)
def test_defaulting_is_idempotent(schema: StructuralSchema, obj: Any) -> None:
    once = schema.default(obj)

    assert schema.default(once) == once


@quickly
@given(OBJECTS)
def test_pruning_is_idempotent_and_then_knows_everything(schema: StructuralSchema, obj: Any) -> None:
    once, _ = schema.prune(obj)

    assert schema.prune(once) == (once, ())


@quickly
@given(OBJECTS)
def test_defaulting_adds_nothing_that_pruning_takes_out(schema: StructuralSchema, obj: Any) -> None:
    pruned, _ = schema.prune(obj)

    assert schema.prune(schema.default(pruned))[1] == ()


@quickly
@given(OBJECTS, OBJECTS)
def test_judging_never_fails_on_any_json(schema: StructuralSchema, new: Any, old: Any) -> None:
    judgement = schema.judge(schema.default(new), schema.default(old))

    assert all(error.message for error in (*judgement.errors, *judgement.warnings))


# Two checks look at the new object alone, and come before anything is stored: keys of keyed lists, and the kind of an
# object within the object.
STORED = st.dictionaries(NAMES.filter(lambda name: name not in ("headers", "template")), JSON, max_size=5)


@quickly
@given(STORED)
def test_what_does_not_change_is_not_refused_for_its_schema(schema: StructuralSchema, spec: dict[str, Any]) -> None:
    """Ratcheting: an object that is stored, however broken, can be written back as it is."""
    stored, _ = schema.prune(schema.default(shop(spec)))

    assert [error for error in schema.validate(stored, stored) if error.blocks_rules] == []
