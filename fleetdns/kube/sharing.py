"""What repeats in decoded objects stored once: 200 clusters export the same names, ports and finalizers.

Which fields of a kind can repeat is found out once; to ask each value what it is would take longer than decoding it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec.inspect import (
    DictType,
    IntType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

_UNIQUE = frozenset({"uid", "resource_version"})  # never the same in two objects: not worth a place in the pool
_IN_AZURE = frozenset({"public_ip_resource_id"})  # its lists hold the same text, and find it as sys.intern knows it
_POOL_LIMIT = 10_000  # strings; what is rare goes in vain, what repeats is soon there again
_TUPLES_LIMIT = 1_000
_LONGEST_TUPLE = 8  # items; longer ones are lists of what happens to exist, and never the same

S = TypeVar("S", bound=msgspec.Struct)
Share = Callable[[Any], Any]  # gives the first like of a value, or the value with what is in it shared


class Sharing:
    """The first likes of the strings and tuples in the objects of one kind."""

    def __init__(self, kind: type[object]) -> None:
        """`kind`: a Struct."""
        self._strings: dict[str, str] = {}
        self._tuples: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._empty: dict[str, str] = {}  # of every object without labels: values are never changed
        self._share = self._of(type_info(kind))

    def share(self, value: object) -> None:
        """Put first likes into `value`, which nobody else has seen yet."""
        if self._share is not None:
            self._share(value)
        if len(self._strings) > _POOL_LIMIT:
            self._strings.clear()
        if len(self._tuples) > _TUPLES_LIMIT:
            self._tuples.clear()

    def __len__(self) -> int:
        """How many strings and tuples are remembered."""
        return len(self._strings) + len(self._tuples)

    def _of(self, kind: Type) -> Share | None:
        match kind:
            case StrType():
                return self._string
            case UnionType(types=types):
                others = [each for each in types if not isinstance(each, NoneType)]
                return self._of(others[0]) if len(others) == 1 else None
            case VarTupleType(item_type=item):
                return self._of_tuple(item)
            case DictType(key_type=StrType(), value_type=StrType()):
                return self._mapping
            case StructType():
                return self._of_struct(kind)
        return None

    def _string(self, value: str) -> str:
        return self._strings.setdefault(value, value)

    def _mapping(self, value: dict[str, str]) -> dict[str, str]:
        first = self._strings.setdefault
        return {first(name, name): first(inner, inner) for name, inner in value.items()} if value else self._empty

    def _of_tuple(self, item: Type) -> Share | None:
        inner, is_plain = self._of(item), _is_plain(item)
        if inner is None:
            return None

        def share(value: tuple[Any, ...]) -> tuple[Any, ...]:
            if not value:
                return value
            is_pooled = is_plain and len(value) <= _LONGEST_TUPLE
            if is_pooled and (first := self._tuples.get(value)) is not None:
                return first
            shared = tuple([inner(each) for each in value])
            if is_pooled:
                self._tuples[shared] = shared
            return shared

        return share

    def _of_struct(self, kind: StructType) -> Share:
        found = [(field.name, self._of(field.type)) for field in kind.fields if field.name not in _UNIQUE]
        strings = [name for name, first in found if first == self._string and name not in _IN_AZURE]
        interned = [name for name, first in found if first == self._string and name in _IN_AZURE]
        others = [(name, first) for name, first in found if first is not None and first != self._string]
        first_string, put = self._strings.setdefault, msgspec.structs.force_setattr

        def share(value: S) -> S:
            for name in strings:  # most of what there is, and each call would cost as much as the look into the pool
                before = getattr(value, name)
                if before and (after := first_string(before, before)) is not before:
                    put(value, name, after)
            for name in interned:
                if before := getattr(value, name):
                    put(value, name, sys.intern(before))
            for name, first in others:
                before = getattr(value, name)
                if before is not None and (after := first(before)) is not before:
                    put(value, name, after)
            return value

        return share


def _is_plain(kind: Type) -> bool:
    """Whether equal values are the same for everybody: not so where true may stand for 1."""
    match kind:
        case StrType() | IntType() | NoneType():
            return True
        case UnionType(types=types):
            return all(_is_plain(each) for each in types)
        case StructType(fields=fields):
            return all(_is_plain(field.type) for field in fields)
    return False
