"""What is written in a schema has to be of the right JSON type, before anything else is said about it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.schema import SchemaInvalid, StructuralSchema

FIELD = "spec.validation.openAPIV3Schema.properties[a]"


def refused(schema: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(SchemaInvalid) as raised:
        StructuralSchema(schema)
    return [(error.field, error.message) for error in raised.value.errors]


@pytest.mark.parametrize(
    ("field", "where", "message"),
    [
        pytest.param([], "", 'Invalid value: "array": must be a schema', id="a list"),
        pytest.param({"type": 1}, ".type", 'Invalid value: "integer": must be a string', id="a type that is a number"),
        pytest.param(
            {"type": "integer", "minimum": "1"}, ".minimum", 'Invalid value: "string": must be a number', id="a limit"
        ),
        pytest.param(
            {"type": "string", "maxLength": True},
            ".maxLength",
            'Invalid value: "boolean": must be an integer',
            id="a length",
        ),
        pytest.param(
            {"type": "object", "required": "a"},
            ".required",
            'Invalid value: "string": must be a list of strings',
            id="names",
        ),
        pytest.param({"type": "string", "enum": {}}, ".enum", 'Invalid value: "object": must be a list', id="an enum"),
        pytest.param(
            {"type": "object", "properties": []},
            ".properties",
            'Invalid value: "array": must be an object',
            id="fields",
        ),
        pytest.param(
            {"type": "string", "x-kubernetes-validations": ["true"]},
            ".x-kubernetes-validations[0]",
            'Invalid value: "string": must be a rule',
            id="a rule that is a text",
        ),
        pytest.param(
            {"type": "string", "anyOf": [{"minLength": None}]},
            ".anyOf[0].minLength",
            'Invalid value: "null": must be an integer',
            id="a limit in an alternative",
        ),
    ],
)
def test_a_keyword_cannot_be_of_another_type(field: Any, where: str, message: str) -> None:
    assert refused({"type": "object", "properties": {"a": field}}) == [(FIELD + where, message)]


# fmt: off
KEYWORDS = st.sampled_from((
    "type", "properties", "items", "default", "enum", "required", "anyOf", "not", "pattern", "nullable", "minimum",
    "additionalProperties", "x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string", "rule", "message", "fieldPath",
))
# fmt: on
VALUES = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["object", "array", "string", "map", "self", ".a"])
)
JSON = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYWORDS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYWORDS, JSON, max_size=4))
def test_any_json_is_either_a_schema_or_refused(field: dict[str, Any]) -> None:
    try:
        schema = StructuralSchema({"type": "object", "properties": {"a": field}})
    except SchemaInvalid as error:
        said = str(error)
    else:
        said = "fine" if schema.validate({}) == () else ""
    assert said
