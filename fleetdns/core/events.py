"""Which Events an outcome deserves: only when something changed, saying what and to which value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fleetdns.api.conditions import FALSE, TRUE, Condition, find, is_true
from fleetdns.core.contest import DRIFTING
from fleetdns.core.drift import ENDPOINT, PROFILE, Drift
from fleetdns.core.guard import GUARDED
from fleetdns.core.health import ENDPOINTS_DEGRADED, HEALTHY, Turns, clusters
from fleetdns.core.status import CHANGED_ELSEWHERE
from fleetdns.core.wording import first_few

NORMAL: Literal["Normal"] = "Normal"
WARNING: Literal["Warning"] = "Warning"

AZURE_API_ERROR = "AzureAPIError"
DRIFT_REPAIRED = "DriftRepaired"
GUARD_HELD = "GuardHeld"
ENDPOINTS_RECOVERED = "EndpointsRecovered"

_NAMED = 5  # subjects of one event; with their values they are long


@dataclass(frozen=True, slots=True)
class Event:
    """One Kubernetes Event about one object."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def turned(kind: str, old: Iterable[Condition], new: Iterable[Condition], *, is_azure_error: bool) -> tuple[Event, ...]:
    """One condition's change: becoming true is worth telling, and so is what Azure refuses; the rest is status."""
    before, after = find(old, kind), find(new, kind)
    if after is None or (before is not None and _facts(before) == _facts(after)):
        return ()
    if after.status == TRUE:
        return (Event(NORMAL, kind, after.message),)
    if after.status == FALSE and is_azure_error:
        return (Event(WARNING, AZURE_API_ERROR, after.message),)
    return ()


def guarded(old: Iterable[Condition], new: Iterable[Condition]) -> tuple[Event, ...]:
    """The guard begins to hold something. What it holds turns with each export that follows: that is status."""
    return () if is_true(old, GUARDED) else _warned(GUARDED, GUARD_HELD, old, new)


def contested(old: Iterable[Condition], new: Iterable[Condition]) -> tuple[Event, ...]:
    """Somebody keeps changing back what they did not keep changing before."""
    return _warned(DRIFTING, CHANGED_ELSEWHERE, old, new)


def health_turned(before: frozenset[str], turned: Turns, conditions: Iterable[Condition]) -> tuple[Event, ...]:
    """A profile began to have endpoints that fail, or has none any more. `before`: those that failed until now."""
    healthy = find(conditions, HEALTHY)
    if healthy is None:
        return ()
    if turned.failed and not before:
        return (Event(WARNING, ENDPOINTS_DEGRADED, healthy.message),)
    if before and not turned.failing and healthy.status != FALSE:
        return (Event(NORMAL, ENDPOINTS_RECOVERED, f"no endpoint fails its probes any more: {healthy.message}"),)
    return ()


def endpoints_turned(uid: str, turned: Turns) -> tuple[Event, ...]:
    """Endpoints of the backend with this uid that began to fail, and those that serve again: one event each."""
    failed, recovered = (
        clusters(e for e in endpoints if e.owner is not None and e.owner.uid == uid.lower())
        for endpoints in (turned.failed, turned.recovered)
    )
    found = []
    if failed:
        found.append(Event(WARNING, ENDPOINTS_DEGRADED, f"the Service fails Traffic Manager's probes in {failed}"))
    if recovered:
        found.append(Event(NORMAL, ENDPOINTS_RECOVERED, f"the Service answers its probes again in {recovered}"))
    return tuple(found)


def repaired(drifts: Iterable[Drift]) -> tuple[Event, ...]:
    """One event for all that was put back in one profile: what, how much of it, and the first few with their values.

    A script changes two hundred endpoints in a second, and each event is a write that the hub may be slow to take.
    """
    drifts = tuple(drifts)
    if not drifts:
        return ()
    if len(drifts) == 1:
        (drift,) = drifts
        return (Event(NORMAL, DRIFT_REPAIRED, f"{_subject(drift)}: {_repair(drift)}"),)
    fields = ", ".join(sorted({field for drift in drifts for field in drift.fields}))
    first = first_few((f"{drift.endpoint or PROFILE} ({drift.because})" for drift in drifts), named=_NAMED)
    return (Event(NORMAL, DRIFT_REPAIRED, f"{_subjects(drifts)} put back ({fields}): {first}"),)


def _repair(drift: Drift) -> str:
    is_whole = drift.fields in ((PROFILE,), (ENDPOINT,))
    return drift.because if is_whole else f"{', '.join(drift.fields)} put back ({drift.because})"


def _subjects(drifts: tuple[Drift, ...]) -> str:
    """What was put back, of several: "profile and 3 endpoints"."""
    number = len({drift.endpoint for drift in drifts if drift.endpoint})
    endpoints = "1 endpoint" if number == 1 else f"{number} endpoints" if number else ""
    profile = PROFILE if any(not drift.endpoint for drift in drifts) else ""
    return " and ".join(part for part in (profile, endpoints) if part)


def _warned(kind: str, reason: str, old: Iterable[Condition], new: Iterable[Condition]) -> tuple[Event, ...]:
    before, after = find(old, kind), find(new, kind)
    if after is None or after.status != TRUE or (before is not None and _facts(before) == _facts(after)):
        return ()
    return (Event(WARNING, reason, after.message),)


def _subject(drift: Drift) -> str:
    return f"endpoint {drift.endpoint}" if drift.endpoint else "profile"


def _facts(condition: Condition) -> tuple[str, str, str]:
    return (condition.status, condition.reason, condition.message)
