"""Which versions can be compared, and how."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetdns.runtime.resourceversion import is_older


@given(st.integers(1, 10**30), st.integers(1, 10**30))
def test_positive_integers_compare_as_numbers_however_long(one: int, other: int) -> None:
    assert is_older(str(one), str(other)) == (one < other)


@pytest.mark.parametrize("opaque", ["", "0", "007", "-1", "+1", "1.0", " 1", "1e3", "abc", "\u0661", "\u00b2"])
def test_anything_else_is_neither_older_nor_newer(opaque: str) -> None:
    assert not is_older(opaque, "5")
    assert not is_older("5", opaque)
