"""The integers that Traffic Manager gets keep the ratios that users asked for."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.core.weights import CEILING, EXACT, Part, traffic_weights

PARTS = st.lists(
    st.builds(
        Part,
        weight=st.integers(1, 1000),
        exports=st.lists(st.integers(1, 1000), max_size=5).map(tuple),
    ),
    max_size=4,
)
SMALL_PARTS = st.lists(
    st.builds(Part, weight=st.integers(1, 12), exports=st.lists(st.integers(1, 6), max_size=3).map(tuple)), max_size=3
)


def ideal(parts: list[Part]) -> list[Fraction]:
    return [Fraction(part.weight * e, sum(part.exports)) for part in parts for e in part.exports]


def smallest_integers(shares: list[Fraction]) -> list[int]:
    scale = lcm(*(share.denominator for share in shares))
    numbers = [int(share * scale) for share in shares]
    return [number // gcd(*numbers) for number in numbers]


def flat(rows: tuple[tuple[int, ...], ...]) -> list[int]:
    return [weight for row in rows for weight in row]


@pytest.mark.parametrize(
    ("parts", "weights"),
    [
        pytest.param([], (), id="no backends give no weights"),
        pytest.param([Part(5, ())], ((),), id="a backend without exports gives no weights"),
        pytest.param([Part(100, (1,))], ((100,),), id="one cluster keeps the backend's weight"),
        pytest.param([Part(100, (1, 1))], ((50, 50),), id="100 over two equal clusters is 50 and 50"),
        pytest.param([Part(100, (1, 1, 1))], ((33, 33, 33),), id="100 over three is 33, 33 and 33"),
        pytest.param(
            [Part(100, (1, 1, 1)), Part(100, (1,))],
            ((33, 33, 33), (99,)),
            id="a second backend of 100 on one cluster gets three times a third",
        ),
        pytest.param([Part(1, (1, 1))], ((1, 1),), id="1 over two cannot be halved and becomes 1 and 1"),
        pytest.param([Part(1, (100, 1))], ((100, 1),), id="1 over 100 to 1 stays 100 to 1"),
        pytest.param([Part(3, (1, 1))], ((2, 2),), id="a tie between two sums takes the larger one"),
        pytest.param([Part(500, (100, 200))], ((167, 334),), id="500 over 100 to 200 is nearest at 167 and 334"),
        pytest.param([Part(1000, (1,)), Part(1000, (1,))], ((1000,), (1000,)), id="the multiple stops at 1000"),
        pytest.param(
            [Part(1000, (1,)), Part(500, (1, 1, 1))],
            ((996,), (166, 166, 166)),
            id="the nearest sum would pass 1000, so the one below it is taken",
        ),
        pytest.param([Part(1, (1,)), Part(1000, (1,))], ((1,), (1000,)), id="1 to 1000 just fits"),
        pytest.param([Part(1, (1, 1)), Part(1000, (1,))], ((1, 1), (1000,)), id="never below 1 when it does not fit"),
        pytest.param([Part(1000, (1000, 999)), Part(1, (1,))], ((1000, 999), (2,)), id="too fine a ratio is scaled"),
        pytest.param([Part(10, (1,)), Part(90, ())], ((10,), ()), id="a backend without endpoints does not count"),
    ],
)
def test_exact_weights(parts: list[Part], weights: tuple[tuple[int, ...], ...]) -> None:
    assert traffic_weights(parts, rounding=EXACT) == weights


@pytest.mark.parametrize(
    ("parts", "weights"),
    [
        pytest.param([Part(500, (100, 200))], ((167, 334),), id="500 over 100 to 200 is 167 and 334"),
        pytest.param([Part(1, (100, 1))], ((1, 1),), id="1 over 100 to 1 becomes 1 to 1, as with Fleet"),
        pytest.param([Part(1000, (1,))], ((1000,),), id="1000 on one cluster stays 1000"),
        pytest.param([Part(100, (1, 1, 1)), Part(7, ())], ((34, 34, 34), ()), id="each share is rounded up by itself"),
    ],
)
def test_ceiling_weights(parts: list[Part], weights: tuple[tuple[int, ...], ...]) -> None:
    assert traffic_weights(parts, rounding=CEILING) == weights


@given(PARTS, st.sampled_from([EXACT, CEILING]))
@settings(max_examples=100, deadline=None)
def test_every_weight_is_one_that_traffic_manager_takes(parts: list[Part], rounding: str) -> None:
    rows = traffic_weights(parts, rounding=rounding)
    assert [len(row) for row in rows] == [len(part.exports) for part in parts]
    assert all(1 <= weight <= 1000 for weight in flat(rows))


@given(PARTS)
@settings(max_examples=100, deadline=None)
def test_ratios_are_kept_exactly_where_integers_can(parts: list[Part]) -> None:
    shares = ideal(parts)
    weights = flat(traffic_weights(parts, rounding=EXACT))
    if not shares:
        assert weights == []
        return
    smallest = smallest_integers(shares)
    if max(smallest) <= 1000:
        assert len({Fraction(w, n) for w, n in zip(weights, smallest, strict=True)}) == 1
        return
    scale = Fraction(1000, max(smallest))
    assert max(weights) == 1000
    assert all(abs(w - n * scale) <= max(Fraction(1, 2), 1 - n * scale) for w, n in zip(weights, smallest, strict=True))


@given(st.one_of(SMALL_PARTS, PARTS))
@settings(max_examples=150, deadline=None)
def test_the_sum_is_the_nearest_one_to_the_backends_weights(parts: list[Part]) -> None:
    shares = ideal(parts)
    smallest = smallest_integers(shares) if shares else []
    if not smallest or max(smallest) > 1000:
        return
    total = sum(part.weight for part in parts if part.exports)
    multiples = range(1, 1000 // max(smallest) + 1)
    nearest = min(multiples, key=lambda m: (abs(m * sum(smallest) - total), -m))
    assert flat(traffic_weights(parts, rounding=EXACT)) == [nearest * n for n in smallest]


@given(PARTS, st.randoms(use_true_random=False), st.sampled_from([EXACT, CEILING]))
@settings(max_examples=100, deadline=None)
def test_order_free_a_cluster_has_its_weight_wherever_it_stands(
    parts: list[Part], random: Random, rounding: str
) -> None:
    order = sorted(range(len(parts)), key=lambda _: random.random())
    inner = [sorted(range(len(parts[i].exports)), key=lambda _: random.random()) for i in order]
    shuffled = [
        Part(parts[i].weight, tuple(parts[i].exports[j] for j in js)) for i, js in zip(order, inner, strict=True)
    ]
    straight = traffic_weights(parts, rounding=rounding)
    expected = tuple(tuple(straight[i][j] for j in js) for i, js in zip(order, inner, strict=True))
    assert traffic_weights(shuffled, rounding=rounding) == expected
