"""One cause for one outage, whatever it answers by turns."""

from __future__ import annotations

from itertools import pairwise

from fleetdns.core.cause import Cause, Silences, cause
from fleetdns.core.outcome import PENDING, REFUSED, Failure
from fleetdns.errors import Forbidden, Unavailable

PATIENCE = 180.0
TIMEOUT = Failure(PENDING, "Timeout", "Azure did not answer in time")
RESET = Failure(PENDING, "ConnectionBroken", "the connection broke")
BROKEN = Failure(PENDING, "InternalServerError", "something broke")
FORBIDDEN = Failure(REFUSED, "AuthorizationFailed", "no right to read")
UNAVAILABLE = Unavailable("ServiceUnavailable", "down")


def told(*heard: tuple[float, Failure]) -> list[str]:
    """What is told after each of these failures."""
    known: Cause | None = None
    codes = []
    for now, failure in heard:
        known = cause(known, failure, patience=PATIENCE, now=now)
        codes.append(known.failure.code)
    return codes


def test_failures_by_turns_are_told_as_the_first_of_them() -> None:
    turns = [(60.0 * number, (TIMEOUT, RESET, BROKEN)[number % 3]) for number in range(30)]
    assert told(*turns) == ["Timeout"] * 30


def test_a_right_that_is_missing_is_told_at_once_and_stays_while_it_is_heard_now_and_then() -> None:
    turns = [(60.0 * number, (TIMEOUT, FORBIDDEN, RESET)[number % 3]) for number in range(30)]
    assert told(*turns) == ["Timeout"] + ["AuthorizationFailed"] * 29


def test_another_right_that_is_missing_is_told_at_once() -> None:
    other = Failure(REFUSED, "AuthorizationFailed", "no right to write")
    before = cause(None, FORBIDDEN, patience=PATIENCE, now=0.0)
    assert cause(before, other, patience=PATIENCE, now=1.0) == Cause(other, 1.0, 1.0)


def test_what_is_not_heard_any_more_gives_way_to_the_newest() -> None:
    before = [(60.0 * number, TIMEOUT) for number in range(20)]
    found = told(*before, *((60.0 * number, RESET) for number in range(20, 25)))
    assert found == ["Timeout"] * 23 + ["ConnectionBroken"] * 2


def test_failures_that_take_turns_slowly_are_not_told_each_time() -> None:
    found = told(*((60.0 * number, (TIMEOUT, RESET)[number // 5 % 2]) for number in range(100)))
    turns = sum(before != after for before, after in pairwise(found))
    assert 1 < turns <= 100 / 9


def test_another_sentence_of_the_same_code_is_not_told_anew() -> None:
    first = cause(None, TIMEOUT, patience=PATIENCE, now=0.0)
    later = cause(first, Failure(PENDING, "Timeout", "node 7 did not answer"), patience=PATIENCE, now=1000.0)
    assert later == Cause(TIMEOUT, 0.0, 1000.0)


def test_a_group_that_nobody_was_told_of_yet_has_its_newest_failure_as_the_cause() -> None:
    silences = Silences()
    silences.failed("one", Unavailable("Timeout", ""), is_told=False, patience=PATIENCE, now=0.0)
    silences.failed("one", UNAVAILABLE, is_told=False, patience=PATIENCE, now=60.0)
    silences.failed("one", Unavailable("Timeout", ""), is_told=True, patience=PATIENCE, now=120.0)
    assert silences.because("one") == Failure(PENDING, "ServiceUnavailable", "down")


def test_what_fails_for_everything_is_the_cause_where_a_group_has_none_of_its_own() -> None:
    silences = Silences()
    silences.failed("", UNAVAILABLE, is_told=False, patience=PATIENCE, now=0.0)
    silences.failed("one", Forbidden("AuthorizationFailed", ""), is_told=False, patience=PATIENCE, now=0.0)
    assert [found.code for name in ("one", "two") if (found := silences.because(name))] == [
        "AuthorizationFailed",
        "ServiceUnavailable",
    ]
    silences.heard("")
    silences.heard("one")
    assert silences.because("one") is None
