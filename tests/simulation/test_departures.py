"""Seeds of departures: definitions leave the hub and come back, and Azure serves the same at every moment."""

from __future__ import annotations

import pytest

from tests.simulation.departures import Departures


@pytest.mark.parametrize("seed", range(8))
def test_azure_does_not_notice_that_definitions_leave_and_return(seed: int) -> None:
    story = Departures(seed).play()
    assert story.broken == (), "\n".join(story.trace[-200:])
