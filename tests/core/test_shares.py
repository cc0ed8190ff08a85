"""Shares of the traffic are Traffic Manager's: by weight among those that are answered with."""

from __future__ import annotations

import pytest

from fleetdns.core.shares import Weighed, shares


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        pytest.param([], {}, id="nobody"),
        pytest.param([("a", 1, "Online"), ("b", 3, "Online")], {"a": 0.25, "b": 0.75}, id="by weight"),
        pytest.param(
            [("a", 1, "CheckingEndpoint"), ("b", 1, None), ("c", 2, "Unmonitored")],
            {"a": 0.25, "b": 0.25, "c": 0.5},
            id="those not yet probed, or not probed at all, are answered with",
        ),
        pytest.param([("a", 1, "Online"), ("b", 9, "Degraded")], {"a": 1.0, "b": 0.0}, id="a degraded one has nothing"),
        pytest.param(
            [("a", 1, "Degraded"), ("b", 3, "Degraded")],
            {"a": 0.25, "b": 0.75},
            id="all degraded: as if all were online",
        ),
        pytest.param(
            [("a", 1, "Degraded"), ("b", 3, "Disabled")],
            {"a": 1.0, "b": 0.0},
            id="a disabled one never, not even then",
        ),
        pytest.param([("a", 1, "Disabled"), ("b", 1, "Stopped")], {"a": 0.0, "b": 0.0}, id="nobody who could"),
    ],
)
def test_traffic_is_shared_by_weight_among_those_that_serve(
    endpoints: list[tuple[str, int, str | None]], expected: dict[str, float]
) -> None:
    assert shares(Weighed(*endpoint) for endpoint in endpoints) == pytest.approx(expected)


def test_a_disabled_profile_answers_with_nobody() -> None:
    assert shares([Weighed("a", 1, "Inactive"), Weighed("b", 1, "Online")], is_profile_disabled=True) == {
        "a": 0,
        "b": 0,
    }
