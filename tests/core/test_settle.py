"""What moves is left alone for 0.2 s of quiet, and 2 s at most."""

from __future__ import annotations

import pytest

from fleetdns.core.settle import Settling, remaining, settling

EMPTY, FULL = "nothing", "something"


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
def test_waiting(looks: list[tuple[float, str]], now: float, left: float) -> None:
    assert remaining(after(looks), now=now) == pytest.approx(left)


@pytest.mark.parametrize(
    ("now", "lacking", "left"),
    [
        pytest.param(1.0, 0.0, 1.0, id="however quiet it is, what is on its way is waited for"),
        pytest.param(2.0, 0.0, 0.0, id="until the limit"),
        pytest.param(2.0, 0.2, 0.2, id="or a little longer"),
        pytest.param(2.2, 0.2, 0.0, id="and no more"),
    ],
)
def test_what_is_known_to_be_lacking_is_waited_for(now: float, lacking: float, left: float) -> None:
    assert remaining(after([(0.0, EMPTY)]), now=now, lacking=lacking) == pytest.approx(left)


def after(looks: list[tuple[float, str]]) -> Settling[str]:
    state: Settling[str] | None = None
    for at, asked in looks:
        state = settling(state, asked, now=at)
    assert state is not None
    return state
