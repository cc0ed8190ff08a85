"""What a command waits for, told to whoever wonders why nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from fleetdns.controllers.ports import Reads
from fleetdns.core.trafficmanager import Listing, Profile, ProfileRef

Waiting: TypeAlias = Callable[[str], AbstractContextManager[None]]


class AwaitedReads:
    """Fulfils the controllers' Reads. `waiting` is entered, with what comes, for as long as a read takes."""

    def __init__(self, azure: Reads, waiting: Waiting) -> None:
        self._azure = azure
        self._waiting = waiting

    async def get(self, ref: ProfileRef) -> Profile | None:
        with self._waiting(f"what Azure says of profile {ref.name} in resource group {ref.resource_group}"):
            return await self._azure.get(ref)

    async def list_group(self, subscription: str, resource_group: str) -> Listing:
        with self._waiting(f"Azure's list of the profiles in resource group {resource_group}"):
            return await self._azure.list_group(subscription, resource_group)

    async def list_subscription(self, subscription: str) -> Listing:
        with self._waiting(f"Azure's list of the profiles in subscription {subscription}"):
            return await self._azure.list_subscription(subscription)
