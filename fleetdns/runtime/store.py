"""The cache of one kind: what the server last said, indexed, and which change each event made.

Readers see whole states only: no method awaits. Values are shared, so they must be immutable.

An object that exists but cannot be decoded is in `unknown` and nowhere else: its last value would be a claim about
today, its absence a claim too. Whoever deletes because something is absent looks into `unknown` and `unnamed` first.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from .events import Applied, Deleted, Event, Replaced, Unknown
from .indexed import Indexed
from .listwatch import Entry
from .resourceversion import is_older

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What an event did to one object. old None: created. new None: deleted, or not decodable now; old may be stale."""

    old: T | None
    new: T | None


class Store(Generic[K, T]):
    """One kind of object by key. indexes: name -> pure function from a value to the values it is to be found under."""

    def __init__(self, indexes: Mapping[str, Callable[[T], Iterable[Hashable]]] | None = None) -> None:
        self._seen: Indexed[K, T] = Indexed(indexes or {})  # what readers see
        self._unknown: dict[K, Unknown[K]] = {}  # present, not decodable; disjoint from _seen
        self._told: dict[K, Entry[K, T]] = {}  # last state reported, where readers see another one (our write) or none
        self._unnamed = 0
        self._version = ""  # the server has been heard up to here; our own writes do not count

    # Reading. Every answer is a snapshot: later events do not change it.

    def get(self, key: K) -> T | None:
        """The object; None where it does not exist or is unknown."""
        entry = self._seen.get(key)
        return None if entry is None else entry.value

    def entry(self, key: K) -> Entry[K, T] | None:
        """The object with its uid and version."""
        return self._seen.get(key)

    def keys(self) -> tuple[K, ...]:
        """All keys, sorted."""
        return self._seen.keys()

    def values(self) -> tuple[T, ...]:
        """All objects in the order of their keys."""
        return tuple(entry.value for entry in self._seen.entries())

    def items(self) -> tuple[tuple[K, T], ...]:
        """All keys and objects in the order of the keys."""
        return tuple((entry.key, entry.value) for entry in self._seen.entries())

    def by_index(self, name: str, value: Hashable) -> tuple[T, ...]:
        """The objects that the named index finds under value, in the order of their keys. KeyError: no such index."""
        return tuple(entry.value for entry in self._seen.under(name, value))

    def __len__(self) -> int:
        return len(self._seen)

    def __iter__(self) -> Iterator[K]:
        """All keys in any order; for 40,000 of them much cheaper than `keys`."""
        return iter(tuple(self._seen))

    def __contains__(self, key: K) -> bool:
        return self._seen.get(key) is not None

    @property
    def unknown(self) -> Mapping[K, str]:
        """Keys of objects that exist but could not be decoded, each with the reason."""
        return {key: item.because for key, item in self._unknown.items()}

    @property
    def unnamed(self) -> int:
        """Objects since the last whole list that gave not even a name: while there are any, no absence is proven."""
        return self._unnamed

    @property
    def resource_version(self) -> str:
        """The newest version heard from the server; "" before the first list."""
        return self._version

    # Writing

    def apply(self, event: Event[K, T]) -> list[Change[T]]:
        """Take over what the server says. Gives the changes it made, none where it said nothing new."""
        match event:
            case Replaced():
                return [change for change in self.replacing(event) if change is not None]
            case Applied(entry):
                self._hear(entry.version)
                return self._put(entry)
            case Unknown():
                self._hear(event.version)
                self._unnamed += event.key is None
                return self._lose_sight(event, horizon=event.version or "")
            case Deleted(entry):
                self._hear(entry.version)
                return self._delete(entry)

    def written(self, entry: Entry[K, T]) -> bool:
        """Show readers the result of our own write before the watch brings it. True where it was taken.

        Taken only over an older state of the same object: never resurrects, never goes back. Our change is not
        reported, now or when the watch brings it; what others changed before it still is. So it is for writes that no
        other handler has to learn of, such as status and finalizers.
        """
        held = self._seen.get(entry.key)
        if held is None or held.uid != entry.uid or not is_older(held.version, entry.version):
            return False
        self._told.setdefault(entry.key, held)
        self._seen.put(entry)
        return True

    def _hear(self, version: str | None) -> None:
        if version and not is_older(version, self._version):
            self._version = version

    def _put(self, entry: Entry[K, T]) -> list[Change[T]]:
        held = self._seen.get(entry.key)
        hidden = self._unknown.get(entry.key)
        if hidden is not None and hidden.uid == entry.uid and is_older(entry.version, hidden.version or ""):
            return []
        if held is None or held.uid != entry.uid:
            return self._take(entry)
        if is_older(entry.version, held.version):
            return self._catch_up(entry)
        if held.version == entry.version:
            self._told.pop(entry.key, None)  # our own write has come round
            return []
        return self._take(entry)

    def _catch_up(self, entry: Entry[K, T]) -> list[Change[T]]:
        """An event older than what readers see: somebody else's change from before our own write, or nothing new."""
        told = self._told.get(entry.key)
        if told is None or told.version == entry.version or is_older(entry.version, told.version):
            return []
        self._told[entry.key] = entry
        return [Change(told.value, entry.value)]

    def _take(self, entry: Entry[K, T]) -> list[Change[T]]:
        old = self._told.pop(entry.key, None) or self._seen.get(entry.key)
        hidden = self._unknown.pop(entry.key, None)
        self._seen.put(entry)
        if old is None:
            return [Change(None, entry.value)]
        # Who looks only where something differs has looked while it was unknown, and has to again now that it is not.
        if old.uid != entry.uid or hidden is not None:
            return [Change(old.value, None), Change(None, entry.value)]
        return [Change(old.value, entry.value)]

    def _lose_sight(self, item: Unknown[K], *, horizon: str) -> list[Change[T]]:
        """horizon: what the server said is true up to this version, and says nothing about what came after."""
        if item.key is None:
            return []
        held = self._seen.get(item.key)
        newest = held or self._unknown.get(item.key)
        if newest is not None and newest.uid == item.uid and is_older(horizon, newest.version or ""):
            return []
        self._unknown[item.key] = item
        if held is None:
            return []
        told = self._told.setdefault(item.key, held)
        self._seen.discard(item.key)
        return [Change(told.value, None)]

    def _delete(self, entry: Entry[K, T | None]) -> list[Change[T]]:
        held = self._seen.get(entry.key) or self._unknown.get(entry.key)
        if held is None:
            return []
        if entry.uid and held.uid != entry.uid and is_older(entry.version, held.version or ""):
            return []  # a former object of this name: the one we hold came after it
        return self._drop(entry.key, final=entry.value)

    def _drop(self, key: K, *, final: T | None = None) -> list[Change[T]]:
        last = self._told.pop(key, None) or self._seen.get(key)
        self._unknown.pop(key, None)
        self._seen.discard(key)
        old = final if last is None else last.value
        return [] if old is None else [Change(old, None)]

    # Whole replacement

    def replacing(self, event: Replaced[K, T]) -> Iterator[Change[T] | None]:
        """As apply, change by change: whoever takes them may let others run in between, but for a writer of events.

        None: an object that did not change. What is missing goes last: until then readers see more than there is and
        never less, so that no absence is taken for true that is not.
        """
        # A list older than what was heard before it: the server was restored from a backup, and versions we hold mean
        # nothing any more. Believing them would freeze the cache until the new history has overtaken the old one.
        horizon = "" if is_older(event.resource_version, self._version) else event.resource_version
        self._version = event.resource_version
        self._unnamed = sum(item.key is None for item in event.unknown)
        for item in event.unknown:
            yield from self._lose_sight(item, horizon=horizon) or (None,)
        for entry in event.entries:
            yield from self._relist(entry, horizon=horizon) or (None,)
        for key in self._missing_from(event):
            yield from self._drop(key)

    def _missing_from(self, event: Replaced[K, T]) -> list[K]:
        if self._unnamed:
            return []  # an object without a readable name could be any of those that seem to be missing
        listed = {entry.key for entry in event.entries} | {item.key for item in event.unknown}
        return [key for key in (*self._seen, *self._unknown) if key not in listed]

    def _relist(self, entry: Entry[K, T], *, horizon: str) -> list[Change[T]]:
        held = self._seen.get(entry.key)
        if held is None or held.uid != entry.uid or not horizon:
            return self._take(entry)
        if is_older(horizon, held.version):
            return self._catch_up(entry)  # our own write is newer than this list
        if held.version != entry.version:
            return self._take(entry)
        # What others changed between the last report and our own write may have come with neither: report it now.
        told = self._told.pop(entry.key, None)
        return [] if told is None else [Change(told.value, entry.value)]
