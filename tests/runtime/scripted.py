"""A list-watch that follows a script, a codec for small objects, and observers that write down what they are told."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from fleetdns.runtime.events import Event, Unknown
from fleetdns.runtime.listwatch import Entry, ListPage, Take, Undecodable
from fleetdns.runtime.observer import Health, InformerObserver
from fleetdns.runtime.reflector import Reflector


class NoJitter(Random):
    """Draws the lowest number there is: every wait is the shortest allowed, so that a test can name it."""

    def random(self) -> float:
        return 0.0


class Jitter(Random):
    """Real jitter, the same for the same seed."""


# Objects


class _Meta(msgspec.Struct, rename="camel"):
    name: str
    uid: str
    resource_version: str


class _Identity(msgspec.Struct):
    metadata: _Meta


class Thing(msgspec.Struct, frozen=True):
    """A small object: its size is all it has."""

    size: int


class _Object(msgspec.Struct):
    spec: Thing


class Things:
    """Codec of things; a thing whose size is no number is undecodable, one without metadata unnamed as well."""

    def decode(self, raw: bytes | memoryview) -> Entry[str, Thing]:
        try:
            meta = msgspec.json.decode(raw, type=_Identity).metadata
        except msgspec.DecodeError as error:
            raise Undecodable(because="no metadata") from error
        try:
            thing = msgspec.json.decode(raw, type=_Object).spec
        except msgspec.DecodeError as error:
            raise Undecodable(meta.name, meta.uid, meta.resource_version, str(error)) from error
        return Entry(meta.name, meta.uid, meta.resource_version, thing)


def thing(name: str, version: int, size: object = 1, *, uid: str = "") -> bytes:
    """A thing as the server sends it."""
    metadata = {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": str(version)}
    return json.dumps({"metadata": metadata, "spec": {"size": size}}).encode()


def entry(name: str, version: int, size: int = 1, *, uid: str = "") -> Entry[str, Thing]:
    """A thing as the codec gives it."""
    return Entry(name, uid or f"uid-{name}", str(version), Thing(size))


NAMELESS = b'{"spec": {"size": 1}}'


# Lines


def event(kind: str, raw: bytes) -> bytes:
    """A line of a watch stream."""
    return b'{"type": "%s", "object": %s}\n' % (kind.encode(), raw)


def added(name: str, version: int, size: object = 1, *, uid: str = "") -> bytes:
    return event("ADDED", thing(name, version, size, uid=uid))


def modified(name: str, version: int, size: object = 1, *, uid: str = "") -> bytes:
    return event("MODIFIED", thing(name, version, size, uid=uid))


def deleted(name: str, version: int, size: object = 1, *, uid: str = "") -> bytes:
    return event("DELETED", thing(name, version, size, uid=uid))


def bookmark(version: int) -> bytes:
    return event("BOOKMARK", b'{"kind": "Thing", "metadata": {"resourceVersion": "%d"}}' % version)


def initial_end(version: int) -> bytes:
    """The bookmark after the events that bring the whole state."""
    metadata = {"resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}
    return event("BOOKMARK", json.dumps({"kind": "Thing", "metadata": metadata}).encode())


def failed(code: int, reason: str = "", **details: Any) -> bytes:
    """An ERROR event."""
    status = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "details": details}
    return event("ERROR", json.dumps(status).encode())


# The script


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to a list; breaks: what happens behind the items, before it is whole."""

    items: tuple[bytes, ...]
    version: str
    token: str = ""
    breaks: Exception | None = None


def page(*items: bytes, version: int, token: str = "", breaks: Exception | None = None) -> Page:
    return Page(items, str(version), token, breaks)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer to a watch: bytes are yielded, numbers are seconds of silence, errors raised; then the stream ends."""

    moves: tuple[bytes | float | Exception, ...]


def stream(*moves: bytes | float | Exception) -> Stream:
    return Stream(moves)


@dataclass(frozen=True, slots=True)
class Slow:
    """An answer that comes only after so many seconds."""

    seconds: float
    then: "Step"


Step = Page | Stream | Slow | Exception


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as it was asked for."""

    at: float
    version: str
    limit: int | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """A watch as it was asked for. initial: it was to begin with the whole state."""

    at: float
    version: str
    initial: bool = False


@dataclass
class Script:
    """A ListWatch that gives the steps in order; the call after the last one is recorded and left without an answer."""

    steps: Sequence[Step]
    calls: list[Listed | Watched] = field(default_factory=list)
    timeouts: list[int] = field(default_factory=list)
    open_streams: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def list(self, *, resource_version: str, limit: int | None, continue_token: str, take: Take) -> ListPage:
        self.calls.append(Listed(_clock(), resource_version, limit, continue_token))
        step = await self._next()
        assert isinstance(step, Page), f"a list where the script has {step}"
        for item in step.items:
            take(item)
        if step.breaks is not None:
            raise step.breaks
        return ListPage(step.version, step.token)

    @asynccontextmanager
    async def watch(
        self, *, resource_version: str, timeout_seconds: int, initial_events: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        self.calls.append(Watched(_clock(), resource_version, initial_events))
        self.timeouts.append(timeout_seconds)
        step = await self._next()
        assert isinstance(step, Stream), f"a watch where the script has {step}"
        self.open_streams += 1
        try:
            yield _lines(step)
        finally:
            self.open_streams -= 1

    async def _next(self) -> Page | Stream:
        number = len(self.calls) - 1
        if number >= len(self.steps):
            self.ended.set()
            await asyncio.get_running_loop().create_future()
        step = self.steps[number]
        while isinstance(step, Slow):
            await asyncio.sleep(step.seconds)
            step = step.then
        if isinstance(step, Exception):
            raise step
        return step


async def _lines(step: Stream) -> AsyncIterator[bytes]:
    for move in step.moves:
        match move:
            case bytes():
                yield move
            case Exception():
                raise move
            case seconds:
                await asyncio.sleep(seconds)


def _clock() -> float:
    return round(asyncio.get_running_loop().time(), 3)


# Observers


@dataclass
class Notes(InformerObserver):
    """Everything an informer says about itself."""

    lists: list[str] = field(default_factory=list)
    by: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    phases: list[tuple[str, str]] = field(default_factory=list)
    synced_with: list[int] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    handler_errors: list[Exception] = field(default_factory=list)

    def listed(self, name: str, /, *, reason: str, by: str, objects: int, duration: float) -> None:
        self.lists.append(reason)
        self.by.append(by)

    def heard(self, name: str, kind: str, /) -> None:
        self.kinds.append(kind)

    def watch_ended(self, name: str, /, *, reason: str, duration: float) -> None:
        self.ends.append(reason)

    def phase_changed(self, name: str, health: Health, /) -> None:
        self.phases.append((health.phase.value, type(health.error).__name__ if health.error else ""))

    def synced(self, name: str, objects: int, /) -> None:
        self.synced_with.append(objects)

    def undecodable(self, name: str, unknown: Unknown[Any], /) -> None:
        self.unknown.append(f"{unknown.key}: {unknown.because}")

    def handler_failed(self, name: str, error: Exception, /) -> None:
        self.handler_errors.append(error)


@dataclass
class Played:
    """What came of a script."""

    calls: Sequence[Listed | Watched]
    events: Sequence[Event[str, Thing]]
    notes: Notes
    reflector: Reflector[str, Thing]
    script: Script


async def play(*steps: Step, random: Random | None = None, **options: Any) -> Played:
    """Run a reflector until it makes a call that the script has no answer for."""
    script, notes = Script(steps), Notes()
    events: list[Event[str, Thing]] = []
    reflector = Reflector(script, Things(), random=random or NoJitter(), observer=notes, **options)
    run = asyncio.create_task(reflector.run(events.append))
    end = asyncio.create_task(script.ended.wait())
    await asyncio.wait({run, end}, return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    if not run.done():
        run.cancel()
    with suppress(asyncio.CancelledError):
        await run
    return Played(script.calls, events, notes, reflector, script)
