"""Collisions that pass are nobody's business; one that does not pass is told and tried slowly."""

from __future__ import annotations

import pytest

from fleetdns.core.collision import colliding_since, outlasting
from fleetdns.errors import Conflict, Deferred, FleetDNSError, NotLeading, Rejected, Transient, Unavailable

COLLIDED = Conflict("Conflict", "another operation is in progress")
WAITS = Deferred("AzureCallBudget", "the line is long", retry_after=3.0)
FOLLOWS = NotLeading("NotLeading", "another replica may lead")
SWEEP = 60.0


@pytest.mark.parametrize(
    ("tries", "since"),
    [
        pytest.param([COLLIDED], 0.0, id="one"),
        pytest.param([COLLIDED, COLLIDED, COLLIDED], 0.0, id="several in a row begin with the first"),
        pytest.param([COLLIDED, WAITS, FOLLOWS], 0.0, id="a try that was not made tells nothing"),
        pytest.param([WAITS, FOLLOWS], None, id="nor does it begin anything"),
        pytest.param([COLLIDED, None], None, id="a success ends it"),
        pytest.param([COLLIDED, Unavailable("Timeout", "")], None, id="so does another answer"),
        pytest.param([COLLIDED, None, COLLIDED], 2.0, id="the next begins anew"),
    ],
)
def test_collisions_in_a_row(tries: list[FleetDNSError | None], since: float | None) -> None:
    found: float | None = None
    for now, error in enumerate(tries):
        found = colliding_since(found, error, now=float(now))
    assert found == since


@pytest.mark.parametrize("now", [0.0, 59.9])
def test_a_young_collision_stays_what_it_is(now: float) -> None:
    assert outlasting(COLLIDED, 0.0, patience=SWEEP, now=now) is COLLIDED


def test_one_that_lasts_is_something_that_may_pass_in_azure_s_own_words() -> None:
    found = outlasting(COLLIDED, 0.0, patience=SWEEP, now=SWEEP)
    assert type(found) is Transient
    assert (found.code, found.sentence) == (COLLIDED.code, COLLIDED.sentence)


@pytest.mark.parametrize("error", [None, FOLLOWS, WAITS, Rejected("BadRequest", "")], ids=lambda e: type(e).__name__)
def test_nothing_else_turns(error: FleetDNSError | None) -> None:
    assert outlasting(error, 0.0, patience=SWEEP, now=10 * SWEEP) is error
