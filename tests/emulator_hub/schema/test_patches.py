"""Merge patch and JSON patch, by the examples of their RFCs and by their laws."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.patch import PatchFailed, json_patch, merge_patch

# The appendix of RFC 7386.
EXAMPLES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "merged"), EXAMPLES)
def test_the_examples_of_the_rfc(target: Any, patch: Any, merged: Any) -> None:
    assert merge_patch(target, patch) == merged


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
quickly = settings(max_examples=40, deadline=None)
WITHOUT_NULL = st.recursive(
    st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)


@quickly
@given(JSON, JSON)
def test_merging_twice_is_merging_once(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)

    assert merge_patch(once, patch) == once


@quickly
@given(JSON, JSON)
def test_merging_leaves_its_input_alone_and_shares_nothing_with_the_patch(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))

    merged = merge_patch(target, patch)
    if isinstance(merged, dict):
        for value in merged.values():
            if isinstance(value, list) and not isinstance(target, dict):
                value.append("changed")

    assert (target, patch) == before


@quickly
@given(JSON)
def test_an_empty_patch_changes_no_object(target: Any) -> None:
    assert merge_patch(target, {}) == (target if isinstance(target, dict) else {})


@quickly
@given(WITHOUT_NULL)
def test_a_patch_without_null_applied_to_nothing_is_itself(patch: Any) -> None:
    assert merge_patch({}, patch) == patch


@quickly
@given(JSON, JSON)
def test_what_a_patch_sets_to_null_is_gone(target: Any, patch: Any) -> None:
    merged = merge_patch(target, patch)

    if isinstance(patch, dict):
        assert not any(name in merged for name, value in patch.items() if value is None)


DOCUMENT = {"a": {"b": [1, 2, 3]}, "c/d": "x", "e~f": "y"}


@pytest.mark.parametrize(
    ("ops", "patched"),
    [
        pytest.param([{"op": "add", "path": "/n", "value": 1}], {**DOCUMENT, "n": 1}, id="add a key"),
        pytest.param([{"op": "add", "path": "/a", "value": 1}], {**DOCUMENT, "a": 1}, id="add over a key"),
        pytest.param(
            [{"op": "add", "path": "/a/b/1", "value": 9}],
            {**DOCUMENT, "a": {"b": [1, 9, 2, 3]}},
            id="add before an item",
        ),
        pytest.param(
            [{"op": "add", "path": "/a/b/-", "value": 9}], {**DOCUMENT, "a": {"b": [1, 2, 3, 9]}}, id="add at the end"
        ),
        pytest.param([{"op": "add", "path": "", "value": 1}], 1, id="add over everything"),
        pytest.param([{"op": "remove", "path": "/a"}], {"c/d": "x", "e~f": "y"}, id="remove a key"),
        pytest.param([{"op": "remove", "path": "/a/b/0"}], {**DOCUMENT, "a": {"b": [2, 3]}}, id="remove an item"),
        pytest.param([{"op": "replace", "path": "/c~1d", "value": 1}], {**DOCUMENT, "c/d": 1}, id="a slash in a key"),
        pytest.param([{"op": "replace", "path": "/e~0f", "value": 1}], {**DOCUMENT, "e~f": 1}, id="a tilde in a key"),
        pytest.param([{"op": "replace", "path": "/n", "value": 1}], {**DOCUMENT, "n": 1}, id="replace nothing"),
        pytest.param(
            [{"op": "replace", "path": "/a/b/2", "value": 9}], {**DOCUMENT, "a": {"b": [1, 2, 9]}}, id="replace an item"
        ),
        pytest.param([{"op": "replace", "path": "", "value": []}], [], id="replace everything"),
        pytest.param(
            [{"op": "move", "from": "/a/b", "path": "/m"}], {**DOCUMENT, "a": {}, "m": [1, 2, 3]}, id="move a value"
        ),
        pytest.param(
            [{"op": "move", "from": "/a/b/0", "path": "/a/b/2"}],
            {**DOCUMENT, "a": {"b": [2, 3, 1]}},
            id="move within a list",
        ),
        pytest.param([{"op": "copy", "from": "/a/b/0", "path": "/n"}], {**DOCUMENT, "n": 1}, id="copy a value"),
        pytest.param([{"op": "test", "path": "/a/b", "value": [1, 2, 3]}], DOCUMENT, id="a test that holds"),
        pytest.param(
            [{"op": "test", "path": "/c~1d", "value": "x"}, {"op": "remove", "path": "/c~1d"}],
            {"a": {"b": [1, 2, 3]}, "e~f": "y"},
            id="several in order",
        ),
        pytest.param([], DOCUMENT, id="none at all"),
    ],
)
def test_operations(ops: Any, patched: Any) -> None:
    before = copy.deepcopy(DOCUMENT)

    assert json_patch(DOCUMENT, ops) == patched
    assert before == DOCUMENT


@pytest.mark.parametrize(
    "op",
    [
        pytest.param({"op": "test", "path": "/a", "value": 1}, id="a test that fails"),
        pytest.param({"op": "test", "path": "/n", "value": None}, id="a test of nothing"),
        pytest.param({"op": "test", "path": "/a/b/0", "value": True}, id="true is not 1"),
        pytest.param({"op": "remove", "path": "/n"}, id="remove nothing"),
        pytest.param({"op": "remove", "path": ""}, id="remove everything"),
        pytest.param({"op": "remove", "path": "/a/b/3"}, id="remove an item too far"),
        pytest.param({"op": "remove", "path": "/c~1d/x"}, id="remove below a text"),
        pytest.param({"op": "add", "path": "/n/m", "value": 1}, id="add below nothing"),
        pytest.param({"op": "add", "path": "/a/b/4", "value": 1}, id="add too far"),
        pytest.param({"op": "add", "path": "/a/b/01", "value": 1}, id="a position with a zero in front"),
        pytest.param({"op": "add", "path": "/a/b/x", "value": 1}, id="a position that is a word"),
        pytest.param({"op": "add", "path": "/c~1d/x", "value": 1}, id="add below a text"),
        pytest.param({"op": "add", "path": "a", "value": 1}, id="a path without a slash"),
        pytest.param({"op": "add", "path": 1, "value": 1}, id="a path that is a number"),
        pytest.param({"op": "add", "path": "/a"}, id="no value"),
        pytest.param({"op": "move", "from": "/n", "path": "/m"}, id="move nothing"),
        pytest.param({"op": "move", "from": "/a", "path": "/a/b/c"}, id="move into itself"),
        pytest.param({"op": "copy", "from": "/n", "path": "/m"}, id="copy nothing"),
        pytest.param({"op": "swap", "path": "/a"}, id="an unknown operation"),
        pytest.param({"path": "/a"}, id="no operation"),
        pytest.param("remove", id="no object"),
    ],
)
def test_an_operation_that_cannot_be_carried_out_fails_the_whole_patch(op: Any) -> None:
    before = copy.deepcopy(DOCUMENT)

    with pytest.raises(PatchFailed):
        json_patch(DOCUMENT, [{"op": "add", "path": "/first", "value": 1}, op])
    assert before == DOCUMENT
