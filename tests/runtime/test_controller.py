"""The controller loop: each outcome of a reconcile leads to its requeue, and nothing but cancellation ends a worker."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from fleetdns.runtime.backoff import Backoff
from fleetdns.runtime.controller import Controller, ControllerObserver, Reconciled, Result, Retry
from fleetdns.runtime.workqueue import WorkQueue
from tests.runtime.scripted import NoJitter

pytestmark = pytest.mark.looptime

DOUBLING = Backoff(base=1.0, factor=2.0, cap=60.0, jitter=0.0)


class Collision(Exception):
    """An error that classify knows."""


@dataclass
class Log(ControllerObserver):
    runs: list[Reconciled] = field(default_factory=list)

    def reconciled(self, run: Reconciled, /) -> None:
        self.runs.append(run)


@dataclass
class Bench:
    """A controller over a reconcile given per test, and the log of what it did."""

    reconcile: Callable[[str], Awaitable[Result]]
    classify: Callable[[Exception], Retry] = lambda _error: Retry(backoff=DOUBLING)
    workers: int = 1
    observer: Any = field(default_factory=Log)
    starts: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue: WorkQueue[str] = WorkQueue("test", random=NoJitter())
        self.controller = Controller(
            "test",
            queue=self.queue,
            reconcile=self._noted,
            classify=self.classify,
            workers=self.workers,
            observer=self.observer,
        )

    async def _noted(self, key: str) -> Result:
        self.starts.append((now(), key))
        return await self.reconcile(key)

    async def run(self, *keys: str, until: float) -> None:
        for key in keys:
            self.queue.add(key)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.controller.run())
            await asyncio.sleep(until)
            await self.controller.stop()


def now() -> float:
    return round(asyncio.get_running_loop().time(), 3)


def outcomes(*steps: Result | Exception | float) -> Callable[[str], Awaitable[Result]]:
    """A reconcile with these outcomes in turn, then success; a number stands for seconds of work and success."""
    left = list(steps)

    async def reconcile(_key: str) -> Result:
        match left.pop(0) if left else Result():
            case Exception() as error:
                raise error
            case Result() as result:
                return result
            case seconds:
                await asyncio.sleep(seconds)
                return Result()

    return reconcile


async def test_success_is_not_repeated() -> None:
    bench = Bench(outcomes())
    await bench.run("a", until=1000)
    assert bench.starts == [(0, "a")]
    assert [(run.key, run.label, run.error, run.report) for run in bench.observer.runs] == [
        ("a", "success", None, "silent")
    ]


async def test_requeue_after_runs_again_exactly_then() -> None:
    bench = Bench(outcomes(Result(requeue_after=60)))
    await bench.run("a", until=1000)
    assert bench.starts == [(0, "a"), (60, "a")]
    assert [(run.label, run.requeue_after) for run in bench.observer.runs] == [("requeue_after", 60), ("success", None)]


async def test_an_error_with_a_delay_runs_again_exactly_then_however_often_it_failed() -> None:
    bench = Bench(outcomes(Collision(), Collision(), Collision()), lambda _error: Retry(delay=17, label="throttled"))
    await bench.run("a", until=1000)
    assert [at for at, _ in bench.starts] == [0, 17, 34, 51]
    assert [run.label for run in bench.observer.runs] == ["throttled"] * 3 + ["success"]


async def test_an_error_with_a_backoff_waits_longer_each_time_and_anew_after_a_success() -> None:
    error = Collision()
    bench = Bench(outcomes(error, error, error, Result(requeue_after=10), error))
    await bench.run("a", until=1000)
    assert [at for at, _ in bench.starts] == [0, 1, 3, 7, 17, 18]


async def test_an_error_that_is_only_labelled_gets_the_default_backoff() -> None:
    bench = Bench(outcomes(*[Collision()] * 4), lambda _error: Retry())
    await bench.run("a", until=1000)
    assert [at for at, _ in bench.starts] == [0, 0.005, 0.015, 0.035, 0.075]


async def test_classify_decides_by_the_error() -> None:
    def classify(error: Exception) -> Retry:
        if isinstance(error, Collision):
            return Retry(delay=2, label="conflict", report="silent")
        return Retry(delay=5, label="bug", report="traceback")

    collision, bug = Collision(), ZeroDivisionError()
    bench = Bench(outcomes(collision, bug), classify)
    await bench.run("a", until=100)
    assert [at for at, _ in bench.starts] == [0, 2, 7]
    assert [(run.label, run.error, run.report) for run in bench.observer.runs] == [
        ("conflict", collision, "silent"),
        ("bug", bug, "traceback"),
        ("success", None, "silent"),
    ]


async def test_the_observer_is_told_how_long_the_key_waited_and_took() -> None:
    bench = Bench(outcomes(3.0, 4.0))
    await bench.run("a", "b", until=100)
    assert [(run.controller, run.key, run.waited, run.duration) for run in bench.observer.runs] == [
        ("test", "a", 0, 3),
        ("test", "b", 3, 4),
    ]


@pytest.mark.parametrize(
    "retry", [pytest.param(Retry(backoff=DOUBLING), id="backoff"), pytest.param(Retry(delay=1), id="delay")]
)
async def test_a_retry_keeps_the_priority_of_the_key(retry: Retry) -> None:
    bench = Bench(outcomes(Collision(), Result(requeue_after=5)), lambda _error: retry)
    bench.queue.add("a", 10)
    depths = []

    async def look() -> None:
        for at in (0.5, 1.5):
            await asyncio.sleep(at - now())
            depths.append(bench.queue._schedule._delayed["a"].priority)

    await asyncio.gather(bench.run(until=3), look())
    assert depths == [10, 10]


@pytest.mark.parametrize(
    ("asked", "priority"),
    [
        pytest.param(None, 10, id="as it was"),
        pytest.param(-100, -100, id="less urgent"),
        pytest.param(20, 20, id="more urgent"),
    ],
)
async def test_a_key_that_wants_to_run_later_says_how_urgent_that_is(asked: int | None, priority: int) -> None:
    bench = Bench(outcomes(Result(requeue_after=5, priority=asked)))
    bench.queue.add("a", 10)
    found = []

    async def look() -> None:
        await asyncio.sleep(4)
        found.append(bench.queue._schedule._delayed["a"].priority)

    await asyncio.gather(bench.run(until=4.5), look())
    assert found == [priority]


async def test_a_key_added_while_it_is_reconciled_is_reconciled_once_more_after_it() -> None:
    bench = Bench(outcomes(5.0), workers=3)
    for at in (1, 2, 3):
        asyncio.get_running_loop().call_later(at, bench.queue.add, "a")
    await bench.run("a", until=100)
    assert bench.starts == [(0, "a"), (5, "a")]


async def test_different_keys_are_reconciled_in_parallel_as_many_as_there_are_workers() -> None:
    bench = Bench(outcomes(10.0, 10.0, 10.0), workers=2)
    active = []
    asyncio.get_running_loop().call_later(5, lambda: active.append(bench.controller.active))
    await bench.run("a", "b", "c", until=100)
    assert bench.starts == [(0, "a"), (0, "b"), (10, "c")]
    assert (active, bench.controller.active) == ([2], 0)


async def test_others_run_between_two_reconciles_that_await_nothing_however_many_workers_there_are() -> None:
    bench = Bench(outcomes(), workers=8)
    seen = [0]

    async def look() -> None:
        for _ in range(1000):
            seen.append(len(bench.starts))
            await asyncio.sleep(0)

    await asyncio.gather(bench.run(*map(str, range(50)), until=3), look())
    assert len(bench.starts) == 50
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 2
    assert {at for at, _ in bench.starts} == {0}


async def test_stop_lets_the_key_in_hand_finish_and_takes_no_other() -> None:
    bench = Bench(outcomes(10.0, 10.0), workers=1)
    await bench.run("a", "b", until=3)
    assert now() == 10
    assert [run.key for run in bench.observer.runs] == ["a"]
    assert bench.starts == [(0, "a")]
    assert len(bench.queue) == 1


async def test_stop_of_an_idle_controller_ends_it_at_once() -> None:
    bench = Bench(outcomes(), workers=4)
    await bench.run(until=3)
    assert now() == 3


async def test_a_key_that_arrives_together_with_stop_is_not_reconciled() -> None:
    bench = Bench(outcomes())
    run = asyncio.create_task(bench.controller.run())
    await asyncio.sleep(1)
    bench.queue.add("a")
    await bench.controller.stop()
    await run
    assert bench.starts == []


async def test_cancelling_run_cancels_the_reconciles_and_leaves_no_key_in_hand() -> None:
    cancelled = []

    async def reconcile(key: str) -> Result:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            cancelled.append(key)
            raise
        return Result()

    bench = Bench(reconcile, workers=2)
    bench.queue.add("a")
    run = asyncio.create_task(bench.controller.run())
    await asyncio.sleep(1)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (cancelled, bench.queue.unfinished, bench.observer.runs) == (["a"], 0, [])


async def test_a_cancellation_from_within_the_reconcile_is_an_error_and_does_not_end_the_worker() -> None:
    async def reconcile(key: str) -> Result:
        if key == "a":
            asyncio.get_running_loop().call_later(1, (inner := asyncio.get_running_loop().create_future()).cancel)
            await inner
        return Result()

    bench = Bench(reconcile, lambda _error: Retry(delay=1000, label="bug"))
    await bench.run("a", "b", until=10)
    assert [(run.key, run.label, type(run.error)) for run in bench.observer.runs] == [
        ("a", "bug", RuntimeError),
        ("b", "success", type(None)),
    ]


def _broken_classify(_error: Exception) -> Retry:
    raise LookupError


class BrokenObserver(ControllerObserver):
    def reconciled(self, run: Reconciled, /) -> None:
        raise LookupError


@pytest.mark.parametrize(
    ("broken", "expected_starts"),
    [
        pytest.param({"classify": _broken_classify}, [(0, "a"), (0, "b"), (0.005, "a")], id="classify"),
        pytest.param({"observer": BrokenObserver()}, [(0, "a"), (0, "b"), (1, "a")], id="observer"),
    ],
)
async def test_a_bug_in_the_surroundings_is_complained_of_and_does_not_end_the_worker(
    broken: dict[str, Any], expected_starts: list[tuple[float, str]]
) -> None:
    complaints: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context["exception"]))
    bench = Bench(outcomes(Collision()), **broken)
    await bench.run("a", "b", until=100)
    assert bench.starts == expected_starts
    assert {type(complaint) for complaint in complaints} == {LookupError}
