"""Waits after failures: how they grow, where they end, when they start again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetdns.runtime.backoff import Backoff, Failures, RestingBackoff
from tests.runtime.scripted import Jitter, NoJitter

SLOW = Backoff(base=15.0, factor=2.0, cap=120.0, jitter=0.0)
QUICK = Backoff(base=0.005, factor=2.0, cap=1000.0, jitter=0.0)


def test_delays_double_up_to_the_cap() -> None:
    assert [SLOW.delay(attempt, NoJitter()) for attempt in range(6)] == [15, 30, 60, 120, 120, 120]


def test_a_factor_of_one_never_grows() -> None:
    assert Backoff(base=2, factor=1, cap=60, jitter=0).delay(1000, NoJitter()) == 2


def test_a_failure_of_weeks_does_not_overflow() -> None:
    assert Backoff(base=1, factor=10, cap=60, jitter=0).delay(10**9, NoJitter()) == 60


@given(
    attempt=st.integers(0, 10**6),
    seed=st.integers(0, 2**32),
    base=st.floats(0.001, 100),
    growth=st.floats(1, 1000),
    factor=st.floats(1, 10),
    jitter=st.floats(0, 2),
)
def test_a_delay_is_never_shorter_than_without_jitter_and_never_longer_than_jitter_allows(
    attempt: int, seed: int, base: float, growth: float, factor: float, jitter: float
) -> None:
    cap = base * growth
    exact = Backoff(base, factor, cap, 0).delay(attempt, NoJitter())
    assert base <= exact <= cap * 1.000001
    assert exact <= Backoff(base, factor, cap, jitter).delay(attempt, Jitter(seed)) <= exact * (1 + jitter)


@pytest.mark.parametrize(
    ("base", "factor", "cap", "jitter"),
    [
        pytest.param(0, 2, 10, 1, id="no base"),
        pytest.param(10, 2, 5, 1, id="cap below base"),
        pytest.param(1, 0.5, 10, 1, id="shrinking"),
        pytest.param(1, 2, 10, -1, id="negative jitter"),
    ],
)
def test_a_backoff_that_makes_no_sense_is_refused(base: float, factor: float, cap: float, jitter: float) -> None:
    with pytest.raises(ValueError):
        Backoff(base, factor, cap, jitter)


def delays(failures: Failures[str], key: str, backoff: Backoff, *, times: int = 1) -> list[float]:
    """How long each of so many failures has to wait, each coming when the wait after the one before it is over."""
    now, waits = 0.0, []
    for _ in range(times):
        due = failures.due(key, backoff, now=now, random=NoJitter())
        waits.append(due - now)
        now = due
    return waits


def test_failures_are_counted_per_key_until_it_is_forgotten() -> None:
    failures: Failures[str] = Failures()
    assert delays(failures, "a", SLOW, times=2) == [15, 30]
    assert delays(failures, "b", SLOW) == [15]
    failures.forget("a")
    failures.forget("never failed")
    assert delays(failures, "a", SLOW) == [15]


def test_quick_failures_do_not_lengthen_a_slow_retry() -> None:
    failures: Failures[str] = Failures()
    assert delays(failures, "a", QUICK, times=5) == pytest.approx([0.005, 0.01, 0.02, 0.04, 0.08])
    assert delays(failures, "a", SLOW) == [15]


def test_a_key_that_fails_again_before_its_time_keeps_its_time() -> None:
    failures: Failures[str] = Failures()
    tries = [failures.due("a", SLOW, now=now, random=NoJitter()) for now in (0.0, 0.1, 14.9, 15.0, 20.0)]
    assert tries == [15, 15, 15, 45, 45]


def test_a_forgotten_key_takes_no_memory() -> None:
    failures: Failures[int] = Failures()
    for key in range(100):
        failures.due(key, SLOW, now=0.0, random=NoJitter())
        failures.forget(key)
    assert len(failures) == 0


@pytest.mark.parametrize(
    ("quiet", "expected"),
    [pytest.param(120.0, 4.0, id="not after exactly two minutes"), pytest.param(120.5, 1.0, id="after more")],
)
def test_a_resting_backoff_starts_again_after_the_quiet_that_follows_the_last_wait(
    quiet: float, expected: float
) -> None:
    backoff = RestingBackoff(Backoff(1.0, 2.0, 30.0, 0.0), reset_after=120.0, random=NoJitter())
    assert [backoff.delay(0.0), backoff.delay(1.0)] == [1.0, 2.0]
    assert backoff.delay(1.0 + 2.0 + quiet) == expected
