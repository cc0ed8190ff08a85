"""What the hub holds: every object with its history, under one revision counter.

Objects are kept as encoded JSON, so nobody can change a stored one in place. Old revisions stay readable until
the ring of events is full; what fell out of it is answered with None, so that the caller can say `Expired`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

Object = dict[str, Any]

# A watcher that does not read is cut off rather than fed for ever, as the real server does.
PENDING_LIMIT = 50_000


class Key(NamedTuple):
    """Where an object lies inside its resource; a cluster-scoped one has the namespace ""."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Version:
    """One state of one object; raw is None where it was deleted."""

    revision: int
    raw: bytes | None

    def decoded(self) -> Object:
        """A fresh copy, free to change."""
        return decode(self.raw or b"{}")


@dataclass(frozen=True, slots=True)
class Change:
    """One revision: before is None for a creation, and after for a deletion carries the object's last state."""

    revision: int
    resource: str
    key: Key
    before: bytes | None
    after: bytes
    deleted: bool = False


@dataclass(slots=True)
class Shelf:
    """The objects of one resource."""

    keys: list[Key] = field(default_factory=list)  # sorted by _place; every key that has a history
    histories: dict[Key, list[Version]] = field(default_factory=dict)  # oldest first, never empty
    changes: deque[Change] = field(default_factory=deque)  # oldest first; those not compacted yet
    opened: int = 0  # the revision since which the resource is served as it is; watches start no earlier


class Subscription:
    """The changes of one resource since some revision, in order; `wake` is called when there is something new."""

    def __init__(self, resource: str, namespace: str | None, since: int, wake: Callable[[], None]) -> None:
        self.resource = resource
        self._namespace = namespace
        self._since = since
        self.ended = False  # no more changes will come: too slow a reader, or the resource is gone
        self._wake = wake
        self._waiting: deque[Change] = deque()

    def offer(self, change: Change) -> None:
        if change.revision <= self._since or self._namespace not in (None, change.key.namespace):
            return
        if len(self._waiting) >= PENDING_LIMIT:
            self.ended = True
        else:
            self._waiting.append(change)
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def take(self) -> Iterator[Change]:
        while self._waiting:
            yield self._waiting.popleft()


class Store:
    """Objects by resource and key, with history. Resources are opaque words, one per kind of object."""

    def __init__(self, *, history: int = 10_000) -> None:
        self.revision = 1
        self.compacted = 0  # states older than this revision are gone
        self._history = history
        self._shelves: dict[str, Shelf] = {}
        self._ring: deque[Change] = deque()
        self._subscriptions: list[Subscription] = []

    def get(self, resource: str, key: Key) -> Version | None:
        """The newest state of an object, or None."""
        history = self._shelf(resource).histories.get(key)
        return history[-1] if history and history[-1].raw is not None else None

    def put(self, resource: str, key: Key, obj: Object) -> Version:
        """Store a new state under the next revision, which is written into the object."""
        before = self.get(resource, key)
        self.revision += 1
        version = Version(self.revision, encode_at(obj, self.revision))
        self._record(resource, key, version)
        after = version.raw or b""
        self._publish(Change(self.revision, resource, key, before.raw if before else None, after))
        return version

    def remove(self, resource: str, key: Key) -> Object | None:
        """Delete an object. Gives its last state at the deletion's revision, or None where there is nothing."""
        before = self.get(resource, key)
        if before is None:
            return None
        self.revision += 1
        self._record(resource, key, Version(self.revision, None))
        last = encode_at(before.decoded(), self.revision)
        self._publish(Change(self.revision, resource, key, before.raw, last, deleted=True))
        return decode(last)

    def scan(
        self, resource: str, namespace: str | None, *, revision: int | None = None, after: Key | None = None
    ) -> Iterator[tuple[Key, Version]]:
        """The objects in order of namespace and name, as they are or as they were at `revision`, beyond `after`."""
        shelf = self._shelf(resource)
        start = _place(Key(namespace or "", ""))
        index = bisect_left(shelf.keys, start, key=_place)
        if after is not None and _place(after) >= start:
            index = bisect_right(shelf.keys, _place(after), key=_place)
        for key in shelf.keys[index:]:
            if namespace is not None and key.namespace != namespace:
                return
            version = _version_at(shelf.histories[key], revision)
            if version is not None and version.raw is not None:
                yield key, version

    def subscribe(
        self, resource: str, namespace: str | None, *, since: int, wake: Callable[[], None]
    ) -> Subscription | None:
        """The changes after revision `since`, past and future; None if some of them are already forgotten."""
        if since < self.oldest(resource):
            return None
        subscription = Subscription(resource, namespace, since, wake)
        for change in _changes_after(self._shelf(resource).changes, since):
            subscription.offer(change)
        self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def oldest(self, resource: str) -> int:
        """The first revision from which this resource can be watched."""
        return max(self.compacted, self._shelf(resource).opened)

    def reopen(self, resource: str) -> None:
        """The resource is served in another way, or no more: its watches end, and none starts from the time before."""
        self._shelf(resource).opened = self.revision
        for subscription in tuple(self._subscriptions):
            if subscription.resource == resource:
                self.unsubscribe(subscription)
                subscription.end()

    def compact(self, keep: int = 0) -> None:
        """Forget all but the newest `keep` changes: older states and older watches are answered as expired."""
        while len(self._ring) > keep:
            change = self._ring.popleft()
            self.compacted = change.revision
            shelf = self._shelves[change.resource]
            shelf.changes.popleft()
            self._forget(shelf, change)

    def _shelf(self, resource: str) -> Shelf:
        return self._shelves.setdefault(resource, Shelf())

    def _record(self, resource: str, key: Key, version: Version) -> None:
        shelf = self._shelf(resource)
        if key not in shelf.histories:
            insort(shelf.keys, key, key=_place)
        shelf.histories.setdefault(key, []).append(version)

    def _publish(self, change: Change) -> None:
        self._ring.append(change)
        self._shelf(change.resource).changes.append(change)
        for subscription in tuple(self._subscriptions):
            if subscription.resource == change.resource:
                subscription.offer(change)
        self.compact(self._history)

    @staticmethod
    def _forget(shelf: Shelf, change: Change) -> None:
        """Drop the states that only revisions before `change` could see."""
        history = shelf.histories[change.key]
        kept = [version for version in history if version.revision >= change.revision]
        if kept and kept[0].raw is None:
            kept = kept[1:]
        if kept:
            shelf.histories[change.key] = kept
            return
        del shelf.histories[change.key]
        del shelf.keys[bisect_left(shelf.keys, _place(change.key), key=_place)]


# Sorted, as Go writes maps: the same object is the same bytes, and starts with its apiVersion.
_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Object)


def encode(obj: Any) -> bytes:
    return _ENCODER.encode(obj)


def decode(raw: bytes) -> Object:
    return _DECODER.decode(raw)


def encode_at(obj: Object, revision: int) -> bytes:
    """The object as JSON with this revision as its resourceVersion."""
    metadata = obj["metadata"] | {"resourceVersion": str(revision)}
    return encode(obj | {"metadata": metadata})


def _place(key: Key) -> str:
    """Objects lie in the order of their paths, as in etcd: the namespace a-b comes before a, for `-` before `/`."""
    return f"{key.namespace}/{key.name}" if key.namespace else key.name


def _version_at(history: list[Version], revision: int | None) -> Version | None:
    if revision is None:
        return history[-1]
    for version in reversed(history):
        if version.revision <= revision:
            return version
    return None


def _changes_after(changes: deque[Change], revision: int) -> list[Change]:
    found: list[Change] = []
    for change in reversed(changes):
        if change.revision <= revision:
            break
        found.append(change)
    return found[::-1]
