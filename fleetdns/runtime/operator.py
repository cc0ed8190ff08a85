"""Informers, workers and whatever runs beside them, from the first list to the last key.

Workers start when every cache is whole and whoever decides about it lets them. Cancelled, all of it ends; stopped, the
workers finish what they have in hand, and the rest ends with them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from .controller import Controller
from .informer import Informer


class Operator:
    """`before_work` runs once the workers may start, and before they do; `beside` runs as long as they do."""

    def __init__(
        self,
        informers: Iterable[Informer[Any, Any]],
        controllers: Iterable[Controller[Any]],
        *,
        before_work: Callable[[], Awaitable[None]],
        beside: Iterable[tuple[str, Callable[[], Awaitable[None]]]],
    ) -> None:
        self._informers = tuple(informers)
        self._controllers = tuple(controllers)
        self._before_work = before_work
        self._beside = tuple(beside)
        self._is_working = False

    @property
    def is_working(self) -> bool:
        """The workers have started, and not ended."""
        return self._is_working

    async def run(
        self, may_work: Callable[[], Awaitable[None]] | None = None, on_work: Callable[[], None] | None = None
    ) -> None:
        """Until cancelled, or until stop has drained the workers.

        may_work is awaited once every cache is whole; until it returns nothing but the caches is at work. on_work is
        called when all that comes before the work is done, and the first key is about to be taken.
        """
        async with asyncio.TaskGroup() as group:
            endless = [group.create_task(i.run(), name=f"informer-{i.name}") for i in self._informers]
            for informer in self._informers:
                await informer.wait_synced()
            if may_work is not None:
                await may_work()
            await self._before_work()
            if on_work is not None:
                on_work()
            endless += [group.create_task(_awaited(run), name=name) for name, run in self._beside]
            await self._work()
            for task in endless:
                task.cancel()

    async def _work(self) -> None:
        self._is_working = True
        turn = asyncio.Lock()
        try:
            async with asyncio.TaskGroup() as workers:
                for controller in self._controllers:
                    workers.create_task(controller.run(turn), name=controller.name)
        finally:
            self._is_working = False

    async def stop(self) -> None:
        """Take no further key; returns when those in hand are finished. run then ends."""
        async with asyncio.TaskGroup() as group:
            for controller in self._controllers:
                group.create_task(controller.stop())


async def _awaited(run: Callable[[], Awaitable[None]]) -> None:
    await run()
