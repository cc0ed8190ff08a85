"""Which objects a person means by a name."""

from __future__ import annotations

from fleetdns.api.conditions import TRUE, Condition
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ProfileStatus
from fleetdns.controllers.question import bare_profile_called, services_called
from fleetdns.controllers.snapshot import snapshot
from tests.controllers.world import PROFILE_KEY, World
from tests.core.builders import NAMESPACE, SERVICE, make_backend, make_export, make_profile

APP = ObjectKey(NAMESPACE, SERVICE)


async def test_a_profile_without_a_backend_is_meant_by_its_own_name_and_one_with_a_backend_by_its_services() -> None:
    world = World()
    world.hub.apply(make_profile(), make_export("a"))
    caches = await snapshot(world.hub)
    assert services_called(PROFILE_KEY, caches) == ()
    bare = bare_profile_called(PROFILE_KEY, caches)
    assert bare is not None
    assert bare.key == PROFILE_KEY
    world.hub.apply(make_backend())
    caches = await snapshot(world.hub)
    assert services_called(PROFILE_KEY, caches) == (APP,)
    assert bare_profile_called(PROFILE_KEY, caches) is None


async def test_a_service_of_which_only_its_endpoints_are_left_is_known_by_the_profile_that_holds_them() -> None:
    world = World()
    held = Condition("Guarded", TRUE, "RemovalHeld", "their backend is gone: app in a, shop in b; they stay")
    world.hub.apply(make_profile(status=ProfileStatus(conditions=(held,))))
    caches = await snapshot(world.hub)
    assert services_called(APP, caches) == (APP,)
    assert services_called(ObjectKey(NAMESPACE, "other"), caches) == ()
    assert services_called(ObjectKey("elsewhere", SERVICE), caches) == ()
