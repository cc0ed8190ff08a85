"""Reflector, store and handlers together: when an informer is synced, fresh, and what its handlers learn."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from fleetdns.runtime.events import Applied, Deleted
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.listwatch import Denied, NotServed, Throttled, Unavailable
from fleetdns.runtime.observer import Phase
from tests.runtime.scripted import (
    NAMELESS,
    NoJitter,
    Notes,
    Page,
    Script,
    Slow,
    Step,
    Thing,
    Things,
    bookmark,
    deleted,
    entry,
    modified,
    page,
    stream,
    thing,
)

pytestmark = pytest.mark.looptime

START = page(thing("a", 3), thing("b", 4, 2), version=10)
Told = tuple[int | None, int | None, bool]


@dataclass
class Bench:
    """An informer over a script, with everything its handler was told."""

    steps: tuple[Step, ...]
    options: dict[str, Any] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)

    def __post_init__(self) -> None:
        self.script = Script(self.steps)
        self.informer: Informer[str, Thing] = Informer(
            "things", self.script, Things(), random=NoJitter(), observer=self.notes, **self.options
        )
        self.informer.on_change(self.note)

    def note(self, old: Thing | None, new: Thing | None, initial: bool) -> None:
        self.told.append((size(old), size(new), initial))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Informer[str, Thing]]:
        run = asyncio.create_task(self.informer.run())
        yield self.informer
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run


def size(value: Thing | None) -> int | None:
    return None if value is None else value.size


def now() -> float:
    return round(asyncio.get_running_loop().time(), 3)


async def sleep_until(at: float) -> None:
    await asyncio.sleep(at - asyncio.get_running_loop().time())


async def test_it_is_synced_when_the_first_list_has_been_told_to_the_handlers() -> None:
    bench = Bench((Slow(3.0, START), stream(1.0, modified("a", 11, 5), deleted("b", 12), 50.0)))
    async with bench.running() as informer:
        await asyncio.sleep(2)
        assert (informer.has_synced, bench.told) == (False, [])
        await informer.wait_synced()
        assert (now(), informer.store.keys()) == (3, ("a", "b"))
        assert bench.told == [(None, 1, True), (None, 2, True)]
        await asyncio.sleep(2)
        assert bench.told[2:] == [(1, 5, False), (2, None, False)]
        assert bench.notes.synced_with == [2]


async def test_an_empty_list_syncs_too() -> None:
    async with Bench((page(version=10),)).running() as informer:
        await informer.wait_synced()
        assert len(informer.store) == 0


async def test_a_handler_that_comes_late_is_told_of_what_is_there() -> None:
    bench = Bench((START,))
    async with bench.running() as informer:
        await informer.wait_synced()
        late: list[Told] = []
        informer.on_change(lambda old, new, initial: late.append((size(old), size(new), initial)))
        assert late == [(None, 1, True), (None, 2, True)]


def many(count: int) -> Page:
    return page(*(thing(f"t{number}", number, number) for number in range(1, count + 1)), version=count)


async def turns_until(condition: Callable[[], object]) -> int:
    """How often others could run before it held."""
    for turn in range(1000):
        if condition():
            return turn
        await asyncio.sleep(0)
    raise AssertionError("it never held")


async def test_others_run_while_a_long_list_is_taken_over_and_it_is_synced_only_behind_it() -> None:
    bench = Bench((many(3000),))
    async with bench.running() as informer:
        await turns_until(lambda: len(informer.store))
        assert len(informer.store) < 3000
        assert not informer.has_synced
        assert await turns_until(lambda: informer.has_synced) > 3
        assert (len(informer.store), len(bench.told), now()) == (3000, 3000, 0)


async def test_others_run_while_a_handler_that_comes_late_is_told_of_what_is_there_as_it_is_then() -> None:
    bench = Bench((many(3000),))
    async with bench.running() as informer:
        await informer.wait_synced()
        late: list[Told] = []
        subscribing = asyncio.create_task(
            informer.subscribe(lambda old, new, initial: late.append((size(old), size(new), initial)))
        )
        await turns_until(lambda: late)
        assert len(late) < 3000
        informer.store.apply(Applied(entry("t3000", 3001, 7)))
        informer.store.apply(Deleted(entry("t2999", 3002)))
        await subscribing
        assert late == [*((None, number, True) for number in range(1, 2999)), (None, 7, True)]


async def test_others_run_while_a_handler_takes_long_to_hear_of_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench((many(30),))
    async with bench.running() as informer:
        await informer.wait_synced()
        late: list[int | None] = []
        # Each call takes 2 ms of the loop's own clock.
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: 0.002 * len(late))
        subscribing = asyncio.create_task(informer.subscribe(lambda _old, new, _initial: late.append(size(new))))
        await asyncio.sleep(0)
        assert late == [1, 2, 3]
        await asyncio.sleep(0)
        assert late == [1, 2, 3, 4, 5, 6]
        await subscribing
        assert late == list(range(1, 31))
        monkeypatch.undo()


async def test_a_handler_that_raises_is_reported_and_neither_stops_the_informer_nor_the_other_handlers() -> None:
    bench = Bench((START, stream(1.0, modified("a", 11, 5), 50.0)))
    others: list[int | None] = []

    def broken(_old: Thing | None, new: Thing | None, _initial: bool) -> None:
        raise LookupError

    bench.informer.on_change(broken)
    bench.informer.on_change(lambda _old, new, _initial: others.append(size(new)))
    async with bench.running() as informer:
        await asyncio.sleep(2)
        assert others == [1, 2, 5]
        assert [type(error) for error in bench.notes.handler_errors] == [LookupError] * 3
        assert informer.has_synced


async def test_a_relist_tells_what_changed_meanwhile_and_deletes_what_is_missing_with_its_last_state() -> None:
    relisted = page(thing("b", 14, 7), thing("c", 15, 8), version=20)
    bench = Bench((START, stream(1.0, modified("a", 11, 5), 4.0, Denied()), relisted))
    async with bench.running() as informer:
        await asyncio.sleep(10)
        assert bench.told[3:] == [(2, 7, False), (None, 8, False), (5, None, False)]
        assert informer.store.keys() == ("b", "c")


async def test_an_index_serves_readers() -> None:
    bench = Bench((START,), {"indexes": {"parity": lambda thing: [thing.size % 2]}})
    async with bench.running() as informer:
        await informer.wait_synced()
        assert informer.store.by_index("parity", 0) == (Thing(2),)


async def test_our_own_write_is_read_at_once_and_told_to_nobody() -> None:
    bench = Bench((START, stream(5.0, modified("a", 11, 5), 50.0)))
    async with bench.running() as informer:
        await informer.wait_synced()
        assert informer.written(entry("a", 11, 5))
        assert informer.store.get("a") == Thing(5)
        await asyncio.sleep(6)
        assert len(bench.told) == 2


# Present, unknown


async def test_an_undecodable_object_is_reported_once_per_reason_and_kept_as_unknown() -> None:
    moves = (1.0, modified("b", 11, "big"), modified("b", 12, "big"), modified("b", 13, []), 50.0)
    bench = Bench((page(thing("a", 3), thing("b", 4, "big"), version=10), stream(*moves)))
    async with bench.running() as informer:
        await asyncio.sleep(2)
        assert informer.has_synced
        assert list(informer.store.unknown) == ["b"]
        assert [note.split(":")[0] for note in bench.notes.unknown] == ["b", "b"]


async def test_an_object_without_a_name_is_reported_every_time() -> None:
    bench = Bench((page(NAMELESS, version=10), stream(1.0, Denied()), page(NAMELESS, version=11)))
    async with bench.running() as informer:
        await asyncio.sleep(5)
        assert bench.notes.unknown == ["None: no metadata"] * 2
        assert informer.store.unnamed == 1


# Freshness


async def test_it_is_fresh_while_it_hears_from_the_server_and_no_longer_two_minutes_after() -> None:
    down = [Unavailable()] * 8
    bench = Bench((Slow(1.0, START), stream(60.0, bookmark(11), 10.0, Unavailable()), *down))
    seen = {}
    async with bench.running() as informer:
        for at in (0.5, 2, 100, 180, 182):
            await sleep_until(at)
            seen[at] = informer.is_fresh(now())
        assert informer.health.phase is Phase.RETRYING
        assert informer.health.failing_since == 71
        assert not informer.is_watching
    assert seen == {0.5: False, 2: True, 100: True, 180: True, 182: False}


async def test_a_kind_that_may_be_listed_but_not_watched_is_synced_and_never_fresh() -> None:
    bench = Bench(tuple(step for _ in range(9) for step in (START, Denied())))
    async with bench.running() as informer:
        for at in range(1, 120, 7):
            await sleep_until(at)
            assert informer.has_synced
            assert not informer.is_fresh(now())


async def test_a_proxy_in_the_servers_place_does_not_keep_it_fresh() -> None:
    bench = Bench((START, *[stream(b"<html>\n")] * 30))
    async with bench.running() as informer:
        await sleep_until(119)
        assert informer.is_fresh(now())
        await sleep_until(121)
        assert not informer.is_fresh(now())


# Kinds the server does not have


async def test_a_required_kind_that_is_not_served_is_not_synced_until_it_is() -> None:
    bench = Bench((NotServed(), NotServed(), NotServed(), START))
    async with bench.running() as informer:
        await asyncio.sleep(4)
        assert not informer.has_synced
        await informer.wait_synced()
        assert now() == 4.75
        assert bench.notes.phases == [("not served", "NotServed")]


async def test_an_optional_kind_that_is_not_served_is_synced_empty_and_fresh_and_looked_for_again() -> None:
    bench = Bench((*[NotServed()] * 20, START, stream(10.0)), {"optional": True})
    async with bench.running() as informer:
        await informer.wait_synced()
        assert (now(), len(informer.store)) == (0, 0)
        assert bench.notes.synced_with == [0]
        assert bench.notes.phases == [("absent", "")], "it is no failure"
        await asyncio.sleep(130)
        assert informer.is_fresh(now()), "the last look was a few seconds ago"
        await asyncio.sleep(50)
        assert bench.told == [(None, 1, True), (None, 2, True)]


async def test_an_optional_kind_that_cannot_be_reached_is_not_synced() -> None:
    bench = Bench((Unavailable(), Denied(), Throttled(5)), {"optional": True})
    async with bench.running() as informer:
        await asyncio.sleep(100)
        assert not informer.has_synced


async def test_objects_of_an_optional_kind_survive_one_404_and_go_when_the_kind_stays_away() -> None:
    bench = Bench((START, stream(5.0, NotServed()), *[NotServed()] * 9), {"optional": True})
    async with bench.running() as informer:
        await sleep_until(7.0)
        assert len(informer.store) == 2
        await sleep_until(8.0)
        assert len(informer.store) == 0
        assert bench.told[2:] == [(1, None, False), (2, None, False)]


async def test_an_unknown_object_of_an_optional_kind_survives_one_404_too() -> None:
    bench = Bench((page(thing("a", 3, "big"), version=10), stream(5.0, NotServed()), NotServed()), {"optional": True})
    async with bench.running() as informer:
        await sleep_until(6.5)
        assert list(informer.store.unknown) == ["a"]


async def test_objects_of_a_required_kind_stay_when_the_kind_goes_away() -> None:
    bench = Bench((START, stream(5.0, NotServed()), *[NotServed()] * 9))
    async with bench.running() as informer:
        await asyncio.sleep(60)
        assert len(informer.store) == 2
        assert informer.has_synced
        assert not informer.is_fresh(now() + 100)
