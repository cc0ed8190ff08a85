"""The work queue: keys go in from anywhere on the loop and come out to workers, never one key to two of them at once.

Metrics are client-go's: adds, durations and retries are told as they happen; depth, unfinished work and the longest run
are properties, to be read when somebody scrapes.
"""

import asyncio
from collections import deque
from collections.abc import Hashable, Mapping
from random import Random
from typing import Generic, Protocol, TypeVar

from .backoff import Backoff, Failures
from .schedule import Item, Schedule

K = TypeVar("K", bound=Hashable)


class QueueMetrics(Protocol):
    """What happens to the keys of the queue called name. Times in seconds."""

    def added(self, name: str, /) -> None:
        """A key wants to run that did not before: workqueue_adds_total."""
        return

    def taken(self, name: str, waited: float, /) -> None:
        """A worker took a key that had been ready for so long: workqueue_queue_duration_seconds."""
        return

    def finished(self, name: str, worked: float, /) -> None:
        """A run is over: workqueue_work_duration_seconds."""
        return

    def retried(self, name: str, /) -> None:
        """A key was added with a delay: workqueue_retries_total."""
        return


class NoQueueMetrics(QueueMetrics):
    """Counts nothing."""


class ShutDown(Exception):
    """The queue is shut down and has nothing left to give."""


class WorkQueue(Generic[K]):
    """A queue of keys for one event loop. fair_every: each so-many-th key is the one that has waited longest.

    Every method but get and drain is synchronous and may be called by a handler.
    """

    def __init__(self, name: str, *, random: Random, metrics: QueueMetrics | None = None, fair_every: int = 8) -> None:
        self.name = name
        self._random = random
        self._metrics: QueueMetrics = metrics or NoQueueMetrics()
        self._schedule: Schedule[K] = Schedule(fair_every=fair_every)
        self._failures: Failures[K] = Failures()
        self._getters: deque[asyncio.Future[None]] = deque()  # workers asleep, in the order they came
        self._timer: asyncio.TimerHandle | None = None  # due when the next delayed key is, or before
        self._rested = asyncio.Event()  # set when a run ends and no other is going on
        self._is_shut_down = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, key: K, priority: int = 0) -> None:
        """The key is to run now, or after its run that is going on. A delay it had is over. Ignored after shutdown."""
        if self._schedule.add(key, priority=priority, now=self._now()):
            self._metrics.added(self.name)
            self._wake(1)

    def add_after(self, key: K, delay: float, priority: int = 0) -> None:
        """The key is to run in delay seconds, sooner if something else wants it sooner."""
        if delay <= 0:
            self.add(key, priority)
            return
        if self._is_shut_down:
            return
        self._metrics.retried(self.name)
        self._schedule.add_later(key, ready_at=self._now() + delay, priority=priority)
        self._set_timer()

    def add_backoff(self, key: K, backoff: Backoff, priority: int = 0) -> None:
        """The key has failed: it is to run after backoff's delay for its failures in a row since it was forgotten."""
        now = self._now()
        self.add_after(key, self._failures.due(key, backoff, now=now, random=self._random) - now, priority)

    def forget(self, key: K) -> None:
        """The key has succeeded: its next failure is its first. A delay it has stays."""
        self._failures.forget(key)

    async def get(self) -> Item[K]:
        """The next key; the caller owes a done. Raises ShutDown once the queue is shut down and nothing is ready."""
        while (item := self._schedule.take(self._now())) is None:
            if self._is_shut_down:
                raise ShutDown
            await self._sleep()
        self._metrics.taken(self.name, self._now() - item.enqueued_at)
        return item

    def priority(self, key: K) -> int:
        """How urgent the run of this key is that is going on. KeyError: there is none."""
        return self._schedule.priority(key)

    def is_due(self, key: K, within: float) -> bool:
        """Whether the key runs, or is to run within so many seconds."""
        return self._schedule.is_due(key, self._now() + within)

    def done(self, key: K) -> None:
        """The run of the key is over. KeyError: it was not running."""
        started_at = self._schedule.done(key)
        self._metrics.finished(self.name, self._now() - started_at)
        if len(self._schedule):
            self._wake(1)
        if not self._schedule.started_at:
            self._rested.set()

    def shut_down(self) -> None:
        """Take nothing more in. Delayed keys are dropped; what is ready is still given out."""
        self._is_shut_down = True
        self._schedule.close()
        if self._timer is not None:
            self._timer.cancel()
        self._wake(len(self._getters))

    async def drain(self) -> None:
        """Shut down, and wait until no key is being processed."""
        self.shut_down()
        while self._schedule.started_at:
            self._rested.clear()
            await self._rested.wait()

    def __len__(self) -> int:
        """Keys that are ready."""
        return len(self._schedule)

    @property
    def depth(self) -> Mapping[int, int]:
        """Keys that want to run, also those whose run is not over, by priority: workqueue_depth."""
        return self._schedule.wanted

    @property
    def delayed(self) -> int:
        """Keys that wait for their time."""
        return self._schedule.delayed

    @property
    def unfinished(self) -> float:
        """Seconds since the start of each run going on, summed: workqueue_unfinished_work_seconds."""
        return sum(self._ages())

    @property
    def longest_running(self) -> float:
        """Seconds since the start of the oldest run going on: workqueue_longest_running_processor_seconds."""
        return max(self._ages(), default=0.0)

    def _ages(self) -> list[float]:
        return [self._now() - started_at for started_at in self._schedule.started_at]

    def _now(self) -> float:
        if self._loop is None:  # kept: a scrape may come from a thread that has no loop
            self._loop = asyncio.get_running_loop()
        return self._loop.time()

    async def _sleep(self) -> None:
        getter = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        except asyncio.CancelledError:
            if getter in self._getters:
                self._getters.remove(getter)
            else:
                self._wake(1)  # woken for a key, but cancelled before taking it: the next worker must
            raise

    def _wake(self, count: int) -> None:
        for _ in range(min(count, len(self._getters))):
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)

    def _set_timer(self) -> None:
        due_at = self._schedule.next_due()
        if due_at is None:
            return
        if self._timer is not None and not self._timer.cancelled():
            if self._timer.when() <= due_at:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(due_at, self._promote)

    def _promote(self) -> None:
        self._timer = None
        promoted = self._schedule.promote(self._now())
        for _ in range(promoted):
            self._metrics.added(self.name)
        self._wake(promoted)
        self._set_timer()
