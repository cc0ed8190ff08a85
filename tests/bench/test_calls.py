"""The prices that the README promises, held by the same measurement that makes docs/calls.md."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.bench.calls import measured


@pytest.fixture(scope="module")
def costs() -> dict[str, Counter[str]]:
    return measured(10)


@pytest.mark.parametrize(
    ("change", "calls"),
    [
        pytest.param("first rollout", {"profiles.get": 1, "profiles.put": 1}, id="a rollout is one PUT and one read"),
        pytest.param("restart, nothing changed", {"profiles.list": 1}, id="a restart lists once and writes nothing"),
        pytest.param("one more cluster", {"profiles.get": 1, "profiles.put": 1}, id="a join is two calls"),
        pytest.param("one cluster less", {"profiles.get": 1, "profiles.put": 1}, id="a leave is two calls"),
        pytest.param("weight of the backend", {"profiles.get": 1, "profiles.put": 1}, id="ten weights are two calls"),
        pytest.param(
            "monitor setting", {"profiles.get": 1, "profiles.patch": 1}, id="a setting is one PATCH and one read"
        ),
        pytest.param("profile deleted", {"profiles.get": 1, "profiles.delete": 1}, id="a deletion looks once more"),
    ],
)
def test_a_change_costs_no_more_than_promised(
    costs: dict[str, Counter[str]], change: str, calls: dict[str, int]
) -> None:
    assert costs[change] == calls
