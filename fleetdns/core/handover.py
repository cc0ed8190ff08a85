"""Targets that pass from one endpoint of ours to another: a renamed one, or a public IP that another cluster has now.

Traffic Manager takes a target once, so the old endpoint has to go before the new one can come, and it may refuse a
target that it took before: a public IP has lost its DNS label. What serves must not be lost for that, and what was
deleted could not be put back.

the old endpoint goes
in the write that brings the new one     always, if Azure takes that
in a call before the new one's           only where Azure has taken its target from it again just now, and is known to
                                         look at what is written as it is
while the new one is refused             not at all, unless somebody meant it to go
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from msgspec import structs

from fleetdns.core.calls import DeleteEndpoint, PutEndpoint
from fleetdns.core.changes import Change, Create, Delete, Patch, claimed_target, subject_name
from fleetdns.core.trafficmanager import Endpoint, ProfileRef


@dataclass(frozen=True, slots=True)
class Handover:
    """`old` goes so that `new` may have its target."""

    old: Delete
    new: Create | Patch

    @property
    def changes(self) -> tuple[Change, ...]:
        return (self.old, self.new)

    @property
    def heir(self) -> str:
        """The folded name of the endpoint that is to have the target."""
        return subject_name(self.new)

    def trial(self, ref: ProfileRef) -> PutEndpoint:
        """The old endpoint as it is, to see whether Azure still takes its target."""
        return PutEndpoint(ref, self.old.subject, f"to see if its target may go to {self.heir}")

    def calls(self, ref: ProfileRef) -> tuple[DeleteEndpoint, PutEndpoint]:
        """Two calls between which nobody serves the target; the new endpoint gets the priority of the old one."""
        if not isinstance(self.new.subject, Endpoint):
            raise TypeError("only an endpoint has a target")
        is_new = isinstance(self.new, Create)
        priority = self.old.subject.priority
        endpoint = structs.replace(self.new.subject, priority=priority) if is_new else self.new.subject
        return DeleteEndpoint(ref, self.old.subject, self.old.because), PutEndpoint(ref, endpoint, self.new.because)

    def back(self, ref: ProfileRef) -> PutEndpoint:
        """The old endpoint again, where the new one was refused although its target is taken."""
        return PutEndpoint(ref, self.old.subject, f"{self.heir}, which was to have its target, is refused")


def handovers(changes: Iterable[Change]) -> tuple[Handover, ...]:
    """Every target that one of these changes takes away and another asks for, in their order."""
    changes = tuple(changes)
    leaving = {c.subject.folded_target: c for c in changes if isinstance(c, Delete) and c.subject.folded_target}
    return tuple(
        Handover(leaving[target], change)
        for change in changes
        if isinstance(change, Create | Patch) and (target := claimed_target(change)) in leaving
    )


def parts_of(pairs: Iterable[Handover]) -> tuple[Change, ...]:
    return tuple(change for pair in pairs for change in pair.changes)


def handed_over(changes: Collection[Change], among: Iterable[Change]) -> tuple[Change, ...]:
    """Those of `among` that belong to a handover of which one of `changes` is a part."""
    return parts_of(pair for pair in handovers(among) if pair.old in changes or pair.new in changes)
