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


def rule_tree(schema: Node | None, path: str, errors: list[FieldError]) -> RuleTree | None:
    """Compile the rules; what is wrong with them goes to `errors`. None where there are none."""
    if schema is None:
        return None
    tree = RuleTree(
        schema=schema,
        rules=tuple(_compiled(schema, path, errors)),
        fields=dict(_field_trees(schema, path, errors)),
        entries=rule_tree(schema.additional, f"{path}.additionalProperties", errors),
        items=rule_tree(schema.items, f"{path}.items", errors),
    )
    return tree if tree.rules or tree.fields or tree.entries or tree.items else None


def _field_trees(schema: Node, path: str, errors: list[FieldError]) -> Iterator[tuple[str, RuleTree]]:
    for name, known in schema.properties.items():
        tree = rule_tree(known, f"{path}.properties[{name}]", errors)
        if tree is not None:
            yield name, tree


def _compiled(schema: Node, path: str, errors: list[FieldError]) -> Iterator[Rule]:
    for position, spec in enumerate(schema.rules):
        here = f"{path}.x-kubernetes-validations[{position}]"
        try:
            program = Program(spec.rule, optional_old=spec.optional_old_self)
        except CelInvalid as error:
            errors.append(invalid(f"{here}.rule", spec.rule, f"compilation failed: {error}"))
            continue
        if program.gives not in ("bool", "dyn"):
            errors.append(invalid(f"{here}.rule", spec.rule, "cel expression must evaluate to a bool"))
        message = _message_program(spec, here, errors) if spec.message_expression else None
        yield Rule(spec, program, message)


def _message_program(spec: RuleSpec, path: str, errors: list[FieldError]) -> Program | None:
    where, source = f"{path}.messageExpression", spec.message_expression
    try:
        program = Program(source)
    except CelInvalid as error:
        errors.append(invalid(where, source, f"messageExpression compilation failed: {error}"))
        return None
    if program.gives not in ("string", "dyn"):
        errors.append(invalid(where, source, "messageExpression must evaluate to a string"))
    return program


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
