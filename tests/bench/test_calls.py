"""The prices that the README promises, held by the same measurement that makes docs/calls.md."""

from __future__ import annotations

import pytest

from tests.bench.calls import SIZES, measured, page, report
from tests.bench.pace import RECORDED
from tests.bench.story import Cost

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def costs() -> dict[str, Cost]:
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
        pytest.param(
            "one endpoint changed in Azure",
            {"profiles.get": 1, "endpoints.put": 1},
            id="one endpoint is put back alone",
        ),
        pytest.param(
            "every endpoint changed in Azure", {"profiles.get": 1, "profiles.put": 1}, id="ten are put back in one PUT"
        ),
        pytest.param(
            "profile deleted in Azure", {"profiles.get": 1, "profiles.put": 1}, id="a profile is made again in one PUT"
        ),
        pytest.param("profile deleted", {"profiles.get": 1, "profiles.delete": 1}, id="a deletion looks once more"),
    ],
)
def test_a_change_costs_no_more_than_promised(costs: dict[str, Cost], change: str, calls: dict[str, int]) -> None:
    assert costs[change].calls == calls


def test_what_is_true_at_once_takes_as_long_as_azure_does(costs: dict[str, Cost]) -> None:
    # A read and a PUT, with what the road adds or spares, and the moment in which more may arrive.
    assert 4.5 < costs["weight of the backend"].seconds < 8.0
    assert costs["one endpoint changed in Azure"].seconds < 60.0 * 1.1 + 8.0


@pytest.mark.parametrize(
    ("how", "most"),
    [
        pytest.param("one endpoint refused by name", 4, id="Azure says which"),
        pytest.param("one endpoint refused, nobody says which", 10 + 2, id="each is tried alone"),
    ],
)
def test_a_bad_endpoint_is_found_once_and_left_out_from_then_on(costs: dict[str, Cost], how: str, most: int) -> None:
    assert costs[f"first rollout, {how}"].calls.total() <= most
    assert costs[f"weight of the backend after that ({how})"].calls == {"profiles.get": 1, "profiles.put": 1}


def test_the_pages_have_a_row_for_each_change_and_a_column_for_each_size(costs: dict[str, Cost]) -> None:
    found = {1: costs, 10: costs}
    brief, beside = report(found, RECORDED).tables
    assert brief.columns == ("change", "1 cluster", "10 clusters")
    assert [row[0] for row in brief.rows] == list(costs)
    assert {len(row) for row in beside.rows} == {len(beside.columns)}
    assert "| weight of the backend | 2: 1 GET profile, 1 PUT profile |" in page(found)
    assert set(found) < set(SIZES)
