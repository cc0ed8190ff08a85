"""Something in front of the API server answers in its place, or breaks what it says off in the middle."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.conftest import Measured
from tests.faults.fleet import FOUR, RealFleet, now, serving
from tests.faults.front import Front, Mood

pytestmark = [pytest.mark.faults, pytest.mark.realapi, pytest.mark.e2e, pytest.mark.timeout(180)]


async def test_a_page_of_html_is_taken_for_no_answer(fleet: RealFleet, tmp_path: Path, measured: Measured) -> None:
    """Without a lease, that its renewal fails is not there to be told: the watches say it alone."""
    async with Front(fleet.server) as front:
        front.behind(fleet.kubeconfig)
        async with serving(fleet, tmp_path, "--no-leader-elect", says="cache synced") as served:
            front.mood = Mood.PAGE
            front.drop()
            began = now()
            measured("not ready", await served.probes.turn_red("not in step with the hub", since=began, within=15))
            red = now()
            await asyncio.sleep(max(0.0, began + 15 - now()))
            served.probes.always_red(since=red)
            front.mood = Mood.HONEST
            measured("caught up", await served.catches_up(since=now()))


async def test_answers_torn_off_in_the_middle_are_taken_for_none(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    """A watch that has nothing to say has nothing to be torn: it may well be ready in between."""
    async with Front(fleet.server) as front:
        front.behind(fleet.kubeconfig)
        async with serving(fleet, tmp_path) as served:
            front.mood = Mood.TORN
            front.drop()
            began = now()
            measured("not ready", await served.probes.turn_red("not in step with the hub", since=began, within=15))
            await served.probes.turn_red("[-]leader-election failed", since=began, within=20)
            await fleet.world.members.join("aks-4", weight=1)  # an event for the watches to be torn in
            await asyncio.sleep(max(0.0, began + 15 - now()))
            served.ledger.is_silent()
            front.mood = Mood.HONEST
            front.drop()
            back = now()
            await fleet.serves(FOUR)
            measured("caught up", now() - back)
            served.ledger.tells_only(FOUR)
            await served.probes.turn_green(since=now(), within=60)
