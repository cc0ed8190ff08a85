"""How many keys the work queue takes and gives in a second, on one core.

python -m tests.bench.workqueue [--keys N] [--rounds N] [--json FILE]

An operation is one call of the queue. Keys are those of the controller (namespace and name), as many as there are
services in the largest fleet that one Azure subscription holds, times ten.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

from fleetdns.api.meta import ObjectKey
from fleetdns.runtime.backoff import Backoff
from fleetdns.runtime.workqueue import WorkQueue
from tests.bench.report import Report, Table, arguments_of, machine, parser, publish

_BACKOFF = Backoff(base=1.0, factor=2.0, cap=60.0, jitter=0.5)
_DUPLICATES = 10


@dataclass(frozen=True, slots=True)
class Timed:
    """One way to use the queue: how many calls one round makes, and the seconds of each round."""

    what: str
    operations: int
    seconds: tuple[float, ...]

    @property
    def per_second(self) -> float:
        return self.operations / statistics.median(self.seconds)


def keys(number: int) -> list[ObjectKey]:
    return [ObjectKey("work", f"storefront-{place:05}") for place in range(number)]


async def _empty(queue: WorkQueue[ObjectKey]) -> None:
    while len(queue):
        queue.done((await queue.get()).key)


async def _once(queue: WorkQueue[ObjectKey], wanted: list[ObjectKey]) -> int:
    """Each key comes, is taken and is done: three calls."""
    for key in wanted:
        queue.add(key)
    await _empty(queue)
    return 3 * len(wanted)


async def _again_and_again(queue: WorkQueue[ObjectKey], wanted: list[ObjectKey]) -> int:
    """Every key is added ten times, at three priorities, before anybody takes it."""
    for turn in range(_DUPLICATES):
        for key in wanted:
            queue.add(key, turn % 3 - 1)
    await _empty(queue)
    return (_DUPLICATES + 2) * len(wanted)


async def _while_it_runs(queue: WorkQueue[ObjectKey], wanted: list[ObjectKey]) -> int:
    """A key is added while it runs, so that it runs twice: add, get, add, done, get, done."""
    for key in wanted:
        queue.add(key)
        item = await queue.get()
        queue.add(key)
        queue.done(item.key)
        queue.done((await queue.get()).key)
    return 6 * len(wanted)


async def _delayed(queue: WorkQueue[ObjectKey], wanted: list[ObjectKey]) -> int:
    """Each key is delayed for a minute, then asked for sooner, then at once."""
    for key in wanted:
        queue.add_after(key, 60.0)
    for key in wanted:
        queue.add_after(key, 30.0)
    for key in wanted:
        queue.add(key)
    await _empty(queue)
    return 5 * len(wanted)


async def _failing(queue: WorkQueue[ObjectKey], wanted: list[ObjectKey]) -> int:
    """Each key fails and backs off, is wanted all the same, and succeeds."""
    for key in wanted:
        queue.add_backoff(key, _BACKOFF)
        queue.add(key)
    while len(queue):
        item = await queue.get()
        queue.forget(item.key)
        queue.done(item.key)
    return 5 * len(wanted)


async def _to_waiting_workers(queue: WorkQueue[ObjectKey], wanted: list[ObjectKey]) -> int:
    """Eight workers sleep until a key comes: each wakes one of them, and the loop turns in between."""
    left = len(wanted)

    async def worker() -> None:
        nonlocal left
        while left > 0:
            item = await queue.get()
            queue.done(item.key)
            left -= 1
            if left == 0:
                ended.set()

    ended = asyncio.Event()
    workers = [asyncio.create_task(worker()) for _ in range(8)]
    for key in wanted:
        queue.add(key)
        await asyncio.sleep(0)
    await ended.wait()
    for task in workers:
        task.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    return 3 * len(wanted)


Use = Callable[[WorkQueue[ObjectKey], list[ObjectKey]], Awaitable[int]]
USES: tuple[tuple[str, Use], ...] = (
    ("add, get, done", _once),
    ("each key added ten times, then get, done", _again_and_again),
    ("added again while it runs", _while_it_runs),
    ("delayed, sooner, at once, get, done", _delayed),
    ("back-off, add, get, forget, done", _failing),
    ("add to eight workers that sleep, get, done", _to_waiting_workers),
)


async def measured(number: int, rounds: int) -> list[Timed]:
    """Each use with so many keys, on a fresh queue for each round."""
    wanted, found = keys(number), []
    for what, use in USES:
        seconds, operations = [], 0
        for _ in range(rounds):
            queue: WorkQueue[ObjectKey] = WorkQueue("bench", random=Random(1))
            began = time.perf_counter()
            operations = await use(queue, wanted)
            seconds.append(time.perf_counter() - began)
            queue.shut_down()
        found.append(Timed(what, operations, tuple(seconds)))
    return found


def report(found: Sequence[Timed], number: int) -> Report:
    rows = tuple((timed.what, f"{timed.per_second:,.0f}") for timed in found)
    return Report(
        title="The work queue",
        about=(
            f"`runtime/workqueue.py` on one core with {number:,} keys, calls of it per second; the median of "
            f"{len(found[0].seconds)} rounds."
        ),
        tables=(Table(("use", "operations per second"), rows),),
        numbers={timed.what: {"operations": timed.operations, "seconds": timed.seconds} for timed in found},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    words = arguments_of(arguments)
    flags = parser("workqueue", __doc__)
    flags.add_argument("--keys", type=int, default=2000)
    flags.add_argument("--rounds", type=int, default=20)
    given = flags.parse_args(words)
    where = machine()
    found = asyncio.run(measured(given.keys, given.rounds))
    return publish(report(found, given.keys), "workqueue", where=where, given=given, words=words)


if __name__ == "__main__":
    sys.exit(main())
