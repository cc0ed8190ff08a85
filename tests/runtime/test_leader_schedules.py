"""Ten minutes of everything at once, many times over: an observer who sees all writes never sees two writers."""

import asyncio
from datetime import timedelta
from itertools import count
from random import Random

import pytest

from tests.runtime.leases import TIMING, Fault, LeaseServer, Replica
from tests.simulation.clock import run

LENGTH = 600.0
LONGEST_CALL = 20.0
FAULTS: tuple[Fault | None, ...] = ("refuse", "lose answer", "hang", "land late", None, None)
# Whoever never saw a lease may make one at once. That somebody deletes it by hand and starts a new replica in the same
# half minute, or deletes it twice between two looks of another, is beyond what a lease can tell.
UNSEEN = TIMING.duration + LONGEST_CALL


class Write:
    """A write that has started; it cannot be called back, whatever becomes of its sender."""

    def __init__(self, name: str, start: float, end: float) -> None:
        self.name, self.start, self.end = name, start, end


class Writer:
    """A replica that writes whenever its fence lets it."""

    def __init__(self, server: LeaseServer, name: str, writes: list[Write], random: Random) -> None:
        self.replica = Replica(
            server,
            name,
            random=random,
            clock_error=timedelta(hours=random.uniform(-24, 24)),
            latency=random.uniform(0.0, 0.3),
        )
        self._name = name
        self._writes = writes
        self._random = random
        self._end = 0.0
        self.replica.start()
        self._writing = asyncio.create_task(self._write())

    async def kill(self) -> None:
        self._writing.cancel()
        await self.replica.kill()

    async def stop(self) -> None:
        self._writing.cancel()
        await asyncio.sleep(max(0.0, self._end - asyncio.get_running_loop().time()))
        await self.replica.stop()

    async def _write(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            seconds = self._random.choice((0.5, 10.0, LONGEST_CALL))
            if self.replica.elector.fence.valid_for(seconds):
                self._end = max(self._end, clock() + seconds)
                self._writes.append(Write(self._name, clock(), clock() + seconds))
            await asyncio.sleep(self._random.uniform(0.1, 1.0))


class Schedule:
    """What happens, drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.server = LeaseServer()
        self.writes: list[Write] = []
        self._random = Random(seed)
        self._names = (f"replica-{number}" for number in count())
        self.writers = [self._new() for _ in range(3)]
        self._no_start_until = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < LENGTH:
            await asyncio.sleep(self._random.uniform(0.5, 15.0))
            await self._event(self._random.randrange(3), loop.time())

    async def heal(self) -> None:
        """From now on nothing goes wrong; whoever has lost is started again."""
        for writer in self.writers:
            writer.replica.door.fault = None
        await asyncio.sleep(UNSEEN)
        for place, writer in enumerate(self.writers):
            if "lost" in writer.replica.notes.words:
                await self._replace(place)

    async def end(self) -> None:
        for writer in self.writers:
            await writer.kill()
            await writer.replica.door.close()

    async def _event(self, place: int, now: float) -> None:
        writer, kind = self.writers[place], self._random.random()
        if kind < 0.6:
            writer.replica.door.late = self._random.uniform(1.0, 60.0)
            writer.replica.door.fault = self._random.choice(FAULTS)
        elif kind < 0.65:
            if now < self._no_start_until or any(each.replica.elector.holder is None for each in self.writers):
                return
            self.server.delete()
            self._no_start_until = now + UNSEEN
        elif now >= self._no_start_until:
            if kind < 0.8:
                await writer.stop()
            await self._replace(place)

    async def _replace(self, place: int) -> None:
        await self.writers[place].kill()
        self.writers[place] = self._new()

    def _new(self) -> Writer:
        return Writer(self.server, next(self._names), self.writes, self._random)


def overlaps(writes: list[Write]) -> list[tuple[str, str, float]]:
    """Writes of different replicas that were under way at the same moment."""
    found = []
    last: dict[str, float] = {}  # replica -> when the last of its writes ends
    for write in sorted(writes, key=lambda write: write.start):
        found += [
            (name, write.name, write.start) for name, end in last.items() if name != write.name and end > write.start
        ]
        last[write.name] = max(last.get(write.name, 0.0), write.end)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_never_two_writers_and_soon_one_again(seed: int) -> None:
    run(_played(seed))


async def _played(seed: int) -> None:
    schedule = Schedule(seed)
    await schedule.run()
    assert overlaps(schedule.writes) == []
    await schedule.heal()
    await asyncio.sleep(2 * TIMING.duration + LONGEST_CALL)
    assert [writer.replica.elector.is_leading for writer in schedule.writers].count(True) == 1
    assert overlaps(schedule.writes) == []
    await schedule.end()


def test_the_observer_sees_two_writers_when_there_are_two() -> None:
    writes = [Write("a", 0.0, 20.0), Write("a", 5.0, 6.0), Write("b", 19.0, 20.0)]
    assert overlaps(writes) == [("a", "b", 19.0)]
