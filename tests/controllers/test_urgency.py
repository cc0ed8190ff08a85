"""How urgent the looks at a profile are: what was deleted once puts nothing that follows before others for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fleetdns.core.callbudget import BACKGROUND, DELETION
from fleetdns.core.trafficmanager import ProfileRef
from tests.controllers.world import Process, World
from tests.core.builders import make_backend, make_export, make_profile, public_ip

pytestmark = pytest.mark.looptime


def turns(process: Process, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """When somebody took a turn at a profile, and how urgently; filled from now on."""
    found: list[tuple[float, int]] = []
    metered = process.controller.azure
    take = metered.turn

    @contextmanager
    def turn(ref: ProfileRef, *, urgency: int) -> Iterator[None]:
        found.append((asyncio.get_running_loop().time(), urgency))
        with take(ref, urgency=urgency):
            yield

    monkeypatch.setattr(metered, "turn", turn)
    return found


async def test_a_refused_endpoint_is_not_tried_again_as_urgently_as_an_export_was_withdrawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    target = public_ip("b-app").lower()
    world.azure.bad_targets.add(target)
    async with world.running() as process:
        world.hub.apply(make_profile(), make_backend(), *map(make_export, "abcde"))
        await asyncio.sleep(20)
        found = turns(process, monkeypatch)
        world.withdraw("e")
        await asyncio.sleep(5)
        assert DELETION in {urgency for _, urgency in found}
        found.clear()
        await asyncio.sleep(300)

        assert len(found) >= 2
        assert {urgency for _, urgency in found} == {BACKGROUND}
        world.azure.bad_targets.clear()
        await asyncio.sleep(150)
        assert set(world.weights()) == {"a", "b", "c", "d"}


async def test_an_export_that_vanished_goes_as_urgently_as_it_was_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    async with world.running() as process:
        world.hub.apply(make_profile(), make_backend(), *map(make_export, "abcde"))
        await asyncio.sleep(20)
        found = turns(process, monkeypatch)
        world.lose("e")
        await asyncio.sleep(10)

        assert set(world.weights()) == {"a", "b", "c", "d"}
        assert {urgency for _, urgency in found} == {DELETION}
