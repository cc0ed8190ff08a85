"""While Azure is down it is left in peace: how often it is asked does not depend on how many profiles there are."""

from __future__ import annotations

import pytest

from tests.controllers.outages import OUTAGES, Outage, play

FEW = 12  # calls a minute
# Calls on their way when many begin to ask at once: so many go wrong before anybody knows that it is Azure.
IN_HAND = 12

every_outage = pytest.mark.parametrize("outage", OUTAGES, ids=str)
one_and_fifty = pytest.mark.parametrize(
    "count",
    [pytest.param(1, id="one profile"), pytest.param(50, id="fifty profiles", marks=pytest.mark.thorough)],
)


@every_outage
@one_and_fifty
def test_a_service_that_is_down_is_asked_a_few_times_a_minute(outage: Outage, count: int) -> None:
    story = play(outage, count)
    assert story.first_minute <= FEW
    assert story.at_once <= FEW + IN_HAND
    # Where Azure names a pause, whoever waited for its end asks at once.
    assert story.a_minute <= FEW + (IN_HAND if outage.pause else 0)


@pytest.mark.parametrize("outage", [outage for outage in OUTAGES if outage.pause], ids=str)
@one_and_fifty
def test_the_pause_that_one_call_is_asked_for_is_kept_by_all_calls_of_its_kind(outage: Outage, count: int) -> None:
    assert play(outage, count).early == []
