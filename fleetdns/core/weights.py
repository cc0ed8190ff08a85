"""Which integer weights Traffic Manager gets, so that its shares are as near as integers allow to what users asked.

The ideal share of a cluster is backend weight x export weight / sum of export weights, over the clusters that are
endpoints. Traffic Manager takes 1..1000, and what matters is the ratio over the whole profile, so rounding is done once
over all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, lcm

MAX_WEIGHT = 1000
EXACT = "exact"
CEILING = "ceiling"


@dataclass(frozen=True, slots=True)
class Part:
    """One backend's weight (1..1000) and the weights (1..1000) of the exports that are its endpoints."""

    weight: int
    exports: tuple[int, ...]


def traffic_weights(parts: Sequence[Part], *, rounding: str) -> tuple[tuple[int, ...], ...]:
    """Integer weights 1..1000, one per export, in the order of `parts` and of each part's exports."""
    sums = [sum(part.exports) for part in parts]
    if rounding == CEILING:
        rows = zip(parts, sums, strict=True)
        return tuple(tuple(_ceiling(part.weight * e, total) for e in part.exports) for part, total in rows)
    unit = lcm(*(total for total in sums if total))
    scales = (part.weight * unit // total if total else 0 for part, total in zip(parts, sums, strict=True))
    shares = [scale * e for part, scale in zip(parts, scales, strict=True) for e in part.exports]
    if not shares:
        return tuple(() for _ in parts)
    weights = iter(_integers(shares, total=sum(part.weight for part in parts if part.exports)))
    return tuple(tuple(next(weights) for _ in part.exports) for part in parts)


def _ceiling(numerator: int, denominator: int) -> int:
    return min(MAX_WEIGHT, -(-numerator // denominator))


def _integers(shares: Sequence[int], *, total: int) -> list[int]:
    """`shares`: the ideal ones, all of them times the same number."""
    divisor = gcd(*shares)
    smallest = [share // divisor for share in shares]
    largest = max(smallest)
    if largest <= MAX_WEIGHT:
        multiple = _nearest_multiple(sum(smallest), total, limit=MAX_WEIGHT // largest)
        return [multiple * n for n in smallest]
    # round() would round halves to even; a share's weight must not depend on its neighbour's parity.
    return [max(1, (2 * MAX_WEIGHT * n + largest) // (2 * largest)) for n in smallest]


def _nearest_multiple(unit: int, total: int, *, limit: int) -> int:
    below = max(1, total // unit)
    above = below + 1
    nearest = above if above * unit - total <= abs(total - below * unit) else below
    return min(nearest, limit)
