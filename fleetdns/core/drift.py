"""Which changes undo what somebody did in Azure, and which carry out what somebody asked for on the hub.

A change is drift when what it puts back was true before: Azure held it, and nobody on the hub asked for anything else
since. That is remembered from the last complete reconcile, and after a restart read back from status.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import TRUE, find
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.changes import Change, Create, Delete, Patch, diff, subject_name
from fleetdns.core.status import PROGRAMMED
from fleetdns.core.trafficmanager import Profile


@dataclass(frozen=True, slots=True)
class Drift:
    """One repaired subject: an endpoint's name or "" for the profile, the fields put back, and from what to what."""

    endpoint: str
    fields: tuple[str, ...]
    because: str


def drifted(changes: Iterable[Change], *, desired: Profile, settled: Profile | None) -> tuple[Drift, ...]:
    """The changes that repair. `settled`: what was desired, and true in Azure, when last looked at.

    A profile that is gone took its endpoints along: that is one thing to tell, not one for each.
    """
    if settled is None:
        return ()
    changes = tuple(changes)
    if any(isinstance(change, Create) and not subject_name(change) for change in changes):
        return (Drift("", ("profile",), "deleted in Azure"),)
    asked_for = {subject_name(change): change for change in diff(desired, settled)}
    return tuple(
        drift
        for change in changes
        if (drift := _drift(change, asked_for.get(subject_name(change)), settled)) is not None
    )


def settled_by_status(
    desired: Profile, *, profile: TrafficManagerProfile, backends: Iterable[TrafficManagerBackend]
) -> Profile | None:
    """What status says was true of `desired` when it was last written: its settings, and the endpoints it lists."""
    programmed = find(profile.status.conditions, PROGRAMMED)
    is_current = profile.status.observed_generation == profile.metadata.generation
    if programmed is None or programmed.status != TRUE or not is_current:
        return None
    listed = {(e.name, e.weight) for backend in backends for e in backend.status.endpoints}
    return replace(desired, endpoints=tuple(e for e in desired.endpoints if (e.folded, e.weight) in listed))


def settled_after(desired: Profile, known: Profile, before: Profile | None) -> Profile | None:
    """What is settled now: what Azure holds as desired; what it does not hold yet stays as it was `before`.

    One endpoint that Azure refuses for ever must not make the repair of another look like somebody's wish, nor a wish
    like a repair. None: the settings were never true.
    """
    differing = {subject_name(change) for change in diff(desired, known)}
    settings = before if "" in differing else desired
    if settings is None:
        return None
    wanted = {endpoint.folded for endpoint in desired.endpoints}
    true = [endpoint for endpoint in desired.endpoints if endpoint.folded not in differing]
    earlier = [e for e in before.endpoints if e.folded in differing & wanted] if before else []
    return replace(settings, endpoints=tuple(sorted([*true, *earlier], key=lambda endpoint: endpoint.name)))


def _drift(change: Change, asked_for: Change | None, settled: Profile) -> Drift | None:
    if isinstance(change, Delete):
        return None
    name = subject_name(change)
    if isinstance(change, Create):
        return Drift(name, ("endpoint",), "deleted in Azure") if settled.endpoint(name) else None
    if isinstance(asked_for, Create):
        return None
    wanted = asked_for.fields if isinstance(asked_for, Patch) else ()
    fields = tuple(field for field in change.fields if field not in wanted)
    return Drift(name, fields, change.because) if fields else None
