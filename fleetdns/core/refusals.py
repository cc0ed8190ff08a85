"""Endpoints that Azure refused, remembered so that one bad endpoint does not spoil every batch again.

A refusal stands for one endpoint and one target. It is forgotten when the endpoint is accepted, leaves, or gets another
target; until then the endpoint is kept out of batches and tried alone, at a slow pace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleetdns.api.backend import EndpointStatus, RejectedExport, TrafficManagerBackend
from fleetdns.core.candidates import AZURE_REFUSED, DISABLED_IN_AZURE, DUPLICATE_TARGET
from fleetdns.core.desired import Desired
from fleetdns.core.outcome import Failure
from fleetdns.core.trafficmanager import Profile

FIRST_RETRY = 15.0
SLOWEST_RETRY = 120.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Azure said to an endpoint with one target (folded), how often, and when to ask again (seconds)."""

    target: str | None
    message: str
    attempts: int
    retry_at: float


Refusals = Mapping[str, Refusal]  # by folded endpoint name


def refused(before: Refusal | None, *, target: str | None, failure: Failure, now: float, jitter: float) -> Refusal:
    """The refusal after one more no. `jitter`: 0..1, drawn by the caller."""
    attempts = before.attempts + 1 if before is not None and before.target == target else 1
    delay = min(SLOWEST_RETRY, FIRST_RETRY * 2 ** min(attempts - 1, 8))
    return Refusal(target, str(failure), attempts, now + delay * (1 + 0.2 * jitter))


def still_refused(refusals: Refusals, desired: Profile, observed: Profile | None) -> dict[str, Refusal]:
    """The refusals that still stand for something desired, or for something there, which may stay without being so."""
    there = observed.endpoints if observed is not None else ()
    targets = {endpoint.folded: endpoint.folded_target for endpoint in (*there, *desired.endpoints)}
    return {name: r for name, r in refusals.items() if name in targets and targets[name] == r.target}


def refusals_by_status(
    desired: Desired, backends: Iterable[TrafficManagerBackend], *, now: float
) -> dict[str, Refusal]:
    """What status says was refused before a restart; each is worth one lonely try now."""
    rejected = {
        (backend.metadata.key, r.cluster): r.message
        for backend in backends
        for r in backend.status.rejected
        if r.reason == AZURE_REFUSED
    }
    found = {}
    for source in desired.sources:
        message = rejected.get((source.backend, source.cluster))
        endpoint = desired.profile.endpoint(source.endpoint) if message is not None else None
        if message is not None and endpoint is not None:
            found[source.endpoint] = Refusal(endpoint.folded_target, message, attempts=1, retry_at=now)
    return found


def due(refusals: Refusals, *, now: float) -> frozenset[str]:
    """The endpoints that may be tried again."""
    return frozenset(name for name, refusal in refusals.items() if refusal.retry_at <= now)


def serving_as_before(rejected: Iterable[RejectedExport], endpoints: Iterable[EndpointStatus]) -> frozenset[str]:
    """The clusters of which only a change is refused: their endpoints are in Azure as they were, and switched on."""
    by_reason: dict[str, set[str]] = {}
    for each in rejected:
        by_reason.setdefault(each.reason, set()).add(each.cluster)
    refused = by_reason.get(AZURE_REFUSED, set()) | by_reason.get(DUPLICATE_TARGET, set())
    there = {endpoint.from_.cluster for endpoint in endpoints if endpoint.from_ is not None}
    return frozenset((refused & there) - by_reason.get(DISABLED_IN_AZURE, set()))
