"""A refused endpoint stays out of batches, is tried alone at a slow pace, and is forgotten when it may be well."""

from __future__ import annotations

import pytest

from fleetdns.api.backend import BackendStatus, RejectedExport
from fleetdns.core.outcome import Failure
from fleetdns.core.refusals import Refusal, due, refusals_by_status, refused, still_refused
from tests.core.builders import endpoint_name, make_aggregate, make_backend, make_desired, make_export, public_ip

NO = Failure("refused", "BadRequest", "no")
A = endpoint_name("a")
DESIRED = make_desired(make_aggregate(exports=[make_export("a"), make_export("b")]))
TARGET = public_ip("a-app").lower()


def after(times: int, *, jitter: float = 0.0) -> Refusal:
    found: Refusal | None = None
    for _ in range(times):
        found = refused(found, target=TARGET, failure=NO, now=100.0, jitter=jitter)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("times", "jitter", "delay"),
    [
        pytest.param(1, 0.0, 15.0, id="first after 15 s"),
        pytest.param(2, 0.0, 30.0, id="then twice that"),
        pytest.param(4, 0.0, 120.0, id="up to 120 s"),
        pytest.param(50, 0.0, 120.0, id="and never longer"),
        pytest.param(50, 1.0, 144.0, id="with jitter still within 150 s"),
    ],
)
def test_the_pace(times: int, jitter: float, delay: float) -> None:
    assert after(times, jitter=jitter) == Refusal(TARGET, "BadRequest: no", times, 100.0 + delay)


def test_another_target_starts_anew() -> None:
    found = refused(after(4), target="other", failure=NO, now=100.0, jitter=0.0)
    assert (found.attempts, found.retry_at) == (1, 115.0)


@pytest.mark.parametrize(
    ("refusals", "kept"),
    [
        pytest.param({A: Refusal(TARGET, "no", 1, 0.0)}, True, id="the same endpoint with the same target"),
        pytest.param({A: Refusal("other", "no", 1, 0.0)}, False, id="it has another target now"),
        pytest.param({endpoint_name("gone"): Refusal(TARGET, "no", 1, 0.0)}, False, id="it is not desired any more"),
    ],
)
def test_what_still_stands(refusals: dict[str, Refusal], kept: bool) -> None:
    assert still_refused(refusals, DESIRED.profile, None) == (refusals if kept else {})


@pytest.mark.parametrize(
    ("cluster", "reason", "found"),
    [
        pytest.param("a", "AzureRefused", True, id="refused by Azure"),
        pytest.param("a", "DNSLabelMissing", False, id="rejected for another reason"),
        pytest.param("gone", "AzureRefused", False, id="of a cluster that left"),
    ],
)
def test_after_a_restart_status_tells_what_was_refused(cluster: str, reason: str, found: bool) -> None:
    backend = make_backend(status=BackendStatus(rejected=(RejectedExport(cluster, reason, "BadRequest: no"),)))
    recalled = refusals_by_status(DESIRED, [backend], now=7.0)
    assert recalled == ({A: Refusal(TARGET, "BadRequest: no", 1, 7.0)} if found else {})


def test_what_is_due() -> None:
    refusals = {"x": Refusal(None, "", 1, 5.0), "y": Refusal(None, "", 1, 5.1)}
    assert due(refusals, now=5.0) == {"x"}
