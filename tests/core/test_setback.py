"""What Azure refused is not asked for again before its time, whatever makes a reconcile run again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from fleetdns.core.calls import Call, PutProfile
from fleetdns.core.setback import Setback, after_calls
from fleetdns.errors import Deferred, FleetDNSError, Forbidden, NameTaken, Rejected, Throttled, Transient
from tests.core.builders import make_desired

PROFILE = make_desired().profile
CALLS: tuple[Call, ...] = (PutProfile(PROFILE, "new profile"),)
OTHERS: tuple[Call, ...] = (PutProfile(replace(PROFILE, ttl=5), "new profile"),)
TAKEN = NameTaken("Conflict", "the DNS name myatm is in use elsewhere")


def after(error: FleetDNSError | None, *, times: int = 1) -> Setback | None:
    setback = None
    for _ in range(times):
        setback = after_calls(setback, CALLS, None, error=error, now=100.0)
    return setback


@pytest.mark.parametrize(
    ("error", "times", "delay"),
    [
        pytest.param(TAKEN, 1, 15.0, id="a taken name at first"),
        pytest.param(TAKEN, 3, 60.0, id="a taken name for the third time"),
        pytest.param(TAKEN, 9, 120.0, id="a taken name for long"),
        pytest.param(Rejected("BadRequest", "no"), 9, 120.0, id="a refusal for long"),
        pytest.param(Forbidden("AuthorizationFailed", "no"), 1, 15.0, id="a missing right at first"),
        pytest.param(Forbidden("AuthorizationFailed", "no"), 9, 30.0, id="a missing right for long"),
    ],
)
def test_the_same_calls_wait_longer_with_each_refusal(error: FleetDNSError, times: int, delay: float) -> None:
    setback = after(error, times=times)
    assert setback is not None
    assert (type(setback.error), setback.error.code, setback.error.sentence) == (
        type(error),
        error.code,
        error.sentence,
    )
    assert setback.retry_at == 100.0 + delay
    assert setback.stands_for(CALLS, now=100.0 + delay - 0.1)
    assert not setback.stands_for(CALLS, now=100.0 + delay)


def test_the_same_calls_wait_when_probes_have_found_something_else_meanwhile() -> None:
    """Else a refused setting of a profile whose endpoints come and go would be sent with every sweep."""
    probed = replace(PROFILE, endpoints=tuple(structs.replace(e, monitor_status="Degraded") for e in PROFILE.endpoints))
    assert probed != PROFILE
    setback = after(TAKEN, times=2)
    assert setback is not None
    assert setback.stands_for((PutProfile(probed, "new profile"),), now=100.0)
    again = after_calls(setback, (PutProfile(probed, "new profile"),), None, error=TAKEN, now=100.0)
    assert again is not None
    assert again.attempts == 3


def test_other_calls_do_not_wait() -> None:
    setback = after(TAKEN, times=5)
    assert setback is not None
    assert not setback.stands_for(OTHERS, now=100.0)
    assert not setback.stands_for((), now=100.0)
    changed = after_calls(setback, OTHERS, None, error=TAKEN, now=100.0)
    assert changed is not None
    assert changed.attempts == 1


@pytest.mark.parametrize(
    "error",
    [None, Throttled("TooManyRequests", "slowly", retry_after=5), Transient("InternalServerError", "broken")],
    ids=["success", "a pause", "an outage"],
)
def test_what_is_no_refusal_is_no_setback(error: FleetDNSError | None) -> None:
    assert after(error) is None
    assert after_calls(after(TAKEN), CALLS, None, error=error, now=100.0) is None


def test_a_refusal_of_nothing_is_no_setback() -> None:
    assert after_calls(None, (), None, error=TAKEN, now=100.0) is None


@pytest.mark.parametrize(
    "error",
    [
        Rejected("BadRequest", "That is not valid.", is_content=False),
        NameTaken("Conflict", "The name is in use.", free="another"),
        Deferred("Busy", "Wait.", retry_after=3.0, because=Forbidden("AuthorizationFailed", "No.")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_is_remembered_says_the_same_and_holds_on_to_nothing(error: FleetDNSError) -> None:
    try:
        raise error
    except FleetDNSError as raised:
        again = raised.again()
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert error.__traceback__ is not None
    assert again.__traceback__ is None
