"""Which Azure profile an object stands for: pinned, adopted or new, and never somebody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ADOPT, ProfileStatus, TrafficManagerProfile
from fleetdns.core.identity import (
    Identity,
    Naming,
    Unidentified,
    foreign_owner,
    homes,
    identify,
    ignored_adoption,
    is_ours,
    locate,
)
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG, azure_profile_name
from fleetdns.core.trafficmanager import Monitor, Profile, ProfileRef
from tests.core.builders import HUB_ID, RESOURCE_GROUP, SUBSCRIPTION, make_identity, make_naming, make_profile

OWN = azure_profile_name(make_profile().metadata.uid)
OTHER = azure_profile_name("11111111-2222-4333-8444-555555555555")
MONITOR = Monitor("HTTP", 80, "/", 30, 10, 3)


def azure_profile(
    name: str = OTHER,
    *,
    group: str = "old-rg",
    hub: str | None = HUB_ID,
    made_for: str | None = "work/myatm",
    relative_name: str = "old-name",
) -> Profile:
    tags = [(HUB_TAG, hub), (PROFILE_TAG, made_for)]
    return Profile(
        ref=ProfileRef(SUBSCRIPTION, group, name),
        relative_name=relative_name,
        ttl=60,
        monitor=MONITOR,
        tags=tuple((tag, value) for tag, value in tags if value is not None),
        fqdn=f"{relative_name}.trafficmanager.net",
    )


def pinned(
    resource_id: str, dns_name: str | None = "old-name.trafficmanager.net", *, adopt: str | None = None
) -> TrafficManagerProfile:
    annotations = None if adopt is None else {ADOPT: adopt}
    return make_profile(annotations=annotations, status=ProfileStatus(resource_id=resource_id, dns_name=dns_name))


def adopting(resource_id: str) -> TrafficManagerProfile:
    return make_profile(annotations={ADOPT: resource_id})


THERE = azure_profile()


@pytest.mark.parametrize(
    ("profile", "azure", "ref", "name", "is_new"),
    [
        pytest.param(
            pinned(THERE.ref.resource_id),
            [],
            THERE.ref,
            "old-name",
            False,
            id="status pins the profile and its DNS name",
        ),
        pytest.param(
            pinned(THERE.ref.resource_id, "Old-Name.TrafficManager.NET"),
            [],
            THERE.ref,
            "Old-Name",
            False,
            id="the zone in status may be spelled in another case",
        ),
        pytest.param(
            pinned(THERE.ref.resource_id),
            [azure_profile(OWN)],
            THERE.ref,
            "old-name",
            False,
            id="status goes before what tags say",
        ),
        pytest.param(
            make_profile(), [THERE], THERE.ref, "old-name", False, id="our hub's tags adopt it after a restore"
        ),
        pytest.param(
            make_profile(),
            [azure_profile(OTHER), azure_profile(OWN)],
            ProfileRef(SUBSCRIPTION, "old-rg", OWN),
            "old-name",
            False,
            id="of two with our tags the one named by this uid is it",
        ),
        pytest.param(
            make_profile(),
            [azure_profile("fleet-b"), azure_profile("fleet-a")],
            ProfileRef(SUBSCRIPTION, "old-rg", "fleet-a"),
            "old-name",
            False,
            id="of two equals the first by name is it, whatever their order",
        ),
        pytest.param(
            make_profile(),
            [azure_profile(OWN, hub=None)],
            ProfileRef(SUBSCRIPTION, "old-rg", OWN),
            "old-name",
            False,
            id="Fleet's own profile, named by this uid, is migrated in place",
        ),
        pytest.param(
            make_profile(),
            [azure_profile(OWN, hub=None), THERE],
            THERE.ref,
            "old-name",
            False,
            id="our hub's tag goes before Fleet's",
        ),
        pytest.param(
            adopting(azure_profile("shop", hub=None, made_for=None).ref.resource_id.upper()),
            [azure_profile("shop", hub=None, made_for=None)],
            ProfileRef(SUBSCRIPTION, "old-rg", "shop"),
            "old-name",
            False,
            id="an annotation adopts a profile without a hub, in any case",
        ),
        pytest.param(
            make_profile(),
            [azure_profile(OTHER, hub=None)],
            ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, OWN),
            "myatm",
            True,
            id="Fleet's tag on a profile named by another uid is not enough",
        ),
        pytest.param(
            make_profile(),
            [azure_profile(OWN, hub="hub-two")],
            ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, OWN),
            "myatm",
            True,
            id="another hub's profile is never taken",
        ),
        pytest.param(
            adopting(azure_profile(OTHER, hub="hub-two").ref.resource_id),
            [azure_profile(OTHER, hub="hub-two")],
            ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, OWN),
            "myatm",
            True,
            id="another hub's profile is not taken by annotation either",
        ),
        pytest.param(
            make_profile(),
            [azure_profile(OTHER, made_for="work/other")],
            ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, OWN),
            "myatm",
            True,
            id="our hub's profile of another object stays with that object",
        ),
        pytest.param(
            make_profile(), [], ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, OWN), "myatm", True, id="nothing known: flags"
        ),
        pytest.param(
            make_profile(resource_group="mine", relative_name="shop.eu"),
            [],
            ProfileRef(SUBSCRIPTION, "mine", OWN),
            "shop.eu",
            True,
            id="nothing known: spec goes before flags",
        ),
        pytest.param(
            pinned("not a resource id"),
            [],
            ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, OWN),
            "myatm",
            True,
            id="a status that cannot be read pins nothing",
        ),
        pytest.param(
            pinned(THERE.ref.resource_id.replace(SUBSCRIPTION, "another")),
            [],
            ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, OWN),
            "myatm",
            True,
            id="a status from another subscription pins nothing",
        ),
    ],
)
def test_an_object_finds_its_profile(
    profile: TrafficManagerProfile, azure: list[Profile], ref: ProfileRef, name: str, is_new: bool
) -> None:
    for known in (azure, azure[::-1]):
        found = identify(profile, azure=known, naming=make_naming())
        fqdn = profile.status.dns_name if profile.status.dns_name and not is_new else f"{name}.trafficmanager.net"
        assert found == Identity(ObjectKey("work", "myatm"), ref, name, fqdn, is_new)


@pytest.mark.parametrize(
    ("profile", "naming"),
    [
        pytest.param(make_profile(), make_naming(resource_group=None), id="no resource group anywhere"),
        pytest.param(make_profile(), make_naming(template="{name}_x"), id="a template that gives no DNS label"),
        pytest.param(
            make_profile("a" * 40, namespace="b" * 40),
            make_naming(template="{namespace}-{name}"),
            id="a template that gives too long a label",
        ),
        pytest.param(make_profile(relative_name="a..b"), make_naming(), id="a DNS name with an empty label"),
        pytest.param(
            make_profile(resource_group="theirs"),
            make_naming(allowed=[("work", "mine")]),
            id="a group that is not allowed",
        ),
        pytest.param(
            make_profile(resource_group="mine"),
            make_naming(allowed=[("play", "mine")]),
            id="a group allowed for another namespace",
        ),
        pytest.param(
            pinned(THERE.ref.resource_id),
            make_naming(allowed=[("", RESOURCE_GROUP)]),
            id="a pinned profile in a group that is not allowed any more",
        ),
        pytest.param(make_profile(), make_naming(allowed=[]), id="no group is allowed at all"),
    ],
)
def test_an_object_without_a_place_is_told_so(profile: TrafficManagerProfile, naming: Naming) -> None:
    found = identify(profile, azure=[], naming=naming)
    assert isinstance(found, Unidentified)
    assert found.message


@pytest.mark.parametrize(
    ("allowed", "group", "is_allowed"),
    [
        pytest.param(None, "any", True, id="nothing said allows everything"),
        pytest.param([("", "mine")], "MINE", True, id="a group for every namespace, in any case"),
        pytest.param([("work", "mine")], "mine", True, id="a group for this namespace"),
        pytest.param([("play", "mine")], "mine", False, id="a group for another namespace"),
        pytest.param([("", "mine")], "mine2", False, id="a longer name is another group"),
    ],
)
def test_allowed_resource_groups(allowed: list[tuple[str, str]] | None, group: str, is_allowed: bool) -> None:
    assert make_naming(allowed=allowed).allows("work", group) is is_allowed


@pytest.mark.parametrize(
    ("profile", "allowed", "found"),
    [
        pytest.param(make_profile(), None, (), id="where everything is allowed no other group is known"),
        pytest.param(
            make_profile(),
            [("", "b"), ("work", "a"), ("play", "c")],
            ("a", "b"),
            id="whatever its namespace may use, for it was made where the flags said then",
        ),
        pytest.param(make_profile(resource_group="b"), [("", "b"), ("", "a")], (), id="it names the one it is in"),
    ],
)
def test_the_other_groups_that_may_hold_a_profile(
    profile: TrafficManagerProfile, allowed: list[tuple[str, str]] | None, found: tuple[str, ...]
) -> None:
    assert homes(profile, make_naming(allowed=allowed)) == found


@pytest.mark.parametrize(
    ("profile", "is_told"),
    [
        pytest.param(pinned(THERE.ref.resource_id), False, id="no annotation"),
        pytest.param(
            pinned(THERE.ref.resource_id, adopt=THERE.ref.resource_id.upper()),
            False,
            id="it names its own, in any case",
        ),
        pytest.param(pinned(THERE.ref.resource_id, adopt=THERE.ref.resource_id + "-2"), True, id="it names another"),
        pytest.param(pinned(THERE.ref.resource_id, adopt="nonsense"), True, id="it names none at all"),
    ],
)
def test_an_annotation_that_does_nothing_is_told(profile: TrafficManagerProfile, is_told: bool) -> None:
    identity = identify(profile, azure=[], naming=make_naming())
    assert isinstance(identity, Identity)
    assert (ignored_adoption(profile, identity) is not None) == is_told


def test_an_annotation_on_an_object_without_a_profile_is_not_called_ignored() -> None:
    profile = adopting(THERE.ref.resource_id)
    identity = identify(profile, azure=[], naming=make_naming())
    assert isinstance(identity, Identity)
    assert identity.is_new
    assert ignored_adoption(profile, identity) is None


def test_a_deletion_finds_its_profile_even_where_writing_is_not_allowed_any_more() -> None:
    found = locate(pinned(THERE.ref.resource_id), azure=[], naming=make_naming(allowed=[]))
    assert isinstance(found, Identity)
    assert found.ref == THERE.ref


MADE = azure_profile(OWN, group=RESOURCE_GROUP)


@pytest.mark.parametrize(
    ("observed", "profile", "is_foreign"),
    [
        pytest.param(MADE, pinned(MADE.ref.resource_id), False, id="pinned, with our tags"),
        pytest.param(
            replace(MADE, tags=()), pinned(MADE.ref.resource_id), False, id="pinned, somebody removed the tags"
        ),
        pytest.param(
            replace(THERE, tags=()),
            pinned(THERE.ref.resource_id),
            False,
            id="pinned under another name, somebody removed the tags",
        ),
        pytest.param(
            replace(MADE, tags=((HUB_TAG, HUB_ID), (PROFILE_TAG, "x"))),
            pinned(MADE.ref.resource_id),
            False,
            id="pinned and named by our uid, somebody changed a tag",
        ),
        pytest.param(
            replace(MADE, tags=((HUB_TAG, "hub-two"), (PROFILE_TAG, "work/myatm"))),
            pinned(MADE.ref.resource_id),
            True,
            id="pinned, but another hub's tag is on it",
        ),
        pytest.param(
            azure_profile(OTHER, made_for="work/other"),
            pinned(THERE.ref.resource_id),
            True,
            id="pinned by a copied status to another object's profile",
        ),
        pytest.param(replace(MADE, tags=()), make_profile(), True, id="not pinned, and no tag says whose it is"),
        pytest.param(MADE, make_profile(), False, id="not pinned, with our tags"),
    ],
)
def test_a_profile_that_is_not_ours_is_not_touched(
    observed: Profile, profile: TrafficManagerProfile, is_foreign: bool
) -> None:
    naming = make_naming()
    owner = foreign_owner(observed, make_identity(profile, naming=naming), profile=profile, naming=naming)
    assert (owner is not None) is is_foreign


def test_tags_are_read_in_any_case() -> None:
    tags = ((HUB_TAG.upper(), HUB_ID), (PROFILE_TAG.lower(), "work/myatm"))
    assert is_ours(replace(THERE, tags=tags), make_profile(), make_naming())
