"""When a change of an import is written: at once where nothing happened lately, else with what follows."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.api.exports import ServiceImport
from fleetdns.core.burst import Burst, gathered
from fleetdns.core.settle import LIMIT, QUIET
from tests.core.builders import make_import

SERVING, EMPTY = make_import(clusters=["a"]), make_import(clusters=[])
STATUS = make_import(clusters=["a", "b"]).status


@pytest.mark.parametrize(
    ("burst", "current", "wait"),
    [
        pytest.param(Burst(), SERVING, 0.0, id="a service that exists and was quiet waits for nothing"),
        pytest.param(Burst(written_at=9.7), SERVING, 0.0, id="nor when its last write is long ago"),
        pytest.param(Burst(written_at=9.9), SERVING, QUIET, id="one that was written just now gathers"),
        pytest.param(Burst(), EMPTY, QUIET, id="an import without clusters gathers"),
        pytest.param(Burst(), None, QUIET, id="a new service gathers"),
    ],
)
def test_the_first_look(burst: Burst, current: ServiceImport | None, wait: float) -> None:
    found, left = gathered(burst, STATUS, current=current, now=10.0)
    assert left == pytest.approx(wait)
    assert (found.waiting is None) == (wait == 0.0)


@given(st.lists(st.floats(0.0, QUIET * 0.99), min_size=1, max_size=300))
@settings(max_examples=60, deadline=None)
def test_changes_that_follow_each_other_closely_cost_one_write_and_one_for_every_two_seconds(gaps: list[float]) -> None:
    now, written, burst = 0.0, 0, Burst()
    due: float | None = None
    count = 0
    for gap in [*gaps, 10.0]:
        count += 1
        status = make_import(clusters=[f"member-{n}" for n in range(count)]).status
        burst, wait = gathered(burst, status, current=SERVING, now=now)
        due = now + wait
        then = now + gap
        while due is not None and due <= then:
            burst, wait = gathered(burst, status, current=SERVING, now=due)
            if wait:
                due += wait
                continue
            written, burst, due = written + 1, Burst(written_at=due), None
        now = then
    assert due is None
    assert written <= 1 + max(1, ceil(sum(gaps) / LIMIT))
