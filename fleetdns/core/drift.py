"""Which changes undo what somebody did in Azure, and which carry out what somebody asked for on the hub.

A change is drift when what it puts back was true before: Azure held it, and nobody on the hub asked for anything else
since. That is remembered from the last complete reconcile, and after a restart read back from status.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fleetdns.core.changes import Change, Create, Delete, Patch, diff, subject_name
from fleetdns.core.trafficmanager import Endpoint, Profile

# What stands for a field where the whole thing was deleted, or added.
PROFILE = "profile"
ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Drift:
    """One repaired subject: an endpoint's name or "" for the profile, the fields put back, and from what to what.

    `is_asked`: something else is asked for on the hub than what was there, too.
    """

    endpoint: str
    fields: tuple[str, ...]
    because: str
    is_asked: bool = False


def drifted(
    changes: Iterable[Change], *, desired: Profile, settled: Profile | None, doubtful: frozenset[str] = frozenset()
) -> tuple[Drift, ...]:
    """The changes that repair. `settled`: what was there with our knowledge when last looked at; `doubtful`: folded
    endpoint names, or "", of what a write of ours may have changed since.

    A profile that is gone took its endpoints along: that is one thing to tell, not one for each.
    """
    changes = tuple(changes)
    if settled is None or not changes:
        return ()
    if any(isinstance(change, Create) and not subject_name(change) for change in changes):
        return (Drift("", (PROFILE,), "deleted in Azure and made again"),)
    asked_for = {subject_name(change): change for change in diff(desired, settled)}
    return tuple(
        drift
        for change in changes
        if subject_name(change) not in doubtful
        and (drift := _drift(change, asked_for.get(subject_name(change)), settled)) is not None
    )


def put_back(drifts: Iterable[Drift], still: Iterable[Change]) -> tuple[Drift, ...]:
    """The drifts that are gone after the calls. `still`: all changes that are not true yet, whatever they wait for."""
    differing = {subject_name(change) for change in still}
    return tuple(drift for drift in drifts if drift.endpoint not in differing)


def settled_after(desired: Profile, known: Profile, before: Profile | None) -> Profile | None:
    """What is settled now: what Azure holds as desired; what it does not hold yet stays as it was `before`.

    One endpoint that Azure refuses for ever must not make the repair of another look like somebody's wish, nor a wish
    like a repair. Endpoints of ours that nobody asks for and that are still there are known, too: only one that comes
    after this was added by somebody else. None: the settings were never true.
    """
    differing = {subject_name(change) for change in diff(desired, known)}
    settings = before if "" in differing else desired
    if settings is None:
        return None
    wanted = {endpoint.folded for endpoint in desired.endpoints}
    true = [endpoint for endpoint in desired.endpoints if endpoint.folded not in differing]
    earlier = [e for e in before.endpoints if e.folded in differing & wanted] if before else []
    return with_endpoints(settings, [*true, *earlier, *unasked(desired, known)])


def doubtful_after(
    before: frozenset[str],
    changes: Iterable[Change],
    drifts: Iterable[Drift],
    *,
    desired: Profile,
    known: Profile | None,
) -> frozenset[str]:
    """The subjects of which nobody can say whether what Azure holds of them is somebody else's doing or our own.

    `known` None: these `changes` were on their way, and nobody knows what came of them. The doubt ends once a subject
    is as desired. What was to repair somebody else's change is no wish of the hub's, and may be told.
    """
    if known is None:
        return before | {subject_name(change) for change in changes} - {drift.endpoint for drift in drifts}
    return before & {subject_name(change) for change in diff(desired, known)} if before else before


def with_endpoints(profile: Profile, endpoints: list[Endpoint]) -> Profile:
    """The profile with these endpoints in place of its own."""
    return replace(profile, endpoints=tuple(sorted(endpoints, key=lambda endpoint: endpoint.name)))


def unasked(desired: Profile, known: Profile | None) -> Iterator[Endpoint]:
    """The endpoints of ours in Azure that are not desired."""
    wanted = {endpoint.folded for endpoint in desired.endpoints}
    return (e for e in (known.endpoints if known else ()) if e.folded not in wanted and e.owner is not None)


def _drift(change: Change, asked_for: Change | None, settled: Profile) -> Drift | None:
    name = subject_name(change)
    if isinstance(change, Delete):
        return None if settled.endpoint(name) else Drift(name, (ENDPOINT,), "added in Azure and taken out")
    if isinstance(change, Create):
        is_asked = asked_for is not None
        return Drift(name, (ENDPOINT,), "deleted in Azure and made again", is_asked) if settled.endpoint(name) else None
    if isinstance(asked_for, Create):
        return None
    wanted = asked_for.fields if isinstance(asked_for, Patch) else ()
    fields = tuple(field for field in change.fields if field not in wanted)
    return Drift(name, fields, change.because, asked_for is not None) if fields else None
