"""A CRD's OpenAPI schema as a tree of typed nodes; everything that walks an object walks this tree beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetdns.emulator.hub.formats import CHECKED

# What every object has without its schema saying so, as far as field ownership needs to know.
_OBJECT_META: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "generateName": {"type": "string"},
        "namespace": {"type": "string"},
        "uid": {"type": "string"},
        "resourceVersion": {"type": "string"},
        "generation": {"type": "integer"},
        "creationTimestamp": {"type": "string"},
        "deletionTimestamp": {"type": "string"},
        "deletionGracePeriodSeconds": {"type": "integer"},
        "selfLink": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "finalizers": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "ownerReferences": {
            "type": "array",
            "items": {
                "type": "object",
                "x-kubernetes-map-type": "atomic",
                "x-kubernetes-preserve-unknown-fields": True,
            },
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
        },
        "managedFields": {"type": "array", "items": {"x-kubernetes-preserve-unknown-fields": True}},
    },
}


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One x-kubernetes-validations entry as written."""

    rule: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""
    field_path: str = ""
    optional_old_self: bool = False

    @property
    def name(self) -> str:
        """What messages about the rule itself call it."""
        return (self.message or self.rule).strip()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits on a value, None where there is none."""

    enum: tuple[Any, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: str = ""
    min_items: int | None = None
    max_items: int | None = None
    min_properties: int | None = None
    max_properties: int | None = None
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One level of a schema; `type` is empty where any JSON is allowed. `default` is None where there is none."""

    type: str = ""
    nullable: bool = False
    int_or_string: bool = False
    preserve_unknown: bool = False
    embedded_resource: bool = False
    list_type: str = "atomic"
    list_keys: tuple[str, ...] = ()
    atomic_map: bool = False
    default: Any = None
    properties: Mapping[str, "Node"] = field(default_factory=dict)
    additional: "Node | None" = None
    items: "Node | None" = None
    bounds: Bounds = field(default_factory=Bounds)
    rules: tuple[RuleSpec, ...] = ()
    all_of: tuple["Node", ...] = ()
    any_of: tuple["Node", ...] = ()
    one_of: tuple["Node", ...] = ()
    negated: "Node | None" = None

    @property
    def types(self) -> tuple[str, ...]:
        """The JSON types that are allowed; empty allows all."""
        if self.int_or_string:
            return ("integer", "string")
        return (self.type,) if self.type else ()

    def child(self, name: str) -> "Node | None":
        """The schema of one field or map entry, None where the schema says nothing about it."""
        return self.properties.get(name) or self.additional


ANYTHING = Node(preserve_unknown=True)


def node(schema: Mapping[str, Any]) -> Node:
    """The tree for one openAPIV3Schema dict, which is taken to be structural."""
    return Node(
        type=schema.get("type", ""),
        nullable=schema.get("nullable", False),
        int_or_string=schema.get("x-kubernetes-int-or-string", False),
        preserve_unknown=schema.get("x-kubernetes-preserve-unknown-fields", False),
        embedded_resource=schema.get("x-kubernetes-embedded-resource", False),
        list_type=schema.get("x-kubernetes-list-type", "atomic"),
        list_keys=tuple(schema.get("x-kubernetes-list-map-keys", ())),
        atomic_map=schema.get("x-kubernetes-map-type") == "atomic",
        default=schema.get("default"),
        properties={name: node(item) for name, item in sorted(schema.get("properties", {}).items())},
        additional=_additional(schema.get("additionalProperties")),
        items=node(schema["items"]) if isinstance(schema.get("items"), dict) else None,
        bounds=_bounds(schema),
        rules=tuple(map(_rule, schema.get("x-kubernetes-validations", ()))),
        all_of=tuple(map(node, schema.get("allOf", ()))),
        any_of=tuple(map(node, schema.get("anyOf", ()))),
        one_of=tuple(map(node, schema.get("oneOf", ()))),
        negated=node(schema["not"]) if "not" in schema else None,
    )


def _additional(schema: Any) -> Node | None:
    if schema is True:
        return ANYTHING
    return node(schema) if isinstance(schema, dict) else None


def _bounds(schema: Mapping[str, Any]) -> Bounds:
    enum, name = schema.get("enum"), schema.get("format", "").replace("-", "")
    return Bounds(
        enum=None if enum is None else tuple(enum),
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        exclusive_minimum=schema.get("exclusiveMinimum", False),
        exclusive_maximum=schema.get("exclusiveMaximum", False),
        multiple_of=schema.get("multipleOf"),
        min_length=schema.get("minLength"),
        max_length=schema.get("maxLength"),
        pattern=schema.get("pattern"),
        format=schema.get("format", "") if name in CHECKED else "",
        min_items=schema.get("minItems"),
        max_items=schema.get("maxItems"),
        min_properties=schema.get("minProperties"),
        max_properties=schema.get("maxProperties"),
        required=tuple(schema.get("required", ())),
    )


def _rule(entry: Mapping[str, Any]) -> RuleSpec:
    return RuleSpec(
        rule=entry.get("rule", ""),
        message=entry.get("message", ""),
        message_expression=entry.get("messageExpression", ""),
        reason=entry.get("reason", ""),
        field_path=entry.get("fieldPath", ""),
        optional_old_self=entry.get("optionalOldSelf", False),
    )


OBJECT_META = node(_OBJECT_META)
