"""A fleet for each test: the embedded hub with the real controller, and member clusters with the real agent."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from fleetdns import log
from fleetdns.demo.world import World, controller, embedded, install
from tests.apiserver.fixtures import binaries, pytest_collection_finish
from tests.fleet.fleet import Fleet

__all__ = ["binaries", "pytest_collection_finish"]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A hub with our kinds, Azure and DNS; no controller."""
    async with embedded() as found:
        await install(found)
        yield found
    log.configure("error", "json", stream=sys.__stderr__)  # the file of the log is gone by now


@pytest.fixture
async def fleet(world: World, tmp_path: Path) -> AsyncIterator[Fleet]:
    """The same with the controller and the sample's profile and backend; members join by `fleet.member`."""
    async with controller(world), AsyncExitStack() as stack:
        found = Fleet(world, stack, tmp_path)
        await found.apply("profile.yaml", "backend.yaml")
        yield found
