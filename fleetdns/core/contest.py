"""What somebody else keeps changing back in Azure: noticed, put back at a slower pace, and told.

repairs of one field within ten sweeps      the next one
fewer than three                            at once
three or more: the field is contested       ten sweeps after the last one
nobody changed it for ten sweeps            at once: the contest is over

Only a change that does nothing but repair contested fields waits: what a user asks for on the hub never does. Nor does
what takes the name out of DNS, or sends people where nobody wants them: an outage is worse than a call.

observed                                                         slowed
the profile deleted, or switched off                             never
an endpoint of ours added that nobody asks for                   never
an endpoint deleted, and no other one serves                     never
an endpoint changed that has the target another is to have       never
anything else                                                    once it is contested

All of it is forgotten at a restart: what differs then is put back at once and counted anew. What status says of a
contest stands for ten sweeps more, and so for as long as it takes to find out whether it goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from fleetdns.core.changes import Change, Create, Delete, Patch, diff, subject_name
from fleetdns.core.drift import ENDPOINT, PROFILE, Drift, put_back
from fleetdns.core.trafficmanager import Endpoint, Profile

DRIFTING = "Drifting"
SWEEPS = 10
REPAIRS = 3

_NEVER_SLOWED = frozenset({"profileStatus"})


@dataclass(frozen=True, slots=True, order=True)
class Field:
    """One field of one subject: an endpoint's folded name, or "" for the profile itself."""

    endpoint: str
    name: str

    def __str__(self) -> str:
        subject = f"endpoint {self.endpoint}" if self.endpoint else "the profile"
        return subject if self.name in (ENDPOINT, PROFILE) else f"{self.name} of {subject}"


@dataclass(frozen=True, slots=True)
class Dispute:
    """One field that was put back. Times: when, within the last ten sweeps, oldest first; when it last differed."""

    repairs: tuple[float, ...]
    touched: float
    is_contested: bool = False


@dataclass(frozen=True, slots=True)
class Contest:
    """Everything that was put back lately in one profile. `told_until`: until when what status says of it stands,
    although nothing is remembered of it.
    """

    disputes: Mapping[Field, Dispute] = field(default_factory=dict)
    told_until: float | None = None

    @property
    def contested(self) -> tuple[Field, ...]:
        """What somebody keeps changing back, sorted."""
        return tuple(sorted(key for key, dispute in self.disputes.items() if dispute.is_contested))


def looked(contest: Contest, drifts: Iterable[Drift], desired: Profile, *, window: float, now: float) -> Contest:
    """After one more look: what differs again is not left alone; what was for long enough is forgotten.

    `window`: ten sweeps, in seconds, here and below; `now`: of the same clock as everything remembered.
    """
    differing = {key for drift in drifts for key in _fields(drift)}
    seen = {
        key: replace(dispute, touched=now) if key in differing else dispute for key, dispute in contest.disputes.items()
    }
    kept = {key: dispute for key, dispute in seen.items() if _lasts(key, dispute, desired, window=window, now=now)}
    is_told = contest.told_until is not None and now < contest.told_until
    return Contest(kept, contest.told_until if is_told else None)


def after_calls(
    contest: Contest, drifts: Iterable[Drift], desired: Profile, known: Profile | None, *, window: float, now: float
) -> Contest:
    """With what is put back now. `known`: the profile as Azure holds it after the calls; None: nobody knows."""
    repaired = put_back(drifts, diff(desired, known)) if known is not None else ()
    disputes = dict(contest.disputes)
    for key in (key for drift in repaired for key in _fields(drift)):
        before = disputes.get(key, Dispute((), now))
        repairs = (*(time for time in before.repairs if now < time + window), now)
        disputes[key] = Dispute(repairs, now, before.is_contested or len(repairs) >= REPAIRS)
    return replace(contest, disputes=disputes)


def slowed(
    contest: Contest,
    drifts: Iterable[Drift],
    changes: Iterable[Change],
    observed: Profile | None,
    *,
    window: float,
    now: float,
) -> dict[str, str]:
    """The subjects whose change is not made now, each with the reason; by folded endpoint name, or ""."""
    drifts = tuple(drift for drift in drifts if _is_contested(contest, drift, window=window, now=now))
    if not drifts or observed is None:
        return {}
    by_subject = {subject_name(change): change for change in changes}
    return {drift.endpoint: _because(drift) for drift in drifts if _may_wait(drift, by_subject, observed)}


def next_look(contest: Contest, *, window: float, now: float) -> float | None:
    """When something may be put back again, or has been left alone for long enough."""
    times = [time + window for d in contest.disputes.values() if d.is_contested for time in (d.repairs[-1], d.touched)]
    if contest.told_until is not None:
        times.append(contest.told_until)
    return min((time for time in times if time > now), default=None)


def _because(drift: Drift) -> str:
    names = ", ".join("the endpoint" if name == ENDPOINT else name for name in drift.fields)
    return f"somebody else keeps changing {names} in Azure; that is put back once in ten sweeps"


def _fields(drift: Drift) -> Iterator[Field]:
    return (Field(drift.endpoint, name) for name in drift.fields)


def _lasts(key: Field, dispute: Dispute, desired: Profile, *, window: float, now: float) -> bool:
    is_wanted = not key.endpoint or key.name == ENDPOINT or desired.endpoint(key.endpoint) is not None
    return is_wanted and now < dispute.touched + window


def _is_contested(contest: Contest, drift: Drift, *, window: float, now: float) -> bool:
    """Whether all of it is contested and one of its fields was put back less than ten sweeps ago."""
    disputes = [contest.disputes.get(key) for key in _fields(drift)]
    known = [dispute for dispute in disputes if dispute is not None and dispute.is_contested]
    return len(known) == len(disputes) and any(now < dispute.repairs[-1] + window for dispute in known)


def _may_wait(drift: Drift, changes: Mapping[str, Change], observed: Profile) -> bool:
    change = changes[drift.endpoint]
    if isinstance(change, Delete) or drift.is_asked or _NEVER_SLOWED & set(drift.fields):
        return False
    if isinstance(change, Create):
        return drift.endpoint != "" and any(_serves(endpoint, changes) for endpoint in observed.endpoints)
    return set(change.fields) <= set(drift.fields) and not _is_in_the_way(drift, changes, observed)


def _serves(endpoint: Endpoint, changes: Mapping[str, Change]) -> bool:
    return not endpoint.is_disabled and not isinstance(changes.get(endpoint.folded), Delete)


def _is_in_the_way(drift: Drift, changes: Mapping[str, Change], observed: Profile) -> bool:
    """Whether another endpoint is to have the target that this one has now: Traffic Manager takes a target once."""
    present = observed.endpoint(drift.endpoint)
    if present is None or present.folded_target is None:
        return False
    others = (c for name, c in changes.items() if name != drift.endpoint and isinstance(c, Create | Patch))
    return any(isinstance(c.subject, Endpoint) and c.subject.folded_target == present.folded_target for c in others)
