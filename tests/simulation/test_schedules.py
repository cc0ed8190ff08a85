"""Seeds of trouble: whatever people do and whatever fails, in whatever order, every promise is kept.

Many more: `python -m tests.simulation.search --seeds 2000`.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.simulation.oracle import naive_weights
from tests.simulation.schedule import play

# What a seed tells changes with every draw of the controller's: bugs once found are held by tests of their own.
SHORT = range(9)
LONG = range(100, 102)


@pytest.mark.parametrize("seed", SHORT)
def test_every_promise_is_kept(seed: int) -> None:
    story = play(seed, lasts=300.0)
    assert story.broken == (), "\n".join(story.trace[-200:])


@pytest.mark.long
@pytest.mark.parametrize("seed", LONG)
def test_every_promise_is_kept_for_longer(seed: int) -> None:
    story = play(seed)
    assert story.broken == (), "\n".join(story.trace[-200:])


def test_a_seed_is_one_story() -> None:
    assert play(3, lasts=120.0) == play(3, lasts=120.0)


@pytest.mark.parametrize(
    ("shares", "total", "weights"),
    [
        pytest.param([50, 50], 100, [50, 50], id="two equal clusters share a hundred"),
        pytest.param([Fraction(100, 3)] * 3, 100, [33, 33, 33], id="three equal clusters get thirty-three each"),
        pytest.param([Fraction(100, 3)] * 3 + [100], 200, [33, 33, 33, 99], id="a second backend keeps the ratio"),
        pytest.param([1, 1000], 1001, [1, 1000], id="the widest ratio fits"),
        pytest.param([Fraction(1, 3), 1000], 1001, [1, 1000], id="a wider one is rounded, never below one"),
        pytest.param([], 0, [], id="nobody gets nothing"),
    ],
)
def test_the_oracle_weighs_as_the_contract_says(shares: list[Fraction], total: int, weights: list[int]) -> None:
    assert naive_weights([Fraction(share) for share in shares], total) == weights
