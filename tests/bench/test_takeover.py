"""The measurement of takeovers: what it plays comes out as the election promises, and the page keeps other rows."""

from __future__ import annotations

import pytest

from fleetdns.runtime.leader import Timing
from tests.bench.takeover import Takeover, lease_and_retry, page, row, virtual_takeovers

DEFAULT = Timing(30, 5.0)
SHORT = Timing(6, 1.0)


@pytest.mark.parametrize("timing", [DEFAULT, SHORT], ids=["30 s and 5 s", "6 s and 1 s"])
def test_a_killed_leader_is_followed_when_its_lease_is_over_and_soon_then(timing: Timing) -> None:
    found = [takeover.leading for takeover in virtual_takeovers(timing, 100)]
    # The lease was renewed up to one interval before the kill, and that was seen up to one retry after it was sent.
    longest_retry = lease_and_retry(timing) - timing.duration
    assert timing.duration - timing.interval < min(found)
    assert max(found) < lease_and_retry(timing) + longest_retry
    assert min(found) < timing.duration < max(found)


def test_a_row_has_the_median_and_the_worst() -> None:
    found = [Takeover(5.0, 5.5), Takeover(6.0, 6.25), Takeover(6.5, 9.0)]
    cells = row("real", SHORT, found, where="here").strip("| ").split(" | ")
    assert cells == ["real", "6 s, 1 s", "3", "6.00 s", "6.50 s", "6.44 s", "1", "6.25 s", "9.00 s", "here"]


def test_a_new_row_replaces_the_one_of_its_kind_and_no_other() -> None:
    old, other = row("real", SHORT, [Takeover(1.0)], where="a"), row("real", DEFAULT, [Takeover(2.0)], where="a")
    new = row("real", SHORT, [Takeover(3.0)], where="b")
    once = page(page("", old), other)
    assert {old, other} <= set(once.splitlines())
    again = page(once, new).splitlines()
    assert {new, other} <= set(again)
    assert old not in again
    assert page("\n".join(again), new).splitlines() == again
