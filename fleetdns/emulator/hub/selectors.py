"""Label and field selectors: parsed once from the query, asked per object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fleetdns.emulator.hub.labels import selector_errors
from fleetdns.emulator.hub.status import Object, bad_request

Operator = Literal["=", "!=", "in", "notin", "exists", "!", ">", "<"]

_TERM = re.compile(
    r"\s*(?:(?P<negated>!)\s*(?P<absent>[^\s,!=<>()]+)"
    r"|(?P<key>[^\s,!=<>()]+)\s*(?:(?P<sign>==|=|!=|>|<)\s*(?P<value>[^\s,!=<>()]*)"
    r"|(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*(?:,|$)"
)

# In a field's value a backslash takes the meaning from these three.
_COMMA, _UNESCAPED, _ESCAPED = re.compile(r"(?<!\\),"), re.compile(r"(?<!\\)="), re.compile(r"\\([\\,=])")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a label selector."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        present = self.key in labels
        match self.operator:
            case "exists":
                return present
            case "!":
                return not present
            case "=" | "in":
                return present and labels[self.key] in self.values
            case "!=" | "notin":
                return not present or labels[self.key] not in self.values
            case _:
                return present and self._compares(labels[self.key])

    def _compares(self, value: str) -> bool:
        bound = next(iter(self.values))
        if not (_is_integer(value) and _is_integer(bound)):
            return False
        return int(value) > int(bound) if self.operator == ">" else int(value) < int(bound)


@dataclass(frozen=True, slots=True)
class FieldTerm:
    path: str
    value: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Offered:
    """The fields a kind can be selected by, and how it refuses others: {path} stands for the one that was asked for."""

    paths: frozenset[str]
    refusal: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Both selectors of one request; the empty one takes everything."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[FieldTerm, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.labels or self.fields)

    def takes(self, obj: Object) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(requirement.holds(labels) for requirement in self.labels) and all(
            (value_at(obj, term.path) == term.value) is not term.negated for term in self.fields
        )


EVERYTHING = Selection()


def parse_selection(label_selector: str, field_selector: str, *, offered: Offered) -> Selection:
    """Read both query parameters. Raises StatusError 400 for what cannot be read or is not offered."""
    if not label_selector and not field_selector:
        return EVERYTHING
    return Selection(tuple(_requirements(label_selector)), tuple(_field_terms(field_selector, offered)))


def _requirements(text: str) -> Iterable[Requirement]:
    position = 0
    while text.strip() and position < len(text):
        term = _TERM.match(text, position)
        if term is None or term.end() == position:
            raise bad_request(
                f"unable to parse requirement: found '{text[position:]}', expected: !, identifier, or 'end'"
            )
        requirement = _requirement(term)
        for error in selector_errors(requirement.key, requirement.values):
            raise bad_request(f"unable to parse requirement: {error}")
        yield requirement
        position = term.end()


def _requirement(term: re.Match[str]) -> Requirement:
    if term["negated"]:
        return Requirement(term["absent"], "!")
    if term["set"]:
        values = frozenset(value.strip() for value in term["values"].split(","))
        return Requirement(term["key"], "in" if term["set"] == "in" else "notin", values)
    match term["sign"]:
        case None:
            return Requirement(term["key"], "exists")
        case "=" | "==":
            return Requirement(term["key"], "=", frozenset({term["value"]}))
        case "!=":
            return Requirement(term["key"], "!=", frozenset({term["value"]}))
        case sign:
            if not _is_integer(term["value"]):
                raise bad_request("unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer")
            return Requirement(term["key"], ">" if sign == ">" else "<", frozenset({term["value"]}))


def _field_terms(text: str, offered: Offered) -> Iterable[FieldTerm]:
    for part in filter(None, _COMMA.split(text)):
        path, sign, value = _split_term(part)
        if not sign:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        if _UNESCAPED.search(value):
            raise bad_request(f"invalid field selector: unescaped character in value: {ord('=')}")
        if path not in offered.paths:
            raise bad_request(offered.refusal.format(path=path))
        yield FieldTerm(path, _ESCAPED.sub(r"\1", value), negated=sign == "!=")


def _split_term(part: str) -> tuple[str, str, str]:
    for sign in ("!=", "==", "="):
        path, found, value = part.partition(sign)
        if found:
            return path, sign, value
    return part, "", ""


def value_at(obj: Object, path: str) -> str:
    """The text a field selector compares: "" where the object has no such field."""
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", text) is not None
