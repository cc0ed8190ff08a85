"""One kind, cached and kept true: a reflector that feeds a store, and handlers that learn what changed."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping
from random import Random
from typing import Generic, TypeAlias, TypeVar

from .events import Event, Replaced, Unknown
from .listwatch import Codec, Entry, ListWatch
from .observer import Health, InformerObserver, NoInformerObserver, Phase
from .reflector import Reflector
from .store import Change, Store
from .watchlist import WatchListSupport

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

Handler: TypeAlias = Callable[[T | None, T | None, bool], None]

# An optional kind that had objects counts as gone only after several looks: a server that starts may say 404 once.
_LOOKS_UNTIL_GONE = 3

_AT_ONCE = 500  # objects; to take over so many takes 5 ms
_LONG = 0.005  # seconds; whom a change concerns may take long to find


class Informer(Generic[K, T]):
    """The objects of one kind, in store.

    optional: where the server does not have the kind, the informer is synced and empty, and goes on looking for it.
    fresh_within: seconds since the server was last heard on a watch, up to which the store counts as true.
    watch_list: what is known of the server, shared by all its informers; None: always list.
    """

    def __init__(
        self,
        name: str,
        listwatch: ListWatch,
        codec: Codec[K, T],
        *,
        random: Random,
        indexes: Mapping[str, Callable[[T], Iterable[Hashable]]] | None = None,
        observer: InformerObserver | None = None,
        optional: bool = False,
        fresh_within: float = 120.0,
        watch_list: WatchListSupport | None = None,
        page_size: int = 500,
        watch_timeout: tuple[int, int] = (300, 600),
        stall_timeout: float = 75.0,
    ) -> None:
        self.name = name
        self.store: Store[K, T] = Store(indexes)
        self._observer: InformerObserver = observer or NoInformerObserver()
        self._is_optional = optional
        self._fresh_within = fresh_within
        self._handlers: list[Handler[T]] = []
        self._has_listed = False  # the store holds, or has held, what a list gave
        self._synced = asyncio.Event()
        self._looked_at: float | None = None  # when the server last said that it does not have the kind
        self._reflector: Reflector[K, T] = Reflector(
            listwatch,
            codec,
            random=random,
            name=name,
            page_size=page_size,
            watch_timeout=watch_timeout,
            stall_timeout=stall_timeout,
            watch_list=watch_list,
            optional=optional,
            on_not_served=self._miss,
            observer=self._observer,
        )

    async def run(self) -> None:
        """Keep the store true until cancelled."""
        await self._reflector.run(self._take, replace=self._replace)

    def on_change(self, handler: Handler[T]) -> None:
        """Call handler(old, new, initial) after each change; initial: it belongs to the first list. Must not block.

        Called at once for every object that is there already. What it raises is reported, and is its own affair.
        """
        self._handlers.append(handler)
        for value in self.store.values():
            self._call(handler, Change(None, value), initial=True)

    async def subscribe(self, handler: Handler[T]) -> None:
        """As on_change, but others may run while it is called for what is there already.

        Of an object that changes meanwhile it may hear the change first, and then of what is there.
        """
        self._handlers.append(handler)
        time = asyncio.get_running_loop().time
        since = time()
        for count, key in enumerate(self.store, start=1):
            value = self.store.get(key)
            if value is not None:
                self._call(handler, Change(None, value), initial=True)
            if count % _AT_ONCE == 0 or time() - since >= _LONG:
                await asyncio.sleep(0)
                since = time()

    @property
    def has_synced(self) -> bool:
        """The initial state is in the store and has been delivered to the handlers."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Returns once has_synced."""
        await self._synced.wait()

    @property
    def health(self) -> Health:
        """Where list and watch stand now."""
        return self._reflector.health

    @property
    def is_watching(self) -> bool:
        """A watch is open at this moment."""
        return self._reflector.is_watching

    def is_fresh(self, now: float) -> bool:
        """The store is synced, and a watch has said so lately. now: the loop's time.

        Lists alone do not count: a kind that may be listed but not watched is never fresh.
        """
        health = self.health
        heard_at = self._looked_at if health.phase is Phase.ABSENT else health.heard_at
        return self.has_synced and heard_at is not None and now - heard_at <= self._fresh_within

    def written(self, entry: Entry[K, T]) -> bool:
        """Show readers our own write before the watch brings it; see Store.written."""
        return self.store.written(entry)

    def _take(self, event: Event[K, T]) -> None:
        self._report_unknown(event)
        self._deliver(self.store.apply(event), initial=not self._has_listed)

    async def _replace(self, state: Replaced[K, T]) -> None:
        self._report_unknown(state)
        for count, change in enumerate(self.store.replacing(state), start=1):
            if change is not None:
                self._deliver((change,), initial=not self._has_listed)
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)
        self._has_listed = True
        self._sync()

    def _miss(self, looks: int) -> None:
        """The server does not have the kind, looks times in a row."""
        if not self._is_optional:
            return
        self._looked_at = asyncio.get_running_loop().time()
        is_empty = not len(self.store) and not self.store.unknown
        if not is_empty and looks < _LOOKS_UNTIL_GONE:
            return
        self._deliver(self.store.apply(Replaced((), (), "")), initial=False)
        self._sync()

    def _sync(self) -> None:
        if not self.has_synced:
            self._synced.set()
            self._observer.synced(self.name, len(self.store))

    def _report_unknown(self, event: Event[K, T]) -> None:
        match event:
            case Replaced(unknown=found) if found:
                known = self.store.unknown
            case Unknown():
                known, found = self.store.unknown, (event,)
            case _:
                return
        for item in found:
            if item.key is None or known.get(item.key) != item.because:
                self._observer.undecodable(self.name, item)

    def _deliver(self, changes: Iterable[Change[T]], *, initial: bool) -> None:
        for change in changes:
            for handler in self._handlers:
                self._call(handler, change, initial=initial)

    def _call(self, handler: Handler[T], change: Change[T], *, initial: bool) -> None:
        try:
            handler(change.old, change.new, initial)
        except Exception as error:
            self._observer.handler_failed(self.name, error)
