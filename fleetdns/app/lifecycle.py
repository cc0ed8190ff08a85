"""The life of a long-running command: serve at once, work when allowed, and end in order.

On `stop`: not ready, finish the reconciles in hand, let the next replica lead, close.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Protocol

import structlog

from fleetdns.app import garbage
from fleetdns.health import Cache, Health, out_of_step
from fleetdns.leadership import Leadership
from fleetdns.log.lines import HUB, Server

_DRAIN = 25.0  # seconds; one profile call may take 20, and the whole stop 30

_log = structlog.get_logger("fleetdns")


class Work(Protocol):
    """What a command does between its connections."""

    @property
    def is_working(self) -> bool:
        """Its workers have started."""
        ...

    @property
    def caches(self) -> Iterable[Cache]:
        """Every cache it reads."""
        ...

    async def run(self, may_work: Callable[[], Awaitable[None]], on_work: Callable[[], None], /) -> None:
        """Work until cancelled, or until `stop` has drained the workers; nobody is written to before `may_work`.

        `on_work` is called when everything is known that the work begins with.
        """
        ...

    async def stop(self) -> None:
        """Take no further key; returns when those in hand are finished."""
        ...


async def ended_before(task: asyncio.Task[Any], stop: asyncio.Event) -> bool:
    """Whether the task came to its end before `stop`; it is cancelled otherwise."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not task.done():
            task.cancel()
    return not task.cancelling()


def checks(
    work: Work,
    leading: Leadership,
    *,
    awaited: str,
    server: str = "the hub",
    server_of: Callable[[str], Server] = lambda name: HUB,
) -> Mapping[str, Callable[[], str | None]]:
    """Readiness: every cache is true, and the work has begun, or another replica does it and this one could follow.

    `awaited`: what has to come before the work can begin; `server`: where the caches come from, `server_of`: where a
    kind does.
    """
    clock = asyncio.get_running_loop().time

    def working() -> str | None:
        return None if work.is_working or leading.is_waiting else f"waiting for {awaited}"

    return {
        "caches": lambda: out_of_step(
            work.caches, clock(), server=server, definitions=lambda name: server_of(name).definitions
        ),
        "leader-election": lambda: leading.problem,
        "workers": working,
    }


async def lived(work: Work, leading: Leadership, *, stop: asyncio.Event, health: Health) -> None:
    """Run until `stop` or until another may lead, then finish what is in hand; an end that nobody asked for rises."""
    with ExitStack() as filling:
        filling.enter_context(garbage.filling())

        async def may_work() -> None:
            filling.close()  # every cache is whole
            await leading.acquire()
            filling.enter_context(garbage.filling())  # what others hold is still to come, and to stay

        running = asyncio.create_task(work.run(may_work, filling.close), name="controller")
        await _led(running, work, leading, stop=stop, health=health)


async def _led(
    running: asyncio.Task[None], work: Work, leading: Leadership, *, stop: asyncio.Event, health: Health
) -> None:
    keeping = asyncio.create_task(leading.keep(), name="leadership")
    health.must_run(running)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((running, keeping, stopping), return_when=asyncio.FIRST_COMPLETED)
        health.begin_shutdown()
        if not running.done() and not keeping.done():
            await _finished(work, keeping, leading)
    finally:
        stopping.cancel()
        running.cancel()
        await asyncio.wait((running,))
        keeping.cancel()
        await asyncio.wait((keeping,))
    if running.cancelled() or running.exception() is None:
        # Whatever was sent has ended by now: the fence has seen to it. After a crash nobody knows that.
        await leading.release()
    for task in (keeping, running):
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _finished(work: Work, keeping: asyncio.Task[Any], leading: Leadership) -> None:
    """Finish the reconciles in hand, for a while, and as long as this replica leads."""
    leading.end_within(_DRAIN)
    draining = asyncio.create_task(work.stop())
    try:
        await asyncio.wait((draining, keeping), timeout=_DRAIN, return_when=asyncio.FIRST_COMPLETED)
        if not draining.done():
            _log.warning("the reconciles in hand did not finish in time; what they left is done by the next start")
    finally:
        draining.cancel()
        await asyncio.wait((draining,))
