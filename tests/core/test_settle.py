"""A new profile waits 0.2 s of quiet, and 2 s at most, so that one apply becomes one PUT."""

from __future__ import annotations

import pytest

from fleetdns.core.settle import Settling, remaining, settling
from fleetdns.core.trafficmanager import Profile
from tests.core.builders import make_aggregate, make_desired, make_export

EMPTY = make_desired(make_aggregate(exports=[])).profile
FULL = make_desired(make_aggregate(exports=[make_export()])).profile


@pytest.mark.parametrize(
    ("looks", "now", "left"),
    [
        pytest.param([(0.0, EMPTY)], 0.0, 0.2, id="the first look waits for quiet"),
        pytest.param([(0.0, EMPTY)], 0.15, 0.05, id="what is left of it"),
        pytest.param([(0.0, EMPTY)], 0.2, 0.0, id="it was quiet for long enough"),
        pytest.param([(0.0, EMPTY)], 9.0, 0.0, id="never less than nothing"),
        pytest.param([(0.0, EMPTY), (0.15, EMPTY)], 0.15, 0.05, id="the same again does not start anew"),
        pytest.param([(0.0, EMPTY), (0.15, FULL)], 0.15, 0.2, id="something new starts anew"),
        pytest.param(
            [(n / 10, (EMPTY, FULL)[n % 2]) for n in range(20)], 1.9, 0.1, id="things that keep moving wait 2 s in all"
        ),
    ],
)
def test_waiting(looks: list[tuple[float, Profile]], now: float, left: float) -> None:
    state: Settling | None = None
    for at, desired in looks:
        state = settling(state, desired, now=at)
    assert state is not None
    assert remaining(state, now=now) == pytest.approx(left)
