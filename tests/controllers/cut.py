"""A coroutine that is cancelled at one of its waits, as a process that dies there would leave it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Cut(Exception):
    """The coroutine was cancelled where it stood."""


class CutAfter(Generic[T]):
    """Awaits, and is cancelled at wait number `waits` (counted from 0) unless it has ended before."""

    def __init__(self, awaitable: Awaitable[T], waits: int) -> None:
        self._awaitable = awaitable
        self._waits = waits

    def __await__(self) -> Generator[Any, None, T]:
        steps = self._awaitable.__await__()
        for _ in range(self._waits):
            try:
                waited_for = next(steps)
            except StopIteration as ended:
                result: T = ended.value
                return result
            yield waited_for
        try:
            next(steps)
            steps.throw(asyncio.CancelledError())
        except StopIteration as ended:
            last: T = ended.value
            return last
        except asyncio.CancelledError:
            raise Cut from None
        raise AssertionError("a cancelled reconcile went on")
