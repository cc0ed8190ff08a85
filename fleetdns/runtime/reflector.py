"""The whole state, then a watch, for ever: everything that happens to one kind on the server, told to a sink in order.

The state comes as the beginning of the watch where the server has that (WatchList), else as a list.

what happened                              next
the state is whole                         watch from its version; a stream goes on as that watch
the state is refused at its version        at once again, in another way; failing that too, after a pause
stream closed, cut in a line, or silent    watch on from the last version; after several silences in a row, the state
stream closed at once without news         pause, the state
429, or the server unreachable             pause (as long as it asked for), watch on from the last version
410 on the watch, or any other error       pause, the state at the last version ("not older than")
404                                        short pause, the state: the kind may be about to be created

Pauses grow, are jittered, and start small again after two quiet minutes, and when a server that was out of reach says
anything: one that has just started says 429 and 410, and what happened since is to be seen soon. Until the state is
whole the sink is told nothing: an object that a stream has not brought yet is not missing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Generic, TypeAlias, TypeVar

from .events import Event, Replaced
from .listwatch import Codec, ListWatch, ListWatchError, NotServed, Throttled, Unavailable
from .observer import Health, InformerObserver, NoInformerObserver, Phase
from .pager import whole_list
from .pauses import Pauses
from .pulse import Pulse
from .relist import UNORDERED, Ask, Relist
from .resourceversion import is_older
from .silence import begin_anew
from .watchline import WatchLine, read_line
from .watchlist import Incomplete, InitialEvents, NotStreamed, WatchListSupport

K = TypeVar("K")
T = TypeVar("T")

Sink: TypeAlias = Callable[[Event[K, T]], None]
Replace: TypeAlias = Callable[[Replaced[K, T]], Awaitable[None]]

_SHORT = 1.0  # seconds; a stream that ends sooner and brought nothing is a failure
_SILENCES_BEFORE_LIST = 4
_LINES_AT_ONCE = 256  # buffered lines come without suspending: let others run now and then
# Seconds of silence in the initial events that say that there will be no end of them. A server that streams the state
# waits up to 3 s until its cache is fresh enough; one that does not sends its first bookmark after 60 s.
_SILENT_WITHOUT_END = 30.0


class ShortWatch(ListWatchError):
    """The server accepts watches and ends them at once."""


class Reflector(Generic[K, T]):
    """One kind, from one server.

    watch_timeout: seconds a watch is asked to last, at least and at most.
    stall_timeout: seconds of silence after which the connection counts as dead; bookmarks come every minute.
    request_timeout: seconds for a page of a list.
    watch_list: what is known of the server, shared by everybody who reads from it; None: always list.
    optional: the server need not have the kind; that it has not is no failure.
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
        watch_list: WatchListSupport | None = None,
        optional: bool = False,
        on_not_served: Callable[[int], None] = lambda _looks: None,
        observer: InformerObserver | None = None,
    ) -> None:
        self._listwatch = listwatch
        self._codec = codec
        self._random = random
        self._name = name
        self._watch_timeout = watch_timeout
        self._stall_timeout = stall_timeout
        self._request_timeout = request_timeout
        self._is_optional = optional
        self._observer: InformerObserver = observer or NoInformerObserver()
        self._pauses = Pauses(random=random, on_not_served=on_not_served)
        self._pulse = Pulse(name, self._observer)
        self._replace: Replace[K, T] | None = None
        self._relist = Relist(watch_list=watch_list, page_size=page_size)

        self._state_because: str | None = "start"  # why the whole state is needed next; None: it is known, so watch
        self._version = ""  # up to here everything has been told to the sink
        self._is_version_ordered = True  # False: the watch began without a version, its first ADDED come in any order
        self._initial: InitialEvents[K, T] | None = None  # what the stream has brought; None: it is past its beginning
        self._asked_at = 0.0  # when the state was asked for
        self._silences = 0  # watches in a row that went silent
        self._is_watching = False

    @property
    def health(self) -> Health:
        """Where list and watch stand now."""
        return self._pulse.health

    @property
    def is_watching(self) -> bool:
        """A watch is open at this moment, and past the state it may begin with."""
        return self._is_watching

    async def run(self, sink: Sink[K, T], *, replace: Replace[K, T] | None = None) -> None:
        """Tell sink everything, until cancelled. Only what sink or codec raise beyond Undecodable ends it.

        replace: takes the whole state in place of sink, and may let others run meanwhile: nothing is read until then.
        """
        self._replace = replace
        while True:
            try:
                if self._state_because is None:
                    await self._watch(sink, self._version)
                else:
                    await self._find_state(sink)
            except ListWatchError as error:
                await asyncio.sleep(self._pause(error))

    # The whole state

    async def _find_state(self, sink: Sink[K, T]) -> None:
        self._asked_at = _now()
        ask = self._relist.ask(self._version, now=self._asked_at)
        try:
            await (self._stream(ask, sink) if ask.by == "stream" else self._list(ask, sink))
        except ListWatchError as error:
            is_whole = self._state_because is None  # then it was the watch after it that failed
            if is_whole or not self._relist.failed(error, now=_now()):
                raise

    async def _list(self, ask: Ask, sink: Sink[K, T]) -> None:
        listed = await whole_list(
            self._listwatch,
            self._codec,
            resource_version=ask.version,
            limit=ask.limit,
            timeout=self._request_timeout,
        )
        self._relist.succeeded(is_paginated=listed.is_paginated)
        await self._begin(listed.state, sink, by=ask.by)

    async def _stream(self, ask: Ask, sink: Sink[K, T]) -> None:
        """A watch that begins with the state."""
        self._initial = InitialEvents()
        try:
            await self._watch(sink, ask.version)
        finally:
            self._initial = None

    async def _begin(self, state: Replaced[K, T], sink: Sink[K, T], *, by: str) -> None:
        because, self._state_because = self._state_because or "", None
        self._version = state.resource_version
        self._is_version_ordered = self._version not in UNORDERED
        self._silences = 0
        self._pauses.served()
        objects = len(state.entries) + len(state.unknown)
        self._observer.listed(self._name, reason=because, by=by, objects=objects, duration=_now() - self._asked_at)
        await (self._replace(state) if self._replace is not None else _sunk(state, sink))

    # Watching

    async def _watch(self, sink: Sink[K, T], version: str) -> None:
        started_at = _now()
        reason = "cancelled"
        try:
            reason = await self._read(sink, version)
        except ListWatchError as error:
            reason = type(error).__name__
            raise
        finally:
            self._is_watching = False
            self._pulse.closed()
            self._observer.watch_ended(self._name, reason=reason, duration=_now() - started_at)

    async def _read(self, sink: Sink[K, T], version: str) -> str:
        """Read one stream to its end; gives how it ended."""
        patience = self._stall_timeout * self._random.uniform(1.0, 1.1)
        opened_at: float | None = None
        opening = self._listwatch.watch(
            resource_version=version,
            timeout_seconds=self._random.randint(*self._watch_timeout),
            initial_events=self._initial is not None,
        )
        try:
            async with asyncio.timeout(patience) as silence, opening as lines:
                opened_at = self._open()
                reason = await self._follow(lines, sink, silence, patience)
        except TimeoutError as error:
            if opened_at is not None and silence.expired():
                return self._fall_silent()
            raise Unavailable("the server did not answer the watch in time") from error
        if self._initial is not None:
            raise Incomplete(f"the stream was {reason} before the state was whole")
        if _now() - opened_at < _SHORT and self._version == version:
            raise ShortWatch
        return reason

    def _open(self) -> float:
        if self._initial is None:
            self._is_watching = True
            self._pulse.opened()
        return _now()

    async def _follow(
        self, lines: AsyncIterator[bytes], sink: Sink[K, T], silence: asyncio.Timeout, patience: float
    ) -> str:
        if self._initial is not None:
            silence.reschedule(_now() + _SILENT_WITHOUT_END)
        count = 0
        async for line in lines:
            if not line.endswith(b"\n"):
                return "cut"  # half an event; the next watch brings it whole
            if not line.isspace():
                await self._hear(read_line(line, self._codec), sink, silence)
            begin_anew(silence, patience if self._initial is None else _SILENT_WITHOUT_END, now=_now())
            count += 1
            if count % _LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
        return "closed"

    async def _hear(self, line: WatchLine[K, T], sink: Sink[K, T], silence: asyncio.Timeout) -> None:
        if self._initial is not None:
            await self._collect(self._initial, line, sink, silence)
            return
        self._silences = 0
        self._pulse.heard()
        self._observer.heard(self._name, line.kind)
        if line.event is not None:
            sink(line.event)
        self._is_version_ordered = self._is_version_ordered or line.kind != "ADDED"
        if self._is_version_ordered and line.version and not is_older(line.version, self._version):
            self._version = line.version

    async def _collect(
        self, initial: InitialEvents[K, T], line: WatchLine[K, T], sink: Sink[K, T], silence: asyncio.Timeout
    ) -> None:
        state = initial.take(line)
        if state is None:
            return
        silence.reschedule(None)  # until the next line: what we take over ourselves is no silence of the server's
        self._initial = None
        self._relist.succeeded()
        await self._begin(state, sink, by="stream")
        self._is_watching = True
        self._pulse.heard()

    def _fall_silent(self) -> str:
        if self._initial is not None:
            raise NotStreamed("the state has no end")
        # A server restored from a backup accepts a version of its former future and says nothing until it gets there:
        # silence again and again asks for the state, which tells.
        self._silences += 1
        if self._silences >= _SILENCES_BEFORE_LIST:
            self._state_because = "Stalled"
        return "stalled"

    # Failing

    def _pause(self, error: ListWatchError) -> float:
        """Decide what comes after the error; gives the seconds until then."""
        if not isinstance(error, NotServed):
            self._pulse.failed(Phase.RETRYING, error)
        elif self._is_optional:
            self._pulse.absent()
        else:
            self._pulse.failed(Phase.NOT_SERVED, error)
        if self._state_because is None and not isinstance(error, Throttled | Unavailable):
            self._state_because = type(error).__name__
        return self._pauses.after(error, now=_now())


async def _sunk(state: Replaced[K, T], sink: Sink[K, T]) -> None:
    sink(state)


def _now() -> float:
    return asyncio.get_running_loop().time()
