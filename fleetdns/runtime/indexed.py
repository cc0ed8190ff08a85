"""Objects by key and by named indexes: what readers of a cache see. Bookkeeping only, no idea of events or versions."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

from .listwatch import Entry

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Indexed(Generic[K, T]):
    """Entries by key. indexes: name -> pure function from a value to the values it is to be found under."""

    def __init__(self, indexes: Mapping[str, Callable[[T], Iterable[Hashable]]]) -> None:
        self._functions = tuple(indexes.items())
        self._entries: dict[K, Entry[K, T]] = {}
        self._index: dict[str, dict[Hashable, set[K]]] = {name: {} for name in indexes}  # never holds an empty set
        self._sorted: tuple[K, ...] | None = None  # keys of _entries in order; None when they have changed since

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[K]:
        """All keys in any order, which costs nothing; the same after the same events."""
        return iter(self._entries)

    def get(self, key: K) -> Entry[K, T] | None:
        """The entry under key."""
        return self._entries.get(key)

    def keys(self) -> tuple[K, ...]:
        """All keys in order."""
        if self._sorted is None:
            self._sorted = _in_order(self._entries)
        return self._sorted

    def entries(self) -> tuple[Entry[K, T], ...]:
        """All entries in the order of their keys."""
        return tuple(self._entries[key] for key in self.keys())

    def under(self, name: str, value: Hashable) -> tuple[Entry[K, T], ...]:
        """The entries that the named index finds under value, in the order of their keys. KeyError: no such index."""
        return tuple(self._entries[key] for key in _in_order(self._index[name].get(value, ())))

    def put(self, entry: Entry[K, T]) -> None:
        """Add the entry, or exchange the one under its key."""
        places = self._places(entry)  # before any change: a failing index function leaves all as it was
        held = self._entries.get(entry.key)
        if held is not None and self._places(held) == places:
            self._entries[entry.key] = entry
            return
        self.discard(entry.key)
        self._entries[entry.key] = entry
        self._sorted = None
        for name, value in places:
            self._index[name].setdefault(value, set()).add(entry.key)

    def discard(self, key: K) -> None:
        """Take the entry under key out, where there is one."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._sorted = None
        for name, value in self._places(entry):
            keys = self._index[name][value]
            keys.remove(key)
            if not keys:
                del self._index[name][value]

    def _places(self, entry: Entry[K, T]) -> set[tuple[str, Hashable]]:
        return {(name, value) for name, function in self._functions for value in function(entry.value)}


def _in_order(keys: Iterable[K]) -> tuple[K, ...]:
    """Sorted; keys without an order of their own by their representation, so that the answer is always the same."""
    try:
        return tuple(sorted(cast("Iterable[Any]", keys)))
    except TypeError:
        return tuple(sorted(keys, key=repr))
