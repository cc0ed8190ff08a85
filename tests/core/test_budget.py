"""A budget of calls: what may come at once, and how many over a long time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.core.budget import TokenBucket


def taken(bucket: TokenBucket, times: list[float]) -> int:
    return sum(bucket.take(time) for time in times)


def test_it_is_full_at_first_and_empty_when_all_are_taken() -> None:
    bucket = TokenBucket(capacity=3, rate=0.1, now=100.0)
    assert bucket.tokens(100.0) == 3
    assert taken(bucket, [100.0] * 5) == 3
    assert bucket.tokens(100.0) == 0
    assert bucket.wait(100.0) == pytest.approx(10.0)


def test_it_is_never_fuller_than_full() -> None:
    bucket = TokenBucket(capacity=3, rate=1.0, now=0.0)
    assert bucket.tokens(1e9) == 3
    assert taken(bucket, [1e9] * 5) == 3


def test_a_refusal_costs_nothing() -> None:
    bucket = TokenBucket(capacity=1, rate=0.1, now=0.0)
    assert taken(bucket, [0.0, 1.0, 5.0, 9.0]) == 1
    assert bucket.take(10.0)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = TokenBucket(capacity=1, rate=1.0, now=10.0)
    assert bucket.take(10.0)
    assert bucket.tokens(5.0) == 0


@settings(deadline=None)
@given(st.floats(0.001, 100), st.integers(1, 10), st.floats(0, 1e6))
def test_whoever_waits_as_long_as_told_gets_one(rate: float, capacity: int, now: float) -> None:
    bucket = TokenBucket(capacity=capacity, rate=rate, now=now)
    assert taken(bucket, [now] * capacity) == capacity
    assert bucket.wait(now) > 0
    assert bucket.take(now + bucket.wait(now) + 1e-6)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1000), min_size=1, max_size=200), st.integers(1, 5))
def test_over_any_time_no_more_is_given_than_was_there_and_grew(times: list[float], capacity: int) -> None:
    times.sort()
    bucket = TokenBucket(capacity=capacity, rate=1 / 60, now=0.0)
    given_at = [time for time in times if bucket.take(time)]
    for start in range(len(given_at)):
        for end in range(start, len(given_at)):
            allowed = capacity + (given_at[end] - given_at[start]) / 60
            assert end - start + 1 <= allowed + 1e-3
