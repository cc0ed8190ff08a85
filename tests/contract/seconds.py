"""The seconds in which two servers are asked the same things.

A server writes down who changed an object in which second, sorts those entries by it, and an order that changes is a
change of the object. So one server is asked at its own pace, and the other as if it were asked in the same seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from tests.contract.client import API

Object = dict[str, Any]
Paced = Callable[[], AbstractAsyncContextManager[None]]
Talk = Callable[[API, str, Paced], AsyncIterator[Object]]

_END = 0.9  # of a second: a request that begins later may well end in the next one
_TRIES = 20


class Straddled(Exception):
    """A request began in one second and ended in another; nobody knows which of them the server wrote down."""


class SettableClock:
    """The time of day, until it is set to a second."""

    def __init__(self) -> None:
        self.second: int | None = None

    def __call__(self) -> float:
        return time.time() if self.second is None else float(self.second)


async def told_by_both(hub: API, real: API, clock: SettableClock, name: str, talk: Talk) -> tuple[list[Object], ...]:
    """What each server tells in the same talk about an object of that name; `clock` is the hub's."""
    for attempt in range(_TRIES):
        noted: list[int] = []
        called = f"{name}-{attempt}"
        try:
            expected = [told async for told in talk(real, called, _noting(noted))]
        except Straddled:
            continue
        try:
            return [told async for told in talk(hub, called, _repeating(noted, clock))], expected
        finally:
            clock.second = None
    raise AssertionError(
        f"{_TRIES} talks had a request that did not end in the second it began in: is the machine busy?"
    )


def _noting(noted: list[int]) -> Paced:
    @asynccontextmanager
    async def paced() -> AsyncIterator[None]:
        into = time.time() % 1
        if into > _END:
            await asyncio.sleep(1 - into)
        second = int(time.time())
        yield
        if int(time.time()) != second:
            raise Straddled
        noted.append(second)

    return paced


def _repeating(noted: list[int], clock: SettableClock) -> Paced:
    seconds = iter(noted)

    @asynccontextmanager
    async def paced() -> AsyncIterator[None]:
        clock.second = next(seconds)
        yield

    return paced
