"""Azure profiles that this hub made and that no object on it stands for any more.

the profile in Azure                                         it is
without our hub's tag (another hub's, Fleet's, anybody's)     never an orphan
named by an object's status                                   that object's
what an object without a status would adopt                   that object's
tagged for an object that cannot be read                      that object's
tagged for an object that stands for another profile          an orphan
tagged for an object that is not there                        an orphan

Where the very name of an object could not be read, nothing is an orphan: it may be any object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.aggregate import Unreadable
from fleetdns.core.identity import Identity, Naming, adoption, locate
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG, profile_tag
from fleetdns.core.trafficmanager import Profile, ProfileRef


@dataclass(frozen=True, slots=True)
class Orphan:
    """A profile in Azure that nobody looks after; `made_for`: the namespace/name in its tag, None without that tag;
    `is_awaited`: that object is not there, and would adopt the profile if it were made again.
    """

    profile: Profile
    made_for: str | None
    because: str
    is_awaited: bool = False

    @property
    def ref(self) -> ProfileRef:
        return self.profile.ref


@dataclass(frozen=True, slots=True)
class Standing:
    """Who stands for what. `refs`: folded ids to the object's tag; `names`: an object's tag to its profile, or ""."""

    naming: Naming
    refs: Mapping[str, str]
    names: Mapping[str, str]
    unreadable: Unreadable
    namespace: str | None

    def judge(self, profile: Profile) -> Orphan | str:
        """The orphan that a profile is, or why it is none."""
        hub, made_for = profile.tag(HUB_TAG), profile.tag(PROFILE_TAG)
        if hub != self.naming.hub_id:
            return f"it has the tag {HUB_TAG}={hub}, another hub's" if hub else f"it has no tag {HUB_TAG}"
        if profile.ref.folded in self.refs:
            return f"TrafficManagerProfile {self.refs[profile.ref.folded]} stands for it"
        if self.unreadable.is_unnamed:
            return "an object on the hub cannot be read at all: it may be the one that stands for it"
        if made_for in {profile_tag(key) for key in self.unreadable.profiles}:
            return f"TrafficManagerProfile {made_for} cannot be read"
        other = elsewhere(profile, self.namespace)
        if other is not None:
            return other
        is_awaited = made_for is not None and made_for not in self.names
        return Orphan(profile, made_for, self._because(made_for), is_awaited)

    def _because(self, made_for: str | None) -> str:
        if made_for is None:
            return f"it has no tag {PROFILE_TAG}, and no TrafficManagerProfile names it in its status"
        if made_for not in self.names:
            return f"there is no TrafficManagerProfile {made_for}"
        other = self.names[made_for]
        if not other:
            return f"TrafficManagerProfile {made_for} cannot have a profile as it is"
        return f"TrafficManagerProfile {made_for} stands for {other}"


def elsewhere(profile: Profile, namespace: str | None) -> str | None:
    """Why a profile is not looked at where only one namespace is; None: it was made for an object there."""
    made_for = profile.tag(PROFILE_TAG)
    if namespace is None:
        return None
    if made_for is None:
        return f"it has no tag {PROFILE_TAG}, and so no namespace: give --all-namespaces"
    theirs = made_for.partition("/")[0]
    if theirs == namespace:
        return None
    return f"it was made for {made_for}, outside of namespace {namespace}: give --namespace {theirs}"


def standing(
    azure: Iterable[Profile],
    objects: Iterable[TrafficManagerProfile],
    *,
    naming: Naming,
    unreadable: Unreadable,
    namespace: str | None = None,
) -> Standing:
    """`azure`: all that is there; `objects`: all that can be read; `namespace`: where only its objects are known."""
    tagged: dict[str | None, list[Profile]] = {}
    by_ref: dict[str, Profile] = {}
    for profile in azure:
        tagged.setdefault(profile.tag(PROFILE_TAG), []).append(profile)
        by_ref[profile.ref.folded] = profile
    refs, names = dict[str, str](), dict[str, str]()
    for obj in objects:
        named = adoption(obj, naming)
        tag = profile_tag(obj.metadata.key)
        own = (*tagged.get(tag, ()), *((by_ref[named.folded],) if named and named.folded in by_ref else ()))
        identity = locate(obj, azure=own, naming=naming)
        names[tag] = ""
        if isinstance(identity, Identity):
            refs[identity.ref.folded], names[tag] = tag, identity.ref.name
    return Standing(naming, refs, names, unreadable, namespace)


def orphans(azure: Iterable[Profile], stands: Standing) -> tuple[Orphan, ...]:
    """Sorted by resource id."""
    found = (stands.judge(profile) for profile in azure)
    return tuple(sorted((f for f in found if isinstance(f, Orphan)), key=lambda orphan: orphan.ref.folded))
