"""The JSONPath that printer columns use: fields, ['quoted'] keys, [n], [*] and [?(@.field=="value")] filters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.(?P<field>(?:\\.|[^.\[\]\\])+)"""
    r"""|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]"""
    r"""|\[(?P<index>-?\d+)\]"""
    r"""|\[(?P<all>\*)\]"""
    r"""|\[\?\(@(?P<path>[^=<>!]*?)\s*(?P<sign>==|!=)\s*(?P<literal>'[^']*'|"[^"]*"|[^)]*?)\s*\)\]"""
)


@dataclass(frozen=True, slots=True)
class Field:
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    at: int


@dataclass(frozen=True, slots=True)
class Everything:
    """All items of a list, all values of a map."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The items whose field compares as said."""

    path: tuple[Step, ...]
    literal: str
    equal: bool


Step = Field | Index | Everything | Filter


def first_at(value: Any, path: str) -> Any:
    """The first value the path finds, None where it finds nothing or cannot be read."""
    return next(_walk(value, parse(path)), None)


@lru_cache(maxsize=1024)
def parse(path: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    position = 0
    text = path if path.startswith((".", "[")) else f".{path}"
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            return (Field("\0unreadable"),)
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["field"] is not None:
        name = re.sub(r"\\(.)", r"\1", match["field"])
        return Everything() if name == "*" else Field(name)
    if match["quote"] is not None:
        return Field(match["key"])
    if match["index"] is not None:
        return Index(int(match["index"]))
    if match["all"] is not None:
        return Everything()
    return Filter(parse(match["path"]), match["literal"].strip("'\""), match["sign"] == "==")


def _walk(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    for found in _take(value, steps[0]):
        yield from _walk(found, steps[1:])


def _take(value: Any, step: Step) -> Iterator[Any]:
    match step, value:
        case Field(name), dict() if name in value:
            yield value[name]
        case Index(at), list() if -len(value) <= at < len(value):
            yield value[at]
        case Everything(), list():
            yield from value
        case Everything(), dict():
            yield from value.values()
        case Filter(), list():
            for item in value:
                found = next(_walk(item, step.path), None)
                if (_word(found) == step.literal) is step.equal and found is not None:
                    yield item


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
