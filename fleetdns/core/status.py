"""What status says: computed whole from an outcome, compared, and written as one patch.

Messages carry an error's code and sentence, never times, counters of attempts or request ids, so that the same state
gives the same bytes and nothing is written twice.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition, find, merged
from fleetdns.api.profile import ALLOW_EMPTY, EndpointCounts, ProfileStatus, TrafficManagerProfile
from fleetdns.api.profile import PAUSED as PAUSED_ANNOTATION
from fleetdns.core.contest import DRIFTING
from fleetdns.core.guard import GUARDED, REMOVAL_HELD
from fleetdns.core.health import (
    CHECKING_ENDPOINTS,
    HEALTHY,
    NO_ENDPOINTS,
    endpoint_counts,
    health,
    monitor_status,
)
from fleetdns.core.identity import Identity, ignored_adoption
from fleetdns.core.outcome import NAME_TAKEN, PENDING, Failure, Outcome
from fleetdns.core.policy import CONTESTED, PAUSED
from fleetdns.core.trafficmanager import Profile
from fleetdns.core.wording import first_few

PROGRAMMED = "Programmed"
ACCEPTED = "Accepted"
READY = "Ready"
PAUSED_TYPE = "Paused"

INVALID = "Invalid"
NAME_NOT_AVAILABLE = "DNSNameNotAvailable"
PENDING_REASON = "Pending"
CHANGED_ELSEWHERE = "ChangedElsewhere"

DELETION_WAITS = "the Azure profile is still to be deleted: "
_SILENT = "nothing was heard from Azure for three sweeps"
_CHOOSE = "choose another in spec.dnsConfig.relativeName"
_MANAGED = frozenset({PROGRAMMED, READY, HEALTHY, GUARDED, PAUSED_TYPE, DRIFTING})


def profile_status(profile: TrafficManagerProfile, outcome: Outcome, *, now: str) -> ProfileStatus:
    """The whole status of a profile. `now`: RFC 3339, for conditions that turn."""
    old, observed = profile.status, outcome.observed
    programmed = _programmed(profile, outcome)
    conditions = [programmed, _ready(programmed), _health(old, outcome)]
    if outcome.is_paused:
        conditions.append(_paused(outcome))
    conditions += [c for c in (_guarded(profile, outcome), _drifting(profile, outcome)) if c is not None]
    return ProfileStatus(
        dns_name=(observed.fqdn or outcome.identity.fqdn) if observed else old.dns_name,
        # As we spell it: Azure's own spelling differs between an answer and a list, and each would write status anew.
        resource_id=outcome.identity.ref.resource_id if observed else old.resource_id,
        monitor_status=monitor_status(observed) if observed else None if outcome.is_observed else old.monitor_status,
        endpoints=endpoint_counts(observed) if observed else EndpointCounts() if outcome.is_observed else old.endpoints,
        observed_generation=profile.metadata.generation,
        conditions=_stamped(profile, conditions, now=now),
    )


def unidentified_status(profile: TrafficManagerProfile, message: str, *, now: str) -> ProfileStatus:
    """The status of a profile that cannot have an Azure profile; what is known of an older one stays."""
    programmed = Condition(PROGRAMMED, FALSE, INVALID, message)
    health = find(profile.status.conditions, HEALTHY) or Condition(HEALTHY, FALSE, NO_ENDPOINTS, "nothing is in Azure")
    held = [c for c in profile.status.conditions if c.type == GUARDED]
    return msgspec.structs.replace(
        profile.status,
        observed_generation=profile.metadata.generation,
        conditions=_stamped(profile, [programmed, _ready(programmed), health, *held], now=now),
    )


def deletion_waits_status(
    profile: TrafficManagerProfile, because: str, *, failure: Failure | None = None, now: str
) -> ProfileStatus:
    """The status of a profile that is being deleted and still in Azure; `failure`: what Azure said to that."""
    status, reason = (UNKNOWN, PENDING_REASON) if failure is None or failure.kind == PENDING else (FALSE, INVALID)
    programmed = Condition(PROGRAMMED, status, reason, f"{DELETION_WAITS}{because}")
    kept = [c for c in profile.status.conditions if c.type in (HEALTHY, PAUSED_TYPE)]
    return msgspec.structs.replace(
        profile.status,
        observed_generation=profile.metadata.generation,
        conditions=_stamped(profile, [programmed, _ready(programmed), *kept], now=now),
    )


def status_patch(old: msgspec.Struct, new: msgspec.Struct) -> dict[str, Any] | None:
    """The merge patch that turns one status into the other, with explicit nulls; None when they are equal."""
    if old == new:
        return None
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    gone = {name: None for name in before if name not in after}
    return {**changed, **gone} or None


def _programmed(profile: TrafficManagerProfile, outcome: Outcome) -> Condition:
    programmed, ignored = _state(profile, outcome), ignored_adoption(profile, outcome.identity)
    if ignored is None:
        return programmed
    return msgspec.structs.replace(programmed, message=f"{programmed.message}; {ignored}")


def _state(profile: TrafficManagerProfile, outcome: Outcome) -> Condition:
    failure = outcome.failure
    if failure is not None and failure.kind == NAME_TAKEN:
        return Condition(PROGRAMMED, FALSE, NAME_NOT_AVAILABLE, _taken(outcome.identity, failure.free))
    if _settings_wait(profile, outcome):
        return _not_programmed(outcome)
    if outcome.is_stale or (not outcome.is_observed and _was_silent(profile)):
        return Condition(PROGRAMMED, UNKNOWN, PENDING_REASON, _silence(outcome))
    return Condition(PROGRAMMED, TRUE, PROGRAMMED, f"Azure holds what spec asks for as {outcome.identity.ref.name}")


def _taken(identity: Identity, free: str | None) -> str:
    """`free`: a DNS name that was free when the other was refused."""
    zone = identity.fqdn.removeprefix(identity.relative_name)
    choose = f"{free}{zone} is free: set spec.dnsConfig.relativeName to {free}" if free else _CHOOSE
    return f"the DNS name {identity.fqdn} is in use elsewhere; {choose}, or wait until it is free"


def _settings_wait(profile: TrafficManagerProfile, outcome: Outcome) -> bool:
    if outcome.is_observed:
        held = (held.change for held in outcome.held)
        return any(isinstance(change.subject, Profile) for change in (*outcome.waiting, *held))
    programmed = find(profile.status.conditions, PROGRAMMED)
    is_current = profile.status.observed_generation == profile.metadata.generation
    if programmed is None or not is_current:
        return True
    return programmed.status != TRUE and not _was_silent(profile)


def _was_silent(profile: TrafficManagerProfile) -> bool:
    """Whether status says that Azure was silent, and of nothing that waits: it may be from before a restart."""
    programmed = find(profile.status.conditions, PROGRAMMED)
    return programmed is not None and programmed.status == UNKNOWN and programmed.message.startswith(_SILENT)


def _not_programmed(outcome: Outcome) -> Condition:
    failure = outcome.failure
    if failure is None:
        slowed = [h.message for h in outcome.held if h.reason == CONTESTED and isinstance(h.change.subject, Profile)]
        because = "".join(f": {message}" for message in slowed)
        because += f"; {_silence(outcome)}" if outcome.is_stale else ""
        return Condition(PROGRAMMED, UNKNOWN, PENDING_REASON, f"a change waits to be written to Azure{because}")
    if failure.kind == PENDING:
        message = f"a change waits to be written to Azure; fleetdns keeps trying. The last tries gave {failure}"
        return Condition(PROGRAMMED, UNKNOWN, PENDING_REASON, message)
    return Condition(PROGRAMMED, FALSE, INVALID, f"Azure refused: {failure}")


def _silence(outcome: Outcome) -> str:
    because = outcome.failure or outcome.silence
    reason = f" ({because})" if because else ""
    return f"{_SILENT}{reason}; the values shown are the last known"


def _paused(outcome: Outcome) -> Condition:
    count = sum(held.reason == PAUSED for held in outcome.held)
    changes = "1 change waits" if count == 1 else f"{count} changes wait"
    return Condition(PAUSED_TYPE, TRUE, "PausedByAnnotation", f"annotation fleetdns.io/paused is set; {changes}")


def _guarded(profile: TrafficManagerProfile, outcome: Outcome) -> Condition | None:
    """The endpoints that no backend is left to speak for; what exports leave behind is told on their backends."""
    if not outcome.is_observed:
        return find(profile.status.conditions, GUARDED)
    if not outcome.abandoned:
        return None
    name, namespace = profile.metadata.name, profile.metadata.namespace
    endpoints = first_few(dict.fromkeys(f"{owner.service} in {owner.cluster}" for owner in outcome.abandoned))
    message = (
        "the TrafficManagerBackend that made these endpoints is gone without taking them along, and no other one of "
        f"this profile has their Service: {endpoints}; they stay in Azure as they are. They are let go by "
        f"kubectl annotate tmp {name} -n {namespace} {ALLOW_EMPTY}=true, or kept by applying a TrafficManagerBackend "
        "for the Service again"
    )
    return Condition(GUARDED, TRUE, REMOVAL_HELD, message)


def _drifting(profile: TrafficManagerProfile, outcome: Outcome) -> Condition | None:
    """What somebody keeps changing back; what was told of that before a restart stands until it is known again."""
    contested = outcome.contest.contested
    if not contested:
        return find(profile.status.conditions, DRIFTING) if outcome.contest.told_until is not None else None
    name, namespace = profile.metadata.name, profile.metadata.namespace
    message = (
        f"somebody else keeps changing this in Azure: {first_few(str(each) for each in contested)}. Who else writes to "
        "it? Azure's activity log tells. Stop that writer, or leave the profile to it for a while with "
        f"kubectl annotate tmp {name} -n {namespace} {PAUSED_ANNOTATION}=true; until then it is put back once in ten "
        "sweeps, and at once only where it must not wait"
    )
    return Condition(DRIFTING, TRUE, CHANGED_ELSEWHERE, message)


def _health(old: ProfileStatus, outcome: Outcome) -> Condition:
    known = find(old.conditions, HEALTHY)
    if outcome.observed is not None:
        return health(outcome.observed)
    if outcome.is_observed:
        return Condition(HEALTHY, FALSE, NO_ENDPOINTS, "nothing is in Azure")
    return known or Condition(HEALTHY, UNKNOWN, CHECKING_ENDPOINTS, "nothing was heard from Azure yet")


def _ready(mirrored: Condition) -> Condition:
    return msgspec.structs.replace(mirrored, type=READY)


def _stamped(profile: TrafficManagerProfile, conditions: list[Condition], *, now: str) -> tuple[Condition, ...]:
    generation = profile.metadata.generation
    new = (msgspec.structs.replace(c, observed_generation=generation, last_transition_time=now) for c in conditions)
    return merged(profile.status.conditions, new, managed=_MANAGED)
