"""What a reflector tells a store: the whole state at once, or one object at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from .listwatch import Entry

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown(Generic[K]):
    """An object that exists but could not be decoded. A key of None: not even its name could be read."""

    key: K | None
    uid: str | None
    version: str | None
    because: str


@dataclass(frozen=True, slots=True)
class Replaced(Generic[K, T]):
    """Everything that exists at resource_version. A key in neither sequence does not exist."""

    entries: Sequence[Entry[K, T]]
    unknown: Sequence[Unknown[K]]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Applied(Generic[K, T]):
    """This object was created or changed."""

    entry: Entry[K, T]


@dataclass(frozen=True, slots=True)
class Deleted(Generic[K, T]):
    """This object is gone; entry is its last state, without a value where that could not be decoded."""

    entry: Entry[K, T | None]


Event: TypeAlias = Replaced[K, T] | Applied[K, T] | Unknown[K] | Deleted[K, T]
