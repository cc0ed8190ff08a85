"""Removals that nobody announced: endpoints whose exports vanished are given a moment, and are not all let go at once.

the export of an endpoint                             the endpoint
there, whatever it says                               as desired: it stays, or goes because the hub says so
gone, marked withdrawn before                         goes
gone, its public IP belongs to another endpoint now   goes: the target stays in DNS
gone, its backend deleted or of weight 0              goes: a person meant it
gone, its cluster drained                             goes: a person meant it
gone for less than 3 s                                stays: a Service recreated
gone, and the last that serves would go               stays until it returns or somebody says that it is meant
gone, and more than the limit would go in one sweep   the same
gone, and status never listed the endpoint            the same: its export may not have come back yet
gone, otherwise                                       goes

What was held once stays held: exports that come back one after the other must not free the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import is_true
from fleetdns.api.meta import ObjectKey, is_marked
from fleetdns.api.profile import ALLOW_EMPTY
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.changes import Change, Create, Delete, Patch
from fleetdns.core.drain import Drain
from fleetdns.core.trafficmanager import CHECKING, ONLINE, UNMONITORED, Endpoint, Profile

GUARDED = "Guarded"
REMOVAL_HELD = "RemovalHeld"
GRACE = 3.0  # seconds that a vanished export is given to come back

_SERVING = frozenset({None, ONLINE, CHECKING, UNMONITORED})


@dataclass(frozen=True, slots=True)
class Limits:
    """At most so many percent of a profile's endpoints go within `window` seconds (one sweep) unannounced."""

    max_percent: int = 50
    window: float = 60.0


@dataclass(frozen=True, slots=True)
class Absences:
    """What earlier looks at one profile saw: since when an export is missing, and how many endpoints went for that.

    `unanswered`: when a removal was last tried of which nobody knows what came of it: it counts for as long as the
    endpoint is not there. Names and no number, so that two tries of one removal count once. Times are seconds of the
    clock that `now` is of. Losing it costs 3 s and the count of one sweep.
    """

    since: Mapping[str, float] = field(default_factory=dict)  # by folded endpoint name
    removed: tuple[tuple[float, int], ...] = ()
    unanswered: Mapping[str, float] = field(default_factory=dict)  # by folded endpoint name

    def within(self, window: float, *, now: float) -> Absences:
        """What still counts."""
        removed = tuple((at, count) for at, count in self.removed if now - at < window)
        return Absences(self.since, removed, {name: at for name, at in self.unanswered.items() if now - at < window})

    def gone(self, observed: Profile) -> int:
        """How many went, as far as can be seen."""
        missing = sum(observed.endpoint(name) is None for name in self.unanswered)
        return sum(count for _, count in self.removed) + missing


@dataclass(frozen=True, slots=True)
class Guarding:
    """The verdict on every endpoint whose export vanished, by folded name, and when the first has waited (seconds)."""

    returning: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    going: frozenset[str] = frozenset()
    absences: Absences = field(default_factory=Absences)
    next_look: float | None = None

    @property
    def staying(self) -> frozenset[str]:
        """The endpoints that stay although nothing on the hub asks for them."""
        return self.returning | self.held


def guard(
    changes: tuple[Change, ...],
    aggregate: Aggregate,
    observed: Profile | None,
    *,
    unproven: frozenset[str],
    refused: frozenset[str],
    drain: Drain,
    absences: Absences,
    limits: Limits,
    now: float,
) -> Guarding:
    """The verdict on what vanished. Folded names: `unproven` of endpoints whose removal something else holds back
    already, `refused` by Azure.

    vanished     would go, and for no other reason than that an export is missing
      waiting    of these, what something else holds and nobody let go: told on if it was told before
      gone       of these, all others: the verdict is about them
        before   of these, what was missed before, or was never seen to be there: it has had its moment
        unmeant  of these, what nobody let go: either all of them stay, or only those of `before`
    """
    vanished = tuple(_vanished(changes, aggregate, drain))
    # Nor is it forgotten while something else holds it: the condition is all that will tell afterwards.
    waiting = tuple(e for e in vanished if e.folded in unproven and not is_let_go(e, aggregate))
    told = _told_before(waiting, aggregate)
    gone = tuple(e for e in vanished if e.folded not in unproven)
    since = {e.folded: absences.since.get(e.folded, now) for e in gone}
    remembered = replace(absences.within(limits.window, now=now), since=since)
    if observed is None or not gone:
        return Guarding(held=told, absences=remembered)
    # What was held before has had its moment, whatever this process has seen of it.
    before = _missed_before(gone, aggregate)
    returning = frozenset(name for name, at in since.items() if now - at < GRACE) - before
    # Those that still have their moment are missing as well: what vanishes together must not go in parts, each of them
    # within the limit, because one was heard of a blink later.
    unmeant = tuple(e for e in gone if not is_let_go(e, aggregate))
    left = _left(unmeant, changes, observed, unproven=unproven, refused=refused)
    total, removed = len(observed.owned), remembered.gone(observed)
    staying = _held(unmeant, left, total=total, removed=removed, before=before, limits=limits)
    held = frozenset(e.folded for e in staying) - returning
    return Guarding(
        returning=returning,
        held=held | told,
        going=frozenset(e.folded for e in gone) - returning - held,
        absences=remembered,
        next_look=min((since[name] + GRACE for name in returning), default=None),
    )


def after_removal(guarding: Guarding, known: Profile | None, *, now: float) -> Absences:
    """What is remembered once the calls were made: the endpoints that went, for the count of this sweep. `known` None:
    a call was not answered.
    """
    before = guarding.absences
    if known is None:
        return replace(before, unanswered={**before.unanswered, **dict.fromkeys(guarding.going, now)})
    count = sum(known.endpoint(name) is None for name in guarding.going)
    unanswered = {name: at for name, at in before.unanswered.items() if name not in guarding.going}
    return Absences(before.since, (*before.removed, (now, count)) if count else before.removed, unanswered)


def guarded_clusters(
    guarding: Guarding, observed: Profile | None, aggregate: Aggregate
) -> Mapping[ObjectKey, tuple[str, ...]]:
    """The clusters, sorted, whose endpoints are held and still in Azure, for each backend that answers for them."""
    found: dict[ObjectKey, set[str]] = {}
    for name in guarding.held:
        endpoint = observed.endpoint(name) if observed is not None else None
        if endpoint is not None and endpoint.owner is not None:
            for backend in aggregate.answering(endpoint.owner):
                found.setdefault(backend.metadata.key, set()).add(endpoint.owner.cluster)
    return {key: tuple(sorted(clusters)) for key, clusters in found.items()}


def _vanished(changes: tuple[Change, ...], aggregate: Aggregate, drain: Drain) -> Iterator[Endpoint]:
    """The endpoints that would go for no other reason than that an export is not there."""
    meant = {b.metadata.uid.lower() for b in aggregate.backends if b.metadata.is_deleting or b.weight == 0}
    told = aggregate.told
    claimed = {c.subject.folded_target for c in changes if _claims(c) and isinstance(c.subject, Endpoint)}
    for change in changes:
        if not isinstance(change, Delete) or change.subject.owner is None:
            continue
        owner = change.subject.owner
        if owner.uid in meant or drain.takes_endpoint(owner) or change.subject.folded_target in claimed:
            continue
        if not any(aggregate.answering(owner)):
            continue
        if (owner.service, owner.cluster) not in told:
            yield change.subject


def _claims(change: Change) -> bool:
    return isinstance(change, Create) or (isinstance(change, Patch) and "targetResourceId" in change.fields)


def _held(
    unmeant: tuple[Endpoint, ...],
    left: tuple[Endpoint, ...],
    *,
    total: int,
    removed: int,
    before: frozenset[str],
    limits: Limits,
) -> tuple[Endpoint, ...]:
    """`left`: what would be there without them; `total`: how many of ours are there; `removed`: that went lately."""
    if (len(unmeant) + removed) * 100 > limits.max_percent * (total + removed):
        return unmeant
    if _is_last(unmeant, left):
        return unmeant
    return tuple(endpoint for endpoint in unmeant if endpoint.folded in before)


def _left(
    unmeant: tuple[Endpoint, ...],
    changes: tuple[Change, ...],
    observed: Profile,
    *,
    unproven: frozenset[str],
    refused: frozenset[str],
) -> tuple[Endpoint, ...]:
    """The endpoints after everything that would happen; what Azure refuses does not come."""
    leaving = {c.subject.folded for c in changes if isinstance(c, Delete)} - unproven | {e.folded for e in unmeant}
    made = (c.subject for c in changes if isinstance(c, Create) and isinstance(c.subject, Endpoint))
    coming = (endpoint for endpoint in made if endpoint.folded not in refused)
    return (*(e for e in observed.endpoints if e.folded not in leaving), *coming)


def _is_last(unmeant: tuple[Endpoint, ...], left: tuple[Endpoint, ...]) -> bool:
    """Whether the profile would answer with nothing, or with nothing that serves, where it does now."""
    if not any(not endpoint.is_disabled for endpoint in left):
        return bool(unmeant)
    return any(map(serves, unmeant)) and not any(map(serves, left))


def serves(endpoint: Endpoint) -> bool:
    """Whether Traffic Manager may answer with it: it is probed well, or not yet, or not at all."""
    return not endpoint.is_disabled and endpoint.monitor_status in _SERVING


def _missed_before(gone: tuple[Endpoint, ...], aggregate: Aggregate) -> frozenset[str]:
    """The folded names of those of which nobody can say that the export went: it was missed before, or never seen.

    Objects that were made anew (a hub restored, definitions that came back) find endpoints in Azure whose exports are
    still to follow.
    """
    listed = {known.name for backend in aggregate.live_backends for known in backend.status.endpoints}
    return frozenset(e.folded for e in gone if e.folded not in listed) | _told_before(gone, aggregate)


def _told_before(gone: tuple[Endpoint, ...], aggregate: Aggregate) -> frozenset[str]:
    """The folded names of those for which a guarded backend answers."""
    guarded = {b.metadata.uid for b in aggregate.live_backends if is_true(b.status.conditions, GUARDED)}
    if not guarded:
        return frozenset()
    return frozenset(
        endpoint.folded for endpoint in gone if any(b.metadata.uid in guarded for b in _answering(endpoint, aggregate))
    )


def _answering(endpoint: Endpoint, aggregate: Aggregate) -> Iterator[TrafficManagerBackend]:
    return aggregate.answering(endpoint.owner) if endpoint.owner is not None else iter(())


def is_let_go(endpoint: Endpoint, aggregate: Aggregate) -> bool:
    """Whether a person said that the profile, or what this endpoint's backend has in it, may become empty."""
    if aggregate.profile is not None and is_marked(aggregate.profile.metadata, ALLOW_EMPTY):
        return True
    return any(is_marked(backend.metadata, ALLOW_EMPTY) for backend in _answering(endpoint, aggregate))
