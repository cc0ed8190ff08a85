"""List and watch as a healthy server gives them: which version is asked for, what is told, when it is listed again."""

import asyncio

import pytest

from fleetdns.runtime.events import Applied, Deleted, Replaced, Unknown
from fleetdns.runtime.listwatch import Entry, Expired, Throttled
from fleetdns.runtime.observer import Phase
from fleetdns.runtime.reflector import Reflector
from tests.runtime.scripted import (
    NAMELESS,
    Jitter,
    Listed,
    NoJitter,
    Script,
    Slow,
    Step,
    Things,
    Watched,
    added,
    bookmark,
    deleted,
    entry,
    event,
    modified,
    page,
    play,
    stream,
    thing,
)

pytestmark = pytest.mark.looptime

FIRST = Listed(0, "0", limit=500)


async def test_the_first_list_may_come_from_the_cache_and_the_watch_starts_at_its_version() -> None:
    played = await play(page(thing("a", 3), version=10))
    assert played.calls == [FIRST, Watched(0, "10")]
    assert played.events == [Replaced([entry("a", 3)], [], "10")]


async def test_events_are_told_in_order_and_a_closed_stream_is_resumed_after_the_last_without_a_list() -> None:
    played = await play(
        page(thing("a", 3), version=10), stream(added("b", 11), 60.0, modified("a", 12, 2), deleted("b", 13), 40.0)
    )
    assert played.calls == [FIRST, Watched(0, "10"), Watched(100, "13")]
    assert played.events[1:] == [Applied(entry("b", 11)), Applied(entry("a", 12, 2)), Deleted(entry("b", 13))]
    assert played.notes.ends == ["closed", "cancelled"]


async def test_a_bookmark_moves_the_version_to_resume_from_and_is_told_to_nobody() -> None:
    played = await play(page(version=10), stream(60.0, bookmark(40), 5.0))
    assert played.calls[-1] == Watched(65, "40")
    assert len(played.events) == 1
    assert played.notes.kinds == ["BOOKMARK"]


async def test_a_bookmark_that_is_late_or_doubled_never_moves_the_version_back() -> None:
    played = await play(page(version=10), stream(modified("a", 41), bookmark(40), bookmark(40), 5.0))
    assert played.calls[-1] == Watched(5, "41")


async def test_the_added_events_of_a_watch_without_a_version_do_not_move_it_because_they_come_in_any_order() -> None:
    nowhere = page(version=0)
    played = await play(nowhere, stream(added("a", 50), added("b", 20), 5.0))
    assert played.calls[-1] == Watched(5, "0")


@pytest.mark.parametrize(
    "ordered",
    [pytest.param(bookmark(50), id="a bookmark"), pytest.param(modified("a", 50), id="a change")],
)
async def test_after_the_first_ordered_event_the_version_moves_with_every_event(ordered: bytes) -> None:
    played = await play(page(version=0), stream(added("a", 49), ordered, added("b", 51), 5.0))
    assert played.calls[-1] == Watched(5, "51")


async def test_each_watch_is_asked_to_last_five_to_ten_minutes_but_not_equally_long() -> None:
    played = await play(page(version=10), *[stream(5.0) for _ in range(30)], random=Jitter(7))
    assert all(300 <= seconds <= 600 for seconds in played.script.timeouts)
    assert len(set(played.script.timeouts)) > 20


async def test_pages_are_put_together_and_their_version_is_that_of_the_first() -> None:
    played = await play(page(thing("a", 3), version=10, token="next"), page(thing("b", 4), version=12))
    assert played.calls == [FIRST, Listed(0, "", limit=500, token="next"), Watched(0, "10")]
    assert played.events == [Replaced([entry("a", 3), entry("b", 4)], [], "10")]


async def test_a_page_that_has_expired_costs_one_whole_list_at_the_first_version() -> None:
    played = await play(
        page(thing("gone", 3), version=10, token="next"), Expired(), page(thing("a", 3), thing("b", 15), version=20)
    )
    assert played.calls == [FIRST, Listed(0, "", limit=500, token="next"), Listed(0, "0"), Watched(0, "20")]
    assert played.events == [Replaced([entry("a", 3), entry("b", 15)], [], "20")]


async def test_a_relist_asks_for_a_state_not_older_than_ours_and_never_with_a_limit() -> None:
    played = await play(page(version=10), stream(modified("a", 12), 5.0, Expired()), page(version=30))
    assert played.calls == [FIRST, Watched(0, "10"), Listed(5.8, "12"), Watched(5.8, "30")]
    assert played.notes.lists == ["start", "Expired"]


async def test_a_server_that_pages_its_cache_has_none_and_is_asked_for_pages_on_relists_too() -> None:
    played = await play(
        page(version=10, token="next"), page(version=10), stream(5.0, Expired()), page(version=30), stream(1.0)
    )
    assert played.calls[3] == Listed(5.8, "10", limit=500)


async def test_a_version_that_cannot_be_listed_is_given_up_at_once_for_a_quorum_read() -> None:
    played = await play(page(version=10), stream(5.0, Expired()), Expired(), page(thing("a", 3), version=4))
    assert played.calls[2:] == [Listed(5.8, "10"), Listed(5.8, "", limit=500), Watched(5.8, "4")]


async def test_a_version_given_up_is_not_tried_again_until_a_list_has_succeeded() -> None:
    played = await play(
        page(version=10), stream(5.0, Expired()), Expired(), Throttled(), page(version=30), stream(5.0, Expired())
    )
    assert [call.version for call in played.calls if isinstance(call, Listed)] == ["0", "10", "", "", "30"]


async def test_a_server_that_says_expired_to_every_list_is_not_asked_in_a_tight_loop() -> None:
    played = await play(*[Expired() for _ in range(8)])
    assert [call.at for call in played.calls] == [0, 0, 0.8, 2.4, 5.6, 12.0, 22.0, 32.0, 42.0]


async def test_one_undecodable_object_stops_neither_the_list_nor_the_stream() -> None:
    played = await play(
        page(thing("a", 3, "huge"), thing("b", 4), version=10),
        stream(modified("b", 11, "huge"), modified("b", 12), event("ADDED", b'{"spec": {}}'), 5.0),
    )
    listed = played.events[0]
    assert isinstance(listed, Replaced)
    assert listed.entries == [entry("b", 4)]
    assert [(item.key, item.uid, item.version) for item in listed.unknown] == [("a", "uid-a", "3")]
    lost, back, nameless = played.events[1:]
    assert isinstance(lost, Unknown)
    assert (lost.key, lost.version) == ("b", "11")
    assert back == Applied(entry("b", 12))
    assert isinstance(nameless, Unknown)
    assert nameless.key is None
    assert played.calls[-1] == Watched(5, "12")


async def test_a_deleted_object_that_cannot_be_decoded_is_deleted_all_the_same() -> None:
    played = await play(page(version=10), stream(deleted("a", 11, "huge"), 5.0))
    assert played.events[1:] == [Deleted(Entry("a", "uid-a", "11", None))]


async def test_a_deleted_object_without_a_name_is_told_as_an_object_without_a_name() -> None:
    played = await play(page(version=10), stream(event("DELETED", NAMELESS), 5.0))
    assert played.events[1:] == [Unknown(None, None, None, "no metadata")]


async def test_health_says_watching_only_while_a_watch_is_open_and_when_it_was_last_heard() -> None:
    script = Script([Slow(2.0, page(version=10)), stream(60.0, bookmark(11), 60.0)])
    reflector = Reflector(script, Things(), random=NoJitter())
    run = asyncio.create_task(reflector.run(lambda _event: None))

    async def look(at: float) -> tuple[Phase, bool, float | None]:
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        return reflector.health.phase, reflector.is_watching, reflector.health.heard_at

    assert await look(1) == (Phase.STARTING, False, None)
    assert await look(3) == (Phase.WATCHING, True, 2)
    assert await look(61) == (Phase.WATCHING, True, 2)
    assert await look(63) == (Phase.WATCHING, True, 62)
    run.cancel()


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((), id="while it lists"),
        pytest.param((page(version=10),), id="while the watch opens"),
        pytest.param((page(version=10), stream(1000.0)), id="while it reads"),
        pytest.param((Throttled(1000.0),), id="while it pauses"),
    ],
)
async def test_cancelling_ends_it_at_once_and_leaves_no_stream_open(steps: tuple[Step, ...]) -> None:
    script = Script(steps)
    run = asyncio.create_task(Reflector(script, Things(), random=NoJitter()).run(lambda _event: None))
    await asyncio.sleep(3)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert script.open_streams == 0
    assert asyncio.get_running_loop().time() == 3


async def test_a_burst_of_events_lets_other_tasks_run_in_between() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    script = Script([page(version=10), stream(*[modified("a", n) for n in range(11, 3011)])])
    run = asyncio.create_task(Reflector(script, Things(), random=NoJitter()).run(lambda _event: None))
    await script.ended.wait()
    task.cancel()
    run.cancel()
    assert turns >= 6
