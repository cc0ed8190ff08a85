"""Field errors read as the API server's do, letter by letter."""

from typing import Any

import pytest

from fleetdns.emulator.hub.fields import (
    OMITTED,
    FieldError,
    aggregate,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
    type_invalid,
)


@pytest.mark.parametrize(
    ("error", "reason", "message"),
    [
        pytest.param(
            invalid("a", "x", "is odd"), "FieldValueInvalid", 'Invalid value: "x": is odd', id="text is quoted"
        ),
        pytest.param(
            invalid("a", 15, "is odd"), "FieldValueInvalid", "Invalid value: 15: is odd", id="numbers are bare"
        ),
        pytest.param(invalid("a", 1.5, ""), "FieldValueInvalid", "Invalid value: 1.5", id="fractions are kept"),
        pytest.param(invalid("a", 2.0, ""), "FieldValueInvalid", "Invalid value: 2", id="whole floats are integers"),
        pytest.param(invalid("a", True, ""), "FieldValueInvalid", "Invalid value: true", id="booleans are JSON's"),
        pytest.param(invalid("a", None, ""), "FieldValueInvalid", "Invalid value: null", id="null is shown"),
        pytest.param(
            invalid("a", {"b": "<&>", "a": [1]}, ""),
            "FieldValueInvalid",
            'Invalid value: {"a":[1],"b":"\\u003c\\u0026\\u003e"}',
            id="objects are sorted JSON with HTML escaped",
        ),
        pytest.param(
            invalid("a", 'q"\n\x01é', ""),
            "FieldValueInvalid",
            'Invalid value: "q\\"\\n\\x01é"',
            id="what cannot be printed is escaped",
        ),
        pytest.param(
            invalid("a", OMITTED, "is immutable"),
            "FieldValueInvalid",
            "Invalid value: is immutable",
            id="a value may be left out",
        ),
        pytest.param(
            type_invalid("a", "string", "a in body must be of type integer"),
            "FieldValueTypeInvalid",
            'Invalid value: "string": a in body must be of type integer',
            id="a wrong type",
        ),
        pytest.param(
            not_supported("a", 15, (10, 30)),
            "FieldValueNotSupported",
            'Unsupported value: 15: supported values: "10", "30"',
            id="an unknown number",
        ),
        pytest.param(
            not_supported("a", "C", ("A", "B")),
            "FieldValueNotSupported",
            'Unsupported value: "C": supported values: "A", "B"',
            id="an unknown word",
        ),
        pytest.param(required("a"), "FieldValueRequired", "Required value", id="missing"),
        pytest.param(
            required("a", "say it"), "FieldValueRequired", "Required value: say it", id="missing, with a hint"
        ),
        pytest.param(forbidden("a", "no"), "FieldValueForbidden", "Forbidden: no", id="not allowed"),
        pytest.param(too_long("a", 90), "FieldValueTooLong", "Too long: may not be more than 90 bytes", id="too long"),
        pytest.param(too_long("a", 1), "FieldValueTooLong", "Too long: may not be more than 1 byte", id="one byte"),
        pytest.param(too_many("a", 9, 8), "FieldValueTooMany", "Too many: 9: must have at most 8 items", id="too many"),
        pytest.param(too_many("a", 2, 1), "FieldValueTooMany", "Too many: 2: must have at most 1 item", id="one item"),
        pytest.param(duplicate("a", {"name": "a"}), "FieldValueDuplicate", 'Duplicate value: {"name":"a"}', id="twice"),
    ],
)
def test_an_error_says(error: FieldError, reason: str, message: str) -> None:
    assert error == FieldError("a", reason, message)


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        pytest.param([required("a")], "a: Required value", id="one stands alone"),
        pytest.param([required("a"), required("b")], "[a: Required value, b: Required value]", id="several are a list"),
        pytest.param([required("a"), required("a")], "a: Required value", id="each text comes once"),
    ],
)
def test_errors_in_one_line(errors: Any, text: str) -> None:
    assert aggregate(errors) == text
