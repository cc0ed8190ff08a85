"""Each right is needed: without it one claim of the story does not come true, and what is missing is named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.e2e.eventually import eventually
from tests.rights.conftest import Deployment
from tests.rights.controller import controller
from tests.rights.grants import Right, give
from tests.rights.story import Story
from tests.rights.table import ROWS, Row

pytestmark = [pytest.mark.realapi, pytest.mark.long]


def test_every_right_has_its_row_and_every_row_its_right(rights: tuple[Right, ...]) -> None:
    assert sorted(row.right for row in ROWS) == list(rights)


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_each_right(row: Row, deployment: Deployment, tmp_path: Path) -> None:
    others = [right for right in deployment.granted if right != row.right]
    await give(deployment.world.cluster, deployment.account, others)
    async with controller(deployment.world, tmp_path) as running:
        story = Story(deployment.world, running)
        places = {
            "readyz": running.readyz,
            "log": running.log,
            "metrics": running.metrics,
            "status": story.messages,
        }
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


async def reached(present: Callable[[], str], claim: str, telling: asyncio.Task[None]) -> None:
    """Returns once the story has come to that claim."""

    async def is_there() -> bool:
        assert not telling.done(), f"the story ended, at: {present()}"
        return present() == claim

    try:
        await eventually(is_there, bool)
    except TimeoutError:
        pytest.fail(f"the story stands at {present()!r}, not at {claim!r}")


async def says(words: str, place: Callable[[], Awaitable[str]]) -> None:
    try:
        await eventually(place, lambda seen: words in seen)
    except TimeoutError:
        pytest.fail(f"{words!r} is not said, but:\n{await place()}")
