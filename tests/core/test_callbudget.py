"""The budget of calls: never past a limit, in order of urgency and arrival, and closed for everybody by a 429."""

from __future__ import annotations

from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fleetdns.core.callbudget import (
    BACKGROUND,
    DELETION,
    ENDPOINT_DELETES,
    ENDPOINT_WRITES,
    PROFILE_DELETES,
    PROFILE_READS,
    PROFILE_WRITES,
    TRAFFIC_MANAGER_LIMITS,
    USER,
    CallBudget,
    Kind,
    Need,
    needed,
)
from fleetdns.core.calls import Call, DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from tests.core.builders import make_desired, make_foreign_endpoint

WINDOW = 20.0


def emptied(budget: CallBudget, kind: Kind, *, now: float) -> int:
    """Spend until somebody is refused; how many there were."""
    spent = 0
    while budget.spend("somebody", kind, urgency=USER, now=now) is None:
        spent += 1
    budget.release("somebody", now=now)
    return spent


def drained(*, now: float = 0.0) -> CallBudget:
    """A budget with no endpoint write left, and nobody in the line."""
    budget = CallBudget(now=now)
    emptied(budget, ENDPOINT_WRITES, now=now)
    budget._places.clear()
    return budget


@pytest.mark.parametrize("kind", TRAFFIC_MANAGER_LIMITS)
def test_no_window_of_twenty_seconds_gets_more_than_azure_allows_whenever_it_begins(kind: Kind) -> None:
    budget = CallBudget(now=0.0)
    times = []
    for tenth in range(1200):
        while budget.spend("one", kind, urgency=USER, now=tenth / 10) is None:
            times.append(tenth / 10)
    allowed = TRAFFIC_MANAGER_LIMITS[kind] / 3
    most = max(sum(start <= time < start + WINDOW for time in times) for start in set(times))
    assert 0.6 * allowed < most <= 0.9 * allowed + 1


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.floats(0.01, 3), st.integers(0, 9), st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=150
    )
)
def test_whatever_is_asked_for_no_window_is_passed(asked: list[tuple[float, int, int, int]]) -> None:
    budget, now, times = CallBudget(now=0.0), 0.0, []
    for pause, account, writes, deletes in asked:
        now += pause
        name = f"work/{account}"
        need: Need = {ENDPOINT_WRITES: writes, ENDPOINT_DELETES: deletes}
        if budget.reserve(name, need, urgency=USER, now=now) is None:
            times += [now] * (writes + deletes)
            for kind, count in need.items():
                for _ in range(count):
                    assert budget.spend(name, kind, urgency=USER, now=now) is None
        budget.release(name, now=now)
    for start in times:
        assert sum(start <= time < start + WINDOW for time in times) <= TRAFFIC_MANAGER_LIMITS[ENDPOINT_WRITES] / 3


def test_limits_and_the_share_of_them_are_the_administrators() -> None:
    documented = CallBudget(now=0.0).available(0.0)
    half = CallBudget(percent=45, now=0.0).available(0.0)
    smaller = CallBudget(limits={PROFILE_WRITES: 60}, now=0.0).available(0.0)
    assert half == pytest.approx({name: tokens / 2 for name, tokens in documented.items()})
    assert smaller[PROFILE_WRITES] == pytest.approx(documented[PROFILE_WRITES] / 10)
    assert smaller[PROFILE_READS] == documented[PROFILE_READS]


def test_who_is_told_to_wait_gets_it_at_the_time_told_and_nobody_new_before() -> None:
    budget = drained()
    wait = budget.reserve("work/first", {ENDPOINT_WRITES: 1}, urgency=USER, now=0.0)
    assert wait is not None
    assert wait.kind == ENDPOINT_WRITES
    budget.release("work/first", now=0.0)
    late = budget.spend("work/second", ENDPOINT_WRITES, urgency=USER, now=wait.seconds)
    assert late is not None
    assert budget.spend("work/first", ENDPOINT_WRITES, urgency=USER, now=wait.seconds) is None


@pytest.mark.parametrize(
    ("waiting", "coming", "is_first"),
    [
        pytest.param(BACKGROUND, USER, True, id="a user goes before the repair of drift"),
        pytest.param(USER, DELETION, True, id="a deletion goes before a user"),
        pytest.param(USER, USER, False, id="among equals who came first goes first"),
        pytest.param(USER, BACKGROUND, False, id="the repair of drift does not overtake a user"),
    ],
)
def test_urgency_before_arrival(waiting: int, coming: int, is_first: bool) -> None:
    budget = drained()
    first = budget.reserve("work/waiting", {ENDPOINT_WRITES: 1}, urgency=waiting, now=0.0)
    second = budget.reserve("work/coming", {ENDPOINT_WRITES: 1}, urgency=coming, now=0.1)
    assert first is not None
    assert second is not None
    now = first.seconds + 0.01  # there is one token
    got = budget.reserve("work/coming", {ENDPOINT_WRITES: 1}, urgency=coming, now=now) is None
    assert got == is_first
    assert (budget.reserve("work/waiting", {ENDPOINT_WRITES: 1}, urgency=waiting, now=now) is None) != is_first


def served_among_users(account: str, *, urgency: int, since: float) -> tuple[float, float]:
    """When an account is served that asks once while users keep coming, and how long the one of them who has waited
    longest has waited by then.
    """
    budget = drained()
    users = {f"work/user-{number}": number / 5 for number in range(600)}  # five a second; there are tokens for three
    asking = sorted([(since, account), *((at, user) for user, at in users.items())])
    while asking:
        now, next_one = heappop(asking)
        wait = budget.spend(next_one, ENDPOINT_WRITES, urgency=urgency if next_one == account else USER, now=now)
        budget.release(next_one, now=now)
        if wait is not None:
            heappush(asking, (now + wait.seconds, next_one))
        elif next_one == account:
            return now, now - min(users.values())
        else:
            del users[next_one]
    pytest.fail("it was never served")


def test_a_deletion_goes_before_users_who_have_waited_for_the_best_part_of_a_minute() -> None:
    served, longest = served_among_users("work/deleted", urgency=DELETION, since=110.0)
    assert longest > 35, "otherwise there was no line"
    assert served < 111


def test_the_least_urgent_is_served_in_a_bounded_time_however_many_users_keep_coming() -> None:
    served, _ = served_among_users("work/drift", urgency=BACKGROUND, since=0.0)
    assert 20 < served < 60


def test_who_changes_all_the_time_takes_nothing_from_who_changes_once() -> None:
    budget = drained()
    hot = budget.reserve("work/hot", {ENDPOINT_WRITES: 1}, urgency=USER, now=0.0)
    quiet = budget.reserve("work/quiet", {ENDPOINT_WRITES: 1}, urgency=USER, now=0.0)
    assert hot is not None
    assert quiet is not None
    assert budget.spend("work/hot", ENDPOINT_WRITES, urgency=USER, now=hot.seconds) is None
    budget.release("work/hot", now=hot.seconds)
    assert budget.spend("work/hot", ENDPOINT_WRITES, urgency=USER, now=quiet.seconds) is not None
    assert budget.spend("work/quiet", ENDPOINT_WRITES, urgency=USER, now=quiet.seconds) is None


def test_a_place_in_the_line_is_lost_by_who_does_not_come_back() -> None:
    budget = drained()
    wait = budget.reserve("work/gone", {ENDPOINT_WRITES: 1}, urgency=DELETION, now=0.0)
    assert wait is not None
    budget.release("work/gone", now=0.0)
    assert budget.spend("work/other", ENDPOINT_WRITES, urgency=USER, now=wait.seconds + 6) is None


def test_a_place_in_the_line_is_given_up_by_who_needs_nothing_any_more() -> None:
    budget = drained()
    wait = budget.reserve("work/changed", {ENDPOINT_WRITES: 1}, urgency=USER, now=0.0)
    assert wait is not None
    budget.release("work/changed", now=0.0)
    budget.release("work/changed", now=0.1)  # it came back, and its change was taken back
    assert budget.spend("work/other", ENDPOINT_WRITES, urgency=USER, now=wait.seconds) is None


def test_what_was_set_aside_and_not_used_goes_back() -> None:
    budget = CallBudget(now=0.0)
    before = dict(budget.available(0.0))
    assert budget.reserve("work/app", {PROFILE_READS: 1, PROFILE_WRITES: 2}, urgency=USER, now=0.0) is None
    assert budget.spend("work/app", PROFILE_WRITES, urgency=USER, now=0.0) is None
    budget.release("work/app", now=0.0)
    used = {name: round(before[name] - left) for name, left in budget.available(0.0).items() if left != before[name]}
    assert used == {PROFILE_WRITES: 1, "arm-writes": 1}


def test_all_or_nothing_is_set_aside() -> None:
    budget = drained()
    before = dict(budget.available(0.0))
    assert budget.reserve("work/app", {PROFILE_READS: 1, ENDPOINT_WRITES: 1}, urgency=USER, now=0.0) is not None
    assert budget.available(0.0) == before


def test_more_than_a_bucket_holds_is_not_waited_for() -> None:
    budget = CallBudget(now=0.0)
    assert budget.reserve("work/app", {ENDPOINT_WRITES: 200}, urgency=USER, now=0.0) is None
    spent = 0
    while budget.spend("work/app", ENDPOINT_WRITES, urgency=USER, now=0.0) is None:
        spent += 1
    assert spent == emptied(CallBudget(now=0.0), ENDPOINT_WRITES, now=0.0)


def test_a_429_closes_one_kind_for_everybody_and_for_exactly_that_long() -> None:
    budget = CallBudget(now=0.0)
    budget.throttled(PROFILE_WRITES, "TooManyRequests", until=17.0)
    for now in (0.0, 8.0, 16.9):
        wait = budget.spend("work/any", PROFILE_WRITES, urgency=DELETION, now=now)
        assert wait is not None
        assert wait.is_closed
        assert now + wait.seconds == pytest.approx(17.0)
    assert budget.spend("work/any", ENDPOINT_WRITES, urgency=USER, now=0.0) is None
    assert budget.spend("work/any", PROFILE_READS, urgency=USER, now=0.0) is None
    assert budget.spend("work/any", PROFILE_WRITES, urgency=USER, now=17.0) is None


def test_what_was_set_aside_before_a_429_is_not_used_after_it() -> None:
    budget = CallBudget(now=0.0)
    assert budget.reserve("work/app", {PROFILE_WRITES: 1}, urgency=USER, now=0.0) is None
    budget.throttled(PROFILE_WRITES, "TooManyRequests", until=10.0)
    assert budget.spend("work/app", PROFILE_WRITES, urgency=USER, now=1.0) is not None
    assert budget.spend("work/app", PROFILE_WRITES, urgency=USER, now=10.0) is None


def test_resource_managers_own_429_closes_all_writes_and_no_reads() -> None:
    budget = CallBudget(now=0.0)
    budget.throttled(PROFILE_WRITES, "SubscriptionRequestsThrottled", until=9.0)
    assert budget.spend("work/app", ENDPOINT_WRITES, urgency=USER, now=0.0) is not None
    assert budget.spend("work/app", PROFILE_WRITES, urgency=USER, now=0.0) is not None
    assert budget.spend("work/app", PROFILE_DELETES, urgency=USER, now=0.0) is None
    assert budget.spend("work/app", PROFILE_READS, urgency=USER, now=0.0) is None


def test_endpoints_that_go_are_deletes_to_resource_manager_and_writes_to_traffic_manager() -> None:
    budget = CallBudget(now=0.0)
    assert budget.throttled(ENDPOINT_DELETES, "SubscriptionRequestsThrottled", until=9.0) == "arm-deletes"
    assert budget.spend("work/app", PROFILE_DELETES, urgency=USER, now=0.0) is not None
    assert budget.spend("work/app", ENDPOINT_DELETES, urgency=USER, now=0.0) is not None
    assert budget.spend("work/app", ENDPOINT_WRITES, urgency=USER, now=0.0) is None
    assert budget.throttled(ENDPOINT_DELETES, "TooManyRequests", until=9.0) == ENDPOINT_WRITES
    assert budget.spend("work/app", ENDPOINT_WRITES, urgency=USER, now=1.0) is not None


def test_who_needs_more_of_two_kinds_than_their_one_bucket_holds_gets_what_it_holds() -> None:
    budget = CallBudget(now=0.0)
    need: Need = {ENDPOINT_DELETES: 150, ENDPOINT_WRITES: 150}
    assert budget.reserve("work/app", need, urgency=USER, now=0.0) is None
    assert budget.spend("work/app", ENDPOINT_DELETES, urgency=USER, now=0.0) is None
    drained = emptied(CallBudget(now=0.0), ENDPOINT_WRITES, now=0.0)
    assert budget.available(0.0)[ENDPOINT_WRITES] < 1
    assert budget.available(0.0)["arm-deletes"] == CallBudget(now=0.0).available(0.0)["arm-deletes"] - drained


def test_after_a_pause_one_call_tries_and_the_others_wait_for_how_it_fares() -> None:
    budget = CallBudget(now=0.0)
    budget.throttled(PROFILE_WRITES, "TooManyRequests", until=10.0)
    assert budget.spend("work/a", PROFILE_WRITES, urgency=USER, now=10.0) is None
    wait = budget.spend("work/b", PROFILE_WRITES, urgency=USER, now=12.0)
    assert wait is not None
    assert not wait.is_closed
    budget.answered(PROFILE_WRITES, now=12.0)
    assert budget.spend("work/b", PROFILE_WRITES, urgency=USER, now=12.0 + wait.seconds) is None


def test_a_call_that_tried_and_was_never_heard_of_again_closes_nothing_for_ever() -> None:
    budget = CallBudget(now=0.0)
    budget.throttled(PROFILE_WRITES, "TooManyRequests", until=10.0)
    assert budget.spend("work/a", PROFILE_WRITES, urgency=USER, now=10.0) is None
    assert budget.spend("work/b", PROFILE_WRITES, urgency=USER, now=31.0) is None


def test_who_was_let_through_after_a_pause_and_needs_it_no_more_lets_somebody_else_try() -> None:
    budget = CallBudget(now=0.0)
    budget.throttled(PROFILE_WRITES, "TooManyRequests", until=10.0)
    assert budget.reserve("work/a", {PROFILE_READS: 1, PROFILE_WRITES: 1}, urgency=USER, now=10.0) is None
    assert budget.spend("work/a", PROFILE_READS, urgency=USER, now=10.0) is None
    budget.release("work/a", now=10.5)  # what it read was as it ought to be
    assert budget.spend("work/b", PROFILE_WRITES, urgency=USER, now=10.5) is None
    assert budget.spend("work/c", PROFILE_WRITES, urgency=USER, now=10.5) is not None


def test_who_has_many_calls_to_make_after_a_pause_tries_with_the_first() -> None:
    budget = CallBudget(now=0.0)
    budget.throttled(ENDPOINT_WRITES, "TooManyRequests", until=10.0)
    assert budget.reserve("work/a", {ENDPOINT_WRITES: 5}, urgency=USER, now=10.0) is None
    assert budget.spend("work/a", ENDPOINT_WRITES, urgency=USER, now=10.0) is None
    assert budget.spend("work/a", ENDPOINT_WRITES, urgency=USER, now=10.0) is not None


@pytest.mark.parametrize(
    ("kind", "closed_for"),
    [
        pytest.param(PROFILE_DELETES, 0, id="deletions, of which few are allowed"),
        pytest.param(PROFILE_WRITES, 60, id="a kind of call that a 429 has closed"),
    ],
)
def test_who_waits_for_one_kind_of_call_keeps_nobody_from_another(kind: Kind, closed_for: int) -> None:
    budget = CallBudget(now=0.0)
    if closed_for:
        budget.throttled(kind, "TooManyRequests", until=closed_for)
    emptied(budget, kind, now=0.0)
    for number in range(200):
        account = f"work/{number}"
        assert budget.reserve(account, {PROFILE_READS: 1, kind: 1}, urgency=DELETION, now=0.0) is not None
        budget.release(account, now=0.0)
    need: Need = {PROFILE_READS: 1, ENDPOINT_WRITES: 1}
    assert budget.reserve("work/user", need, urgency=USER, now=0.1) is None


def test_who_waits_for_one_kind_of_call_finds_the_other_when_it_comes_back() -> None:
    budget = drained()
    wait = budget.reserve("work/first", {PROFILE_READS: 1, ENDPOINT_WRITES: 1}, urgency=USER, now=0.0)
    assert wait is not None
    budget.release("work/first", now=0.0)
    assert emptied(budget, PROFILE_READS, now=0.0) > 0
    emptied(budget, PROFILE_READS, now=wait.seconds)
    assert budget.reserve("work/first", {PROFILE_READS: 1, ENDPOINT_WRITES: 1}, urgency=USER, now=wait.seconds) is None


def test_refusals_are_counted_by_the_bucket_that_ran_out() -> None:
    budget = drained()
    before = budget.refused[ENDPOINT_WRITES]
    budget.spend("work/app", ENDPOINT_WRITES, urgency=USER, now=0.0)
    assert budget.refused[ENDPOINT_WRITES] == before + 1


def test_what_calls_need() -> None:
    profile, endpoint = make_desired().profile, make_foreign_endpoint()
    calls: tuple[Call, ...] = (
        PutProfile(profile, ""),
        PatchProfile(profile, ("tags",), ""),
        PutEndpoint(profile.ref, endpoint, ""),
        DeleteEndpoint(profile.ref, structs.replace(endpoint, name="other"), ""),
        DeleteProfile(profile.ref, ""),
    )
    assert needed(calls, reads=1) == {
        PROFILE_READS: 1,
        PROFILE_WRITES: 2,
        ENDPOINT_WRITES: 1,
        ENDPOINT_DELETES: 1,
        PROFILE_DELETES: 1,
    }
    assert needed(()) == {}
