"""Two agents under one cluster's name: each puts its own export back, at a pace that harms nobody, and says why."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.core.builders import uid_of
from tests.member.world import KEY, OFFER, World

pytestmark = pytest.mark.looptime


async def test_two_agents_under_one_name_do_not_chase_each_other_and_both_are_told() -> None:
    first, second = World(delay=0.05), World(delay=0.05)
    second.hub = first.hub
    async with first.exporting() as told_first:
        second.expose(uid=uid_of("another"))
        second.ask()
        async with second.running() as told_second:
            await asyncio.sleep(600)
            messages = [world.message() for world in (first, second)]
    runs = len(told_first.runs) + len(told_second.runs)
    assert runs < 300  # in ten minutes; without a pause it was 90 a second
    assert any("--cluster-name" in message for message in messages)


async def test_an_export_that_was_changed_by_hand_into_another_services_is_put_back_at_once() -> None:
    world = World(delay=0.05)
    async with world.exporting():
        before = world.offer()
        assert before is not None
        reference = msgspec.structs.replace(before.spec.service_reference, uid=uid_of("another"))
        world.hub.respecify(OFFER, service_reference=reference)
        await asyncio.sleep(2)
        after = world.offer()
        assert after is not None
        assert after.spec.service_reference.uid == world.service(KEY).metadata.uid
