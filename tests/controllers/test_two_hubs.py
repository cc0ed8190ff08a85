"""Two hubs on one resource group, with the same names: neither ever touches what is the other's."""

from __future__ import annotations

import pytest

from tests.controllers.twohubs import an_hour


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_an_hour_of_trouble_leaves_each_hub_its_own(seed: int) -> None:
    assert an_hour(seed) == []
