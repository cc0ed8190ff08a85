"""A long list is taken over little by little, and what happens meanwhile is newer than it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetdns.controllers.index import AzureIndex
from fleetdns.core.observed import LIST, WRITE
from fleetdns.core.trafficmanager import Profile, ProfileRef
from tests.controllers.fake_azure import FakeTrafficManager
from tests.core.builders import SUBSCRIPTION, make_desired

GROUP = "fleet-rg"
PROFILES = [
    replace(make_desired().profile, ref=ProfileRef(SUBSCRIPTION, GROUP, f"p{number:02}"), relative_name=f"n{number}")
    for number in range(35)
]


class Listing:
    """A list of all PROFILES that is being recorded: some of them are known already, others not yet."""

    def __init__(self) -> None:
        self.azure = FakeTrafficManager(latency=0.0)
        for profile in PROFILES:
            self.azure.store(profile)
        self.index = AzureIndex(self.azure, clock=asyncio.get_running_loop().time)
        self.index.listing_ended(None)

    @property
    def recorded(self) -> list[Profile]:
        return [profile for profile in PROFILES if self.index.known(profile.ref) is not None]

    async def half(self) -> asyncio.Task[tuple[ProfileRef, ...]]:
        """The list when it is half recorded."""
        task = asyncio.create_task(self.index.list_group(SUBSCRIPTION, GROUP))
        while not self.recorded:
            assert not task.done()
            await asyncio.sleep(0)
        assert len(self.recorded) < len(PROFILES)
        return task


@pytest.fixture
async def listing() -> Listing:
    return Listing()


async def test_a_list_is_recorded_whole(listing: Listing) -> None:
    changed = await (await listing.half())
    assert [ref.name for ref in changed] == [profile.ref.name for profile in PROFILES]
    assert listing.recorded == PROFILES


async def test_what_is_written_while_a_list_is_recorded_is_newer_than_the_list(listing: Listing) -> None:
    recording = await listing.half()
    now = asyncio.get_running_loop().time()
    known, unknown = PROFILES[0], PROFILES[-1]
    made = replace(known, ref=replace(known.ref, name="made"))
    for profile in (known, unknown, made):
        listing.index.observed.wrote(profile.ref, replace(profile, ttl=7), ended=now + 1)
    changed = await recording
    for profile in (known, unknown, made):
        observation = listing.index.known(profile.ref)
        assert observation is not None
        assert observation.profile is not None
        assert (observation.profile.ttl, observation.source) == (7, WRITE)
    assert unknown.ref not in changed


async def test_a_group_has_been_seen_only_when_all_of_its_list_is_recorded(listing: Listing) -> None:
    recording = await listing.half()
    await listing.index.see_homes(replace(PROFILES[0].ref, name="new"), "work/new", others=())
    assert len(listing.recorded) == len(PROFILES)
    await recording


async def test_a_profile_that_a_list_forgets_is_gone_once_the_list_is_recorded(listing: Listing) -> None:
    await listing.index.list_group(SUBSCRIPTION, GROUP)
    listing.azure.unlisted.add(PROFILES[20].ref.name)
    changed = await listing.index.list_group(SUBSCRIPTION, GROUP)
    assert [ref.name for ref in changed] == [PROFILES[20].ref.name]
    observation = listing.index.known(PROFILES[20].ref)
    assert observation is not None
    assert (observation.profile, observation.source) == (None, LIST)
