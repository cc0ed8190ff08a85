"""Traffic Manager as the adapter meets it: the emulator, or a server that plays a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog

from fleetdns.azure.connection import open_traffic_manager
from fleetdns.azure.trafficmanager import AzureTrafficManager
from fleetdns.controllers.ports import TrafficManager
from fleetdns.emulator.azure.server import AzureServer
from tests.azure.scripted import Answer, ScriptedServer


@dataclass(slots=True)
class Calls:
    """An observer that keeps what it is told."""

    told: list[dict[str, Any]] = field(default_factory=list)

    def called(self, *, operation: str, code: str, seconds: float, correlation_id: str, resource: str) -> None:
        self.told.append(
            {
                "operation": operation,
                "code": code,
                "seconds": seconds,
                "correlation_id": correlation_id,
                "resource": resource,
            }
        )


Open = Callable[..., Awaitable[AzureTrafficManager]]


@pytest.fixture(autouse=True)
def log_on_stdout() -> None:
    """As structlog does by itself, wherever a test before this one has sent the log."""
    structlog.reset_defaults()


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
async def opened(calls: Calls) -> AsyncIterator[Open]:
    """Opens adapters that are closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def open_one(url: str, **options: Any) -> AzureTrafficManager:
            return await stack.enter_async_context(open_traffic_manager(arm_endpoint=url, observer=calls, **options))

        yield open_one


@pytest.fixture
async def azure() -> AsyncIterator[AzureServer]:
    async with AzureServer() as server:
        yield server


@pytest.fixture
async def manager(azure: AzureServer, opened: Open) -> TrafficManager:
    """The adapter on the emulator, as the controllers see it."""
    return await opened(azure.url)


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer(Answer())
    await server.start()
    yield server
    await server.stop()
