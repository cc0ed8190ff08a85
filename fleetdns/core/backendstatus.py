"""What a backend's status says: its endpoints as Azure holds them, the exports that are none, and why."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from fleetdns.api.backend import BackendStatus, EndpointStatus, FromCluster, RejectedExport, TrafficManagerBackend
from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition, find, merged
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ALLOW_EMPTY
from fleetdns.core.candidates import AZURE_REFUSED, DISABLED_IN_AZURE, DUPLICATE_TARGET
from fleetdns.core.changes import Change
from fleetdns.core.guard import GUARDED, REMOVAL_HELD
from fleetdns.core.naming import parse_endpoint_name
from fleetdns.core.outcome import NAME_TAKEN, PENDING, REFUSED, Failure, Outcome
from fleetdns.core.policy import REFUSED as HELD_REFUSED
from fleetdns.core.policy import TARGET_TAKEN, Held
from fleetdns.core.refusals import serving_as_before
from fleetdns.core.status import ACCEPTED, INVALID, PENDING_REASON, READY
from fleetdns.core.trafficmanager import Endpoint, Profile, endpoint_id
from fleetdns.core.wording import first_few

REMOVAL_WAITS = "the backend is being deleted, and its endpoints are still to be removed: "

_MANAGED = frozenset({ACCEPTED, READY, GUARDED})
_HELD_REASONS = {TARGET_TAKEN: DUPLICATE_TARGET, HELD_REFUSED: AZURE_REFUSED}
_SAID_BY_AZURE = frozenset({DUPLICATE_TARGET, AZURE_REFUSED, DISABLED_IN_AZURE})


def backend_status(backend: TrafficManagerBackend, outcome: Outcome, *, now: str) -> BackendStatus:
    """The whole status of a backend. `now`: RFC 3339, for conditions that turn."""
    endpoints = _endpoints(backend, outcome)
    rejected = _rejected(backend, outcome)
    return BackendStatus(
        endpoints=endpoints,
        endpoint_count=len(endpoints),
        rejected=rejected,
        conditions=_stamped(
            backend, _accepted(backend, outcome, rejected, endpoints), _guarded(backend, outcome), now=now
        ),
    )


def unprogrammed_status(backend: TrafficManagerBackend, message: str, *, now: str) -> BackendStatus:
    """The status of a backend whose profile is missing or cannot be programmed; endpoints that are known stay."""
    accepted = Condition(ACCEPTED, FALSE, INVALID, message)
    return msgspec.structs.replace(
        backend.status,
        endpoint_count=len(backend.status.endpoints),
        conditions=_stamped(backend, accepted, find(backend.status.conditions, GUARDED), now=now),
    )


def leaving_status(backend: TrafficManagerBackend, outcome: Outcome, *, now: str) -> BackendStatus | None:
    """The status of a backend that is being deleted and cannot go yet; None: nothing keeps it."""
    if not outcome.is_observed or outcome.observed is None or not any(_owned(backend, outcome.observed)):
        return None
    because = f"{REMOVAL_WAITS}{_waiting_message(backend, outcome)}"
    accepted = Condition(ACCEPTED, UNKNOWN, PENDING_REASON, because)
    return msgspec.structs.replace(
        backend.status, conditions=_stamped(backend, accepted, find(backend.status.conditions, GUARDED), now=now)
    )


def without_endpoints(status: BackendStatus) -> BackendStatus:
    """The same status when Azure is known to hold nothing of the backend any more."""
    conditions = tuple(condition for condition in status.conditions if condition.type != GUARDED)
    return msgspec.structs.replace(status, endpoints=(), endpoint_count=0, rejected=(), conditions=conditions)


def _endpoints(backend: TrafficManagerBackend, outcome: Outcome) -> tuple[EndpointStatus, ...]:
    if not outcome.is_observed:
        return backend.status.endpoints
    observed = outcome.observed
    if observed is None:
        return ()
    return tuple(_endpoint(backend, endpoint, outcome) for endpoint in _owned(backend, observed))


def _owned(backend: TrafficManagerBackend, observed: Profile) -> Iterator[Endpoint]:
    uid = backend.metadata.uid.lower()
    return (endpoint for endpoint in observed.owned if endpoint.owner and endpoint.owner.uid == uid)


def _endpoint(backend: TrafficManagerBackend, endpoint: Endpoint, outcome: Outcome) -> EndpointStatus:
    source = outcome.desired.source(endpoint.name)
    if source is not None:
        origin: FromCluster | None = FromCluster(source.cluster, source.weight)
    else:
        known = next((e.from_ for e in backend.status.endpoints if e.name == endpoint.folded), None)
        origin = known or (FromCluster(endpoint.owner.cluster) if endpoint.owner else None)
    return EndpointStatus(
        name=endpoint.folded,
        resource_id=endpoint_id(outcome.identity.ref, endpoint),
        target=endpoint.target,
        weight=endpoint.weight,
        from_=origin,
        monitor_status=endpoint.monitor_status,
    )


def _rejected(backend: TrafficManagerBackend, outcome: Outcome) -> tuple[RejectedExport, ...]:
    found = {
        (r.cluster, r.reason): RejectedExport(r.cluster, r.reason, r.message)
        for r in outcome.desired.rejections
        if r.backend == backend.metadata.key
    }
    told = (*_held(backend, outcome), *_refused(backend, outcome), *_disabled(backend, outcome))
    for rejected in (*told, *_remembered(backend, outcome)):
        found.setdefault((rejected.cluster, rejected.reason), rejected)
    return tuple(found[key] for key in sorted(found))


def _remembered(backend: TrafficManagerBackend, outcome: Outcome) -> Iterator[RejectedExport]:
    """What Azure said of exports that are still offered stands while Azure is not heard of."""
    if outcome.is_observed:
        return iter(())
    offered = {source.cluster for source in outcome.desired.sources if source.backend == backend.metadata.key}
    return (r for r in backend.status.rejected if r.reason in _SAID_BY_AZURE and r.cluster in offered)


def _held(backend: TrafficManagerBackend, outcome: Outcome) -> Iterator[RejectedExport]:
    for held in outcome.held:
        source = _source_of(backend, held.change, outcome)
        if source and held.reason in _HELD_REASONS:
            yield RejectedExport(source, _HELD_REASONS[held.reason], held.message)


def _refused(backend: TrafficManagerBackend, outcome: Outcome) -> Iterator[RejectedExport]:
    for name, failure in outcome.endpoint_failures.items():
        source = outcome.desired.source(name)
        if source and source.backend == backend.metadata.key and failure.kind == REFUSED:
            yield RejectedExport(source.cluster, AZURE_REFUSED, str(failure))


def _disabled(backend: TrafficManagerBackend, outcome: Outcome) -> Iterator[RejectedExport]:
    for endpoint in _owned(backend, outcome.observed) if outcome.observed else ():
        source = outcome.desired.source(endpoint.name)
        if source and endpoint.is_disabled:
            message = "somebody disabled the endpoint in Azure; fleetdns leaves it so, enable it there to use it again"
            yield RejectedExport(source.cluster, DISABLED_IN_AZURE, message)


def _source_of(backend: TrafficManagerBackend, change: Change, outcome: Outcome) -> str | None:
    """The cluster a change of an endpoint is about, when it is one of this backend's."""
    if not isinstance(change.subject, Endpoint):
        return None
    source = outcome.desired.source(change.subject.name)
    return source.cluster if source and source.backend == backend.metadata.key else None


def _accepted(
    backend: TrafficManagerBackend,
    outcome: Outcome,
    rejected: tuple[RejectedExport, ...],
    endpoints: tuple[EndpointStatus, ...],
) -> Condition:
    key, service = backend.metadata.key, backend.spec.backend.name
    known = find(backend.status.conditions, ACCEPTED)
    is_current = known is not None and known.observed_generation == backend.metadata.generation
    if known is not None and is_current and not outcome.is_observed and not _differs_from_status(backend, outcome):
        return known
    if outcome.observed is None and outcome.failure is not None:
        return _without_profile(backend, outcome.failure)
    waiting = _waiting(backend, outcome)
    if waiting and outcome.failure is not None and outcome.failure.kind == REFUSED:
        return Condition(ACCEPTED, FALSE, INVALID, f"Azure refused: {outcome.failure}")
    if waiting:
        return Condition(ACCEPTED, UNKNOWN, PENDING_REASON, _waiting_message(backend, outcome))
    if backend.weight == 0:
        return Condition(ACCEPTED, TRUE, ACCEPTED, "weight is 0: the backend takes no traffic and has no endpoints")
    if key in outcome.desired.unexported:
        message = (
            f"Service {backend.service_key} is not exported by any cluster; create a ServiceExport of its name beside "
            "it in a member cluster, or see the condition Valid of the one that is there"
        )
        return Condition(ACCEPTED, FALSE, INVALID, message)
    left_out = _left_out(key, outcome)
    if rejected:
        return Condition(ACCEPTED, FALSE, INVALID, f"{_rejections(rejected, endpoints)}{left_out}")
    if key in outcome.desired.unresolved:
        return Condition(ACCEPTED, UNKNOWN, PENDING_REASON, f"the exports of Service {service} are being resolved")
    return Condition(ACCEPTED, TRUE, ACCEPTED, f"every exported Service is an endpoint{left_out}")


def _rejections(rejected: tuple[RejectedExport, ...], endpoints: tuple[EndpointStatus, ...]) -> str:
    """Who does not serve, and who serves as before because Azure refuses what is to change."""
    serving = serving_as_before(rejected, endpoints)
    absent = first_few(f"{r.cluster} ({r.reason})" for r in rejected if r.cluster not in serving)
    unchanged = first_few(f"{r.cluster} ({r.reason})" for r in rejected if r.cluster in serving)
    found = [f"exports that are not serving endpoints, see status.rejected: {absent}"] if absent else []
    if unchanged:
        found.append(f"endpoints that serve as before, since their change is refused, see status.rejected: {unchanged}")
    return "; ".join(found)


def _left_out(backend: ObjectKey, outcome: Outcome) -> str:
    """The end of a sentence: who is no endpoint because somebody said so, and who is one all the same."""
    left_out = first_few(f"{e.cluster} ({e.because})" for e in outcome.desired.left_out if e.backend == backend)
    spared = first_few(cluster for key, cluster in outcome.desired.spared if key == backend)
    text = f"; left out: {left_out}" if left_out else ""
    if not spared:
        return text
    return f"{text}; {spared} is drained, but stays until something else serves, or {ALLOW_EMPTY} lets it go"


def _without_profile(backend: TrafficManagerBackend, failure: Failure) -> Condition:
    name = backend.spec.profile.name
    if failure.kind == PENDING:
        message = (
            f"TrafficManagerProfile {name} waits to be written; fleetdns keeps trying. The last tries gave {failure}"
        )
        return Condition(ACCEPTED, UNKNOWN, PENDING_REASON, message)
    if failure.kind == NAME_TAKEN:
        return Condition(
            ACCEPTED, FALSE, INVALID, f"TrafficManagerProfile {name} is not programmed: its DNS name is taken"
        )
    return Condition(
        ACCEPTED, FALSE, INVALID, f"TrafficManagerProfile {name} is not programmed: Azure refused: {failure}"
    )


def _waiting(backend: TrafficManagerBackend, outcome: Outcome) -> bool:
    """Whether a change of this backend's endpoints is right and not yet true, for whatever passing reason."""
    if not outcome.is_observed:
        return _differs_from_status(backend, outcome)
    changes = [*outcome.waiting, *(held.change for held in outcome.held if _waits(held))]
    return any(_concerns(backend, change) for change in changes)


def _concerns(backend: TrafficManagerBackend, change: Change) -> bool:
    """Whether a change is one of this backend's endpoints."""
    owner = parse_endpoint_name(change.subject.name) if isinstance(change.subject, Endpoint) else None
    return owner is not None and owner.uid == backend.metadata.uid.lower()


def _differs_from_status(backend: TrafficManagerBackend, outcome: Outcome) -> bool:
    """Whether a change must be waiting, as far as status, the last that was heard of Azure, can tell."""
    refused = {r.cluster for r in backend.status.rejected if r.reason in _SAID_BY_AZURE}
    sources = [s for s in outcome.desired.sources if s.backend == backend.metadata.key and s.cluster not in refused]
    desired = {(s.endpoint, e.weight) for s in sources if (e := outcome.desired.profile.endpoint(s.endpoint))}
    listed = [e for e in backend.status.endpoints if e.from_ is None or e.from_.cluster not in refused]
    told = {(e.name, e.weight) for e in listed}
    if find(backend.status.conditions, GUARDED) is None:
        return desired != told
    return not desired <= told  # what is held is told, and is desired by nobody


def _waits(held: Held) -> bool:
    return held.reason not in _HELD_REASONS


def _waiting_message(backend: TrafficManagerBackend, outcome: Outcome) -> str:
    if outcome.failure is not None:
        return f"a change waits to be written to Azure; fleetdns keeps trying. The last tries gave {outcome.failure}"
    waiting = [held for held in outcome.held if _waits(held)]
    own = [held for held in waiting if _concerns(backend, held.change)]
    reasons = sorted({held.message for held in own or waiting})
    return (
        f"a change waits to be written to Azure: {reasons[0]}" if reasons else "a change waits to be written to Azure"
    )


def _guarded(backend: TrafficManagerBackend, outcome: Outcome) -> Condition | None:
    """What the guard holds of this backend; None: nothing."""
    if not outcome.is_observed:
        return find(backend.status.conditions, GUARDED)
    clusters = outcome.guarded.get(backend.metadata.key)
    if not clusters:
        return None
    name = backend.metadata.name
    message = (
        f"the exports of Service {backend.spec.backend.name} by {first_few(clusters)} are gone without being "
        "withdrawn; their endpoints stay, since too few others would be left. They are let go by "
        f"kubectl annotate tmb {name} -n {backend.metadata.namespace} {ALLOW_EMPTY}=true, or kept by exporting again"
    )
    return Condition(GUARDED, TRUE, REMOVAL_HELD, message)


def _stamped(
    backend: TrafficManagerBackend, accepted: Condition, guarded: Condition | None, *, now: str
) -> tuple[Condition, ...]:
    generation = backend.metadata.generation
    mirrored = msgspec.structs.replace(accepted, type=READY)
    new = (
        msgspec.structs.replace(c, observed_generation=generation, last_transition_time=now)
        for c in (accepted, mirrored, guarded)
        if c is not None
    )
    return merged(backend.status.conditions, new, managed=_MANAGED)
