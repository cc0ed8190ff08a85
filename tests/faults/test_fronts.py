"""Something in front of the API server answers in its place, or breaks what it says off in the middle."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.conftest import Measured
from tests.faults.fleet import RealFleet, now, serving
from tests.faults.front import Front, Mood

pytestmark = [pytest.mark.faults, pytest.mark.realapi, pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.mark.parametrize(
    "mood",
    [
        pytest.param(Mood.PAGE, id="a page of HTML with 502"),
        pytest.param(Mood.TORN, id="lists and watches torn off in the middle"),
    ],
)
async def test_a_front_that_misbehaves_is_said_and_forgotten(
    fleet: RealFleet, tmp_path: Path, measured: Measured, mood: Mood
) -> None:
    async with Front(fleet.server) as front:
        front.behind(fleet.kubeconfig)
        async with serving(fleet, tmp_path) as served:
            front.mood = mood
            front.drop()
            began = now()
            measured("not ready", await served.probes.turn_red("not in step with the hub", since=began, within=15))
            await asyncio.sleep(max(0.0, began + 15 - now()))
            front.mood = Mood.HONEST
            front.drop()
            measured("caught up", await served.catches_up(since=now()))
