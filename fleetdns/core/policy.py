"""Which changes may be made now: filters over the changes, each with a reason for what it holds back.

Nothing here asks whether a change is right, only whether this is the moment and the hand for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from fleetdns.api.exports import MEMBER_NAMESPACE_PREFIX
from fleetdns.api.meta import ObjectKey
from fleetdns.core.changes import Change, Create, Delete, Patch, claimed_target, subject_name
from fleetdns.core.circumstances import Circumstances
from fleetdns.core.handover import Handover, handovers
from fleetdns.core.naming import EndpointName, parse_endpoint_name
from fleetdns.core.trafficmanager import Endpoint

PAUSED = "Paused"
DRY_RUN = "DryRun"
BACKEND_GONE = "BackendGone"
UNREADABLE = "Unreadable"
REFUSED = "Refused"
TARGET_TAKEN = "TargetTaken"
UNRESOLVED = "Unresolved"
STANDSTILL = "Standstill"
CONTESTED = "Contested"
NOT_HANDED_OVER = "NotHandedOver"
UNGUARDED = "Unguarded"


@dataclass(frozen=True, slots=True)
class Held:
    """A change that is right but not made now."""

    change: Change
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What goes on to Azure, and what waits."""

    allowed: tuple[Change, ...]
    held: tuple[Held, ...]

    def held_for(self, reason: str) -> tuple[Held, ...]:
        return tuple(held for held in self.held if held.reason == reason)

    @property
    def handovers(self) -> tuple[Handover, ...]:
        """The targets that are to pass from one endpoint to another, now or later."""
        return handovers((*self.allowed, *(held.change for held in self.held)))


def judge(changes: tuple[Change, ...], given: Circumstances) -> Verdict:
    """Each change passes every filter or is held by the first that objects."""
    kept = (c.subject for c in changes if isinstance(c, Delete) and any(keeps(c, given) for keeps in _KEEPERS))
    kept_targets = {e.folded_target: e.folded for e in kept if e.folded_target}
    given = replace(given, kept_targets=kept_targets, heirs=_refused_heirs(changes, given))
    allowed: list[Change] = []
    held: list[Held] = []
    for change in changes:
        objection = next((found for objects in _FILTERS if (found := objects(change, given))), None)
        if objection:
            held.append(Held(change, *objection))
        else:
            allowed.append(change)
    return Verdict(tuple(allowed), tuple(held))


def unproven(changes: tuple[Change, ...], given: Circumstances) -> tuple[Held, ...]:
    """The removals for which a proof is missing that nothing needs the endpoint any more."""
    given = replace(given, heirs=_refused_heirs(changes, given))
    proofs = (*_PROOFS, _not_handed_over)
    deletes = (change for change in changes if isinstance(change, Delete))
    found = ((change, next((o for proof in proofs if (o := proof(change, given))), None)) for change in deletes)
    return tuple(Held(change, *objection) for change, objection in found if objection)


def abandoned(held: Iterable[Held]) -> tuple[EndpointName, ...]:
    """The endpoints, sorted, that are held because no backend asks for their Service any more."""
    owners = (_owner_of_deleted(each.change) for each in held if each.reason == BACKEND_GONE)
    return tuple(sorted((o for o in owners if o is not None), key=lambda o: (o.service, o.cluster, o.uid)))


Objection = tuple[str, str]


def _standstill(change: Change, given: Circumstances) -> Objection | None:
    return (STANDSTILL, given.standstill) if given.standstill is not None else None


def _paused(change: Change, given: Circumstances) -> Objection | None:
    return (PAUSED, "the profile is paused by annotation") if given.is_paused else None


def _dry_run(change: Change, given: Circumstances) -> Objection | None:
    return (DRY_RUN, "fleetdns runs with --dry-run") if given.is_dry_run else None


def _backend_gone(change: Change, given: Circumstances) -> Objection | None:
    """Endpoints of a backend that is gone wait for another one of that service: a restore must not empty a profile."""
    owner = _owner_of_deleted(change)
    if owner is None or given.allow_empty or owner.uid in given.live or owner.uid in given.leaving:
        return None
    if owner.service in given.live.values() or given.drain.takes_endpoint(owner):
        return None
    return (BACKEND_GONE, f"the backend that made it is gone and no other backend exports service {owner.service}")


def _unreadable(change: Change, given: Circumstances) -> Objection | None:
    """An object that could not be decoded may be what keeps this endpoint: it is no proof that nothing does."""
    owner = _owner_of_deleted(change)
    if owner is None or _is_meant(owner, given):
        return None
    if given.unreadable.is_unnamed:
        return UNREADABLE, "an object on the hub could not be read at all"
    service = ObjectKey(given.key.namespace, owner.service)
    export = ObjectKey(MEMBER_NAMESPACE_PREFIX + owner.cluster, f"{service.namespace}-{service.name}")
    if export in given.unreadable.exports:
        return UNREADABLE, f"InternalServiceExport {export} could not be read"
    if service in given.unreadable.imports:
        return UNREADABLE, f"ServiceImport {service} could not be read"
    if owner.uid not in given.live:
        for backend in sorted(given.unreadable.backends):
            if backend.namespace == given.key.namespace:
                return UNREADABLE, f"TrafficManagerBackend {backend} could not be read"
    return None


def _unresolved(change: Change, given: Circumstances) -> Objection | None:
    """An import that is missing or half written (recreated, restored) is no proof that its exports are gone."""
    owner = _owner_of_deleted(change)
    if owner is None or (owner.service, owner.cluster) not in given.unresolved:
        return None
    if given.drain.takes_endpoint(owner):
        return None
    if _is_meant(owner, given) and not _has_heir(owner, given):
        return None
    return UNRESOLVED, f"the export of service {owner.service} by cluster {owner.cluster} is still being resolved"


def _not_handed_over(change: Change, given: Circumstances) -> Objection | None:
    """With the endpoint its target would go out of DNS, although that was to stay there under another name."""
    owner = _owner_of_deleted(change)
    heir = given.heirs.get(change.subject.folded_target or "") if isinstance(change, Delete) else None
    if owner is None or heir is None or given.allow_empty or _is_meant(owner, given):
        return None
    exported = (owner.service, owner.cluster)
    if exported in given.told and exported != (heir.service, heir.cluster):
        return None  # it goes for a reason of its own
    return NOT_HANDED_OVER, f"{_unmade(str(heir), given)}, which was to have its public IP"


def _unmade(heir: str, given: Circumstances) -> str:
    if heir.lower() in given.unguarded:
        return f"the hub does not take the finalizer of the backend of endpoint {heir!r}"
    return f"Azure refuses endpoint {heir!r}"


def _refused_heirs(changes: tuple[Change, ...], given: Circumstances) -> Mapping[str, EndpointName]:
    """By folded target the endpoints that ask for it and that Azure refuses."""
    refused = (change for change in changes if subject_name(change) in given.refused)
    asked = ((claimed_target(change), parse_endpoint_name(subject_name(change))) for change in refused)
    return {target: name for target, name in asked if target is not None and name is not None}


def _target_taken(change: Change, given: Circumstances) -> Objection | None:
    """Traffic Manager takes a target once: one in use would get the whole batch refused."""
    if not _claims_target(change) or not isinstance(change.subject, Endpoint):
        return None
    target = change.subject.folded_target or ""
    if target in given.foreign_targets:
        holder = f"{given.foreign_targets[target]!r}, which fleetdns does not manage,"
    elif target in given.kept_targets:
        holder = f"{given.kept_targets[target]!r}, which is kept for now,"
    else:
        return None
    return TARGET_TAKEN, f"endpoint {holder} already has this public IP as its target"


def _claims_target(change: Change) -> bool:
    return isinstance(change, Create) or (isinstance(change, Patch) and "targetResourceId" in change.fields)


def _unguarded(change: Change, given: Circumstances) -> Objection | None:
    name = subject_name(change)
    return (UNGUARDED, given.refused[name]) if name in given.unguarded else None


def _refused(change: Change, given: Circumstances) -> Objection | None:
    message = given.refused.get(subject_name(change))
    return (REFUSED, message) if message is not None and not isinstance(change, Delete) else None


def _contested(change: Change, given: Circumstances) -> Objection | None:
    message = given.slowed.get(subject_name(change))
    return (CONTESTED, message) if message is not None else None


def _is_meant(owner: EndpointName, given: Circumstances) -> bool:
    """A person drained the cluster, deleted the backend or took its weight: whatever is unknown could not keep it."""
    return given.drain.takes_endpoint(owner) or owner.uid in given.leaving or owner.uid in given.weightless


def _has_heir(owner: EndpointName, given: Circumstances) -> bool:
    """Another backend takes traffic for the same service: it will have the target as soon as it may."""
    others = given.live.keys() - given.weightless - {owner.uid}
    return any(given.live[uid] == owner.service for uid in others)


def _owner_of_deleted(change: Change) -> EndpointName | None:
    return change.subject.owner if isinstance(change, Delete) else None


Filter = Callable[[Change, Circumstances], Objection | None]

_PROOFS: tuple[Filter, ...] = (_unreadable, _backend_gone, _unresolved)
_KEEPERS: tuple[Filter, ...] = (_standstill, *_PROOFS)
_OTHERS: tuple[Filter, ...] = (_target_taken, _unguarded, _refused, _paused, _dry_run, _contested)
_FILTERS: tuple[Filter, ...] = (*_KEEPERS, _not_handed_over, *_OTHERS)
