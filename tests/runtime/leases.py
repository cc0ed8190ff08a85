"""A lease in memory, a door to it for each replica with everything that may go wrong, and replicas that write."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal, TypeVar

from fleetdns.runtime.leader import Elector, LeaderObserver, LeadershipLost, Timing
from fleetdns.runtime.lease import Lease, LeaseConflict, LeaseError, LeaseRecord

TIMING = Timing(duration=30, interval=5.0)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

T = TypeVar("T")

Fault = Literal["refuse", "lose answer", "hang", "land late"]


@dataclass(frozen=True, slots=True)
class _Stored:
    record: LeaseRecord
    uid: int
    version: int


class LeaseServer:
    """Holds at most one lease; a version is never used twice."""

    def __init__(self) -> None:
        self._version = 0
        self._found: _Stored | None = None

    @property
    def record(self) -> LeaseRecord | None:
        return self._found.record if self._found else None

    def delete(self) -> None:
        self._found = None

    def read(self) -> Lease | None:
        return self._given(self._found) if self._found else None

    def create(self, record: LeaseRecord) -> Lease:
        if self._found is not None:
            raise LeaseConflict("it exists")
        self._version += 1
        self._found = _Stored(record, uid=self._version, version=self._version)
        return self._given(self._found)

    def replace(self, lease: Lease, record: LeaseRecord) -> Lease:
        if self._found is None or lease.stored != (self._found.uid, self._found.version):
            raise LeaseConflict("it is another version, or gone")
        self._version += 1
        self._found = _Stored(record, uid=self._found.uid, version=self._version)
        return self._given(self._found)

    def _given(self, found: _Stored) -> Lease:
        return Lease(found.record, (found.uid, found.version))


class Door:
    """One replica's way to the server. fault: what happens to requests from now on; late: seconds until one lands."""

    def __init__(self, server: LeaseServer, *, latency: float = 0.0) -> None:
        self.fault: Fault | None = None
        self.late = 8.0
        self.calls: list[str] = []
        self._server = server
        self._latency = latency
        self._landing: set[asyncio.Task[None]] = set()

    async def read(self) -> Lease | None:
        return await self._passed("read", self._server.read)

    async def create(self, record: LeaseRecord) -> Lease:
        return await self._passed("create", lambda: self._server.create(record))

    async def replace(self, lease: Lease, record: LeaseRecord) -> Lease:
        return await self._passed("replace", lambda: self._server.replace(lease, record))

    async def close(self) -> None:
        """Nothing lands any more."""
        for task in self._landing:
            task.cancel()
        await asyncio.gather(*self._landing, return_exceptions=True)

    async def _passed(self, name: str, request: Callable[[], T]) -> T:
        self.calls.append(name)
        await asyncio.sleep(self._latency)
        match self.fault:
            case "refuse":
                raise LeaseError("refused")
            case "lose answer":
                request()
                raise LeaseError("reset")
            case "hang":
                await asyncio.Event().wait()
            case "land late":
                self._spawn(self._land(request))
                await asyncio.Event().wait()
        answer = request()
        await asyncio.sleep(self._latency)
        return answer

    async def _land(self, request: Callable[[], Any]) -> None:
        """The sender has long given up; the network has not."""
        await asyncio.sleep(self.late)
        try:
            request()
        except LeaseConflict:
            return

    def _spawn(self, landing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(landing)
        self._landing.add(task)
        task.add_done_callback(self._landing.discard)


class Notes(LeaderObserver):
    """Writes down what it is told, with the time."""

    def __init__(self) -> None:
        self.told: list[tuple[float, str]] = []
        self._news = asyncio.Event()

    @property
    def words(self) -> list[str]:
        return [word for _, word in self.told]

    async def heard(self, word: str) -> float:
        """When it was told this first; waits for it."""
        while word not in self.words:
            self._news.clear()
            await self._news.wait()
        return next(at for at, told in self.told if told == word)

    def _note(self, word: str) -> None:
        self._news.set()
        self.told.append((round(asyncio.get_running_loop().time(), 3), word))

    def following(self, holder: str, /) -> None:
        self._note(f"following {holder}")

    def leading(self) -> None:
        self._note("leading")

    def failing(self, problem: str, /) -> None:
        self._note(f"failing: {problem}")

    def recovered(self) -> None:
        self._note("recovered")

    def lost(self, because: str, /) -> None:
        self._note("lost")

    def released(self) -> None:
        self._note("released")


class Replica:
    """A candidate, its door, and its life: campaign, lead, lose."""

    def __init__(
        self,
        server: LeaseServer,
        name: str,
        *,
        random: Random,
        clock_error: timedelta = timedelta(),
        timing: Timing = TIMING,
        latency: float = 0.0,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.door = Door(server, latency=latency)
        self.notes = Notes()
        self.elector = Elector(
            self.door,
            identity=name,
            timing=timing,
            now=lambda: EPOCH + timedelta(seconds=loop.time()) + clock_error,
            random=random,
            observer=self.notes,
        )
        self._life: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._life = asyncio.create_task(self._live())

    async def elected(self) -> float:
        """When it became the leader, on the loop's clock."""
        return await self.notes.heard("leading")

    async def kill(self) -> None:
        """End without a word, as after kill -9."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait((self._life,))

    async def stop(self) -> None:
        """End as after SIGTERM: the lease is given back."""
        await self.kill()
        await self.elector.release()

    async def ended(self) -> None:
        """Returns once it has lost."""
        if self._life is not None:
            await asyncio.wait((self._life,))

    async def _live(self) -> None:
        await self.elector.acquire()
        try:
            await self.elector.keep()
        except LeadershipLost:
            return
