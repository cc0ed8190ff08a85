"""An Azure that fails for everybody is tried by one call at a time."""

from __future__ import annotations

import pytest

from fleetdns.core.outage import Outages

LANE = "writes of one group"
AFTER_THE_FIRST_TRY = 4.8  # seconds at most, if it fails at once


def fail(outages: Outages[str], askers: list[str], *, now: float = 0.0) -> list[bool]:
    return [outages.failed(LANE, asker, now=now, jitter=0.0) for asker in askers]


def closed(*, now: float = 0.0) -> Outages[str]:
    outages: Outages[str] = Outages(longest=20.0)
    assert fail(outages, ["a", "b", "c", "a", "b"], now=now)[-1]
    return outages


def test_five_failures_in_a_row_of_three_askers_close_a_lane() -> None:
    outages: Outages[str] = Outages(longest=20.0)
    assert fail(outages, ["a", "b", "c", "a"]) == [False] * 4
    assert outages.wait(LANE, "d", 0.0, tries=True) is None
    assert fail(outages, ["b"]) == [True]
    assert outages.wait(LANE, "a", 0.0, tries=True) == 2.0
    assert outages.closed(0.0) == (LANE,)
    assert outages.wait("another", "a", 0.0, tries=True) is None


def test_what_fails_for_one_or_two_closes_nothing() -> None:
    outages: Outages[str] = Outages(longest=20.0)
    assert not any(fail(outages, ["a", "b"] * 50))


def test_a_success_in_between_begins_the_count_anew() -> None:
    outages: Outages[str] = Outages(longest=20.0)
    fail(outages, ["a", "b", "c", "a"])
    assert not outages.succeeded(LANE, "a")
    assert fail(outages, ["a", "b", "c", "a"]) == [False] * 4


def test_one_call_tries_and_the_others_wait_until_it_was_heard_of() -> None:
    outages = closed()
    assert outages.wait(LANE, "a", 2.0, tries=True) is None
    assert outages.wait(LANE, "b", 2.0, tries=True) == AFTER_THE_FIRST_TRY
    assert outages.wait(LANE, "b", 21.9, tries=True) == pytest.approx(0.1)
    assert outages.wait(LANE, "b", 22.0, tries=True) is None


def test_asking_alone_is_no_try() -> None:
    outages = closed()
    assert outages.wait(LANE, "a", 2.0, tries=False) is None
    assert outages.wait(LANE, "a", 2.0, tries=True) is None


def test_tries_come_later_and_later_up_to_half_a_minute() -> None:
    outages, now, pauses = closed(), 0.0, []
    for _ in range(7):
        pause = outages.wait(LANE, "a", now, tries=True)
        assert pause is not None
        pauses.append(pause)
        now += pause
        assert outages.wait(LANE, "a", now, tries=True) is None
        outages.failed(LANE, "a", now=now, jitter=0.0)
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_the_timeline_of_a_closed_lane() -> None:
    """The one that the code shows, line by line: when it is worth asking for who did not fail, and for who did."""

    def tried(asker: str, now: float) -> tuple[float, float]:
        assert outages.wait(LANE, asker, now, tries=True) is None
        fail(outages, [asker], now=now)
        return until(now)

    def until(now: float) -> tuple[float, float]:
        waits = [outages.wait(LANE, asker, now, tries=False) or 0.0 for asker in ("nobody yet", "a")]
        return now + waits[0], now + waits[1]

    outages = closed()
    assert until(0.0) == (1.5, 2.0)
    assert outages.wait(LANE, "new", 1.5, tries=True) is None
    assert until(1.5) == pytest.approx((5.8, 6.3))
    fail(outages, ["new"], now=2.0)
    assert until(2.0) == (5.5, 6.0)
    assert tried("b", 6.0) == (13.5, 14.0)
    assert tried("b", 14.0) == (25.5, 30.0)
    assert tried("b", 30.0) == (41.5, 60.0)


def test_calls_that_were_on_their_way_when_the_lane_closed_make_it_no_worse() -> None:
    outages = closed()
    fail(outages, ["a", "b", "c", "d"], now=0.5)
    assert outages.wait(LANE, "a", 0.5, tries=True) == 1.5


def test_the_first_success_opens_the_lane_and_says_so_once() -> None:
    outages = closed()
    assert outages.succeeded(LANE, "a")
    assert not outages.succeeded(LANE, "a")
    assert outages.wait(LANE, "a", 0.0, tries=True) is None
    assert outages.closed(0.0) == ()


def test_somebody_who_did_not_fail_tries_before_those_who_did_and_after_twelve_seconds_at_most() -> None:
    outages = closed()
    assert outages.wait(LANE, "fresh", 0.0, tries=False) == 1.5
    for now in (2.0, 6.0, 14.0, 30.0):
        assert outages.wait(LANE, "a", now, tries=True) is None
        outages.failed(LANE, "a", now=now, jitter=0.0)
    assert outages.wait(LANE, "a", 30.0, tries=False) == 30.0
    assert outages.wait(LANE, "fresh", 30.0, tries=False) == 11.5
    assert outages.wait(LANE, "fresh", 41.5, tries=True) is None
    assert outages.wait(LANE, "another", 41.5, tries=True) == 11.5
    assert (
        outages.wait(LANE, "another", 60.0, tries=False) == 1.5
    )  # then it was not heard of for as long as a call takes
    outages.failed(LANE, "fresh", now=42.0, jitter=0.0)
    assert outages.wait(LANE, "fresh", 42.0, tries=False) == 30.0


def test_a_try_of_one_who_failed_before_does_not_hold_up_one_who_did_not() -> None:
    outages = closed()
    assert outages.wait(LANE, "a", 2.0, tries=True) is None  # and hangs
    assert outages.wait(LANE, "fresh", 2.0, tries=True) is None
    assert outages.wait(LANE, "b", 2.0, tries=True) == AFTER_THE_FIRST_TRY
    outages.failed(LANE, "a", now=3.0, jitter=0.0)  # the try of the other goes on
    assert outages.wait(LANE, "fresh", 3.0, tries=False) is None


def test_whoever_succeeds_has_not_failed_any_more() -> None:
    outages = closed()
    outages.succeeded(LANE, "b")
    fail(outages, ["c", "a", "d", "c", "a"], now=100.0)
    assert outages.wait(LANE, "b", 101.5, tries=False) is None
    assert outages.wait(LANE, "a", 101.5, tries=False) == 0.5


def test_who_is_to_try_may_ask_again_and_lets_others_when_it_gives_up() -> None:
    outages = closed()
    assert outages.wait(LANE, "a", 2.0, tries=True) is None
    assert outages.wait(LANE, "a", 2.5, tries=True) is None
    assert outages.wait(LANE, "b", 2.5, tries=False) is not None
    outages.gave_up("a")
    assert outages.wait(LANE, "b", 2.5, tries=True) is None
    outages.gave_up("a")
    assert outages.wait(LANE, "a", 2.5, tries=True) is not None


def test_a_lane_that_nobody_tries_any_more_is_no_outage() -> None:
    outages = closed()
    assert outages.closed(300.0) == (LANE,)
    assert outages.closed(303.0) == ()
    assert outages.wait(LANE, "a", 303.0, tries=True) is None
    assert fail(outages, ["a"], now=303.5) == [False]
    assert outages.closed(304.0) == (LANE,)


def test_what_fails_for_one_alone_is_asked_for_more_and_more_slowly_whatever_makes_it_ask() -> None:
    outages, now, pauses = Outages[str](longest=20.0), 0.0, []
    for _ in range(7):
        fail(outages, ["a"], now=now)
        pause = outages.wait(LANE, "a", now, tries=True)
        assert pause is not None
        pauses.append(pause)
        now += pause
        assert outages.wait(LANE, "a", now, tries=True) is None
    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]
    assert outages.wait(LANE, "b", now, tries=True) is None


def test_whoever_failed_alone_asks_at_once_when_somebody_else_succeeds() -> None:
    outages: Outages[str] = Outages(longest=20.0)
    fail(outages, ["a"] * 4)
    outages.succeeded(LANE, "b")
    assert outages.wait(LANE, "a", 0.0, tries=True) is None


def test_who_failed_alone_and_never_asks_again_is_forgotten() -> None:
    outages: Outages[str] = Outages(longest=20.0)
    for number in range(1000):
        now = 10.0 * number
        fail(outages, [f"work/{number}"], now=now)
        outages.succeeded(LANE, "other")
    assert len(outages._failing[LANE]) < 50


def test_whoever_fails_although_others_succeed_is_asked_for_more_and_more_slowly() -> None:
    outages, now, pauses = Outages[str](longest=20.0), 0.0, []
    for _ in range(6):
        fail(outages, ["a"], now=now)
        outages.succeeded(LANE, "b")
        outages.succeeded(LANE, "c")
        pause = outages.wait(LANE, "a", now, tries=True) or 0.0
        pauses.append(pause)
        now += pause
        assert outages.wait(LANE, "a", now, tries=True) is None
    assert pauses == [0.0, 5.0, 10.0, 20.0, 30.0, 30.0]
