"""The controller loop: workers that take keys, reconcile them, and the one place that decides when a key runs again.

outcome of the reconcile          the key
Result()                          is forgotten: it runs again when something changes
Result(requeue_after=n)           is forgotten, and runs in n seconds, as urgent as now or as the Result says
an error, classified with delay   runs after exactly that delay
an error, classified otherwise    runs after its back-off, longer with each failure in a row
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from .backoff import Backoff
from .schedule import Item
from .workqueue import ShutDown, WorkQueue

K = TypeVar("K", bound=Hashable)

Report: TypeAlias = Literal["silent", "warning", "traceback"]

# controller-runtime's: quick at first, because most failures are collisions, and slow for what does not heal.
DEFAULT_BACKOFF = Backoff(base=0.005, factor=2.0, cap=1000.0, jitter=0.1)


@dataclass(frozen=True, slots=True)
class Result:
    """A reconcile that succeeded; requeue_after in seconds where it wants to look again, and how urgent that is: None
    where it is a part of what this one was for. is_quiet: it is one of many that came to the same, of which somebody
    else tells.
    """

    requeue_after: float | None = None
    priority: int | None = None
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """What to do about an error: when to run again (delay, else backoff, else the default one), and how loud it is."""

    delay: float | None = None
    backoff: Backoff | None = None
    label: str = "error"
    report: Report = "warning"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One reconcile that has ended. label: success, requeue_after, or the Retry's. Times in seconds."""

    controller: str
    key: Any
    label: str
    waited: float
    duration: float
    requeue_after: float | None
    error: Exception | None
    report: Report
    is_quiet: bool = False


class ControllerObserver(Protocol):
    """Told once of every reconcile, for its log line and metrics."""

    def reconciled(self, run: Reconciled, /) -> None:
        """run has ended, and its key is queued again if it should be."""
        return


class NoControllerObserver(ControllerObserver):
    """Sees nothing."""


class Controller(Generic[K]):
    """Runs reconcile for every key of the queue, workers at a time.

    classify says what an Exception of reconcile means for its key. Nothing that reconcile, classify or the observer
    raise ends a worker.
    """

    def __init__(
        self,
        name: str,
        *,
        queue: WorkQueue[K],
        reconcile: Callable[[K], Awaitable[Result]],
        classify: Callable[[Exception], Retry],
        workers: int,
        observer: ControllerObserver | None = None,
    ) -> None:
        self.name = name
        self.workers = workers
        self._queue = queue
        self._reconcile = reconcile
        self._classify = classify
        self._observer: ControllerObserver = observer or NoControllerObserver()
        self._is_stopping = False
        self._turn = asyncio.Lock()  # held by the worker that lets others run
        self._active = 0

    @property
    def active(self) -> int:
        """Workers that have a key in hand."""
        return self._active

    async def run(self, turn: asyncio.Lock | None = None) -> None:
        """Work until stop. Cancelled, it cancels the reconciles going on.

        `turn`: one lock for all that work in one loop, so that no two of them begin without others in between.
        """
        self._turn = turn or self._turn
        async with asyncio.TaskGroup() as group:
            for number in range(self.workers):
                group.create_task(self._work(), name=f"{self.name}-{number}")

    async def stop(self) -> None:
        """Take no further key; returns when those in hand are finished."""
        self._is_stopping = True
        await self._queue.drain()

    async def _work(self) -> None:
        while not self._is_stopping:
            try:
                item = await self._queue.get()
            except ShutDown:
                return
            self._active += 1
            try:
                if len(self._queue):
                    await self._let_others_run()
                if not self._is_stopping:
                    await self._process(item)
            finally:
                self._active -= 1
                self._queue.done(item.key)

    async def _let_others_run(self) -> None:
        """A reconcile that finds nothing to do awaits nothing, and at a start there are hundreds of them: they begin
        one by one, and whatever else is due comes in between.
        """
        async with self._turn:
            await asyncio.sleep(0)

    async def _process(self, item: Item[K]) -> None:
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        error: Exception | None = None
        result = Result()
        try:
            result = await self._reconciled(item.key)
        except Exception as raised:
            error = raised
            verdict = self._verdict(raised)
            self._retry(item, verdict)
        else:
            label = "success" if result.requeue_after is None else "requeue_after"
            verdict = Retry(delay=result.requeue_after, label=label, report="silent")
            self._succeed(item, result)
        self._tell(
            Reconciled(
                controller=self.name,
                key=item.key,
                label=verdict.label,
                waited=started_at - item.enqueued_at,
                duration=loop.time() - started_at,
                requeue_after=verdict.delay,
                error=error,
                report=verdict.report,
                is_quiet=result.is_quiet,
            )
        )

    async def _reconciled(self, key: K) -> Result:
        try:
            return await self._reconcile(key)
        except asyncio.CancelledError as cancelled:
            worker = asyncio.current_task()
            if worker is None or worker.cancelling():
                raise
            # Something inside was cancelled, not this worker. Let through, it would end the worker without a trace.
            raise RuntimeError(f"the reconcile of {key} was cancelled from within") from cancelled

    def _verdict(self, error: Exception) -> Retry:
        try:
            return self._classify(error)
        except Exception as bug:
            self._complain("classify", bug)
            return Retry(report="traceback")

    def _retry(self, item: Item[K], retry: Retry) -> None:
        if retry.delay is not None:
            self._queue.add_after(item.key, retry.delay, item.priority)
        else:
            self._queue.add_backoff(item.key, retry.backoff or DEFAULT_BACKOFF, item.priority)

    def _succeed(self, item: Item[K], result: Result) -> None:
        self._queue.forget(item.key)
        if result.requeue_after is not None:
            priority = item.priority if result.priority is None else result.priority
            self._queue.add_after(item.key, result.requeue_after, priority)

    def _tell(self, run: Reconciled) -> None:
        try:
            self._observer.reconciled(run)
        except Exception as bug:
            self._complain("the observer", bug)

    def _complain(self, what: str, bug: Exception) -> None:
        message = f"controller {self.name}: {what} failed"
        asyncio.get_running_loop().call_exception_handler({"message": message, "exception": bug})
