"""Resource groups that were not seen yet, and when each is worth asking again."""

from __future__ import annotations

import pytest

from fleetdns.core.grouplists import GroupLists
from fleetdns.errors import Deferred, FleetDNSError, Forbidden, Throttled, Unavailable

ONE, OTHER = ("sub", "one"), ("sub", "other")
BROKEN = Unavailable("InternalServerError", "broken")


def waits(lists: GroupLists, now: float) -> bool:
    return lists.waits(ONE, now=now) is not None


def test_a_group_that_was_not_asked_yet_may_be() -> None:
    lists = GroupLists()
    lists.asked(ONE, now=0.0)
    assert (lists.is_seen(ONE), waits(lists, 0.0)) == (False, False)


def test_a_group_that_fails_is_asked_again_after_pauses_that_double_to_a_minute() -> None:
    lists, now, pauses = GroupLists(), 0.0, []
    for _ in range(9):
        lists.failed(ONE, BROKEN, now=now)
        began = now
        while waits(lists, now):
            now += 1.0
        pauses.append(now - began)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


@pytest.mark.parametrize(
    ("error", "waited"),
    [
        pytest.param(BROKEN, 1.0, id="broken"),
        pytest.param(Forbidden("AuthorizationFailed", "no right"), 1.0, id="forbidden"),
        pytest.param(Throttled("TooManyRequests", "", retry_after=90.0), 90.0, id="as long as it says itself"),
        pytest.param(Throttled("TooManyRequests", "", retry_after=0.0), 1.0, id="but not in a circle"),
        pytest.param(Deferred("Budget", "", retry_after=50.0), 0.0, id="nothing was sent"),
    ],
)
def test_who_waits_is_told_what_the_group_answered(error: FleetDNSError, waited: float) -> None:
    lists = GroupLists()
    lists.failed(ONE, error, now=0.0)
    told = lists.waits(ONE, now=max(0.0, waited - 0.1))
    assert (str(told) if told else None) == (str(error) if waited else None)
    assert not waits(lists, waited)


def test_while_one_asks_a_group_that_failed_nobody_else_does() -> None:
    lists = GroupLists()
    lists.failed(ONE, BROKEN, now=0.0)
    lists.asked(ONE, now=1.0)
    assert (waits(lists, 20.9), waits(lists, 21.0)) == (True, False)


def test_groups_stand_each_for_itself() -> None:
    lists = GroupLists()
    lists.failed(OTHER, BROKEN, now=0.0)
    assert not waits(lists, 0.0)
    lists.seen(OTHER)
    assert (lists.is_seen(OTHER), lists.is_seen(ONE)) == (True, False)


def test_a_group_that_was_seen_once_stays_seen() -> None:
    lists = GroupLists()
    lists.failed(ONE, BROKEN, now=0.0)
    lists.seen(ONE)
    lists.failed(ONE, BROKEN, now=1.0)
    assert (lists.is_seen(ONE), waits(lists, 1.0)) == (True, False)
