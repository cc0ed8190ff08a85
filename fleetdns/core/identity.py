"""Which Azure profile a TrafficManagerProfile stands for: resource group, name and DNS name.

known of the object                              identity
status.resourceID                                that profile, with its DNS name          (pinned)
Azure: our hub's tag and its namespace/name      that profile (hub restored, recreated)   (adopted)
Azure: Fleet's tag, no hub's, named by its uid   that profile (migration in place)        (adopted)
Azure: no hub's tag, fleetdns.io/adopt names it  that profile                             (adopted)
Azure: another hub's tag                         never that one
fleetdns.io/adopt names one that cannot be       none: a new one is not what was asked for
nothing                                          flags and templates                      (new)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ADOPT, TrafficManagerProfile
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG, azure_profile_name, dns_name_problem, profile_tag, relative_name
from fleetdns.core.trafficmanager import Profile, ProfileRef, parse_profile_id


@dataclass(frozen=True, slots=True)
class Naming:
    """What the administrator decided about where profiles go. `allowed` entries: (namespace or "", group), folded."""

    subscription: str
    hub_id: str
    resource_group: str | None = None
    allowed: frozenset[tuple[str, str]] | None = None
    template: str = "{name}"
    zone: str = "trafficmanager.net"
    tags: tuple[tuple[str, str], ...] = ()

    def allows(self, namespace: str, resource_group: str) -> bool:
        """Whether objects of a namespace may use a resource group; everything is allowed where nothing was said."""
        group = resource_group.lower()
        return self.allowed is None or ("", group) in self.allowed or (namespace, group) in self.allowed


@dataclass(frozen=True, slots=True)
class Identity:
    """The Azure profile of one object; `is_new` while nothing of it was seen in Azure."""

    key: ObjectKey
    ref: ProfileRef
    relative_name: str
    fqdn: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Unidentified:
    """Why an object cannot have an Azure profile yet; a sentence for the person who can change that.

    may_pass: whether Azure is in the way, where it may change without an event on the hub.
    """

    message: str
    may_pass: bool = False


def locate(profile: TrafficManagerProfile, *, azure: Iterable[Profile], naming: Naming) -> Identity | Unidentified:
    """The identity of a profile object, allowed or not: what a deletion needs. `azure`: all that could be its own."""
    return _existing(profile, tuple(azure), naming) or _new(profile, naming)


def identify(profile: TrafficManagerProfile, *, azure: Iterable[Profile], naming: Naming) -> Identity | Unidentified:
    """The identity under which a profile object may be written."""
    identity = locate(profile, azure=azure, naming=naming)
    if isinstance(identity, Unidentified):
        return identity
    if identity.is_new and ADOPT in profile.metadata.annotations and adoption(profile, naming) is None:
        return Unidentified(
            f"annotation {ADOPT}={profile.metadata.annotations[ADOPT]!r} does not name a Traffic Manager profile in "
            f"subscription {naming.subscription} and a resource group that is allowed for this namespace; "
            "correct it, or remove it to get a new profile"
        )
    namespace = profile.metadata.namespace
    if not naming.allows(namespace, identity.ref.resource_group):
        return Unidentified(
            f"resource group {identity.ref.resource_group!r} is not allowed for namespace {namespace!r}; "
            "choose one that --allowed-resource-groups names, or ask the administrator of fleetdns to add it"
        )
    return identity


def homes(profile: TrafficManagerProfile, naming: Naming) -> tuple[str, ...]:
    """The folded groups, sorted, in which an object's profile may be although it would be made in another one now: one
    that names no group was made where the flags said then, which is a group that they still allow.
    """
    if profile.spec.resource_group:
        return ()
    namespaces = ("", profile.metadata.namespace)
    return tuple(sorted({group for namespace, group in naming.allowed or () if namespace in namespaces}))


def adoption(profile: TrafficManagerProfile, naming: Naming) -> ProfileRef | None:
    """The Azure profile that an object's annotation names, where its namespace may reach it.

    Anybody in the namespace can write the annotation: unchecked, it would lend them every right that fleetdns has.
    """
    ref = parse_profile_id(profile.metadata.annotations.get(ADOPT, ""))
    if ref is None or ref.subscription.lower() != naming.subscription.lower():
        return None
    return ref if naming.allows(profile.metadata.namespace, ref.resource_group) else None


def unadoptable(named: ProfileRef, observed: Profile | None, naming: Naming) -> str:
    """Why the profile that an annotation names is not taken over; `observed`: None where Azure has none of that name.

    Made new instead, a profile would have another DNS name than the one that was to be taken over, and be pinned.
    """
    why = "is not in Azure"
    if observed is not None:
        owner, made_for = observed.tag(HUB_TAG), observed.tag(PROFILE_TAG)
        is_of_this_hub = owner == naming.hub_id
        why = f"belongs to {f'TrafficManagerProfile {made_for}' if is_of_this_hub else f'hub {owner!r}'}"
    return f"annotation {ADOPT} names {named.resource_id}, which {why}; correct it, or remove it to get a new profile"


def ignored_adoption(profile: TrafficManagerProfile, identity: Identity) -> str | None:
    """Why the annotation of an object that has an Azure profile does nothing; None where it names that one, or is not
    there.
    """
    named = profile.metadata.annotations.get(ADOPT)
    ref = parse_profile_id(named or "")
    if named is None or identity.is_new or (ref is not None and ref.folded == identity.ref.folded):
        return None
    return (
        f"annotation {ADOPT} is ignored, since it does not name the profile that this object has already: remove it, "
        "or put it on a TrafficManagerProfile that has none yet"
    )


def foreign_owner(
    observed: Profile, identity: Identity, *, profile: TrafficManagerProfile, naming: Naming
) -> str | None:
    """Why the Azure profile found under this identity is not ours to touch; None when it is.

    One we already wrote stays ours when somebody removes its tags: that is drift, and repaired. Not so when the tag
    names another object, unless the profile bears this object's uid: a status copied from another object pins its
    profile, and two objects on one profile would write it in turns for ever.
    """
    owner, made_for = observed.tag(HUB_TAG), observed.tag(PROFILE_TAG)
    is_own_name = observed.ref.name.lower() == azure_profile_name(profile.metadata.uid).lower()
    was_ours = not identity.is_new and (is_own_name or made_for in (None, profile_tag(profile.metadata.key)))
    if is_ours(observed, profile, naming) or (was_ours and owner in (None, naming.hub_id)):
        return None
    held_by = f"hub {owner!r}" if owner else "nobody fleetdns knows"
    if owner == naming.hub_id:
        held_by = f"another TrafficManagerProfile of this hub, {made_for!r}"
    return (
        f"the Azure profile {observed.ref.resource_id} exists and belongs to {held_by}; "
        f"to take it over, annotate this object with {ADOPT}={observed.ref.resource_id}, which works only while the "
        f"profile carries no tag {HUB_TAG}"
    )


def is_ours(observed: Profile, profile: TrafficManagerProfile, naming: Naming) -> bool:
    """Whether an observed Azure profile may be managed for this object (design: names from UIDs, two tags)."""
    hub = observed.tag(HUB_TAG)
    is_tagged = observed.tag(PROFILE_TAG) == profile_tag(profile.metadata.key)
    if hub is not None:
        return hub == naming.hub_id and is_tagged
    if is_tagged and observed.ref.name.lower() == azure_profile_name(profile.metadata.uid).lower():
        return True
    adopted = adoption(profile, naming)
    return adopted is not None and adopted.folded == observed.ref.folded


def _existing(profile: TrafficManagerProfile, azure: tuple[Profile, ...], naming: Naming) -> Identity | None:
    key = profile.metadata.key
    pinned = parse_profile_id(profile.status.resource_id or "")
    dns_name = profile.status.dns_name
    if pinned and dns_name and pinned.subscription.lower() == naming.subscription.lower():
        return Identity(key, pinned, _below(naming.zone, dns_name), dns_name, is_new=False)
    # Ranked: two profiles that could be it (a hub restored twice) must not take turns.
    found = sorted((p for p in azure if is_ours(p, profile, naming)), key=lambda p: _rank(p, profile))
    if not found:
        return None
    first = found[0]
    fqdn = first.fqdn or f"{first.relative_name}.{naming.zone}"
    return Identity(key, first.ref, first.relative_name, fqdn, is_new=False)


def _rank(observed: Profile, profile: TrafficManagerProfile) -> tuple[bool, bool, str]:
    """The order of the table; among several with our hub's tag the one named by this uid goes first."""
    is_other_name = observed.ref.name.lower() != azure_profile_name(profile.metadata.uid).lower()
    return (observed.tag(HUB_TAG) is None, is_other_name, observed.ref.folded)


def _below(zone: str, dns_name: str) -> str:
    """The DNS prefix of a name in the zone; DNS ignores case, so Azure may spell the zone in another one."""
    suffix = f".{zone}"
    return dns_name[: -len(suffix)] if dns_name.lower().endswith(suffix.lower()) else dns_name


def _new(profile: TrafficManagerProfile, naming: Naming) -> Identity | Unidentified:
    group = profile.spec.resource_group or naming.resource_group
    if not group:
        return Unidentified(
            "no resource group: give one in spec.resourceGroup, or start fleetdns with --resource-group"
        )
    key = profile.metadata.key
    name = profile.spec.dns_config.relative_name or relative_name(naming.template, key)
    problem = dns_name_problem(name)
    if problem:
        return Unidentified(f"the DNS name {name!r} is not valid: {problem}; choose one in spec.dnsConfig.relativeName")
    ref = ProfileRef(naming.subscription, group, azure_profile_name(profile.metadata.uid))
    return Identity(key, ref, name, f"{name}.{naming.zone}", is_new=True)
