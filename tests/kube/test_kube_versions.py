"""A kind under several versions: whichever is served is read, and a change of version loses nothing on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from fleetdns.kube.versions import VersionedListWatch
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.listwatch import Expired, NotServed, Unavailable
from fleetdns.runtime.observer import Phase
from fleetdns.runtime.watchlist import WatchListSupport
from tests.runtime.scripted import (
    Listed,
    NoJitter,
    Notes,
    Script,
    Step,
    Thing,
    Things,
    Watched,
    added,
    deleted,
    initial_end,
    page,
    stream,
    thing,
)

pytestmark = pytest.mark.looptime

ANYWAY = "0"


def versions(*scripts: tuple[Step, ...]) -> tuple[VersionedListWatch, list[Script]]:
    made = [Script(steps) for steps in scripts]
    return VersionedListWatch(made), made


@dataclass
class Bench:
    """An optional informer over two versions; `options` as an Informer takes them."""

    v1: tuple[Step, ...]
    v1beta1: tuple[Step, ...]
    watch_list: WatchListSupport | None = None
    notes: Notes = field(default_factory=Notes)

    def __post_init__(self) -> None:
        listwatch, (self.first, self.second) = versions(self.v1, self.v1beta1)
        self.informer: Informer[str, Thing] = Informer(
            "things",
            listwatch,
            Things(),
            random=NoJitter(),
            observer=self.notes,
            optional=True,
            watch_list=self.watch_list,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Informer[str, Thing]]:
        run = asyncio.create_task(self.informer.run())
        yield self.informer
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run


async def sleep_until(at: float) -> None:
    await asyncio.sleep(at - asyncio.get_running_loop().time())


async def test_the_preferred_version_is_read_and_no_other_asked() -> None:
    bench = Bench((page(thing("a", 3), version=10), stream(100.0)), ())
    async with bench.running() as informer:
        await informer.wait_synced()
        assert informer.store.get("a") == Thing(1)
        assert bench.second.calls == []


async def test_an_older_server_is_read_by_the_version_that_it_has_and_kept_to() -> None:
    bench = Bench((NotServed(),), (page(thing("a", 3), version=10), stream(5.0), stream(added("b", 11), 100.0)))
    async with bench.running() as informer:
        await sleep_until(6.0)
        assert informer.store.keys() == ("a", "b")
        assert bench.first.calls == [Listed(0, ANYWAY, 500)]
        assert bench.second.calls == [Listed(0, ANYWAY, 500), Watched(0, "10"), Watched(5, "10")]
        assert bench.notes.phases == [("watching", "")]


async def test_a_server_with_none_of_them_is_synced_and_empty_and_each_look_asks_for_all() -> None:
    bench = Bench((NotServed(),) * 2, (NotServed(), page(thing("a", 3), version=10), stream(100.0)))
    async with bench.running() as informer:
        await informer.wait_synced()
        assert (len(informer.store), informer.health.phase) == (0, Phase.ABSENT)
        assert (len(bench.first.calls), len(bench.second.calls)) == (1, 1)
        await sleep_until(1.5)
        assert informer.store.keys() == ("a",)
        assert (len(bench.first.calls), len(bench.second.calls)) == (2, 3)


async def test_a_watched_version_that_goes_is_followed_by_the_state_under_the_next_and_nothing_is_gone_meanwhile() -> (
    None
):
    """The hub was upgraded: v1 of yesterday is v1beta1 of a hub that was rolled back."""
    bench = Bench(
        (page(thing("a", 3), thing("b", 4), version=10), stream(5.0), NotServed()),
        (page(thing("b", 4), thing("c", 12), version=13), stream(deleted("b", 14), 100.0)),
    )
    told: list[tuple[Thing | None, Thing | None]] = []
    bench.informer.on_change(lambda old, new, _: told.append((old, new)))
    async with bench.running() as informer:
        await sleep_until(5.5)
        assert informer.store.keys() == ("a", "b"), "what cannot be seen for a moment is not gone"
        await sleep_until(7.0)
        assert informer.store.keys() == ("c",)
        # Not older than what the other version was heard to say: an absence in it is a fact.
        assert bench.second.calls[0] == Listed(5.8, "10")
        assert bench.second.calls[1] == Watched(5.8, "13")
        assert informer.has_synced


async def test_a_kind_that_goes_under_every_version_is_gone_after_some_looks_at_all_of_them() -> None:
    bench = Bench((page(thing("a", 3), version=10), stream(5.0), *[NotServed()] * 9), (NotServed(),) * 9)
    async with bench.running() as informer:
        await sleep_until(7.0)
        assert len(informer.store) == 1
        await sleep_until(12.0)
        assert len(informer.store) == 0


async def test_a_server_that_cannot_be_reached_is_not_asked_for_another_version() -> None:
    bench = Bench((Unavailable(), page(thing("a", 3), version=10), stream(100.0)), ())
    async with bench.running() as informer:
        await informer.wait_synced()
        assert bench.second.calls == []


async def test_a_watch_that_begins_with_the_state_goes_on_to_the_next_version_in_one_request() -> None:
    bench = Bench((NotServed(),), (stream(added("a", 3), initial_end(10), 100.0),), watch_list=WatchListSupport())
    async with bench.running() as informer:
        await informer.wait_synced()
        assert informer.store.keys() == ("a",)
        assert bench.first.calls == [Watched(0, "", initial=True)]
        assert bench.second.calls == [Watched(0, "", initial=True)]
        assert informer.is_watching


async def test_a_missing_version_does_not_count_as_a_server_that_refuses_to_stream_the_state() -> None:
    support = WatchListSupport()
    bench = Bench((NotServed(),) * 3, (NotServed(),) * 3, watch_list=support)
    async with bench.running():
        await sleep_until(3.0)
        assert support.is_expected(3.0)


async def test_pages_of_one_list_are_never_of_two_versions() -> None:
    listwatch, (first, second) = versions(
        (page(thing("a", 3), version=10, token="more"), NotServed()), (page(thing("a", 3), thing("b", 4), version=11),)
    )
    await listwatch.list(resource_version="", limit=1, continue_token="", take=lambda _: None)
    with pytest.raises(Expired):
        await listwatch.list(resource_version="", limit=1, continue_token="more", take=lambda _: None)
    assert (
        await listwatch.list(resource_version="", limit=None, continue_token="", take=lambda _: None)
    ).resource_version == "11"
    assert [len(script.calls) for script in (first, second)] == [2, 1]


async def test_a_watch_ends_its_stream_with_the_block() -> None:
    listwatch, (_, second) = versions((NotServed(),), (stream(100.0),))
    async with listwatch.watch(resource_version="", timeout_seconds=300, initial_events=True):
        assert second.open_streams == 1
    assert second.open_streams == 0
