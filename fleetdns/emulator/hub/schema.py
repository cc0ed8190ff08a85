"""A custom resource's schema in use: filling in defaults, pruning, and judging objects as the API server does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fleetdns.emulator.hub.correlation import Correlated
from fleetdns.emulator.hub.defaulting import defaulted, pruned
from fleetdns.emulator.hub.fields import FieldError, aggregate, child, invalid, key, required
from fleetdns.emulator.hub.keywords import keyword_errors
from fleetdns.emulator.hub.listtypes import duplicates
from fleetdns.emulator.hub.rules import Compiler, judged
from fleetdns.emulator.hub.structural import Node, node
from fleetdns.emulator.hub.structure import structure_errors
from fleetdns.emulator.hub.validation import SchemaCheck

_NOT_ALL_CHECKED = FieldError(
    "<nil>",
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


class SchemaInvalid(Exception):
    """A schema that cannot be served; `errors` say why, with paths into the CustomResourceDefinition."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(aggregate(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why an object is refused, and what is wrong with it but tolerated because it is no worse than before."""

    errors: tuple[FieldError, ...]
    warnings: tuple[FieldError, ...]


class StructuralSchema:
    """Built once from a CRD version's openAPIV3Schema; `path` is where that lies in the CRD, for SchemaInvalid."""

    def __init__(self, schema: Mapping[str, Any], path: str = "spec.validation.openAPIV3Schema") -> None:
        errors = list(keyword_errors(schema, path)) or list(structure_errors(schema, path))
        if errors:
            raise SchemaInvalid(tuple(errors))
        self.root: Node = node(schema)
        self._rules = Compiler(errors).tree(self.root, path)
        errors += _bad_defaults(self.root, path)
        if errors:
            raise SchemaInvalid(tuple(errors))

    def default(self, obj: Any, *, keep_nulls: bool = False) -> Any:
        """A copy with defaults filled in; null takes the default, or is dropped (or kept) where it is not allowed."""
        return defaulted(obj, self.root, keep_nulls=keep_nulls)

    def prune(self, obj: Any) -> tuple[Any, tuple[str, ...]]:
        """A copy without unknown fields, and their sorted paths, such as spec.colour."""
        return pruned(obj, self.root)

    def validate(self, obj: Any, old: Any = None, *, subresource: str = "") -> tuple[FieldError, ...]:
        """Why the object is refused; `old` is what it replaces, None on a create. Empty where it is fine."""
        return self.judge(obj, old, subresource=subresource).errors

    def judge(self, obj: Any, old: Any = None, *, subresource: str = "", hidden: bool = False) -> Judgement:
        """As validate, with the warnings: rules that an unchanged part of the object breaks.

        hidden: the metadata is already known to be such that no rule can be asked.
        """
        correlated = None if old is None else Correlated(obj, old, self.root)
        errors = [*self._schema_errors(obj, correlated, subresource), *_embedded(obj, self.root, "", is_root=True)]
        if old is None or not any(duplicates(old, self.root)):
            errors += duplicates(obj, self.root)
        if self._rules is None:
            return Judgement(tuple(errors), ())
        if hidden or any(error.blocks_rules for error in errors):
            return Judgement((*errors, _NOT_ALL_CHECKED), ())
        verdict = judged(self._rules, obj, correlated)
        return Judgement((*errors, *verdict.errors), verdict.warnings)

    def _schema_errors(self, obj: Any, correlated: Correlated | None, subresource: str) -> tuple[FieldError, ...]:
        """A write to /status judges the status alone, and names it only in the field, not in the text."""
        if subresource != "status":
            return SchemaCheck().errors(obj, self.root, correlated)
        known = self.root.child("status")
        if known is None or "status" not in obj:
            return ()
        return SchemaCheck("status").errors(obj["status"], known, correlated.field("status") if correlated else None)


def _bad_defaults(schema: Node, path: str) -> Iterator[FieldError]:
    """A default must be what the schema itself would accept, with nothing to prune."""
    if schema.default is not None:
        where = child(path, "default")
        value = defaulted(schema.default, schema)
        for error in SchemaCheck().errors(value, schema, None):
            inner = "" if error.field == "<nil>" else f".{error.field}"
            yield FieldError(where + inner, error.reason, error.message)
        unknown = pruned({"default": value}, Node(type="object", properties={"default": schema}))[1]
        if unknown:
            yield invalid(where, schema.default, "must not have unknown fields")
    for name, known in schema.properties.items():
        yield from _bad_defaults(known, key(child(path, "properties"), name))
    for name, below in (("additionalProperties", schema.additional), ("items", schema.items)):
        if below is not None:
            yield from _bad_defaults(below, child(path, name))


def _embedded(value: Any, schema: Node | None, path: str, *, is_root: bool = False) -> Iterator[FieldError]:
    """An object within an object says what it is, as the outer one does."""
    if schema is None:
        return
    if isinstance(value, dict):
        if schema.embedded_resource and not is_root:
            yield from (required(child(path, name)) for name in ("apiVersion", "kind") if name not in value)
        for name in sorted(value):
            yield from _embedded(value[name], schema.child(name), child(path, name))
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _embedded(item, schema.items, f"{path}[{position}]")
