"""Whether fleetdns applies ResourceOverrides: as it was told, or (auto) where nobody else places the workloads.

Where KubeFleet places them, a Service arrives in its cluster with what the overrides make of it. Who is to apply them
is looked for again and again, since KubeFleet may be installed, or go, under a running controller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fleetdns.controllers.ports import Discovery
from fleetdns.core.overrides import AUTO, ON
from fleetdns.errors import FleetDNSError

_ASK_AGAIN = 5.0  # seconds, while nothing is known


class OverrideSwitch:
    """`mode`: AUTO, ON or OFF; `interval`: seconds between two looks."""

    def __init__(self, mode: str, discovery: Discovery, *, interval: float) -> None:
        self._discovery = discovery
        self._interval = interval
        self._is_auto = mode == AUTO
        self._is_on = None if self._is_auto else mode == ON

    @property
    def is_on(self) -> bool | None:
        """None: not known yet, so that nothing is to be done, and nothing undone."""
        return self._is_on

    @property
    def may_be_on(self) -> bool:
        """Whether it is, or can come to be."""
        return self._is_auto or bool(self._is_on)

    async def look(self) -> None:
        """Ask once. Without an answer what was known goes on to hold."""
        if not self._is_auto:
            return
        try:
            self._is_on = not await self._discovery.places_workloads()
        except FleetDNSError:
            return  # the adapter says so

    async def run(self, turned: Callable[[], None]) -> None:
        """Look for ever; `turned` is called when the answer has become another one."""
        while self._is_auto:
            await asyncio.sleep(min(_ASK_AGAIN, self._interval) if self._is_on is None else self._interval)
            before = self._is_on
            await self.look()
            if self._is_on != before:
                turned()
