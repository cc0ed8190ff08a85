"""What is known of Azure: per profile the newest answer, where it came from and when its request started.

what arrives                                          is kept when
answer to our own write                               always: it is the truth of that moment
GET or list that started after our last write ended   it started later than what is known
GET or list that started before our last write ended  never: it may not show the write
a write whose outcome is unknown                      nothing is known any more, until somebody reads
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fleetdns.core.naming import PROFILE_TAG
from fleetdns.core.trafficmanager import Profile, ProfileRef

LIST = "list"
GET = "get"
WRITE = "write"


@dataclass(frozen=True, slots=True)
class Observation:
    """One profile as Azure told of it; `profile` None means Azure has none. Times: seconds of one monotonic clock."""

    profile: Profile | None
    source: str
    started: float


@dataclass(frozen=True, slots=True)
class _Unsure:
    """A profile that a lost write has made unknown. `tags`: each that it may have, by what was seen and written."""

    ref: ProfileRef
    tags: frozenset[str]


class ObservedProfiles:
    """The newest observation of every profile; no I/O, no clock: times come with what is recorded."""

    def __init__(self) -> None:
        self._known: dict[str, Observation] = {}  # by ProfileRef.folded
        self._written: dict[str, float] = {}  # when our last write of that profile ended
        self._heard: dict[str, float] = {}  # when Azure last told of it; outlives what it told
        self._unsure: dict[str, _Unsure] = {}  # by folded ref
        self._by_tag: dict[str, set[str]] = {}  # Fleet's tag -> folded refs; only of profiles that are in _known

    def get(self, ref: ProfileRef) -> Observation | None:
        return self._known.get(ref.folded)

    def heard(self, ref: ProfileRef) -> float | None:
        """When Azure last told of a profile, also where a lost write has made that worthless."""
        return self._heard.get(ref.folded)

    def written(self, ref: ProfileRef) -> float | None:
        """When our last write of a profile ended, whatever came of it."""
        return self._written.get(ref.folded)

    def tagged(self, tag: str) -> tuple[Profile, ...]:
        """Every profile known whose tag says it was made for this namespace/name, sorted by resource id."""
        observations = (self._known[folded] for folded in sorted(self._by_tag.get(tag, ())))
        return tuple(observation.profile for observation in observations if observation.profile is not None)

    def present(self) -> tuple[Profile, ...]:
        """Every profile that is known to be in Azure, whoever made it, sorted by resource id."""
        observations = (self._known[folded] for folded in sorted(self._known))
        return tuple(observation.profile for observation in observations if observation.profile is not None)

    def is_unsure(self, ref: ProfileRef) -> bool:
        """Whether a lost write has made a profile unknown."""
        return ref.folded in self._unsure

    def unsure(self, tag: str) -> tuple[ProfileRef, ...]:
        """The profiles that a lost write has made unknown and that may be tagged so, sorted by resource id."""
        return tuple(unsure.ref for _, unsure in sorted(self._unsure.items()) if tag in unsure.tags)

    def known_in(self, resource_group: str, subscription: str) -> tuple[ProfileRef, ...]:
        """The profiles believed to be in one resource group."""
        profiles = (observation.profile for observation in self._known.values())
        wanted = (subscription.lower(), resource_group.lower())
        refs = (profile.ref for profile in profiles if profile is not None)
        return tuple(ref for ref in refs if (ref.subscription.lower(), ref.resource_group.lower()) == wanted)

    def read(self, ref: ProfileRef, profile: Profile | None, *, source: str, started: float) -> bool:
        """Record what a GET or a list said; whether it changed what is known (monitor states included)."""
        if started < self._written.get(ref.folded, started):
            return False
        before = self._known.get(ref.folded)
        if before is not None and started < before.started:
            return False
        self._keep(ref, Observation(profile, source, started))
        return before is None or before.profile != profile

    def listed(
        self, profiles: Iterable[Profile], *, expected: Iterable[ProfileRef], started: float
    ) -> tuple[ProfileRef, ...]:
        """Record a whole list: profiles that were `expected` in it and are missing are gone. Returns what changed."""
        changed = []
        missing = {ref.folded: ref for ref in expected}
        for profile in profiles:
            missing.pop(profile.ref.folded, None)
            if self.read(profile.ref, profile, source=LIST, started=started):
                changed.append(profile.ref)
        changed += [ref for ref in missing.values() if self.read(ref, None, source=LIST, started=started)]
        return tuple(sorted(changed, key=lambda ref: ref.folded))

    def wrote(self, ref: ProfileRef, profile: Profile | None, *, ended: float) -> None:
        """Record the answer to our own write (None: deleted)."""
        self._written[ref.folded] = ended
        self._keep(ref, Observation(profile, WRITE, ended))

    def lost(self, ref: ProfileRef, *, tag: str | None = None, ended: float) -> None:
        """A write was sent and its outcome is unknown: forget, so that the next reconcile reads.

        `tag`: what the profile is tagged with if the write happened; None where it writes no tags.
        """
        before, unsure = self._known.get(ref.folded), self._unsure.get(ref.folded)
        tags = unsure.tags if unsure is not None else frozenset()
        seen = before.profile.tag(PROFILE_TAG) if before and before.profile else None
        self._unsure[ref.folded] = _Unsure(ref, tags | {found for found in (seen, tag) if found is not None})
        self._written[ref.folded] = ended
        self._forget(ref.folded)

    def prune(self, used: Iterable[ProfileRef], *, before: float) -> None:
        """Forget profiles that are not there and that nobody stands for, if nothing was heard or written since."""
        kept = {ref.folded for ref in used}
        for folded in self._heard.keys() | self._written.keys():
            known = self._known.get(folded)
            last = max(self._heard.get(folded, 0.0), self._written.get(folded, 0.0))
            if folded not in kept and last < before and (known is None or known.profile is None):
                self._forget(folded)
                self._unsure.pop(folded, None)
                self._written.pop(folded, None)
                self._heard.pop(folded, None)

    def _keep(self, ref: ProfileRef, observation: Observation) -> None:
        self._forget(ref.folded)
        self._known[ref.folded] = observation
        self._unsure.pop(ref.folded, None)
        self._heard[ref.folded] = observation.started
        tag = observation.profile.tag(PROFILE_TAG) if observation.profile else None
        if tag is not None:
            self._by_tag.setdefault(tag, set()).add(ref.folded)

    def _forget(self, folded: str) -> None:
        before = self._known.pop(folded, None)
        tag = before.profile.tag(PROFILE_TAG) if before and before.profile else None
        if tag is None:
            return
        self._by_tag[tag].discard(folded)
        if not self._by_tag[tag]:
            del self._by_tag[tag]
