"""What a freshly started controller would do to one Azure profile, as values: the calls, and what is held back and why.

Decided by the same functions as in earnest, look by look: what comes of an earlier call is seen by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fleetdns.api.meta import ObjectKey, is_marked
from fleetdns.api.profile import ALLOW_EMPTY, CLEANUP_FINALIZER, PAUSED, RETAIN, TrafficManagerProfile
from fleetdns.core.calls import Call, DeleteEndpoint, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.candidates import Rejection
from fleetdns.core.changes import Change, subject_name
from fleetdns.core.guard import GRACE, REMOVAL_HELD
from fleetdns.core.passes import Look, Pass
from fleetdns.core.plan import Plan
from fleetdns.core.retries import retries
from fleetdns.core.standstill import Standstill
from fleetdns.core.trafficmanager import ProfileRef


@dataclass(frozen=True, slots=True)
class Step:
    """One call, with the changes that it carries where it carries more than its own reason says. `then`: what it waits
    for, where it does not come with the first.
    """

    call: Call
    changes: tuple[Change, ...] = ()
    then: str = ""


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


def preview(look: Look, found: tuple[Pass, ...]) -> ProfilePreview:
    """What the looks come to."""
    last, may_write = found[-1], not is_marked(look.profile.metadata, PAUSED)
    lonely = retries(last.planned, last.after, now=max(last.now, GRACE)).calls if may_write else ()
    return ProfilePreview(
        key=look.aggregate.key,
        ref=look.identity.ref,
        fqdn=look.identity.fqdn,
        steps=tuple(sorted((*_steps(found), *(Step(call) for call in lonely)), key=lambda step: bool(step.then))),
        kept=tuple(sorted(_kept(last.planned), key=lambda kept: (kept.subject, kept.reason))),
        rejected=last.planned.desired.rejections,
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


def _steps(found: Iterable[Pass]) -> Iterator[Step]:
    is_first = True
    for each in found:
        then = "" if is_first else each.then
        for step in _made(each.planned.batch.calls, each.planned.verdict.allowed):
            yield replace(step, then=then)
            is_first = False


def _made(calls: tuple[Call, ...], changes: tuple[Change, ...]) -> Iterator[Step]:
    """A call for one endpoint says itself what it is for."""
    alone = {call.endpoint.folded for call in calls if isinstance(call, PutEndpoint | DeleteEndpoint)}
    for call in calls:
        is_whole = isinstance(call, PutProfile | PatchProfile)
        yield Step(call, tuple(c for c in changes if subject_name(c) not in alone) if is_whole else ())


def _kept(planned: Plan) -> Iterator[Kept]:
    for held in planned.verdict.held:
        yield Kept(subject_name(held.change), held.reason, held.message, held.change.because)
    for name in planned.guarding.held:
        if planned.observed is not None and planned.observed.endpoint(name) is not None:
            yield Kept(name, REMOVAL_HELD, _GUARDED)


_GUARDED = (
    "its export is gone without being withdrawn, and too few others would be left; it is let go by the annotation "
    f"{ALLOW_EMPTY}=true on its backend, or kept by exporting again"
)
