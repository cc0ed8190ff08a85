"""A schema with one field of every sort."""

from typing import Any

import pytest

from fleetdns.emulator.hub.schema import StructuralSchema

SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^[a-z]*$", "default": "shop"},
        "weight": {
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "x-kubernetes-validations": [
                {"rule": "self == oldSelf", "message": "weight is immutable"},
                {"rule": "self != 13", "messageExpression": "string(self) + ' brings bad luck'"},
            ],
        },
        "share": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "multipleOf": 0.25},
        "interval": {"type": "integer", "enum": [10, 30], "default": 30},
        "mode": {"type": "string", "enum": ["A", "B"]},
        "enabled": {"type": "boolean"},
        "note": {"type": "string", "nullable": True},
        "since": {"type": "string", "format": "date-time"},
        "port": {"x-kubernetes-int-or-string": True},
        "tags": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "headers": {
            "type": "array",
            "maxItems": 8,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 9},
                    "value": {
                        "type": "string",
                        "maxLength": 9,
                        "default": "none",
                        "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "value is immutable"}],
                    },
                },
            },
        },
        "probes": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "properties": {"code": {"type": "integer", "maximum": 599, "default": 200}}},
        },
        "labels": {
            "type": "object",
            "maxProperties": 2,
            "additionalProperties": {
                "type": "string",
                "maxLength": 9,
                "x-kubernetes-validations": [
                    {"rule": "self != 'secret'", "message": "not here", "reason": "FieldValueForbidden"}
                ],
            },
        },
        "limits": {
            "type": "object",
            "properties": {"low": {"type": "integer", "default": 1}, "high": {"type": "integer", "default": 9}},
            "x-kubernetes-validations": [
                {"rule": "self.low <= self.high", "message": "low must not exceed high", "fieldPath": ".low"}
            ],
        },
        "either": {
            "type": "object",
            "properties": {"left": {"type": "integer"}, "right": {"type": "integer"}},
            "oneOf": [{"required": ["left"]}, {"required": ["right"]}],
        },
        "free": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"known": {"type": "object", "properties": {"depth": {"type": "integer", "default": 3}}}},
        },
        "template": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": SPEC,
        "status": {
            "type": "object",
            "properties": {
                "phase": {"type": "string", "pattern": "^[A-Z]"},
                "count": {"type": "integer", "minimum": 0},
            },
        },
    },
    "x-kubernetes-validations": [{"rule": "self.metadata.name != 'root'", "message": "not this name"}],
}


@pytest.fixture(scope="session")
def schema() -> StructuralSchema:
    return StructuralSchema(SCHEMA)
