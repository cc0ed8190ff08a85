"""With the rights that the manifests give, and under their ServiceAccount's token, everything works."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rights.conftest import Deployment
from tests.rights.controller import controller
from tests.rights.story import RENEWED, Story

pytestmark = pytest.mark.realapi


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
