"""The demo's whole story, told on a real API server: the real controller, from definitions that are not served yet."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleetdns.demo.narrator import Narrator
from fleetdns.demo.story import Story
from fleetdns.demo.world import World, around, controller, install
from tests.apiserver.build import Binaries
from tests.apiserver.server import RealAPIServer
from tests.contract.client import connected, until_served
from tests.contract.samples import ALPHA, GROUP, definitions

pytestmark = pytest.mark.realapi


@pytest.fixture
async def server(binaries: Binaries, tmp_path: Path) -> AsyncIterator[RealAPIServer]:
    """One of its own: the controller would take the other tests' objects for its work."""
    own = RealAPIServer(binaries, tmp_path)
    await asyncio.to_thread(own.start)
    yield own
    own.stop()


@pytest.fixture
async def world(server: RealAPIServer) -> AsyncIterator[World]:
    async with around(server) as found:
        yield found


async def kinds_at_work(server: RealAPIServer) -> None:
    """Every kind can be listed and written; the first write of a new kind is held back for two seconds."""
    async with connected(server, "work") as api, asyncio.TaskGroup() as group:
        for names in (definition["spec"]["names"] for definition in definitions()):
            path = f"{ALPHA}/namespaces/{{ns}}/{names['plural']}"
            await until_served(api, path)
            body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": names["kind"], "metadata": {"name": "first"}}
            group.create_task(api.create(f"{path}?dryRun=All", body))


async def test_the_whole_story_comes_true_on_a_real_api_server(world: World, server: RealAPIServer) -> None:
    narrator = Narrator(io.StringIO())
    await install(world)
    async with controller(world):
        # The definitions are not served yet: the controller meets 404 and 429, and comes through by itself.
        await kinds_at_work(server)
        await Story(world, narrator).whole()
    # A claim that did not come true would have ended the story with StepFailed.
    assert narrator.checks > narrator.steps > 10
