"""A watch: what there is, then what changes, with bookmarks; synchronous, drained by a server or a simulation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fleetdns.emulator.hub import conversion, fields, status
from fleetdns.emulator.hub.incoming import queried_version
from fleetdns.emulator.hub.reads import refuse_future
from fleetdns.emulator.hub.resources import Served, name_of
from fleetdns.emulator.hub.selectors import EVERYTHING, Selection
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import Change, Key, Store, Subscription, decode, encode, encode_at

# The last bookmark comes this many seconds before the server ends a watch.
_BEFORE_THE_END = 2.0
INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """The query parameters of a watch; timeout in seconds, None means for ever."""

    resource_version: str = ""
    match: str = ""
    bookmarks: bool = True
    send_initial_events: bool | None = None
    continue_token: str = ""  # never allowed here
    selection: Selection = EVERYTHING
    timeout: float | None = None


class Watch:
    """Events in order of their versions. Nothing is lost between two calls of `pending`.

    on_event is called, synchronously, whenever there may be something new; wake_at says when time alone brings
    something (a bookmark, the end); closed is true once the last event was taken.
    """

    def __init__(
        self,
        store: Store,
        served: Served,
        namespace: str | None,
        options: WatchOptions,
        *,
        clock: Callable[[], float],
        bookmark_interval: float,
        watch_list: bool = True,
    ) -> None:
        self.on_event: Callable[[], None] | None = None
        self.closed = False
        self._store = store
        self._served = served
        self._options = options
        self._name = name_of(options.selection.fields)
        self._clock = clock
        self._interval = bookmark_interval
        self._marks_end = options.bookmarks and watch_list
        self._first: deque[tuple[str, bytes]] = deque()
        self._ends_at = clock() + options.timeout if options.timeout is not None else None
        self._bookmark_at = self._next_bookmark(clock())
        self._feed = self._start(namespace)

    @property
    def wake_at(self) -> float | None:
        """The time, in unix seconds, at which there is something to take even if nothing changes."""
        times = [time for time in (self._bookmark_at, self._ends_at) if time is not None]
        return min(times) if times and not self.closed else None

    def pending(self) -> list[Object]:
        """The events that are ready: dicts with type and object."""
        return [{"type": kind, "object": decode(raw)} for kind, raw in self.pending_raw()]

    def pending_raw(self) -> list[tuple[str, bytes]]:
        """The same with the object still encoded."""
        events = list(self._ready())
        if self._feed is None or self._feed.ended or (self._ends_at is not None and self._clock() >= self._ends_at):
            self.close()
        return events

    def fail(self, error: status.StatusError) -> None:
        """Put an ERROR event at the end and close."""
        self._first.append(("ERROR", encode(error.status())))
        self._unsubscribe()
        self._wake()

    def close(self) -> None:
        self._unsubscribe()
        self.closed = True

    def _start(self, namespace: str | None) -> Subscription | None:
        options = self._options
        version = queried_version(options.resource_version) if options.resource_version else 0
        starts_with_all = options.send_initial_events or (options.send_initial_events is None and version == 0)
        if starts_with_all:
            refuse_future(self._store, version)
            self._send_all(namespace)
            since = self._store.revision
        else:
            since = version or self._store.revision
        feed = self._store.subscribe(self._served.resource, namespace, since=since, wake=self._wake)
        if feed is None:
            error = status.expired(f"too old resource version: {version} ({self._store.oldest(self._served.resource)})")
            self._first.append(("ERROR", encode(error.status())))
        return feed

    def _send_all(self, namespace: str | None) -> None:
        for key, version in self._store.scan(self._served.resource, namespace):
            raw = version.raw or b"{}"
            if self._takes(key, raw):
                self._first.append(("ADDED", self._shown(raw)))
        if self._marks_end:
            self._first.append(self._bookmark(INITIAL_EVENTS_END))

    def _ready(self) -> Iterator[tuple[str, bytes]]:
        while self._first:
            yield self._first.popleft()
        if self._feed is None:
            return
        for change in self._feed.take():
            event = self._event(change)
            if event is not None:
                yield event
        now = self._clock()
        if self._bookmark_at is not None and now >= self._bookmark_at:
            self._bookmark_at = self._next_bookmark(now)
            yield self._bookmark()

    def _event(self, change: Change) -> tuple[str, bytes] | None:
        was = change.before is not None and self._takes(change.key, change.before)
        stays = not change.deleted and self._takes(change.key, change.after)
        if was and stays:
            return "MODIFIED", self._shown(change.after)
        if stays:
            return "ADDED", self._shown(change.after)
        if was and change.before is not None:
            # What left the selection is told as it was, labels and all, with the version at which it left.
            last = change.after if change.deleted else encode_at(decode(change.before), change.revision)
            return "DELETED", self._shown(last)
        return None

    def _takes(self, key: Key, raw: bytes) -> bool:
        if self._name is not None and key.name != self._name:
            return False
        selection = self._options.selection
        return not selection or selection.takes(decode(raw))

    def _shown(self, raw: bytes) -> bytes:
        return conversion.raw_as_served(self._served, raw)

    def _bookmark(self, annotations: Object | None = None) -> tuple[str, bytes]:
        metadata: Object = {"resourceVersion": str(self._store.revision)}
        if annotations:
            metadata["annotations"] = annotations
        marked = {"apiVersion": self._served.api_version, "kind": self._served.kind, "metadata": metadata}
        return "BOOKMARK", encode(marked)

    def _next_bookmark(self, now: float) -> float | None:
        if not self._options.bookmarks:
            return None
        regular = now + self._interval
        if self._ends_at is None:
            return regular
        last = self._ends_at - _BEFORE_THE_END
        return min(regular, last) if now < last else None

    def _unsubscribe(self) -> None:
        if self._feed is not None:
            self._store.unsubscribe(self._feed)
            self._feed = None

    def _wake(self) -> None:
        if self.on_event is not None:
            self.on_event()


def refuse_contradictions(options: WatchOptions, *, watch_list: bool) -> None:
    """Raises StatusError 422; `watch_list` is the server's feature gate of that name."""
    errors = []
    if options.send_initial_events is not None:
        if options.match != "NotOlderThan":
            why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            errors.append(fields.forbidden("resourceVersionMatch", why))
        if not watch_list:
            why = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
            errors.append(fields.forbidden("sendInitialEvents", why))
    elif options.match:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        errors.append(fields.forbidden("resourceVersionMatch", why))
    if options.match not in ("", "NotOlderThan"):
        errors.append(fields.not_supported("resourceVersionMatch", options.match, ("NotOlderThan",)))
    if options.continue_token:
        why = "resourceVersionMatch is forbidden when continue is provided"
        errors = [fields.forbidden("resourceVersionMatch", why)]
    if errors:
        raise status.invalid_options("ListOptions", *errors)
