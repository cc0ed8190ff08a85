"""Which Azure profiles nobody stands for: by tag, by status, by what would be adopted; never by a guess."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ADOPT, ProfileStatus, TrafficManagerProfile
from fleetdns.core.aggregate import Unreadable
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG, azure_profile_name
from fleetdns.core.orphans import elsewhere, orphans, standing
from fleetdns.core.trafficmanager import Monitor, Profile, ProfileRef
from tests.core.builders import HUB_ID, RESOURCE_GROUP, SUBSCRIPTION, make_naming, make_profile, uid_of

OWN = azure_profile_name(make_profile().metadata.uid)
OLD = azure_profile_name(uid_of("an object of former times"))


def azure_profile(name: str = OWN, *, hub: str | None = HUB_ID, made_for: str | None = "work/myatm") -> Profile:
    tags = [(HUB_TAG, hub), (PROFILE_TAG, made_for)]
    return Profile(
        ref=ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, name),
        relative_name=name,
        ttl=60,
        monitor=Monitor("HTTP", 80, "/", 30, 10, 3),
        tags=tuple((tag, value) for tag, value in tags if value is not None),
    )


def pinned(profile: Profile) -> TrafficManagerProfile:
    status = ProfileStatus(resource_id=profile.ref.resource_id, dns_name="myatm.trafficmanager.net")
    return make_profile(status=status)


@pytest.mark.parametrize(
    ("profile", "objects", "is_awaited"),
    [
        pytest.param(azure_profile(), [], True, id="its object is not there"),
        pytest.param(azure_profile(OLD), [pinned(azure_profile())], False, id="its object has another one"),
        pytest.param(azure_profile(made_for=None), [], False, id="nobody knows for what it was made"),
    ],
)
def test_an_orphan_waits_for_its_object_where_that_would_take_it_over(
    profile: Profile, objects: list[TrafficManagerProfile], is_awaited: bool
) -> None:
    stands = standing([profile], objects, naming=make_naming(), unreadable=Unreadable())
    assert [orphan.is_awaited for orphan in orphans([profile], stands)] == [is_awaited]


def found(
    azure: list[Profile],
    *objects: TrafficManagerProfile,
    unreadable: Unreadable | None = None,
    namespace: str | None = None,
) -> list[str]:
    """The names of the orphans."""
    stands = standing(azure, objects, naming=make_naming(), unreadable=unreadable or Unreadable(), namespace=namespace)
    return [orphan.ref.name for orphan in orphans(azure, stands)]


@pytest.mark.parametrize(
    ("azure", "objects", "expected"),
    [
        pytest.param([azure_profile()], [], [OWN], id="no object: an orphan"),
        pytest.param([azure_profile()], [make_profile()], [], id="its object is there"),
        pytest.param([azure_profile(OLD)], [make_profile()], [], id="an object made again adopts it by its tag"),
        pytest.param(
            [azure_profile(OLD), azure_profile()],
            [make_profile()],
            [OLD],
            id="of two with one tag the one that is not the object's",
        ),
        pytest.param(
            [azure_profile(OLD), azure_profile()],
            [pinned(azure_profile(OLD))],
            [OWN],
            id="status says which of two it is",
        ),
        pytest.param(
            [azure_profile(made_for="work/other")],
            [pinned(azure_profile())],
            [],
            id="one that status names, whatever became of its tag",
        ),
        pytest.param(
            [azure_profile(made_for=None)], [pinned(azure_profile())], [], id="one that status names and lost its tag"
        ),
        pytest.param(
            [azure_profile(OLD, made_for=None)], [make_profile()], [OLD], id="one that lost its tag: an orphan"
        ),
        pytest.param([azure_profile(hub="another")], [], [], id="another hub's is never one"),
        pytest.param([azure_profile(hub=None)], [], [], id="Fleet's, without a hub's tag, is never one"),
        pytest.param(
            [azure_profile(made_for="work/gone")],
            [make_profile()],
            [],
            id="the object's own name in its own group, whatever it is tagged for",
        ),
        pytest.param(
            [azure_profile(OLD, made_for="work/gone")], [make_profile()], [OLD], id="somebody else's object is none"
        ),
        pytest.param(
            [azure_profile()], [make_profile(is_deleting=True)], [], id="an object on its way out still stands for it"
        ),
        pytest.param(
            [azure_profile(OLD, hub=None), azure_profile()],
            [make_profile(annotations={ADOPT: azure_profile(OLD).ref.resource_id})],
            [],
            id="what an annotation names does not make an orphan of what our own tags say",
        ),
    ],
)
def test_an_orphan_is_what_this_hub_made_and_no_object_stands_for(
    azure: list[Profile], objects: list[TrafficManagerProfile], expected: list[str]
) -> None:
    assert found(azure, *objects) == expected
    assert found(azure[::-1], *objects) == expected


def test_what_cannot_be_read_is_no_proof() -> None:
    azure = [azure_profile(), azure_profile(OLD, made_for="work/gone")]
    hidden = Unreadable(profiles=frozenset({ObjectKey("work", "myatm")}))
    assert found(azure, unreadable=hidden) == [OLD]
    assert found(azure, unreadable=Unreadable(is_unnamed=True)) == []


@pytest.mark.parametrize(
    ("made_for", "namespace", "says"),
    [
        pytest.param("work/myatm", None, None, id="everywhere"),
        pytest.param("work/myatm", "work", None, id="its own namespace"),
        pytest.param("work/myatm", "shop", "outside of namespace shop: give --namespace work", id="another"),
        pytest.param(None, "shop", "give --all-namespaces", id="made for nobody knows whom"),
    ],
)
def test_one_of_another_namespace_says_which_to_look_at(
    made_for: str | None, namespace: str | None, says: str | None
) -> None:
    told = elsewhere(azure_profile(made_for=made_for), namespace)
    assert (told is None) if says is None else says in (told or "")


def test_of_a_controller_for_one_namespace_only_what_was_made_there_counts() -> None:
    azure = [azure_profile(), azure_profile(OLD, made_for="shop/gone")]
    assert found(azure, namespace="shop") == [OLD]
    assert found(azure, namespace="work") == [OWN]


def test_why_something_is_none_is_said() -> None:
    stands = standing([azure_profile()], [make_profile()], naming=make_naming(), unreadable=Unreadable())
    assert stands.judge(azure_profile()) == "TrafficManagerProfile work/myatm stands for it"
    assert stands.judge(replace(azure_profile(OLD), tags=())) == f"it has no tag {HUB_TAG}"
    assert stands.judge(azure_profile(OLD, hub="another")) == f"it has the tag {HUB_TAG}=another, another hub's"


@pytest.mark.parametrize(
    ("profile", "objects", "because"),
    [
        pytest.param(azure_profile(), [], "there is no TrafficManagerProfile work/myatm", id="no object"),
        pytest.param(
            azure_profile(OLD),
            [pinned(azure_profile())],
            f"TrafficManagerProfile work/myatm stands for {OWN}",
            id="another one is the object's",
        ),
        pytest.param(
            azure_profile(OLD, made_for=None),
            [],
            f"it has no tag {PROFILE_TAG}, and no TrafficManagerProfile names it in its status",
            id="no tag",
        ),
    ],
)
def test_why_something_is_one_is_said(profile: Profile, objects: list[TrafficManagerProfile], because: str) -> None:
    stands = standing([profile], objects, naming=make_naming(), unreadable=Unreadable())
    assert [orphan.because for orphan in orphans([profile], stands)] == [because]
