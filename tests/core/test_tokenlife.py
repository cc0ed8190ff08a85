"""When a token is renewed, and for how long the next one is asked for."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetdns.core.tokenlife import (
    DEFAULT_LIFE,
    SHORTEST_LIFE,
    Life,
    asked_life,
    by_our_clock,
    life_of,
    pause,
    until_renewal,
)

DAY = 86400.0


def jwt(claims: Any) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl"


def test_a_jwt_tells_its_life() -> None:
    assert life_of(jwt({"iat": 1000, "exp": 4600, "sub": "somebody"})) == Life(1000, 4600)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("abcdef", id="opaque"),
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="parts that are not base64"),
        pytest.param("ä.ö.ü", id="parts that are not ASCII"),
        pytest.param(jwt([1]), id="claims that are a list"),
        pytest.param(jwt({"exp": 1}), id="no beginning"),
        pytest.param(jwt({"iat": 1}), id="no end"),
        pytest.param(jwt({"iat": "1", "exp": "2"}), id="times that are words"),
        pytest.param(jwt({"iat": 2, "exp": 1}), id="an end before its beginning"),
    ],
)
def test_what_is_no_jwt_tells_nothing(token: str) -> None:
    assert life_of(token) is None


@pytest.mark.parametrize(
    ("life", "now", "seconds"),
    [
        pytest.param(Life(0, 7 * DAY), 0, 3.5 * DAY, id="a new one: at half its life"),
        pytest.param(Life(0, 7 * DAY), DAY, 2.5 * DAY, id="a day old"),
        pytest.param(Life(0, 7 * DAY), 3.5 * DAY, 0, id="half over: now"),
        pytest.param(Life(0, 7 * DAY), 8 * DAY, 0, id="ended: now"),
        pytest.param(None, 0, 0, id="not known: now"),
    ],
)
def test_a_token_is_renewed_at_half_its_life(life: Life | None, now: float, seconds: float) -> None:
    assert until_renewal(life, now=now) == seconds


@pytest.mark.parametrize(
    ("life", "seen"),
    [
        pytest.param(Life(0, 10), Life(0, 10), id="given before it is seen: as it says"),
        pytest.param(Life(8, 18), Life(5, 15), id="given later, by a clock that is behind: as if given now"),
        pytest.param(None, None, id="not known"),
    ],
)
def test_a_token_is_never_older_than_the_moment_it_is_first_seen(life: Life | None, seen: Life | None) -> None:
    assert by_our_clock(life, now=5) == seen


@pytest.mark.parametrize(
    ("life", "seconds"),
    [
        pytest.param(Life(5, 5 + 3600), 3600, id="as long as the present one"),
        pytest.param(Life(0, 30), SHORTEST_LIFE, id="never shorter than a server gives"),
        pytest.param(None, DEFAULT_LIFE, id="a week where it is not known"),
    ],
)
def test_the_next_token_is_asked_for_as_long_as_the_present_one_was_given(life: Life | None, seconds: int) -> None:
    assert asked_life(life) == seconds


@given(
    backoff=st.floats(0.1, 1e4), length=st.integers(600, 10**7), fraction=st.floats(0.5, 0.999, allow_subnormal=False)
)
def test_pause_leaves_time_for_more_tries(backoff: float, length: int, fraction: float) -> None:
    left = length * (1 - fraction)
    waits = pause(backoff, Life(0, length), now=length * fraction)
    assert 0 < waits <= backoff
    assert waits <= max(1.0, left / 10 + 1e-3)


def test_after_the_end_and_without_a_known_one_the_back_off_alone_counts() -> None:
    assert pause(300, Life(0, 600), now=601) == 300
    assert pause(300, None, now=0) == 300
