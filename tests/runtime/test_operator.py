"""From the first list to the last key: who waits for whom, and that everything ends together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from fleetdns.runtime.controller import Controller, Result, Retry
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.operator import Operator
from fleetdns.runtime.workqueue import WorkQueue
from tests.runtime.scripted import NoJitter, Script, Slow, Step, Thing, Things, page, stream, thing

pytestmark = pytest.mark.looptime

WHOLE: tuple[Step, ...] = (page(thing("a", 3), version=10), stream(10_000.0))


class Bug(Exception):
    """Nobody expected it."""


def now() -> float:
    return asyncio.get_running_loop().time()


def slow(seconds: float) -> tuple[Step, ...]:
    return (Slow(seconds, WHOLE[0]), WHOLE[1])


@dataclass
class Bench:
    """An operator over informers that follow scripts, and what happened when."""

    scripts: tuple[tuple[Step, ...], ...] = (WHOLE,)
    takes: float = 1.0  # seconds of each reconcile
    before: Callable[[], Awaitable[None]] | None = None
    aside: Callable[[], Awaitable[None]] | None = None
    happened: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue: WorkQueue[str] = WorkQueue("things", random=NoJitter())
        informers: list[Informer[str, Thing]] = [
            Informer(f"things-{number}", Script(steps), Things(), random=NoJitter())
            for number, steps in enumerate(self.scripts)
        ]
        controller = Controller(
            "things", queue=self.queue, reconcile=self._reconcile, classify=lambda error: Retry(), workers=2
        )
        self.operator = Operator(informers, (controller,), before_work=self._begin, beside=(("aside", self._aside),))

    def is_working(self) -> bool:
        return self.operator.is_working

    def note(self, what: str) -> None:
        self.happened.append((now(), what))

    async def _begin(self) -> None:
        self.note("before work")
        if self.before is not None:
            await self.before()

    async def _aside(self) -> None:
        self.note("beside")
        try:
            if self.aside is not None:
                await self.aside()
            await asyncio.Event().wait()
        finally:
            self.note("beside ends")

    async def _reconcile(self, key: str) -> Result:
        self.note(f"{key} begins")
        await asyncio.sleep(self.takes)
        self.note(f"{key} ends")
        return Result()

    @asynccontextmanager
    async def running(
        self, may_work: Callable[[], Awaitable[None]] | None = None, on_work: Callable[[], None] | None = None
    ) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.operator.run(may_work, on_work))
        yield task
        task.cancel()
        await asyncio.wait([task])


async def test_the_workers_start_when_the_last_cache_is_whole() -> None:
    bench = Bench(scripts=(slow(5), slow(20), slow(1)))
    bench.queue.add("a")
    async with bench.running():
        await asyncio.sleep(19)
        assert not bench.is_working()
        assert bench.happened == []
        await asyncio.sleep(3)
        assert bench.is_working()
        assert bench.happened == [(20, "before work"), (20, "beside"), (20, "a begins"), (21, "a ends")]


async def test_until_it_may_work_nothing_but_the_caches_is_at_work() -> None:
    bench, may = Bench(scripts=(slow(5),)), asyncio.Event()
    asked: list[float] = []

    async def may_work() -> None:
        asked.append(now())
        await may.wait()

    bench.queue.add("a")
    async with bench.running(may_work):
        await asyncio.sleep(100)
        assert asked == [5], "it is asked once the caches are whole"
        assert bench.happened == []
        assert not bench.is_working()
        may.set()
        await asyncio.sleep(10)
        assert [what for _, what in bench.happened] == ["before work", "beside", "a begins", "a ends"]


async def test_what_comes_before_work_is_over_before_it_begins() -> None:
    async def takes_long() -> None:
        await asyncio.sleep(7)

    bench = Bench(before=takes_long)
    bench.queue.add("a")
    async with bench.running():
        await asyncio.sleep(10)
        assert bench.happened == [(0, "before work"), (7, "beside"), (7, "a begins"), (8, "a ends")]


async def test_who_waits_for_the_work_hears_of_it_between_what_comes_before_and_the_first_key() -> None:
    bench = Bench()
    bench.queue.add("a")
    async with bench.running(on_work=lambda: bench.note("on work")):
        await asyncio.sleep(10)
        assert [what for _, what in bench.happened] == ["before work", "on work", "beside", "a begins", "a ends"]


async def test_others_run_between_two_reconciles_that_await_nothing_whichever_controllers_they_are_of() -> None:
    turns, began, all_began = 0, list[int](), asyncio.Event()

    async def reconcile(key: str) -> Result:
        began.append(turns)
        if len(began) == 40:
            all_began.set()
        return Result()

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def controller(name: str) -> Controller[str]:
        queue: WorkQueue[str] = WorkQueue(name, random=NoJitter())
        for number in range(20):
            queue.add(f"{number}")
        return Controller(name, queue=queue, reconcile=reconcile, classify=lambda error: Retry(), workers=8)

    async def nothing() -> None:
        return

    operator = Operator((), (controller("a"), controller("b")), before_work=nothing, beside=(("count", count),))
    task = asyncio.create_task(operator.run())
    async with asyncio.timeout(10):
        await all_began.wait()
    task.cancel()
    await asyncio.wait([task])
    # The last key of a queue has nobody behind it, and does not wait.
    assert len(set(began)) >= 38


async def test_stopped_it_finishes_what_is_in_hand_takes_no_further_key_and_ends_the_rest() -> None:
    bench = Bench(takes=10)
    for key in ("a", "b", "c"):
        bench.queue.add(key)
    async with bench.running() as task:
        await asyncio.sleep(3)
        await bench.operator.stop()
        assert now() == 10
        await asyncio.wait([task], timeout=1)
        assert task.done()
        assert task.exception() is None
        assert sorted(what for _, what in bench.happened[2:4]) == ["a begins", "b begins"]
        assert sorted(bench.happened[4:]) == [(10, "a ends"), (10, "b ends"), (10, "beside ends")]
        assert not bench.is_working()


async def test_stopped_before_it_began_to_work_it_never_does() -> None:
    bench, may = Bench(), asyncio.Event()

    async def may_work() -> None:
        await may.wait()

    bench.queue.add("a")
    async with bench.running(may_work) as task:
        await asyncio.sleep(3)
        await bench.operator.stop()
        may.set()
        await asyncio.wait([task], timeout=1)
        assert task.done()
        assert "a begins" not in [what for _, what in bench.happened]


async def test_cancelled_all_of_it_ends_at_once() -> None:
    bench = Bench(takes=1000)
    bench.queue.add("a")
    async with bench.running() as task:
        await asyncio.sleep(3)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert now() == 3
        assert bench.happened[-1:] == [(3, "beside ends")]
        assert not bench.is_working()


async def test_a_bug_beside_the_workers_ends_them_and_rises() -> None:
    async def breaks() -> None:
        await asyncio.sleep(5)
        raise Bug

    bench = Bench(takes=1000, aside=breaks)
    bench.queue.add("a")
    async with bench.running() as task:
        await asyncio.wait([task], timeout=100)
        assert now() == 5
        error = task.exception()
        assert isinstance(error, ExceptionGroup)
        assert error.subgroup(Bug) is not None
        assert not bench.is_working()


async def test_a_bug_before_work_rises_and_no_worker_starts() -> None:
    async def breaks() -> None:
        raise Bug

    bench = Bench(before=breaks)
    bench.queue.add("a")
    async with bench.running() as task:
        await asyncio.wait([task], timeout=100)
        error = task.exception()
        assert isinstance(error, ExceptionGroup)
        assert error.subgroup(Bug) is not None
        assert bench.happened == [(0, "before work")]
        assert not bench.is_working()


async def test_a_refusal_to_let_it_work_rises() -> None:
    async def may_not_work() -> None:
        raise Bug

    bench = Bench()
    async with bench.running(may_not_work) as task:
        await asyncio.wait([task], timeout=100)
        assert isinstance(task.exception(), ExceptionGroup)
        assert bench.happened == []
