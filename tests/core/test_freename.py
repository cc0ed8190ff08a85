"""Names to offer in place of one that is taken: like it, valid, and at most three."""

from __future__ import annotations

import pytest

from fleetdns.core.freename import MOST, similar_names
from fleetdns.core.naming import PROFILE_TAG, dns_name_problem
from fleetdns.core.trafficmanager import Monitor, Profile, ProfileRef

UID = "3267e205-7b27-5606-817f-1edd256f428d"


def asking(name: str, *, made_for: str = "work/myatm") -> Profile:
    return Profile(
        ref=ProfileRef("s", "g", f"fleet-{UID}"),
        relative_name=name,
        ttl=60,
        monitor=Monitor("HTTP", 80, "/", 30, 10, 3),
        tags=((PROFILE_TAG, made_for),),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            "myatm", ("myatm-work", "myatm-3267e", "myatm-work-3267e"), id="the namespace first, then the uid"
        ),
        pytest.param(
            "shop.eu", ("shop-work.eu", "shop-3267e.eu", "shop-work-3267e.eu"), id="the first label of several"
        ),
        pytest.param(
            "a" * 63, ("a" * 58 + "-work", "a" * 57 + "-3267e", "a" * 52 + "-work-3267e"), id="a label that is full"
        ),
    ],
)
def test_what_is_offered_is_like_the_name_that_was_asked_for(name: str, expected: tuple[str, ...]) -> None:
    assert similar_names(asking(name)) == expected


@pytest.mark.parametrize("name", ["a", "a-b", "a" * 63, f"{'a' * 57}-bbbbb", "x.y.z"])
@pytest.mark.parametrize("namespace", ["w", "n" * 63])
def test_whatever_is_offered_is_a_name(name: str, namespace: str) -> None:
    found = similar_names(asking(name, made_for=f"{namespace}/myatm"))
    assert 1 <= len(found) <= MOST
    assert [dns_name_problem(offered) for offered in found] == [None] * len(found)
    assert name not in found
