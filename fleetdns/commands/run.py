"""A long-running command (`run`, `member`) from its start until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Iterator
from typing import Protocol, TypeVar

import structlog

from fleetdns import log
from fleetdns.app import garbage
from fleetdns.errors import FleetDNSError, UsageError

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger("fleetdns")


class LogSettings(Protocol):
    """How the log is written; every command's settings say so."""

    @property
    def log_level(self) -> str: ...
    @property
    def log_format(self) -> str | None: ...


S = TypeVar("S", bound=LogSettings)
S_contra = TypeVar("S_contra", contravariant=True)


class Work(Protocol[S_contra]):
    """What runs until `stop` is set, drains, and returns."""

    def __call__(self, settings: S_contra, /, *, stop: asyncio.Event) -> Awaitable[None]: ...


def run(settings: S, work: Work[S]) -> int:
    """Run until SIGTERM or SIGINT, then drain; a second signal ends the process at once. Returns the exit code.

    Raises UsageError and FleetDNSError, also from inside a group, where nothing else went wrong.
    """
    log.configure(settings.log_level, settings.log_format)
    garbage.set_aside()
    try:
        asyncio.run(_until_told(settings, work))
    except ExceptionGroup as group:
        found = _reason(group)
        if found is None:
            raise
        raise found from group
    return 0


async def _until_told(settings: S, work: Work[S]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(number: signal.Signals) -> None:
        _log.info("stopping", signal=number.name)
        stop.set()
        # The next one ends the process by the kernel's hand: it works even if the drain has hung the loop.
        for other in _SIGNALS:
            loop.remove_signal_handler(other)
            signal.signal(other, signal.SIG_DFL)

    for number in _SIGNALS:
        loop.add_signal_handler(number, ask, number)
    await work(settings, stop=stop)
    _log.info("stopped")


def _reason(group: BaseExceptionGroup[BaseException]) -> UsageError | FleetDNSError | None:
    """The first of the errors that have a sentence for the user; None when anything else is among them."""
    found: UsageError | FleetDNSError | None = None
    for error in _leaves(group):
        if not isinstance(error, UsageError | FleetDNSError):
            return None
        found = found or error
    return found


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
