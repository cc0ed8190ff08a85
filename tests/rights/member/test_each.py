"""Each right of the agent is needed: without it one claim of its story stays untrue, and what is missing is named."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.rights.grants import Right
from tests.rights.member.agent import agent
from tests.rights.member.conftest import Site
from tests.rights.member.story import Story
from tests.rights.member.table import CLUSTER_ROWS, HUB_ROWS
from tests.rights.table import Row
from tests.rights.test_each import reached, says

pytestmark = [pytest.mark.realapi, pytest.mark.long]


def test_every_right_has_its_row_and_every_row_its_right(
    hub_rights: tuple[Right, ...], cluster_rights: tuple[Right, ...]
) -> None:
    assert sorted(row.right for row in HUB_ROWS) == list(hub_rights)
    assert sorted(row.right for row in CLUSTER_ROWS) == list(cluster_rights)


async def test_the_rights_of_the_manifests_are_enough_for_the_whole_story(site: Site, tmp_path: Path) -> None:
    async with agent(site, tmp_path) as running:
        await Story(site, running).whole()
        metrics, log = await running.metrics(), await running.log()

    assert 'rest_client_requests_total{code="403"' not in metrics
    assert "orbidden" not in log


@pytest.mark.parametrize("row", [*HUB_ROWS, *CLUSTER_ROWS], ids=str)
async def test_each_right(row: Row, site: Site, tmp_path: Path) -> None:
    await site.give(lambda right: right == row.right)
    async with agent(site, tmp_path) as running:
        story = Story(site, running)
        places = {"readyz": running.readyz, "log": running.log, "metrics": running.metrics, "status": story.messages}
        telling = asyncio.create_task(story.whole())
        try:
            await reached(lambda: story.claim, row.broken, telling)
            for place, words in row.named:
                await says(words, places[place])
            # Refused once is refused whenever it is tried again: what is not true now does not come true.
            assert (story.claim, await story.holds_now()) == (row.broken, False)
        finally:
            telling.cancel()
            await asyncio.wait((telling,))
