"""The work queue under workers, on a virtual clock: who gets which key when, and what happens at shutdown."""

import asyncio
from dataclasses import dataclass, field

import pytest

from fleetdns.runtime.backoff import Backoff
from fleetdns.runtime.workqueue import QueueMetrics, ShutDown, WorkQueue
from tests.runtime.scripted import Jitter, NoJitter

pytestmark = pytest.mark.looptime

DOUBLING = Backoff(base=1.0, factor=2.0, cap=60.0, jitter=0.0)
SLOW = Backoff(base=15.0, factor=2.0, cap=120.0, jitter=0.0)


@dataclass
class Counts(QueueMetrics):
    """What the queue told."""

    adds: int = 0
    retries: int = 0
    waited: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)

    def added(self, name: str, /) -> None:
        self.adds += 1

    def taken(self, name: str, waited: float, /) -> None:
        self.waited.append(waited)

    def finished(self, name: str, worked: float, /) -> None:
        self.worked.append(worked)

    def retried(self, name: str, /) -> None:
        self.retries += 1


def make_queue(metrics: QueueMetrics | None = None) -> WorkQueue[str]:
    return WorkQueue("test", random=NoJitter(), metrics=metrics)


def now() -> float:
    return round(asyncio.get_running_loop().time(), 6)


async def next_key(queue: WorkQueue[str]) -> tuple[float, str]:
    item = await queue.get()
    queue.done(item.key)
    return now(), item.key


async def test_a_key_added_many_times_runs_once() -> None:
    queue = make_queue()
    for _ in range(3):
        queue.add("a")
    assert len(queue) == 1
    assert await next_key(queue) == (0, "a")
    assert len(queue) == 0


async def test_keys_come_by_priority_and_within_one_as_they_were_added() -> None:
    queue = make_queue()
    for key, priority in (("resync", -100), ("user 1", 0), ("user 2", 0), ("finalizer", 10)):
        queue.add(key, priority)
    assert [(await next_key(queue))[1] for _ in range(4)] == ["finalizer", "user 1", "user 2", "resync"]


async def test_a_raised_priority_puts_the_key_at_the_end_of_its_new_class() -> None:
    queue = make_queue()
    queue.add("a", -100)
    queue.add("b", 0)
    queue.add("a", 0)
    queue.add("b", -100)
    assert [(await next_key(queue))[1] for _ in range(2)] == ["b", "a"]


async def test_a_worker_asleep_is_woken_by_the_first_key() -> None:
    queue = make_queue()
    asyncio.get_running_loop().call_later(7, queue.add, "a")
    assert await next_key(queue) == (7, "a")


async def test_a_key_added_while_it_runs_runs_exactly_once_more_and_never_twice_at_once() -> None:
    queue = make_queue()
    queue.add("a")
    await queue.get()
    for _ in range(3):
        queue.add("a")
    assert len(queue) == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100):
            await queue.get()
    queue.done("a")
    assert await next_key(queue) == (100, "a")
    assert queue.depth == {}


async def test_a_key_added_while_it_runs_wakes_a_worker_asleep_when_the_run_ends() -> None:
    queue = make_queue()
    queue.add("a")
    await queue.get()
    other = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add("a")
    await asyncio.sleep(1)
    queue.done("a")
    assert (await other).key == "a"
    assert now() == 2


async def test_a_delayed_key_comes_exactly_then() -> None:
    queue = make_queue()
    queue.add_after("a", 12.5)
    assert (len(queue), queue.delayed) == (0, 1)
    assert await next_key(queue) == (12.5, "a")


async def test_delayed_keys_come_in_the_order_of_their_times() -> None:
    queue = make_queue()
    for key, delay in (("c", 30), ("a", 10), ("b", 20)):
        queue.add_after(key, delay)
    assert [await next_key(queue) for _ in range(3)] == [(10, "a"), (20, "b"), (30, "c")]


@pytest.mark.parametrize(
    "delays",
    [pytest.param((10, 20), id="later after earlier"), pytest.param((20, 10), id="earlier after later")],
)
async def test_of_two_delays_the_earlier_counts_and_the_key_runs_once(delays: tuple[float, float]) -> None:
    queue = make_queue()
    for delay in delays:
        queue.add_after("a", delay)
    assert await next_key(queue) == (10, "a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100):
            await queue.get()


async def test_an_earlier_delay_keeps_the_higher_priority_of_a_later_one() -> None:
    queue = make_queue()
    queue.add_after("a", 20, priority=10)
    queue.add_after("a", 10, priority=0)
    assert (await queue.get()).priority == 10
    assert now() == 10


async def test_keys_due_together_come_in_the_order_they_were_first_asked_for() -> None:
    queue = make_queue()
    for key in ("a", "b", "a"):
        queue.add_after(key, 10)
    assert [await next_key(queue) for _ in range(2)] == [(10, "a"), (10, "b")]


async def test_a_plain_add_makes_a_delayed_key_ready_and_drops_the_delay_but_keeps_the_higher_priority() -> None:
    queue = make_queue()
    queue.add_after("a", 10, priority=10)
    queue.add("b")
    queue.add("a")
    assert (await queue.get()).priority == 10
    queue.done("a")
    await next_key(queue)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100):
            await queue.get()


async def test_a_delay_does_not_hold_back_a_key_that_is_ready() -> None:
    queue = make_queue()
    queue.add("a")
    queue.add_after("a", 10)
    assert queue.delayed == 0
    assert await next_key(queue) == (0, "a")


async def test_a_delay_that_is_over_during_the_run_leads_to_one_more_run_after_it() -> None:
    queue = make_queue()
    queue.add("a")
    await queue.get()
    queue.add_after("a", 5)
    await asyncio.sleep(8)
    assert (len(queue), queue.depth) == (0, {0: 1})
    queue.done("a")
    assert await next_key(queue) == (8, "a")


@pytest.mark.parametrize("delay", [0, -1])
async def test_no_delay_is_now(delay: float) -> None:
    queue = make_queue()
    queue.add_after("a", delay)
    assert await next_key(queue) == (0, "a")


async def test_failures_of_a_key_wait_longer_each_time_until_it_is_forgotten() -> None:
    queue = make_queue()
    times = []
    for _ in range(4):
        queue.add_backoff("a", DOUBLING)
        times.append((await next_key(queue))[0])
    queue.forget("a")
    queue.add_backoff("a", DOUBLING)
    queue.add_backoff("b", DOUBLING)
    assert times == [1, 3, 7, 15]
    assert [await next_key(queue) for _ in range(2)] == [(16, "a"), (16, "b")]


async def test_a_slow_retry_after_quick_ones_starts_at_its_own_base() -> None:
    queue = make_queue()
    for _ in range(3):
        queue.add_backoff("a", DOUBLING)
        await next_key(queue)
    queue.add_backoff("a", SLOW)
    assert await next_key(queue) == (7 + 15, "a")


async def test_a_key_that_others_wanted_meanwhile_is_retried_when_it_would_have_been() -> None:
    queue = make_queue()
    queue.add_backoff("a", SLOW)
    for _ in range(3):
        queue.add("a")
        await next_key(queue)
        queue.add_backoff("a", SLOW)
    assert await next_key(queue) == (15, "a")


async def test_keys_that_fail_together_do_not_come_back_together() -> None:
    queue: WorkQueue[str] = WorkQueue("test", random=Jitter(1))
    for number in range(20):
        queue.add_backoff(f"key {number}", Backoff(base=10.0, factor=2.0, cap=60.0, jitter=0.5))
    times = [(await next_key(queue))[0] for _ in range(20)]
    assert len(set(times)) == 20
    assert all(10 <= at < 15 for at in times)


# Shutdown


async def test_after_shutdown_nothing_goes_in_ready_keys_still_come_out_and_delayed_ones_are_dropped() -> None:
    counts = Counts()
    queue = make_queue(counts)
    queue.add("ready")
    queue.add_after("delayed", 5)
    queue.shut_down()
    queue.add("late")
    queue.add_after("late", 5)
    queue.add_backoff("late", DOUBLING)
    assert await next_key(queue) == (0, "ready")
    with pytest.raises(ShutDown):
        await queue.get()
    await asyncio.sleep(100)
    with pytest.raises(ShutDown):
        await queue.get()
    assert (counts.adds, counts.retries) == (1, 1)


async def test_shutdown_wakes_every_worker_asleep() -> None:
    queue = make_queue()
    asyncio.get_running_loop().call_later(3, queue.shut_down)
    outcomes = await asyncio.gather(*[queue.get() for _ in range(3)], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ShutDown] * 3
    assert now() == 3


async def test_drain_returns_only_when_no_key_is_in_hand() -> None:
    queue = make_queue()
    queue.add("before")
    await next_key(queue)
    for key in ("a", "b"):
        queue.add(key)
        await queue.get()
    asyncio.get_running_loop().call_later(4, queue.done, "a")
    asyncio.get_running_loop().call_later(9, queue.done, "b")
    await queue.drain()
    assert now() == 9


async def test_drain_of_an_idle_queue_returns_at_once() -> None:
    queue = make_queue()
    await queue.drain()
    assert now() == 0


# No lost wake-up


async def test_a_worker_cancelled_after_it_was_woken_passes_the_key_on() -> None:
    queue = make_queue()
    cancelled, other = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add("a")
    cancelled.cancel()
    assert (await other).key == "a"
    assert now() == 1
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_a_worker_cancelled_asleep_leaves_nothing_behind() -> None:
    queue = make_queue()
    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await queue.get()
    assert not queue._getters
    queue.add("a")
    assert await next_key(queue) == (5, "a")


async def test_under_many_workers_and_random_adds_no_key_runs_twice_at_once_and_every_add_is_followed_by_a_run() -> (
    None
):
    queue = make_queue()
    random = Jitter(3)
    running: set[str] = set()
    added_at: dict[str, float] = {}
    started_at: dict[str, float] = {}

    async def work() -> None:
        while True:
            item = await queue.get()
            assert item.key not in running
            running.add(item.key)
            started_at[item.key] = now()
            await asyncio.sleep(random.random() * 3)
            running.discard(item.key)
            queue.done(item.key)

    async def produce() -> None:
        for _ in range(150):
            key = random.choice("abcdefgh")
            added_at[key] = now()
            queue.add(key, random.choice((-100, 0, 10)))
            await asyncio.sleep(random.random() * 0.5)

    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(work()) for _ in range(4)]
        await produce()
        await asyncio.sleep(60)
        for worker in workers:
            worker.cancel()
    assert not running
    assert all(started_at[key] >= at for key, at in added_at.items())


# Metrics


async def test_metrics_tell_how_long_keys_waited_and_worked() -> None:
    counts = Counts()
    queue = make_queue(counts)
    queue.add("a")
    queue.add("a")
    await asyncio.sleep(2)
    await queue.get()
    queue.add("a")
    await asyncio.sleep(3)
    queue.done("a")
    await queue.get()
    queue.add_after("b", 10)
    queue.add_after("b", 20)
    await asyncio.sleep(11)
    assert (counts.adds, counts.retries) == (3, 2)
    assert (counts.waited, counts.worked) == ([2, 3], [3])


async def test_gauges_tell_what_waits_and_what_runs_now() -> None:
    queue = make_queue()
    assert (queue.unfinished, queue.longest_running) == (0, 0)
    for key in ("a", "b", "c"):
        queue.add(key)
    queue.add("low", -100)
    await queue.get()
    await asyncio.sleep(2)
    await queue.get()
    queue.add("a")
    await asyncio.sleep(3)
    assert (queue.unfinished, queue.longest_running) == (8, 5)
    assert queue.depth == {0: 2, -100: 1}, "client-go counts a key that is added while it runs"
    assert len(queue) == 2


async def test_a_key_that_was_not_running_cannot_be_done() -> None:
    with pytest.raises(KeyError):
        make_queue().done("a")
