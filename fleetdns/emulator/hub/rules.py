"""The CEL rules of a schema: compiled beside it, evaluated over an object and its earlier self.

Rules that only judge the new value are forgiven, with a warning, where that value has not changed; rules that
compare with oldSelf never are.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetdns.emulator.hub import fields
from fleetdns.emulator.hub.cel import CelError, CelInvalid, Program
from fleetdns.emulator.hub.correlation import Correlated
from fleetdns.emulator.hub.fields import OMITTED, FieldError, invalid
from fleetdns.emulator.hub.structural import Node, RuleSpec

# fmt: off
_RESERVED = frozenset((
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function",
    "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
))
# fmt: on
_REPLACED = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_NAMEABLE = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_LONGEST_MESSAGE = 5 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    spec: RuleSpec
    program: Program
    message: Program | None


@dataclass(frozen=True, slots=True)
class RuleTree:
    """The rules at one level of a schema and below; levels without any are left out."""

    schema: Node
    rules: tuple[Rule, ...] = ()
    fields: Mapping[str, "RuleTree"] = field(default_factory=dict)
    entries: "RuleTree | None" = None
    items: "RuleTree | None" = None


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the rules of a schema; what is wrong with them goes to `errors`."""

    errors: list[FieldError]

    def tree(self, schema: Node | None, path: str, loose: str = "") -> RuleTree | None:
        """None where there are no rules. `loose` is the list above whose items have no earlier self, if any."""
        if schema is None:
            return None
        fields = {
            name: self.tree(known, f"{path}.properties[{name}]", loose) for name, known in schema.properties.items()
        }
        tree = RuleTree(
            schema=schema,
            rules=tuple(self._rules(schema, path, loose)),
            fields={name: below for name, below in fields.items() if below is not None},
            entries=self.tree(schema.additional, f"{path}.additionalProperties", loose),
            items=self.tree(schema.items, f"{path}.items", loose or ("" if schema.list_type == "map" else path)),
        )
        return tree if tree.rules or tree.fields or tree.entries or tree.items else None

    def _rules(self, schema: Node, path: str, loose: str) -> Iterator[Rule]:
        for position, spec in enumerate(schema.rules):
            here = f"{path}.x-kubernetes-validations[{position}]"
            try:
                program = Program(spec.rule, optional_old=spec.optional_old_self)
            except CelInvalid as error:
                self._refuse(f"{here}.rule", spec.rule, f"compilation failed: {error}")
                continue
            if program.gives not in ("bool", "dyn"):
                self._refuse(f"{here}.rule", spec.rule, "cel expression must evaluate to a bool")
            if program.uses_old and loose:
                text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {loose}"
                self._refuse(f"{here}.rule", spec.rule, text)
            if spec.optional_old_self and not program.uses_old:
                self._refuse(f"{here}.optionalOldSelf", True, "may not be set if oldSelf is not used in rule")
            yield Rule(spec, program, self._message(spec, here) if spec.message_expression else None)

    def _message(self, spec: RuleSpec, path: str) -> Program | None:
        where = f"{path}.messageExpression"
        try:
            program = Program(spec.message_expression)
        except CelInvalid as error:
            self._refuse(where, spec.message_expression, f"messageExpression compilation failed: {error}")
            return None
        if program.gives not in ("string", "dyn"):
            self._refuse(where, spec.message_expression, "messageExpression must evaluate to a string")
        return program

    def _refuse(self, where: str, value: Any, text: str) -> None:
        self.errors.append(invalid(where, value, text))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say: errors refuse the object, warnings are what is forgiven because it did not change."""

    errors: tuple[FieldError, ...]
    warnings: tuple[FieldError, ...]


def judged(tree: RuleTree, value: Any, correlated: Correlated | None) -> Verdict:
    """Evaluate every rule whose value is there, the outer ones first; `correlated` is None on a create."""
    evaluation = _Evaluation([], [])
    evaluation.descend(tree, value, "", correlated, correlated, is_resource=True)
    return Verdict(tuple(evaluation.errors), tuple(evaluation.warnings))


@dataclass(frozen=True, slots=True)
class _Evaluation:
    errors: list[FieldError]
    warnings: list[FieldError]

    def descend(
        self,
        tree: RuleTree,
        value: Any,
        path: str,
        correlated: Correlated | None,
        nearest: Correlated | None,
        *,
        is_resource: bool = False,
    ) -> None:
        """`nearest` is the innermost value around this one, or itself, that has an earlier self."""
        if value is None:
            return
        if tree.rules:
            self._rules_here(tree, value, path, correlated, nearest, is_resource=is_resource)
        if isinstance(value, dict):
            for name in sorted(value):
                below = tree.fields.get(name)
                if below is None and name in tree.schema.properties:
                    continue
                below, here = (below, fields.child(path, name)) if below else (tree.entries, fields.key(path, name))
                if below is not None:
                    known = correlated.field(name) if correlated else None
                    self.descend(below, value[name], here, known, known or nearest)
        if isinstance(value, list) and tree.items is not None:
            for position, item in enumerate(value):
                known = correlated.item(position) if correlated else None
                self.descend(tree.items, item, fields.index(path, position), known, known or nearest)

    def _rules_here(
        self,
        tree: RuleTree,
        value: Any,
        path: str,
        correlated: Correlated | None,
        nearest: Correlated | None,
        *,
        is_resource: bool,
    ) -> None:
        new = cel_value(value, tree.schema, is_resource=is_resource)
        old = cel_value(correlated.old, tree.schema, is_resource=is_resource) if correlated else None
        for rule in tree.rules:
            if rule.program.uses_old and old is None and not rule.program.optional_old:
                continue
            error = _broken(rule, tree.schema, value, path, new=new, old=old)
            if error is None:
                continue
            forgiven = not rule.program.uses_old and nearest is not None and nearest.unchanged
            (self.warnings if forgiven else self.errors).append(error)


def _broken(rule: Rule, schema: Node, value: Any, path: str, *, new: Any, old: Any) -> FieldError | None:
    spec, where = rule.spec, path or "<nil>"
    answer = rule.program.evaluate(new, old)
    if isinstance(answer, CelError):
        return invalid(where, schema.type, f"{answer.text} evaluating rule: {spec.name}")
    if answer is True:
        return None
    if spec.field_path:
        where = fields.child(path, spec.field_path.removeprefix("."))
    shown = OMITTED if schema.type in ("object", "array") else value
    detail = _detail(rule, new, old)
    if spec.reason == "FieldValueForbidden":
        return fields.forbidden(where, detail)
    if spec.reason == "FieldValueRequired":
        return fields.required(where, detail)
    if spec.reason == "FieldValueDuplicate":
        return fields.duplicate(where, shown)
    return invalid(where, shown, detail)


def _detail(rule: Rule, new: Any, old: Any) -> str:
    """The message expression's text, where it gives one fit to print, else the message, else the rule itself."""
    if rule.message is not None:
        text = rule.message.evaluate(new, old)
        text = text.strip() if isinstance(text, str) else ""
        if text and "\n" not in text and len(text.encode()) <= _LONGEST_MESSAGE:
            return text
    return rule.spec.message.strip() or f"failed rule: {rule.spec.name}"


def cel_value(value: Any, schema: Node, *, is_resource: bool = False) -> Any:
    """A value as rules see it: declared fields only, under names CEL can spell; of metadata only the name."""
    if isinstance(value, dict):
        seen = {} if schema.properties and not schema.preserve_unknown else dict(value)
        for name, known in schema.properties.items():
            seen.pop(name, None)
            if name in value and _NAMEABLE.fullmatch(name):
                seen[_spelled(name)] = cel_value(value[name], known)
        if schema.additional is not None:
            seen = {name: cel_value(item, schema.additional) for name, item in value.items()}
        return seen | _type_and_name(value) if is_resource or schema.embedded_resource else seen
    if isinstance(value, list) and schema.items is not None:
        return [cel_value(item, schema.items) for item in value]
    return value


def _type_and_name(value: dict[str, Any]) -> dict[str, Any]:
    metadata = value.get("metadata") or {}
    names = {name: metadata[name] for name in ("name", "generateName") if name in metadata}
    return {name: value[name] for name in ("apiVersion", "kind") if name in value} | {"metadata": names}


def _spelled(name: str) -> str:
    if name in _RESERVED:
        return f"__{name}__"
    for plain, replaced in _REPLACED:
        name = name.replace(plain, replaced)
    return name
