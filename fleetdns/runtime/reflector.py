"""List, then watch, for ever: everything that happens to one kind on the server, told to a sink in order.

what happened                              next
list given                                 watch from its version
list: 410, or version too new              list at once by quorum read; failing that, the same after a pause
stream closed, cut in a line, or silent    watch on from the last version; after several silences in a row, list
stream closed at once without news         pause, list
429, or the server unreachable             pause (as long as it asked for), watch on from the last version
410 on the watch, or any other error       pause, list at the last version ("not older than")
404                                        short pause, list: the kind may be about to be created

Pauses grow, are jittered, and start small again after two quiet minutes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from random import Random
from typing import Generic, TypeAlias, TypeVar

from .backoff import Backoff, RestingBackoff
from .events import Event
from .listwatch import Codec, Expired, ListWatch, ListWatchError, NotServed, Throttled, Unavailable
from .observer import Health, InformerObserver, NoInformerObserver, Phase
from .pager import Listed, whole_list
from .resourceversion import is_older
from .watchline import WatchLine, read_line

K = TypeVar("K")
T = TypeVar("T")

Sink: TypeAlias = Callable[[Event[K, T]], None]

RETRY = Backoff(base=0.8, factor=2.0, cap=30.0, jitter=1.0)
RETRY_RESETS_AFTER = 120.0
# Looking for a kind is one cheap 404, and somebody who has just created it is waiting.
LOOK_AGAIN = Backoff(base=1.0, factor=1.5, cap=10.0, jitter=0.5)

_SHORT = 1.0  # seconds; a stream that ends sooner and brought nothing is a failure
_SILENCES_BEFORE_LIST = 4
_LINES_AT_ONCE = 256  # buffered lines come without suspending: let others run now and then


class ShortWatch(ListWatchError):
    """The server accepts watches and ends them at once."""


class Reflector(Generic[K, T]):
    """One kind, from one server.

    watch_timeout: seconds a watch is asked to last, at least and at most.
    stall_timeout: seconds of silence after which the connection counts as dead; bookmarks come every minute.
    request_timeout: seconds for a page of a list.
    on_not_served is told how many times in a row the server did not have the kind.
    """

    def __init__(
        self,
        listwatch: ListWatch,
        codec: Codec[K, T],
        *,
        random: Random,
        name: str = "",
        page_size: int = 500,
        watch_timeout: tuple[int, int] = (300, 600),
        stall_timeout: float = 75.0,
        request_timeout: float = 90.0,
        on_not_served: Callable[[int], None] = lambda _looks: None,
        observer: InformerObserver | None = None,
    ) -> None:
        self._listwatch = listwatch
        self._codec = codec
        self._random = random
        self._name = name
        self._page_size = page_size
        self._watch_timeout = watch_timeout
        self._stall_timeout = stall_timeout
        self._request_timeout = request_timeout
        self._on_not_served = on_not_served
        self._observer: InformerObserver = observer or NoInformerObserver()
        self._backoff = RestingBackoff(RETRY, reset_after=RETRY_RESETS_AFTER, random=random)

        self._list_because: str | None = "start"  # why the next step is a list; None: it is a watch
        self._version = ""  # up to here everything has been told to the sink
        self._is_version_usable = True  # False: the server refused to list at it
        self._is_version_ordered = True  # False: the watch began without a version, its first ADDED come in any order
        self._is_cacheless = False  # the server pages even what it could give from its cache: so page every list
        self._silences = 0  # streams in a row that went silent
        self._looks = 0  # answers in a row that the kind is not served
        self._is_watching = False
        self._proof: asyncio.TimerHandle | None = None  # when a watch after a failure will have lasted long enough
        self._heard_at: float | None = None
        self._health = Health()

    @property
    def health(self) -> Health:
        """Where list and watch stand now."""
        return replace(self._health, heard_at=self._heard_at)

    @property
    def is_watching(self) -> bool:
        """A watch is open at this moment."""
        return self._is_watching

    async def run(self, sink: Sink[K, T]) -> None:
        """Tell sink everything, until cancelled. Only what sink or codec raise beyond Undecodable ends it."""
        while True:
            try:
                if self._list_because is None:
                    await self._watch(sink)
                else:
                    await self._list(sink, because=self._list_because)
            except ListWatchError as error:
                await asyncio.sleep(self._pause(error))

    # Listing

    async def _list(self, sink: Sink[K, T], *, because: str) -> None:
        started_at = _now()
        listed = await self._initial_state()
        self._list_because = None
        self._version = listed.state.resource_version
        self._is_version_usable = True
        self._is_version_ordered = self._version not in ("", "0")
        self._silences = self._looks = 0
        objects = len(listed.state.entries) + len(listed.state.unknown)
        self._observer.listed(self._name, reason=because, objects=objects, duration=_now() - started_at)
        sink(listed.state)

    async def _initial_state(self) -> Listed[K, T]:
        version = (self._version or "0") if self._is_version_usable else ""
        try:
            listed = await self._whole_list(version)
        except Expired:
            if not version:
                raise
            self._is_version_usable = False
            return await self._whole_list("")
        if version == "0" and listed.is_paginated:
            self._is_cacheless = True
        return listed

    async def _whole_list(self, version: str) -> Listed[K, T]:
        # A limit beside a version makes the server leave its cache and read etcd.
        limit = self._page_size if version in ("", "0") or self._is_cacheless else None
        return await whole_list(
            self._listwatch, self._codec, resource_version=version, limit=limit, timeout=self._request_timeout
        )

    # Watching

    async def _watch(self, sink: Sink[K, T]) -> None:
        started_at = _now()
        reason = "cancelled"
        try:
            reason = await self._read(sink)
        except ListWatchError as error:
            reason = type(error).__name__
            raise
        finally:
            self._is_watching = False
            if self._proof is not None:
                self._proof.cancel()
            self._observer.watch_ended(self._name, reason=reason, duration=_now() - started_at)

    async def _read(self, sink: Sink[K, T]) -> str:
        """Read one stream to its end; gives how it ended."""
        patience = self._stall_timeout * self._random.uniform(1.0, 1.1)
        seconds = self._random.randint(*self._watch_timeout)
        version = self._version
        opening = self._listwatch.watch(resource_version=version, timeout_seconds=seconds)
        try:
            async with asyncio.timeout(patience) as silence, opening as lines:
                opened_at = self._accept()
                reason = await self._follow(lines, sink, silence, patience)
        except TimeoutError as error:
            if self._is_watching and silence.expired():
                return self._fall_silent()
            raise Unavailable("the server did not answer the watch in time") from error
        if _now() - opened_at < _SHORT and self._version == version:
            raise ShortWatch
        return reason

    async def _follow(
        self, lines: AsyncIterator[bytes], sink: Sink[K, T], silence: asyncio.Timeout, patience: float
    ) -> str:
        count = 0
        async for line in lines:
            silence.reschedule(_now() + patience)
            if not line.endswith(b"\n"):
                return "cut"  # half an event; the next watch brings it whole
            if not line.isspace():
                self._take(read_line(line, self._codec), sink)
            count += 1
            if count % _LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
        return "closed"

    def _take(self, line: WatchLine[K, T], sink: Sink[K, T]) -> None:
        self._silences = 0
        self._prove()
        self._observer.heard(self._name, line.kind)
        if line.event is not None:
            sink(line.event)
        self._is_version_ordered = self._is_version_ordered or line.kind != "ADDED"
        if self._is_version_ordered and line.version and not is_older(line.version, self._version):
            self._version = line.version

    def _accept(self) -> float:
        self._is_watching = True
        if self._health.error is None:
            self._prove()
        else:
            # What has just failed is not well again because a stream begins: it must last, or bring an event. A proxy
            # that answers with a page would else look like a server that is heard all the time.
            self._proof = asyncio.get_running_loop().call_later(_SHORT, self._prove)
        return _now()

    def _prove(self) -> None:
        self._heard_at = _now()
        if self._health.phase is not Phase.WATCHING:
            self._turn(Phase.WATCHING, None)

    def _fall_silent(self) -> str:
        # A server restored from a backup accepts a version of its former future and says nothing until it gets there:
        # silence again and again asks for a list, which tells.
        self._silences += 1
        if self._silences >= _SILENCES_BEFORE_LIST:
            self._list_because = "Stalled"
        return "stalled"

    # Failing

    def _pause(self, error: ListWatchError) -> float:
        """Decide what comes after the error; gives the seconds until then."""
        self._turn(Phase.NOT_SERVED if isinstance(error, NotServed) else Phase.RETRYING, error)
        if self._list_because is None and not isinstance(error, Throttled | Unavailable):
            self._list_because = type(error).__name__
        if isinstance(error, NotServed):
            self._looks += 1
            self._on_not_served(self._looks)
            return LOOK_AGAIN.delay(self._looks - 1, self._random)
        pause = self._backoff.delay(_now())
        if isinstance(error, Throttled) and error.retry_after is not None:
            # Never before it was asked for, and not together with everybody else who was asked the same.
            return max(pause, error.retry_after * self._random.uniform(1.0, 1.1))
        return pause

    def _turn(self, phase: Phase, error: ListWatchError | None) -> None:
        before = self._health
        failing_since = None if error is None else _now() if before.failing_since is None else before.failing_since
        self._health = Health(phase=phase, error=error, failing_since=failing_since)
        if (before.phase, type(before.error)) != (phase, type(error)):
            self._observer.phase_changed(self._name, self.health)


def _now() -> float:
    return asyncio.get_running_loop().time()
