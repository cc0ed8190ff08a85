"""With the rights that the manifests give, and under their ServiceAccount's token, everything works."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.apiserver.deployed import deployed
from tests.apiserver.server import RealAPIServer
from tests.rights.conftest import Deployment, Hub, deployed_on
from tests.rights.controller import controller
from tests.rights.grants import Right, give
from tests.rights.story import RENEWED, Story

pytestmark = [pytest.mark.realapi, pytest.mark.long]


async def test_the_rights_of_the_manifests_are_enough_for_the_whole_story(
    deployment: Deployment, tmp_path: Path
) -> None:
    async with controller(deployment.world, tmp_path) as running:
        story = Story(deployment.world, running)
        await story.whole(with_drift=True)
        metrics, log = await running.metrics(), await running.log()

    assert story.claim == RENEWED
    assert 'rest_client_requests_total{code="403"' not in metrics
    assert "orbidden" not in log


async def test_a_server_that_begins_watches_with_the_state_is_not_asked_for_lists(
    real_server: RealAPIServer, rights: tuple[Right, ...], tmp_path: Path
) -> None:
    hub = Hub(real_server, await asyncio.to_thread(deployed, real_server, tmp_path))
    async with deployed_on(hub, rights) as deployment:
        await give(deployment.world.cluster, deployment.account, [right for right in rights if right.verb != "list"])
        async with controller(deployment.world, tmp_path) as running:
            await Story(deployment.world, running).whole()
            assert 'rest_client_requests_total{code="403"' not in await running.metrics()
