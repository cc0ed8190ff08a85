"""Which key runs next: the work queue's rules without a loop, a clock or a lock. Every time is an argument.

          add                     raises the priority, or     take              done
delayed  -----> ready ----------------------------------->  processing  ------------> nothing, or ready again if it
(due)                   keeps its place                                                 was added in the meantime
"""

import heapq
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_STALE_TIMERS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Item(Generic[K]):
    """A key that wants to run. enqueued_at: since when, on the clock of whoever calls."""

    key: K
    priority: int
    enqueued_at: float


@dataclass(frozen=True, slots=True)
class _Delayed:
    ready_at: float
    turn: int
    priority: int


class Schedule(Generic[K]):
    """Highest priority first, first come first served within one; every fair_every-th key is the one waiting longest.

    A key is in processing once at most, and wants to run once at most however often it is added.
    """

    def __init__(self, *, fair_every: int) -> None:
        self._fair_every = fair_every  # without it, a saturated high class would starve the low ones for ever
        self._wanted: dict[K, Item[K]] = {}  # every key that is to run: ready, or waiting for its own run to end
        self._ready: dict[
            int, OrderedDict[K, int]
        ] = {}  # priority -> key -> turn; keys = wanted - processing; none empty
        self._processing: dict[K, float] = {}  # key -> started at
        self._priorities: dict[K, int] = {}  # of the runs going on; the same keys as processing
        self._delayed: dict[K, _Delayed] = {}  # disjoint from wanted: what is to run now has nothing to wait for
        self._timers: list[tuple[float, int, K]] = []  # heap over _delayed; entries of former delays are skipped
        self._turns = count()
        self._taken = 0
        self._is_closed = False

    def add(self, key: K, *, priority: int, now: float) -> bool:
        """The key wants to run now. True where it did not before."""
        if self._is_closed:
            return False
        delayed = self._delayed.pop(key, None)
        if delayed is not None:
            priority = max(priority, delayed.priority)
        if key in self._wanted:
            self._raise(key, priority)
            return False
        self._wanted[key] = Item(key, priority, now)
        if key not in self._processing:
            self._enqueue(key, priority)
        return True

    def add_later(self, key: K, *, ready_at: float, priority: int) -> None:
        """The key wants to run at ready_at. Of several times the earliest counts, of several priorities the highest."""
        if self._is_closed:
            return
        if key in self._wanted:
            self._raise(key, priority)
            return
        before = self._delayed.get(key)
        if before is not None and before.ready_at <= ready_at:
            self._delayed[key] = replace(before, priority=max(priority, before.priority))
            return
        if before is not None:
            priority = max(priority, before.priority)
        delayed = _Delayed(ready_at, next(self._turns), priority)
        self._delayed[key] = delayed
        heapq.heappush(self._timers, (ready_at, delayed.turn, key))
        self._drop_stale_timers()

    def promote(self, now: float) -> int:
        """Make ready what is due. Gives the number of keys that now want to run."""
        promoted = 0
        while (due_at := self.next_due()) is not None and due_at <= now:
            _, _, key = self._timers[0]
            promoted += self.add(key, priority=self._delayed[key].priority, now=now)
        return promoted

    def next_due(self) -> float | None:
        """When the next delayed key becomes ready."""
        while self._timers and not self._is_live(self._timers[0]):
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def take(self, now: float) -> Item[K] | None:
        """The key to process next, which is then in processing until done. None: nothing is ready."""
        if not self._ready:
            return None
        self._taken += 1
        is_fair_turn = self._taken % self._fair_every == 0
        priority = min(self._ready, key=self._head_turn) if is_fair_turn else max(self._ready)
        key, _ = self._ready[priority].popitem(last=False)
        if not self._ready[priority]:
            del self._ready[priority]
        item = self._wanted.pop(key)
        self._processing[key], self._priorities[key] = now, item.priority
        return item

    def done(self, key: K) -> float:
        """The run of the key is over; if it was added meanwhile it is ready again. Gives when the run had started."""
        started_at = self._processing.pop(key)
        del self._priorities[key]
        wanted = self._wanted.get(key)
        if wanted is not None:
            self._enqueue(key, wanted.priority)
        return started_at

    def priority(self, key: K) -> int:
        """How urgent the run of this key is that is going on. KeyError: there is none."""
        return self._priorities[key]

    def is_due(self, key: K, by: float) -> bool:
        """Whether the key runs, or wants to run by that time."""
        delayed = self._delayed.get(key)
        return key in self._wanted or key in self._processing or (delayed is not None and delayed.ready_at <= by)

    def close(self) -> None:
        """Nothing is added from now on; delayed keys are dropped, ready ones stay."""
        self._is_closed = True
        self._delayed.clear()
        self._timers.clear()

    def __len__(self) -> int:
        return sum(len(keys) for keys in self._ready.values())

    @property
    def wanted(self) -> dict[int, int]:
        """Keys that want to run, also those whose run is not over, by priority."""
        counts: dict[int, int] = {}
        for item in tuple(self._wanted.values()):  # a copy: a scrape may come from another thread
            counts[item.priority] = counts.get(item.priority, 0) + 1
        return counts

    @property
    def delayed(self) -> int:
        """Keys waiting for their time."""
        return len(self._delayed)

    @property
    def started_at(self) -> tuple[float, ...]:
        """When each run that is not over had started."""
        return tuple(self._processing.values())

    def _enqueue(self, key: K, priority: int) -> None:
        self._ready.setdefault(priority, OrderedDict())[key] = next(self._turns)

    def _raise(self, key: K, priority: int) -> None:
        """A higher priority moves the key to the end of its new class: it does not overtake those who were there."""
        item = self._wanted[key]
        if priority <= item.priority:
            return
        self._wanted[key] = replace(item, priority=priority)
        if key in self._processing:
            return
        self._ready[item.priority].pop(key)
        if not self._ready[item.priority]:
            del self._ready[item.priority]
        self._enqueue(key, priority)

    def _head_turn(self, priority: int) -> int:
        return next(iter(self._ready[priority].values()))

    def _is_live(self, timer: tuple[float, int, K]) -> bool:
        delayed = self._delayed.get(timer[2])
        return delayed is not None and delayed.turn == timer[1]

    def _drop_stale_timers(self) -> None:
        # A key that is delayed and then added at once, again and again, leaves a stale timer each time.
        if len(self._timers) > 2 * len(self._delayed) + _STALE_TIMERS_KEPT:
            self._timers = [timer for timer in self._timers if self._is_live(timer)]
            heapq.heapify(self._timers)
