"""The whole state as the beginning of a watch, and what comes instead where a server does not have that."""

import asyncio
from collections.abc import Sequence

import pytest

from fleetdns.runtime.events import Applied, Replaced, Unknown
from fleetdns.runtime.listwatch import Denied, Expired, LineTooLong, NotServed, Rejected, Throttled, Unavailable
from fleetdns.runtime.observer import Phase
from fleetdns.runtime.reflector import Reflector
from fleetdns.runtime.watchlist import WatchListSupport
from tests.runtime.scripted import (
    NAMELESS,
    Listed,
    NoJitter,
    Played,
    Script,
    Slow,
    Step,
    Stream,
    Thing,
    Things,
    Watched,
    added,
    bookmark,
    deleted,
    entry,
    event,
    failed,
    initial_end,
    modified,
    page,
    play,
    stream,
    thing,
)

pytestmark = pytest.mark.looptime

FIRST = Watched(0, "", initial=True)
STATE = (added("a", 3), initial_end(10))
LIST = page(thing("a", 3), version=10)
TOO_NEW = failed(504, "Timeout", causes=[{"reason": "ResourceVersionTooLarge", "message": "m"}])


async def streamed(*steps: Step, support: WatchListSupport | None = None) -> Played:
    """What comes of a script where the server may stream the state."""
    return await play(*steps, watch_list=support or WatchListSupport())


def quiet(minutes: int, *, version: int) -> tuple[bytes | float, ...]:
    """Minutes of a watch on which nothing happens."""
    return (60.0, bookmark(version)) * minutes


def states(played: Played) -> list[Replaced[str, Thing]]:
    return [told for told in played.events if isinstance(told, Replaced)]


def ways(calls: Sequence[Listed | Watched]) -> list[str]:
    """How each call asked."""
    return ["list" if isinstance(call, Listed) else "stream" if call.initial else "watch" for call in calls]


# The state


async def test_the_state_is_told_whole_at_its_end_and_the_stream_goes_on_as_the_watch() -> None:
    played = await streamed(stream(added("a", 3), added("b", 4), initial_end(10), 5.0, modified("a", 11, 2), 60.0))
    assert played.calls == [FIRST, Watched(65, "11")]
    assert played.events == [Replaced([entry("a", 3), entry("b", 4)], [], "10"), Applied(entry("a", 11, 2))]
    assert (played.notes.lists, played.notes.by) == (["start"], ["stream"])
    assert played.notes.phases == [("watching", "")]


async def test_an_empty_state_is_a_state() -> None:
    played = await streamed(stream(initial_end(10), 5.0))
    assert played.events == [Replaced([], [], "10")]
    assert played.calls == [FIRST, Watched(5, "10")]


async def test_nothing_is_told_and_nothing_counts_as_watched_before_the_end_of_the_state() -> None:
    script = Script([stream(added("a", 3), 20.0, added("b", 4), 20.0, initial_end(10), 50.0)])
    told: list[object] = []
    reflector = Reflector(script, Things(), random=NoJitter(), watch_list=WatchListSupport())
    run = asyncio.create_task(reflector.run(told.append))

    async def look(at: float) -> tuple[int, bool, Phase, float | None]:
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        return len(told), reflector.is_watching, reflector.health.phase, reflector.health.heard_at

    assert await look(39) == (0, False, Phase.STARTING, None)
    assert await look(41) == (1, True, Phase.WATCHING, 40)
    run.cancel()


async def test_what_changes_while_the_state_is_told_is_in_it() -> None:
    moves = (added("a", 3), added("b", 4), modified("a", 11, 2), deleted("b", 12), added("c", 13), initial_end(13))
    played = await streamed(stream(*moves, 5.0))
    assert played.events == [Replaced([entry("a", 11, 2), entry("c", 13)], [], "13")]
    assert played.notes.kinds == [], "only what comes after the state is news"


async def test_the_version_of_the_state_is_that_of_its_end_and_not_of_its_objects() -> None:
    played = await streamed(stream(added("a", 40), added("b", 20), initial_end(30), 5.0))
    assert states(played)[0].resource_version == "30"
    assert played.calls[-1] == Watched(5, "30")


async def test_undecodable_objects_are_in_the_state_as_unknown() -> None:
    moves = (
        added("broken", 3, "huge"),
        added("mended", 4, "huge"),
        modified("mended", 5, 7),
        added("lost", 6),
        modified("lost", 7, "huge"),
        added("gone", 8),
        deleted("gone", 9, "huge"),
        event("ADDED", NAMELESS),
        initial_end(10),
    )
    (state,) = states(await streamed(stream(*moves, 5.0)))
    assert state.entries == [entry("mended", 5, 7)]
    assert [(item.key, item.version) for item in state.unknown] == [("broken", "3"), ("lost", "7"), (None, None)]


async def test_a_deletion_without_a_name_leaves_every_absence_unproven() -> None:
    (state,) = states(await streamed(stream(added("a", 3), event("DELETED", NAMELESS), initial_end(10), 5.0)))
    assert state.entries == [entry("a", 3)]
    assert state.unknown == [Unknown(None, None, None, "no metadata")]


async def test_an_end_mark_that_nobody_asked_for_is_a_bookmark() -> None:
    played = await streamed(
        stream(*STATE, 5.0, modified("a", 11, 2), initial_end(12), 5.0), stream(initial_end(13), 5.0)
    )
    assert played.calls == [FIRST, Watched(10, "12"), Watched(15, "13")]
    assert len(states(played)) == 1
    assert played.notes.kinds == ["MODIFIED", "BOOKMARK", "BOOKMARK"]


async def test_the_watch_of_a_listed_state_may_bring_an_end_mark_too() -> None:
    played = await play(LIST, stream(initial_end(12), 5.0))
    assert played.calls[1:] == [Watched(0, "10"), Watched(5, "12")]
    assert len(states(played)) == 1


async def test_a_burst_of_initial_events_lets_other_tasks_run_in_between() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await streamed(stream(*[added(f"t{n}", n) for n in range(1, 3001)], initial_end(3001)))
    task.cancel()
    assert turns >= 11


async def test_cancelling_in_the_middle_of_the_state_leaves_no_stream_open() -> None:
    script = Script([stream(added("a", 3), 20.0)])
    reflector = Reflector(script, Things(), random=NoJitter(), watch_list=WatchListSupport())
    run = asyncio.create_task(reflector.run(lambda _event: None))
    await asyncio.sleep(3)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert script.open_streams == 0


async def test_a_state_that_takes_longer_to_take_over_than_a_stream_may_be_silent_is_taken_over_whole() -> None:
    script = Script([stream(*STATE, 50.0)])
    whole: list[float] = []

    async def replace(_: Replaced[str, Thing]) -> None:
        await asyncio.sleep(40)
        whole.append(asyncio.get_running_loop().time())

    reflector = Reflector(script, Things(), random=NoJitter(), watch_list=WatchListSupport())
    run = asyncio.create_task(reflector.run(lambda _event: None, replace=replace))
    await asyncio.sleep(45)
    run.cancel()
    assert whole == [40]


# Once more


async def test_a_relist_streams_a_state_not_older_than_ours() -> None:
    played = await streamed(
        stream(*STATE, modified("a", 12), 5.0, failed(410, "Expired")), stream(added("b", 30), initial_end(40), 5.0)
    )
    assert played.calls == [FIRST, Watched(5.8, "12", initial=True), Watched(10.8, "40")]
    assert played.events[-1] == Replaced([entry("b", 30)], [], "40")
    assert (played.notes.lists, played.notes.by) == (["start", "Expired"], ["stream", "stream"])


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(Expired(), id="expired by the status"),
        pytest.param(stream(failed(410, "Expired")), id="expired by an event"),
        pytest.param(stream(TOO_NEW), id="too new by an event"),
    ],
)
async def test_a_version_that_is_refused_is_given_up_at_once_for_the_newest_state(refusal: Step) -> None:
    played = await streamed(stream(*STATE, 5.0, Denied()), refusal, stream(added("a", 3), initial_end(4), 5.0))
    assert played.calls[1:] == [Watched(5.8, "10", initial=True), Watched(5.8, "", initial=True), Watched(10.8, "4")]


async def test_a_server_that_refuses_every_version_is_not_asked_in_a_tight_loop() -> None:
    played = await streamed(stream(*STATE, 5.0, Expired()), *[Expired() for _ in range(5)])
    assert [(call.at, call.version) for call in played.calls[1:]] == [
        (5.8, "10"),
        (5.8, ""),
        (7.4, ""),
        (10.6, ""),
        (17.0, ""),
        (27.0, ""),
    ]
    assert set(ways(played.calls)) == {"stream"}


async def test_a_version_that_names_no_state_is_not_asked_for() -> None:
    played = await streamed(stream(initial_end(0), 5.0, Denied()), stream(*STATE, 5.0))
    assert played.calls[1] == Watched(5.8, "", initial=True)


async def test_a_kind_that_is_not_there_yet_is_looked_for() -> None:
    looks: list[int] = []
    support = WatchListSupport()
    steps: list[Step] = [NotServed(), NotServed(), stream(*STATE, 5.0, NotServed()), NotServed()]
    played = await play(*steps, watch_list=support, on_not_served=looks.append)
    assert looks == [1, 2, 1, 2]
    assert ways(played.calls) == ["stream"] * 5
    assert len(played.events) == 1, "an answer of 404 alone deletes nothing"


# A server that does not stream it


REFUSALS = [
    pytest.param(Rejected(422), 0.0, id="422"),
    pytest.param(Rejected(400), 0.0, id="400"),
    pytest.param(stream(failed(500, "InternalError")), 0.0, id="500 as an event"),
    pytest.param(stream(added("x", 1), 5.0, failed(500, "InternalError")), 5.0, id="500 as an event, after others"),
    pytest.param(stream(added("x", 1), 20.0, bookmark(2)), 20.0, id="a bookmark where the end should be"),
    pytest.param(stream(added("x", 1), 1000.0), 30.0, id="no end"),
    pytest.param(stream(1000.0), 30.0, id="nothing"),
    pytest.param(stream(added("x", 1), 29.0, added("y", 2), 1000.0), 59.0, id="no end, after others"),
]


@pytest.mark.parametrize(("refusal", "after"), REFUSALS)
async def test_where_the_server_does_not_stream_the_state_it_is_listed_at_once(refusal: Step, after: float) -> None:
    played = await streamed(refusal, LIST, stream(5.0))
    assert played.calls == [FIRST, Listed(after, "0", limit=500), Watched(after, "10"), Watched(after + 5, "10")]
    assert played.events == [Replaced([entry("a", 3)], [], "10")]
    assert played.notes.phases == [("watching", "")], "that is no failure"
    assert (played.notes.lists, played.notes.by) == (["start"], ["list"])


@pytest.mark.parametrize(("refusal", "after"), REFUSALS)
async def test_that_is_remembered_for_everybody_who_reads_from_the_server(refusal: Step, after: float) -> None:
    support = WatchListSupport()
    one = await streamed(refusal, LIST, stream(5.0, Denied()), support=support)
    assert ways(one.calls) == ["stream", "list", "watch", "list"]
    other = await streamed(LIST, support=support)
    assert ways(other.calls) == ["list", "watch"]
    assert ways((await streamed(stream(*STATE, 1.0))).calls) == ["stream", "watch"], "of another server it says nothing"


@pytest.mark.parametrize(
    ("minutes", "then"),
    [pytest.param(58, "list", id="not within the hour"), pytest.param(61, "stream", id="after an hour")],
)
async def test_the_next_state_is_asked_for_as_a_stream_again(minutes: int, then: str) -> None:
    played = await streamed(Rejected(422), LIST, stream(*quiet(minutes, version=11), Expired()))
    assert ways(played.calls) == ["stream", "list", "watch", then]


async def test_a_server_that_was_upgraded_streams_from_then_on() -> None:
    watch = quiet(61, version=11)
    played = await streamed(
        Rejected(422), LIST, stream(*watch, Expired()), stream(initial_end(20), 5.0, Denied()), stream(*STATE)
    )
    assert ways(played.calls) == ["stream", "list", "watch", "stream", "stream", "watch"]


async def test_a_server_that_was_not_upgraded_is_left_in_peace_for_another_hour() -> None:
    watch = quiet(61, version=11)
    again = (Rejected(422), page(version=20))
    played = await streamed(Rejected(422), LIST, stream(*watch, Expired()), *again, stream(5.0, Expired()))
    assert ways(played.calls) == ["stream", "list", "watch", "stream", "list", "watch", "list"]


async def test_a_server_that_was_rolled_back_says_so_at_the_next_relist() -> None:
    played = await streamed(stream(*STATE, 5.0, Expired()), Rejected(422), LIST)
    assert ways(played.calls) == ["stream", "stream", "list", "watch"]
    assert played.calls[2] == Listed(5.8, "10")


async def test_a_version_whose_state_has_no_end_is_given_up_before_the_server_is() -> None:
    silent = stream(1000.0)
    played = await streamed(stream(*STATE, 5.0, Expired()), silent, silent, LIST)
    assert played.calls[1:] == [
        Watched(5.8, "10", initial=True),
        Watched(35.8, "", initial=True),
        Listed(65.8, "", limit=500),
        Watched(65.8, "10"),
    ]


async def test_a_state_that_comes_slowly_is_waited_for() -> None:
    moves = [move for n in range(1, 40) for move in (added(f"t{n}", n), 29.0)]
    played = await streamed(stream(*moves, initial_end(50), 5.0))
    assert len(states(played)[0].entries) == 39


# A server that cannot just now


@pytest.mark.parametrize(
    ("trouble", "pause"),
    [
        pytest.param(Denied(), 0.8, id="denied"),
        pytest.param(NotServed(), 1.0, id="not served"),
        pytest.param(Throttled(), 0.8, id="throttled"),
        pytest.param(Throttled(17), 17.0, id="throttled for 17 s"),
        pytest.param(stream(failed(429, retryAfterSeconds=9)), 9.0, id="throttled for 9 s by an event"),
        pytest.param(stream(failed(403, "Forbidden")), 0.8, id="denied by an event"),
    ],
)
async def test_trouble_says_nothing_about_streams_however_often_it_comes(trouble: Step, pause: float) -> None:
    support = WatchListSupport()
    played = await streamed(*[trouble] * 6, support=support)
    assert played.calls[1].at == pause
    assert set(ways(played.calls)) == {"stream"}
    assert support.is_expected(asyncio.get_running_loop().time())


BROKEN = [
    pytest.param(stream(added("x", 1)), id="closed"),
    pytest.param(stream(added("x", 1), initial_end(2)[:-1]), id="cut in its last line"),
    pytest.param(stream(added("x", 1), Unavailable("reset")), id="reset"),
    pytest.param(stream(added("x", 1), b"<html>\n"), id="a proxy's page"),
    pytest.param(stream(failed(503, "ServiceUnavailable")), id="an error of another kind"),
    pytest.param(Unavailable("refused"), id="not even begun"),
]


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_stream_that_breaks_before_its_end_tells_nothing_and_is_begun_again(broken: Step) -> None:
    played = await streamed(broken, broken, stream(*STATE, 5.0))
    assert [call.at for call in played.calls] == [0, 0.8, 2.4, 7.4]
    assert ways(played.calls) == ["stream", "stream", "stream", "watch"]
    assert played.events == [Replaced([entry("a", 3)], [], "10")]
    assert [phase for phase, _ in played.notes.phases] == ["retrying", "watching"]


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_stream_that_breaks_again_and_again_does_not_starve_the_cache(broken: Step) -> None:
    support = WatchListSupport()
    played = await streamed(*[broken] * 3, LIST, stream(5.0, Denied()), stream(*STATE, 1.0), support=support)
    assert ways(played.calls) == ["stream", "stream", "stream", "list", "watch", "stream", "watch"]
    assert states(played) == [Replaced([entry("a", 3)], [], "10")] * 2
    assert support.is_expected(0), "of the server it says nothing"


async def test_while_lists_fail_too_streams_have_their_turn_again() -> None:
    played = await streamed(*[Unavailable()] * 8)
    assert ways(played.calls) == [*["stream"] * 3, "list", *["stream"] * 3, "list", "stream"]
    assert [call.at for call in played.calls][:5] == [0, 0.8, 2.4, 5.6, 12.0]


async def test_a_server_that_never_answers_the_stream_is_listed_in_the_end() -> None:
    played = await streamed(*[Slow(1000.0, stream())] * 3, LIST)
    assert ways(played.calls) == ["stream", "stream", "stream", "list", "watch"]
    assert played.calls[1].at == 75.8


async def test_an_object_too_long_for_a_line_is_listed() -> None:
    played = await streamed(stream(added("x", 1), LineTooLong()), LIST)
    assert played.calls == [FIRST, Listed(0.8, "0", limit=500), Watched(0.8, "10")]


async def test_an_error_after_the_end_is_an_error_of_the_watch() -> None:
    support = WatchListSupport()
    broken: Stream = stream(*STATE, 5.0, failed(500, "InternalError"))
    played = await streamed(broken, stream(*STATE, 5.0, Unavailable()), support=support)
    assert played.calls == [FIRST, Watched(5.8, "10", initial=True), Watched(10.8 + 1.6, "10")]
    assert support.is_expected(0)


async def test_a_stream_that_is_closed_at_once_after_the_state_is_resumed() -> None:
    played = await streamed(stream(*STATE), stream(5.0))
    assert played.calls == [FIRST, Watched(0, "10"), Watched(5, "10")]
