"""Every kind of outage, with one profile and with fifty: nothing is forgotten, lost or doubled, and one sweep after
Azure is back everything is true.
"""

from __future__ import annotations

import pytest

from tests.controllers.outages import OUTAGES, Outage, play

pytestmark = pytest.mark.thorough

# Whoever waits for a time of its own waits longest when the outage ends just after it tried.
LONGER = (0.0, 17.0, 34.0, 51.0)

every_outage = pytest.mark.parametrize("outage", OUTAGES, ids=str)
one_and_fifty = pytest.mark.parametrize(
    "count",
    [pytest.param(1, id="one profile"), pytest.param(50, id="fifty profiles", marks=pytest.mark.long)],
)


@every_outage
@one_and_fifty
def test_what_was_last_known_stays_and_only_what_waits_or_is_unheard_is_said_to_be_unsure(
    outage: Outage, count: int
) -> None:
    story = play(outage, count)
    assert story.forgotten == []
    assert story.mistold == []


@every_outage
@one_and_fifty
def test_nothing_is_doubled_and_nothing_lost(outage: Outage, count: int) -> None:
    story = play(outage, count)
    assert story.doubled == []
    assert story.lost == []


@pytest.mark.long
@every_outage
@one_and_fifty
def test_everything_is_true_one_sweep_after_azure_is_back(outage: Outage, count: int) -> None:
    stories = [play(outage, count, longer=longer) for longer in (LONGER if count == 1 else LONGER[:1])]
    assert [story.recovery for story in stories if not story.is_over_within_a_sweep] == [], stories[0].wrong
