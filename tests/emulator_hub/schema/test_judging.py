"""Objects are refused in the API server's words: schema first, then rules, and unchanged faults are forgiven."""

from typing import Any

import pytest

from fleetdns.emulator.hub.schema import StructuralSchema
from tests.emulator_hub.schema.objects import UNCHECKED, causes, shop


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"weight": 0}, id="the least"),
        pytest.param({"weight": 1000}, id="the most"),
        pytest.param({"share": 0.5}, id="a fraction"),
        pytest.param({"share": 1}, id="an integer is a number"),
        pytest.param({"port": 80}, id="a port by number"),
        pytest.param({"port": "http"}, id="a port by name"),
        pytest.param({"note": None}, id="null where it may be"),
        pytest.param({"since": "2026-01-01T00:00:00.123Z"}, id="a time"),
        pytest.param({"tags": ["a", "b", "c"]}, id="a full set"),
        pytest.param({"either": {"left": 1}}, id="one alternative"),
        pytest.param({"template": {"apiVersion": "v1", "kind": "X"}}, id="an object within the object"),
        pytest.param({"free": {"anything": [1, {"x": None}]}}, id="anything where everything is kept"),
    ],
)
def test_accepted(schema: StructuralSchema, spec: dict[str, Any]) -> None:
    assert causes(schema, shop(spec)) == []


BLOCKING = [
    pytest.param(
        {"weight": "ten"},
        (
            "spec.weight",
            "TypeInvalid",
            'Invalid value: "string": spec.weight in body must be of type integer: "string"',
        ),
        id="a text for an integer",
    ),
    pytest.param(
        {"weight": 1.5},
        (
            "spec.weight",
            "TypeInvalid",
            'Invalid value: "number": spec.weight in body must be of type integer: "number"',
        ),
        id="a fraction for an integer",
    ),
    pytest.param(
        {"weight": True},
        (
            "spec.weight",
            "TypeInvalid",
            'Invalid value: "boolean": spec.weight in body must be of type integer: "boolean"',
        ),
        id="a boolean for an integer",
    ),
    pytest.param(
        {"weight": []},
        ("spec.weight", "TypeInvalid", 'Invalid value: "array": spec.weight in body must be of type integer: "array"'),
        id="a list for an integer",
    ),
    pytest.param(
        {"limits": 1},
        (
            "spec.limits",
            "TypeInvalid",
            'Invalid value: "integer": spec.limits in body must be of type object: "integer"',
        ),
        id="an integer for an object",
    ),
    pytest.param(
        {"port": 1.5},
        (
            "spec.port",
            "TypeInvalid",
            'Invalid value: "number": spec.port in body must be of type integer,string: "number"',
        ),
        id="a fraction for a port",
    ),
    pytest.param(
        {"tags": ["a", None]},
        ("spec.tags[1]", "TypeInvalid", 'Invalid value: "null": spec.tags[1] in body must be of type string: "null"'),
        id="null in a list",
    ),
    pytest.param(
        {"since": "yesterday"},
        (
            "spec.since",
            "TypeInvalid",
            'Invalid value: "yesterday": spec.since in body must be of type date-time: "yesterday"',
        ),
        id="no time",
    ),
    pytest.param(
        {"since": 5},
        ("spec.since", "TypeInvalid", 'Invalid value: "int64": spec.since in body must be of type date-time: "int64"'),
        id="an integer for a time",
    ),
    pytest.param(
        {"interval": 15},
        ("spec.interval", "NotSupported", 'Unsupported value: 15: supported values: "10", "30"'),
        id="a number that is not offered",
    ),
    pytest.param(
        {"mode": "C"},
        ("spec.mode", "NotSupported", 'Unsupported value: "C": supported values: "A", "B"'),
        id="a word that is not offered",
    ),
    pytest.param(
        {"headers": [{"value": "x"}]},
        ("spec.headers[0].name", "Required", "Required value"),
        id="a required field is missing",
    ),
    pytest.param(
        {"name": "abcdef"}, ("spec.name", "TooLong", "Too long: may not be more than 5 bytes"), id="too long a text"
    ),
    pytest.param(
        {"tags": ["a", "b", "c", "d"]},
        ("spec.tags", "TooMany", "Too many: 4: must have at most 3 items"),
        id="too many items",
    ),
    pytest.param(
        {"labels": {"a": "1", "b": "2", "c": "3"}},
        ("spec.labels", "TooMany", "Too many: 3: must have at most 2 items"),
        id="too many keys",
    ),
    pytest.param(
        {"template": {"apiVersion": "v1"}},
        ("spec.template.kind", "Required", "Required value"),
        id="an object within the object without a kind",
    ),
]


@pytest.mark.parametrize(("spec", "expected"), BLOCKING)
def test_refused_without_looking_at_the_rules(schema: StructuralSchema, spec: Any, expected: Any) -> None:
    assert causes(schema, shop(spec)) == [expected, UNCHECKED]


PASSING_ON = [
    pytest.param(
        {"weight": 1001},
        ("spec.weight", "Invalid", "Invalid value: 1001: spec.weight in body should be less than or equal to 1000"),
        id="more than the most",
    ),
    pytest.param(
        {"weight": -1},
        ("spec.weight", "Invalid", "Invalid value: -1: spec.weight in body should be greater than or equal to 0"),
        id="less than the least",
    ),
    pytest.param(
        {"share": 0},
        ("spec.share", "Invalid", "Invalid value: 0: spec.share in body should be greater than 0"),
        id="a limit that is not included",
    ),
    pytest.param(
        {"share": 0.3},
        ("spec.share", "Invalid", "Invalid value: 0.3: spec.share in body should be a multiple of 0.25"),
        id="not a multiple",
    ),
    pytest.param(
        {"name": ""},
        ("spec.name", "Invalid", 'Invalid value: "": spec.name in body should be at least 1 chars long'),
        id="too short a text",
    ),
    pytest.param(
        {"name": "A"},
        ("spec.name", "Invalid", "Invalid value: \"A\": spec.name in body should match '^[a-z]*$'"),
        id="a text of another pattern",
    ),
    pytest.param(
        {"name": "a\n"},
        ("spec.name", "Invalid", "Invalid value: \"a\\n\": spec.name in body should match '^[a-z]*$'"),
        id="a line break at the end is not the end",
    ),
    pytest.param(
        {"probes": []},
        ("spec.probes", "Invalid", "Invalid value: 0: spec.probes in body should have at least 1 items"),
        id="too few items",
    ),
    pytest.param(
        {"headers": [{"name": "a", "value": "x"}, {"name": "a", "value": "y"}]},
        ("spec.headers[1]", "Duplicate", 'Duplicate value: {"name":"a"}'),
        id="a key twice",
    ),
    pytest.param(
        {"tags": ["a", "b", "a"]}, ("spec.tags[2]", "Duplicate", 'Duplicate value: "a"'), id="an item twice in a set"
    ),
]


@pytest.mark.parametrize(("spec", "expected"), PASSING_ON)
def test_refused_and_the_rules_are_looked_at_as_well(schema: StructuralSchema, spec: Any, expected: Any) -> None:
    refused = causes(schema, {**shop(spec), "metadata": {"name": "root"}})

    assert refused == [expected, ("<nil>", "Invalid", "Invalid value: not this name")]


def test_no_word_about_rules_where_there_are_none() -> None:
    schema = StructuralSchema({"type": "object", "properties": {"spec": {"type": "integer"}}})

    assert causes(schema, {"spec": "x"}) == [
        ("spec", "TypeInvalid", 'Invalid value: "string": spec in body must be of type integer: "string"')
    ]


def test_both_or_neither_of_two_alternatives_is_refused(schema: StructuralSchema) -> None:
    def said(either: dict[str, int]) -> tuple[str, str, str]:
        return causes(schema, shop({"either": either}))[0]

    what = '"spec.either" must validate one and only one schema (oneOf). '
    assert said({"left": 1, "right": 2}) == ("<nil>", "Invalid", f'Invalid value: "": {what}Found 2 valid alternatives')
    assert said({}) == ("<nil>", "Invalid", f'Invalid value: "": {what}Found none valid')


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            {"limits": {"low": 9, "high": 1}},
            ("spec.limits.low", "Invalid", "Invalid value: low must not exceed high"),
            id="an object is not shown, and fieldPath says where",
        ),
        pytest.param(
            {"labels": {"a": "secret"}},
            ("spec.labels[a]", "Forbidden", "Forbidden: not here"),
            id="an entry of a map, with a reason of its own",
        ),
        pytest.param(
            {"weight": 13},
            ("spec.weight", "Invalid", "Invalid value: 13: 13 brings bad luck"),
            id="a scalar is shown, and the message is computed",
        ),
    ],
)
def test_a_broken_rule(schema: StructuralSchema, spec: Any, expected: Any) -> None:
    assert causes(schema, shop(spec)) == [expected]


def rule(text: str, **more: Any) -> StructuralSchema:
    level = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b-c": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": text, **more}],
    }
    return StructuralSchema({"type": "object", "properties": {"spec": level}})


def test_a_rule_without_a_message_is_its_own() -> None:
    assert causes(rule("self.a > 1"), {"spec": {"a": 1}}) == [
        ("spec", "Invalid", "Invalid value: failed rule: self.a > 1")
    ]


def test_a_message_that_cannot_be_computed_gives_way_to_the_plain_one() -> None:
    broken = rule("self.a > 1", message="too small", messageExpression="string(self.nothing)")

    assert causes(broken, {"spec": {"a": 1}}) == [("spec", "Invalid", "Invalid value: too small")]


def test_a_rule_that_cannot_be_evaluated_refuses_and_names_the_type() -> None:
    ((field, reason, message),) = causes(rule("self.a > 1", message="too small"), {"spec": {}})

    assert (field, reason) == ("spec", "Invalid")
    assert message.startswith('Invalid value: "object": ')
    assert message.endswith(" evaluating rule: too small")


def test_a_rule_spells_names_that_cel_cannot() -> None:
    assert causes(rule("self.b__dash__c == 1"), {"spec": {"b-c": 1}}) == []


def test_a_transition_rule_waits_for_an_earlier_value(schema: StructuralSchema) -> None:
    without, low, high = shop(), shop({"weight": 1}), shop({"weight": 2})

    assert causes(schema, low) == []
    assert causes(schema, low, without) == []
    assert causes(schema, without, low) == []
    assert causes(schema, low, low) == []
    assert causes(schema, high, low) == [("spec.weight", "Invalid", "Invalid value: 2: weight is immutable")]


def test_a_transition_rule_finds_the_item_by_its_key(schema: StructuralSchema) -> None:
    a, b = {"name": "a", "value": "1"}, {"name": "b", "value": "2"}

    assert causes(schema, shop({"headers": [b, a]}), shop({"headers": [a, b]})) == []
    assert causes(schema, shop({"headers": [{**b, "value": "3"}, a]}), shop({"headers": [a, b]})) == [
        ("spec.headers[0].value", "Invalid", 'Invalid value: "3": value is immutable')
    ]


def test_an_optional_old_value_lets_a_rule_judge_creations_too() -> None:
    level = {
        "type": "integer",
        "x-kubernetes-validations": [{"rule": "oldSelf.hasValue() || self == 1", "optionalOldSelf": True}],
    }
    schema = StructuralSchema({"type": "object", "properties": {"spec": level}})

    assert causes(schema, {"spec": 1}) == []
    assert causes(schema, {"spec": 2}) != []
    assert causes(schema, {"spec": 2}, {"spec": 1}) == []


@pytest.mark.parametrize(
    ("broken", "change"),
    [
        pytest.param({"weight": 5000}, {"interval": 10}, id="a limit"),
        pytest.param({"mode": "old"}, {"interval": 10}, id="an enum"),
        pytest.param({"either": {}}, {"interval": 10}, id="alternatives"),
        pytest.param({"probes": [{"code": 700}]}, {"interval": 10}, id="an atomic list"),
        pytest.param({"tags": ["a", "a"]}, {"interval": 10}, id="a set"),
        pytest.param({"limits": {"low": 9, "high": 1}}, {"interval": 10}, id="a rule"),
        pytest.param(
            {"headers": [{"name": "toolongname", "value": "1"}]},
            {"headers": [{"name": "new", "value": "2"}, {"name": "toolongname", "value": "1"}]},
            id="an item that keeps its key",
        ),
    ],
)
def test_what_was_wrong_before_and_has_not_changed_is_forgiven(
    schema: StructuralSchema, broken: Any, change: Any
) -> None:
    old = shop(broken)
    new = shop({**broken, **change})

    assert causes(schema, old) != []
    assert causes(schema, new, old) == []


@pytest.mark.parametrize(
    ("broken", "change"),
    [
        pytest.param({"weight": 5000}, {"weight": 6000}, id="another value that is just as wrong"),
        pytest.param(
            {"probes": [{"code": 700}]}, {"probes": [{"code": 700}, {"code": 1}]}, id="an atomic list, longer"
        ),
        pytest.param({"limits": {"low": 9, "high": 1}}, {"limits": {"low": 9, "high": 2}}, id="a rule, broken anew"),
    ],
)
def test_what_is_wrong_and_changes_is_refused(schema: StructuralSchema, broken: Any, change: Any) -> None:
    assert causes(schema, shop({**broken, **change}), shop(broken)) != []


def test_a_forgiven_rule_becomes_a_warning(schema: StructuralSchema) -> None:
    old = shop({"limits": {"low": 9, "high": 1}})

    (warning,) = schema.judge({**old, "metadata": {"name": "b"}}, old).warnings

    assert str(warning) == "spec.limits.low: Invalid value: low must not exceed high"


def test_a_write_to_status_judges_the_status_alone(schema: StructuralSchema) -> None:
    old = shop({"weight": 5000})
    new = {**old, "status": {"phase": "down", "count": -1}}

    assert causes(schema, new, old, subresource="status") == [
        ("status.count", "Invalid", "Invalid value: -1: count in body should be greater than or equal to 0"),
        ("status.phase", "Invalid", "Invalid value: \"down\": phase in body should match '^[A-Z]'"),
    ]


def test_a_write_to_status_without_one_is_fine(schema: StructuralSchema) -> None:
    assert causes(schema, shop(), shop(), subresource="status") == []
