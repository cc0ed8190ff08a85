"""What a freshly started controller would do to one Azure profile, as values: the calls, and what is held back and why.

Decided by the same functions as in earnest. Nothing waits to settle here: what the first moments of a new process would
wait for is counted as passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fleetdns.api.meta import ObjectKey, is_marked
from fleetdns.api.profile import ALLOW_EMPTY, CLEANUP_FINALIZER, PAUSED, RETAIN, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.batch import composed
from fleetdns.core.calls import Call, DeleteEndpoint, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.candidates import Rejection
from fleetdns.core.changes import Change, subject_name
from fleetdns.core.guard import GRACE, REMOVAL_HELD
from fleetdns.core.identity import Identity, Naming
from fleetdns.core.memory import Memory, Settings
from fleetdns.core.plan import Plan, plan
from fleetdns.core.retries import retries
from fleetdns.core.standstill import Standstill
from fleetdns.core.trafficmanager import Profile, ProfileRef


@dataclass(frozen=True, slots=True)
class Step:
    """One call, with the changes that it carries where it carries more than its own reason says."""

    call: Call
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that stays as it is in Azure. `subject`: an endpoint's folded name, or "" for the profile itself;
    `change`: what would be made of it, "" where it is to go.
    """

    subject: str
    reason: str
    message: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class ProfilePreview:
    """One profile. `ref` and `fqdn` None: nobody can tell which Azure profile it is; `problem`: why nothing is done."""

    key: ObjectKey
    ref: ProfileRef | None = None
    fqdn: str | None = None
    steps: tuple[Step, ...] = ()
    kept: tuple[Kept, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What one profile is decided from."""

    aggregate: Aggregate
    profile: TrafficManagerProfile
    identity: Identity
    observed: Profile | None
    settings: Settings
    standstill: Standstill | None = None

    @property
    def naming(self) -> Naming:
        return self.settings.naming

    def planned(self) -> Plan:
        """The plan of a process that has waited for exports that vanished to come back, and saw none of them."""
        first = self._plan(Memory(), now=0.0)
        return self._plan(first.memory, now=GRACE) if first.guarding.returning else first

    def _plan(self, memory: Memory, *, now: float) -> Plan:
        return plan(
            self.aggregate,
            self.profile,
            identity=self.identity,
            observed=self.observed,
            memory=memory,
            settings=self.settings,
            now=now,
            standstill=self.standstill,
        )


def preview(look: Look, planned: Plan) -> ProfilePreview:
    """What the plan made from `look` comes to."""
    may_write = not is_marked(look.profile.metadata, PAUSED)
    calls = planned.batch.calls
    after = _after(planned, look.observed)
    lonely = retries(planned, after, now=GRACE).calls if may_write else ()
    return ProfilePreview(
        key=look.aggregate.key,
        ref=look.identity.ref,
        fqdn=look.identity.fqdn,
        steps=(*_steps(calls, planned.verdict.allowed), *(Step(call) for call in lonely)),
        kept=tuple(sorted(_kept(planned, look), key=lambda kept: (kept.subject, kept.reason))),
        rejected=planned.desired.rejections,
    )


def stays(profile: TrafficManagerProfile, found: Standstill | None) -> str | None:
    """Why the Azure profile of an object that is being deleted is left alone; None: it is deleted.

    `found`: what the definitions say; None where nobody had to look.
    """
    if CLEANUP_FINALIZER not in profile.metadata.finalizers:
        return "nothing was made for it"
    if found is not None and TrafficManagerProfile.resource.plural in found.leaving:
        return f"the Azure profile stays: {found.message}"
    if is_marked(profile.metadata, PAUSED):
        return f"annotation {PAUSED} is set: the Azure profile stays until it is taken away"
    if profile.spec.deletion_policy == RETAIN:
        return "the Azure profile stays: deletionPolicy is Retain"
    return found.message if found is not None and not found.leaving else None


def _steps(calls: Iterable[Call], changes: tuple[Change, ...]) -> Iterator[Step]:
    """A call for one endpoint says itself what it is for."""
    calls = tuple(calls)
    alone = {call.endpoint.folded for call in calls if isinstance(call, PutEndpoint | DeleteEndpoint)}
    for call in calls:
        is_whole = isinstance(call, PutProfile | PatchProfile)
        yield Step(call, tuple(c for c in changes if subject_name(c) not in alone) if is_whole else ())


def _after(planned: Plan, observed: Profile | None) -> Profile | None:
    """The profile once the calls are made."""
    put = [call.profile for call in planned.batch.calls if isinstance(call, PutProfile)]
    if put:
        return put[-1]
    return composed(observed, planned.verdict.allowed) if observed is not None else None


def _kept(planned: Plan, look: Look) -> Iterator[Kept]:
    for held in planned.verdict.held:
        yield Kept(subject_name(held.change), held.reason, held.message, held.change.because)
    for name in planned.guarding.held:
        if look.observed is not None and look.observed.endpoint(name) is not None:
            yield Kept(name, REMOVAL_HELD, _GUARDED)


_GUARDED = (
    "its export is gone without being withdrawn, and too few others would be left; it is let go by the annotation "
    f"{ALLOW_EMPTY}=true on its backend, or kept by exporting again"
)
