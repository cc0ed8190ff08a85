"""Every fault a watch can have, against a scripted server: nothing is lost, invented, or asked for in a tight loop."""

import pytest

from fleetdns.runtime.events import Applied, Replaced
from fleetdns.runtime.listwatch import (
    Denied,
    Expired,
    LineTooLong,
    ListWatchError,
    NotServed,
    Throttled,
    Unavailable,
)
from tests.runtime.scripted import (
    Jitter,
    Listed,
    Slow,
    Step,
    Watched,
    added,
    bookmark,
    entry,
    event,
    failed,
    modified,
    page,
    play,
    stream,
    thing,
)

pytestmark = pytest.mark.looptime

FIRST = Listed(0, "0", limit=500)
START = page(thing("a", 3), version=10)


async def test_a_peer_that_goes_silent_is_left_after_75_s_and_watched_again_from_the_last_version() -> None:
    played = await play(START, stream(modified("a", 11), 1000.0))
    assert played.calls == [FIRST, Watched(0, "10"), Watched(75, "11")]
    assert played.notes.ends[0] == "stalled"
    assert played.notes.phases == [("watching", "")], "silence is no error: bookmarks may not have been promised"


async def test_a_line_within_75_s_keeps_the_stream() -> None:
    played = await play(START, stream(74.0, bookmark(11), 74.0, bookmark(12), 74.0, bookmark(13)))
    assert played.calls[-1] == Watched(222, "13")


async def test_informers_do_not_give_up_on_a_silent_server_at_the_same_moment() -> None:
    silences = set()
    for seed in range(3):
        _, watched, again = (await play(START, stream(1000.0), random=Jitter(seed))).calls
        silences.add(round(again.at - watched.at, 3))
    assert len(silences) == 3
    assert all(75 <= silence <= 82.5 for silence in silences)


async def test_a_server_that_stays_silent_is_listed_so_that_a_restored_one_is_found_out() -> None:
    played = await play(START, *[stream(1000.0) for _ in range(4)], Expired(), page(version=4))
    assert played.calls[1:] == [
        *[Watched(number * 75, "10") for number in range(4)],
        Listed(300, "10"),
        Listed(300, "", limit=500),
        Watched(300, "4"),
    ]


async def test_silence_counts_anew_after_every_word() -> None:
    silent = stream(1000.0)
    played = await play(START, silent, silent, silent, stream(bookmark(11), 1000.0), silent, silent)
    assert not [call for call in played.calls[1:] if isinstance(call, Listed)]


async def test_silence_counts_anew_after_the_list_it_led_to() -> None:
    played = await play(START, *[stream(1000.0)] * 4, START, *[stream(1000.0)] * 3)
    assert [call.at for call in played.calls if isinstance(call, Listed)] == [0, 300]


async def test_a_server_that_does_not_answer_the_watch_is_an_error_and_is_asked_again_with_the_same_version() -> None:
    played = await play(START, Slow(1000.0, stream()))
    assert played.calls == [FIRST, Watched(0, "10"), Watched(75.8, "10")]
    assert played.notes.phases == [("retrying", "Unavailable")]


async def test_a_transport_that_times_out_by_itself_is_an_error_not_a_silence() -> None:
    played = await play(START, stream(20.0, TimeoutError()))
    assert played.notes.ends[0] == "Unavailable"
    assert played.calls[-1] == Watched(20.8, "10")


async def test_a_server_that_does_not_answer_the_list_is_asked_again() -> None:
    played = await play(Slow(1000.0, START))
    assert played.calls == [FIRST, Listed(90.8, "0", limit=500)]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param([page(thing("gone", 3), version=10, breaks=Unavailable())], id="on the first page"),
        pytest.param(
            [
                page(thing("gone", 3), version=10, token="next"),
                page(thing("gone", 4), version=10, breaks=Unavailable()),
            ],
            id="on the second",
        ),
        pytest.param([page(thing("gone", 3), b'{"metadata": {', version=10)], id="in an item that is no JSON"),
    ],
)
async def test_a_list_that_breaks_behind_some_items_tells_nothing_and_is_asked_for_again(broken: list[Step]) -> None:
    played = await play(*broken, page(thing("a", 3), version=20))
    assert played.events == [Replaced([entry("a", 3)], [], "20")]


@pytest.mark.parametrize(
    "empty",
    [
        pytest.param(stream(), id="with no event"),
        pytest.param(stream(bookmark(10)), id="with an old bookmark"),
        pytest.param(stream(b"\n"), id="with an empty line"),
        pytest.param(stream(b'{"type": "ADD'), id="with a part of a line"),
    ],
)
async def test_a_server_that_closes_at_once_is_a_failure_with_growing_pauses(empty: Step) -> None:
    played = await play(START, empty, page(version=10), empty, page(version=10), empty)
    assert played.calls == [
        FIRST,
        Watched(0, "10"),
        Listed(0.8, "10"),
        Watched(0.8, "10"),
        Listed(2.4, "10"),
        Watched(2.4, "10"),
        Listed(5.6, "10"),
    ]
    assert played.notes.phases[0] == ("watching", "")
    assert ("retrying", "ShortWatch") in played.notes.phases


@pytest.mark.parametrize(
    ("moves", "phases"),
    [
        pytest.param((0.9, Unavailable()), ["retrying"], id="a moment"),
        pytest.param((1.1, Unavailable()), ["retrying", "watching", "retrying"], id="a second"),
        pytest.param((bookmark(11), Unavailable()), ["retrying", "watching", "retrying"], id="a bookmark"),
    ],
)
async def test_after_a_failure_it_watches_again_when_a_stream_has_brought_an_event_or_lasted(
    moves: tuple[bytes | float | Exception, ...], phases: list[str]
) -> None:
    played = await play(START, Unavailable(), stream(*moves))
    assert [phase for phase, _ in played.notes.phases] == phases


async def test_a_short_stream_that_brought_news_is_no_failure() -> None:
    played = await play(START, stream(modified("a", 11)), stream(0.5, bookmark(12)))
    assert played.calls == [FIRST, Watched(0, "10"), Watched(0, "11"), Watched(0.5, "12")]


async def test_a_proxys_page_is_no_event_and_is_not_asked_for_in_a_tight_loop() -> None:
    html = stream(b"<html>\n", b"<h1>502 Bad Gateway</h1>\n", b"</html>\n")
    played = await play(START, html, html, html)
    assert played.calls == [FIRST, Watched(0, "10"), Watched(0.8, "10"), Watched(2.4, "10"), Watched(5.6, "10")]
    assert len(played.events) == 1
    assert played.notes.ends[:3] == ["Unavailable"] * 3
    assert played.notes.phases == [("watching", ""), ("retrying", "Unavailable")], "said once"
    assert played.reflector.health.heard_at == 0


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'"ADDED"\n', id="a string"),
        pytest.param(b'{"kind": "Status", "code": 500}\n', id="a status outside an event"),
        pytest.param(b'{"type": "ADDED"}\n', id="an event without an object"),
        pytest.param(b'{"type": "BOOKMARK", "object": {}}\n', id="a bookmark without a version"),
        pytest.param(b'{"type": "AD\xff", "object": {}}\n', id="bytes that are no text"),
        pytest.param(added("b", 11)[:-10] + b"\n", id="half an event with a newline"),
    ],
)
async def test_a_line_that_is_no_watch_event_is_never_taken_for_one(line: bytes) -> None:
    played = await play(START, stream(5.0, line, added("c", 12)))
    assert len(played.events) == 1
    assert played.calls[-1] == Watched(5.8, "10")


async def test_an_event_of_an_unheard_of_type_leads_to_a_list() -> None:
    played = await play(START, stream(5.0, event("RENAMED", thing("a", 11))))
    assert played.calls[-1] == Listed(5.8, "10")


async def test_a_line_cut_off_at_the_end_is_dropped_and_comes_whole_with_the_next_watch() -> None:
    cut = added("b", 11)[:-1]
    played = await play(START, stream(5.0, cut), stream(added("b", 11), 5.0))
    assert played.calls == [FIRST, Watched(0, "10"), Watched(5, "10"), Watched(10, "11")]
    assert played.events[1:] == [Applied(entry("b", 11))]
    assert played.notes.ends[0] == "cut"


async def test_a_connection_reset_in_the_stream_is_resumed_after_a_pause_without_a_list() -> None:
    played = await play(START, stream(modified("a", 11), 5.0, Unavailable("reset")), stream(5.0))
    assert played.calls == [FIRST, Watched(0, "10"), Watched(5.8, "11"), Watched(10.8, "11")]
    assert played.notes.lists == ["start"]


async def test_a_line_too_long_for_the_transport_leads_to_a_list_because_the_stream_cannot_bring_it() -> None:
    played = await play(START, stream(5.0, LineTooLong()), page(thing("a", 12), version=20))
    assert played.calls == [FIRST, Watched(0, "10"), Listed(5.8, "10"), Watched(5.8, "20")]


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(Expired(), id="by the status"),
        pytest.param(stream(failed(410, "Expired")), id="by an event"),
        pytest.param(stream(failed(410, "Gone"), modified("a", 11)), id="by an event, and what follows is not read"),
    ],
)
async def test_an_expired_version_is_listed_again_and_not_watched_again(refusal: Step) -> None:
    played = await play(START, refusal, page(thing("b", 30), version=40))
    assert played.calls == [FIRST, Watched(0, "10"), Listed(0.8, "10"), Watched(0.8, "40")]
    assert played.events[-1] == Replaced([entry("b", 30)], [], "40")


async def test_a_server_that_refuses_every_version_is_not_listed_in_a_tight_loop() -> None:
    played = await play(*[step for _ in range(4) for step in (page(version=10), Expired())])
    assert [call.at for call in played.calls if isinstance(call, Listed)] == [0, 0.8, 2.4, 5.6, 12.0]


@pytest.mark.parametrize(
    ("refusal", "pause"),
    [
        pytest.param(Unavailable("connection refused"), 0.8, id="refused"),
        pytest.param(Throttled(), 0.8, id="throttled"),
        pytest.param(Throttled(retry_after=17), 17, id="throttled for 17 s"),
        pytest.param(stream(failed(429, "TooManyRequests")), 0.8, id="throttled by an event"),
        pytest.param(stream(failed(429, retryAfterSeconds=9)), 9, id="throttled for 9 s by an event"),
    ],
)
async def test_a_watch_refused_for_now_is_tried_again_with_the_same_version(refusal: Step, pause: float) -> None:
    played = await play(START, refusal, stream(5.0))
    assert played.calls == [FIRST, Watched(0, "10"), Watched(pause, "10"), Watched(pause + 5, "10")]


async def test_a_wait_that_was_asked_for_is_kept_but_not_by_everybody_to_the_second() -> None:
    waits = set()
    for seed in range(3):
        first, second = (await play(Throttled(10), random=Jitter(seed))).calls
        waits.add(round(second.at - first.at, 3))
    assert len(waits) == 3
    assert all(10 <= wait <= 11 for wait in waits)


@pytest.mark.parametrize(
    ("refusal", "label"),
    [
        pytest.param(Denied(), "Denied", id="denied"),
        pytest.param(stream(failed(403, "Forbidden")), "Denied", id="denied by an event"),
        pytest.param(stream(failed(401, "Unauthorized")), "Unauthenticated", id="unauthorized by an event"),
        pytest.param(stream(failed(500, "InternalError")), "Rejected", id="an internal error as an event"),
        pytest.param(stream(failed(504, "Timeout")), "Rejected", id="a time-out as an event"),
        pytest.param(ListWatchError(), "ListWatchError", id="anything else"),
    ],
)
async def test_a_watch_refused_otherwise_leads_to_a_list_at_the_last_version(refusal: Step, label: str) -> None:
    played = await play(START, refusal)
    assert played.calls == [FIRST, Watched(0, "10"), Listed(0.8, "10")]
    assert played.notes.phases[-1] == ("retrying", label)


async def test_list_allowed_but_watch_denied_is_seen_although_every_list_succeeds() -> None:
    played = await play(*[step for _ in range(3) for step in (START, Denied())])
    assert played.notes.phases == [("retrying", "Denied")], "told once, and no list makes it good"
    assert played.reflector.health.heard_at is None
    assert played.reflector.health.failing_since == 0


@pytest.mark.parametrize(
    "error", [pytest.param(error, id=type(error).__name__) for error in (Unavailable(), Denied(), ListWatchError())]
)
async def test_a_list_that_fails_is_tried_again_with_growing_pauses(error: Exception) -> None:
    played = await play(*[error] * 7)
    assert [call.at for call in played.calls] == [0, 0.8, 2.4, 5.6, 12.0, 22.0, 32.0, 42.0]
    assert {call.version for call in played.calls} == {"0"}


async def test_a_list_is_counted_under_the_reason_it_became_necessary_not_under_what_went_wrong_then() -> None:
    played = await play(Denied(), START, Expired(), Denied(), START)
    assert played.notes.lists == ["start", "Expired"]


async def test_a_server_that_asks_for_hardly_any_wait_gets_growing_pauses_all_the_same() -> None:
    played = await play(*[Throttled(0.1)] * 4)
    assert [call.at for call in played.calls] == [0, 0.8, 2.4, 5.6, 12.0]


async def test_pauses_start_small_again_after_two_quiet_minutes() -> None:
    down = [Unavailable()] * 5
    played = await play(START, *down, stream(70.0, bookmark(11), 60.0, bookmark(12)), Unavailable())
    assert [call.at for call in played.calls][-3:] == [22.0, 152.0, 152.8]


async def test_pauses_go_on_growing_when_the_quiet_was_shorter() -> None:
    down = [Unavailable()] * 5
    played = await play(START, *down, stream(60.0, bookmark(11)), Unavailable())
    assert [call.at for call in played.calls][-2:] == [82.0, 82.0 + 10.0]


async def test_a_server_that_answers_again_is_not_made_to_wait_for_the_time_it_was_out_of_reach() -> None:
    down = [Unavailable()] * 6
    played = await play(START, *down, Throttled(1), Expired(), page(version=40))
    assert [call.at for call in played.calls][-4:] == [32.0, 33.0, 34.6, 34.6]


async def test_no_two_informers_pause_equally_long() -> None:
    lengths = set()
    for seed in range(4):
        calls = (await play(*[Unavailable()] * 4, random=Jitter(seed))).calls
        lengths.add(round(calls[-1].at - calls[0].at, 3))
    assert len(lengths) == 4
    assert all(12.0 <= length < 24.0 for length in lengths)


async def test_a_kind_not_served_yet_is_looked_for_until_it_is_there_and_this_is_said_once() -> None:
    looks: list[int] = []
    played = await play(*[NotServed()] * 8, START, stream(5.0), on_not_served=looks.append)
    assert looks == [1, 2, 3, 4, 5, 6, 7, 8]
    assert played.notes.phases == [("not served", "NotServed"), ("watching", "")]
    assert played.calls[8].at == pytest.approx(1 + 1.5 + 2.25 + 3.375 + 5.0625 + 7.59375 + 10 + 10, abs=0.002)


@pytest.mark.parametrize(
    "end",
    [pytest.param(NotServed(), id="by the status"), pytest.param(failed(404, "NotFound"), id="by an event")],
)
async def test_a_kind_that_goes_away_under_the_watch_is_looked_for_by_lists(end: bytes | Exception) -> None:
    looks: list[int] = []
    played = await play(START, stream(5.0, end), NotServed(), page(version=50), on_not_served=looks.append)
    assert looks == [1, 2]
    assert [type(call).__name__ for call in played.calls] == ["Listed", "Watched", "Listed", "Listed", "Watched"]
    assert len(played.events) == 2, "an answer of 404 alone deletes nothing"


async def test_looks_are_counted_anew_once_the_kind_was_there() -> None:
    looks: list[int] = []
    await play(NotServed(), NotServed(), START, stream(5.0, NotServed()), on_not_served=looks.append)
    assert looks == [1, 2, 1]
