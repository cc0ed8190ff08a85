"""A CRD's schema that a real API server would refuse is refused, with the path of what is wrong."""

from typing import Any

import pytest

from fleetdns.emulator.hub.schema import SchemaInvalid, StructuralSchema

TEXT = {"type": "string"}
ROOT = "spec.validation.openAPIV3Schema"
FIELD = f"{ROOT}.properties[spec].properties[a]"


def refused(schema: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(SchemaInvalid) as raised:
        StructuralSchema(schema)
    return [(error.field, error.message) for error in raised.value.errors]


def with_field(field: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": {"a": field}}}}


@pytest.mark.parametrize(
    ("schema", "where", "message"),
    [
        pytest.param({}, f"{ROOT}.type", "Required value: must not be empty at the root", id="no type"),
        pytest.param(
            {"type": "string"}, f"{ROOT}.type", 'Invalid value: "string": must be object at the root', id="another type"
        ),
        pytest.param(
            {"type": "object", "nullable": True},
            f"{ROOT}.nullable",
            "Forbidden: nullable cannot be true at the root",
            id="null",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": TEXT},
            f"{ROOT}.additionalProperties",
            "Forbidden: must not be used at the root",
            id="a map",
        ),
        pytest.param(
            {"type": "object", "properties": {"metadata": {"type": "object", "description": "x"}}},
            f"{ROOT}.properties[metadata]",
            "Forbidden: must not specify anything other than name and generateName, "
            "but metadata is implicitly specified",
            id="a description of metadata",
        ),
        pytest.param(
            {"type": "object", "properties": {"kind": {"type": "integer"}}},
            f"{ROOT}.properties[kind].type",
            'Invalid value: "integer": must be string',
            id="a kind that is a number",
        ),
    ],
)
def test_the_root_cannot_be(schema: dict[str, Any], where: str, message: str) -> None:
    assert refused(schema) == [(where, message)]


def listed(items: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": items,
        "x-kubernetes-list-type": "map",
        **({"x-kubernetes-list-map-keys": list(keys)} if keys else {}),
    }


ITEM = {"type": "object", "properties": {"n": TEXT, "o": {"type": "object"}}}


@pytest.mark.parametrize(
    ("field", "where", "message"),
    [
        pytest.param({}, ".type", "Required value: must not be empty for specified object fields", id="without a type"),
        pytest.param(
            {"type": "text"},
            ".type",
            'Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
            id="of an unknown type",
        ),
        pytest.param({"type": "array"}, ".items", "Required value: must be specified", id="a list of nothing"),
        pytest.param(
            {"type": "array", "items": {}},
            ".items.type",
            "Required value: must not be empty for specified array items",
            id="a list of anything",
        ),
        pytest.param(
            {"type": "array", "items": [TEXT]},
            ".items",
            "Forbidden: items must be a schema object and not an array",
            id="a tuple",
        ),
        pytest.param(
            {"type": "array", "items": TEXT, "uniqueItems": True},
            ".uniqueItems",
            "Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
            id="unique items",
        ),
        pytest.param(
            {"type": "object", "properties": {"x": TEXT}, "additionalProperties": TEXT},
            ".additionalProperties",
            "Forbidden: additionalProperties and properties are mutual exclusive",
            id="a map with fields",
        ),
        pytest.param({"type": "string", "$ref": "#/x"}, ".$ref", "Forbidden: $ref is not supported", id="a reference"),
        pytest.param(
            listed(ITEM),
            ".x-kubernetes-list-map-keys",
            "Required value: must not be empty if x-kubernetes-list-type is map",
            id="a keyed list without keys",
        ),
        pytest.param(
            listed(ITEM, "n"),
            ".items.properties[n].default",
            "Required value: this property is in x-kubernetes-list-map-keys, "
            "so it must have a default or be a required property",
            id="a key that may be missing",
        ),
        pytest.param(
            listed(ITEM, "m"),
            ".x-kubernetes-list-map-keys",
            'Invalid value: ["m"]: entries must all be names of item properties',
            id="a key that no item has",
        ),
        pytest.param(
            listed(ITEM, "o"),
            ".items.properties[o].type",
            'Invalid value: "object": must be a scalar type if parent array\'s x-kubernetes-list-type is map',
            id="a key that is an object",
        ),
        pytest.param(
            listed(TEXT, "n"),
            ".items.type",
            'Invalid value: "string": must be object if parent array\'s x-kubernetes-list-type is map',
            id="a keyed list of texts",
        ),
        pytest.param(
            {"type": "array", "items": TEXT, "x-kubernetes-list-type": "bag"},
            ".x-kubernetes-list-type",
            'Unsupported value: "bag": supported values: "atomic", "set", "map"',
            id="an unknown sort of list",
        ),
        pytest.param(
            {"type": "string", "x-kubernetes-list-type": "set"},
            ".type",
            'Invalid value: "string": must be array if x-kubernetes-list-type is specified',
            id="a text that is a set",
        ),
        pytest.param(
            {"type": "object", "x-kubernetes-map-type": "odd"},
            ".x-kubernetes-map-type",
            'Unsupported value: "odd": supported values: "atomic", "granular"',
            id="an unknown sort of map",
        ),
        pytest.param(
            {"type": "object", "x-kubernetes-preserve-unknown-fields": False},
            ".x-kubernetes-preserve-unknown-fields",
            "Invalid value: false: must be true or undefined",
            id="a denial of unknown fields",
        ),
        pytest.param(
            {"x-kubernetes-int-or-string": True, "x-kubernetes-preserve-unknown-fields": True},
            ".x-kubernetes-preserve-unknown-fields",
            "Invalid value: true: must be false if x-kubernetes-int-or-string is true",
            id="a number or text that is anything",
        ),
        pytest.param(
            {"type": "object", "x-kubernetes-embedded-resource": True},
            ".properties",
            "Required value: must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields",
            id="an object within the object without fields",
        ),
        pytest.param(
            {"type": "object", "anyOf": [{"type": "object"}]},
            ".anyOf[0].type",
            "Forbidden: must be empty to be structural",
            id="a type inside anyOf",
        ),
        pytest.param(
            {"type": "object", "not": {"description": "x"}},
            ".not.description",
            "Forbidden: must be empty to be structural",
            id="a description inside not",
        ),
        pytest.param(
            {"type": "object", "oneOf": [{"properties": {"metadata": {}}}]},
            ".oneOf[0].properties[metadata]",
            "Forbidden: must not be specified in a nested context",
            id="metadata inside oneOf",
        ),
        pytest.param(
            {"type": "integer", "default": "x"},
            ".default",
            'Invalid value: "string":  in body must be of type integer: "string"',
            id="a default of another type",
        ),
        pytest.param(
            {"type": "integer", "minimum": 3, "default": 1},
            ".default",
            "Invalid value: 1:  in body should be greater than or equal to 3",
            id="a default out of range",
        ),
        pytest.param(
            {"type": "object", "default": {"u": 1}, "properties": {"x": TEXT}},
            ".default",
            'Invalid value: {"u":1}: must not have unknown fields',
            id="a default with unknown fields",
        ),
    ],
)
def test_a_field_cannot_be(field: dict[str, Any], where: str, message: str) -> None:
    assert refused(with_field(field)) == [(FIELD + where, message)]


@pytest.mark.parametrize(
    ("rule", "where", "message"),
    [
        pytest.param({"rule": " "}, "rule", "Required value: rule is not specified", id="nothing"),
        pytest.param(
            {"rule": "size(self)"},
            "rule",
            'Invalid value: "size(self)": cel expression must evaluate to a bool',
            id="a number",
        ),
        pytest.param(
            {"rule": "true\n&& true"},
            "message",
            "Required value: message must be specified if rule contains line breaks",
            id="several lines without a message",
        ),
        pytest.param(
            {"rule": "true", "messageExpression": "1"},
            "messageExpression",
            'Invalid value: "1": messageExpression must evaluate to a string',
            id="one whose message is a number",
        ),
        pytest.param(
            {"rule": "true", "fieldPath": ".b"},
            "fieldPath",
            'Invalid value: ".b": must be a valid path',
            id="of no field",
        ),
        pytest.param(
            {"rule": "true", "reason": "Odd"},
            "reason",
            'Unsupported value: "Odd": supported values: "FieldValueDuplicate", "FieldValueForbidden", '
            '"FieldValueInvalid", "FieldValueRequired"',
            id="of an unknown reason",
        ),
        pytest.param(
            {"rule": "true", "optionalOldSelf": True},
            "optionalOldSelf",
            "Invalid value: true: may not be set if oldSelf is not used in rule",
            id="one that looks back without need",
        ),
    ],
)
def test_a_rule_cannot_be(rule: dict[str, Any], where: str, message: str) -> None:
    field = {"type": "string", "x-kubernetes-validations": [rule]}

    assert refused(with_field(field)) == [(f"{FIELD}.x-kubernetes-validations[0].{where}", message)]


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("self ==", id="unfinished"),
        pytest.param("isURL(self)", id="one of a library that is not offered"),
        pytest.param("cel.bind(x, self, x == '')", id="one that binds names"),
    ],
)
def test_a_rule_that_does_not_compile_is_refused(rule: str) -> None:
    ((where, message),) = refused(with_field({"type": "string", "x-kubernetes-validations": [{"rule": rule}]}))

    assert where == f"{FIELD}.x-kubernetes-validations[0].rule"
    assert "compilation failed: " in message


def test_an_item_that_cannot_be_told_apart_has_no_earlier_self() -> None:
    item = {"type": "string", "maxLength": 3, "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}

    assert refused(with_field({"type": "array", "maxItems": 3, "items": item})) == [
        (
            f"{FIELD}.items.x-kubernetes-validations[0].rule",
            'Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema '
            f"within {FIELD}",
        )
    ]


def test_a_pattern_that_kubernetes_cannot_read_is_refused() -> None:
    ((where, message),) = refused(with_field({"type": "string", "pattern": "(?=x)"}))

    assert where == f"{FIELD}.pattern"
    assert message.startswith('Invalid value: "(?=x)": must be a valid regular expression, but isn\'t: ')


def test_all_errors_are_told_at_once_with_the_path_that_was_given() -> None:
    schema = with_field({"type": "array", "items": {}, "uniqueItems": True})

    with pytest.raises(SchemaInvalid) as raised:
        StructuralSchema(schema, "spec.versions[1].schema.openAPIV3Schema")

    where = "spec.versions[1].schema.openAPIV3Schema.properties[spec].properties[a]"
    assert [error.field for error in raised.value.errors] == [f"{where}.uniqueItems", f"{where}.items.type"]


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(
            {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            id="number or text",
        ),
        pytest.param({"x-kubernetes-preserve-unknown-fields": True}, id="anything"),
        pytest.param({"type": "object", "additionalProperties": True}, id="a map of anything"),
        pytest.param(listed({**ITEM, "required": ["n"]}, "n"), id="a keyed list"),
        pytest.param({"type": "string", "format": "some-words"}, id="an unknown format, which is documentation"),
    ],
)
def test_a_field_can_be(field: dict[str, Any]) -> None:
    assert StructuralSchema(with_field(field)).validate({"spec": {}}) == ()
