"""What the caches say of a ServiceExport's objects: what concerns whom, and when nothing can be said."""

from __future__ import annotations

from typing import Any

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.api.service import INTERNAL_ANNOTATION, RESOURCE_GROUP_ANNOTATION
from fleetdns.kube.codec import entry
from fleetdns.member.caches import SERVICE_INDEXES, MemberCaches, export_indexes
from fleetdns.member.watches import keys_of_export, keys_of_offer, keys_of_service
from fleetdns.runtime.events import Replaced, Unknown
from fleetdns.runtime.store import Store
from tests.core.memberbuilders import GROUP, MEMBER, make_offer, make_service, make_service_export
from tests.member.world import KEY, OFFER

NAMELESS: Unknown[ObjectKey] = Unknown(None, "", "", "metadata is a number")


@pytest.fixture
def caches() -> MemberCaches:
    return MemberCaches(MEMBER, GROUP, Store(export_indexes(MEMBER)), Store(SERVICE_INDEXES), Store())


def test_a_service_is_not_missing_while_there_is_an_object_without_a_name(caches: MemberCaches) -> None:
    caches.exports.apply(Replaced([entry(make_service_export())], (), "10"))
    caches.services.apply(Replaced([], (), "10"))
    assert not caches.is_unreadable(KEY), "it is missing, and that is known"
    caches.services.apply(Replaced([], (NAMELESS,), "11"))
    assert caches.is_unreadable(KEY), "it may be the one without a name"
    caches.services.apply(Replaced([entry(make_service())], (NAMELESS,), "12"))
    assert not caches.is_unreadable(KEY), "it is another one"


@pytest.mark.parametrize("kind", ["export", "service", "offer"])
def test_nothing_can_be_said_while_one_of_the_three_cannot_be_read(caches: MemberCaches, kind: str) -> None:
    stores: dict[str, tuple[Store[ObjectKey, Any], ObjectKey]] = {
        "export": (caches.exports, KEY),
        "service": (caches.services, KEY),
        "offer": (caches.offers, OFFER),
    }
    store, key = stores[kind]
    store.apply(Replaced([], (Unknown(key, "uid", "10", "because"),), "10"))
    assert caches.is_unreadable(KEY)
    assert not caches.is_unreadable(ObjectKey("work", "other"))


def test_an_offer_concerns_whom_it_stands_for_and_whose_name_it_has(caches: MemberCaches) -> None:
    waiting = make_service_export("c", namespace="a-b")
    caches.exports.apply(Replaced([entry(waiting), entry(make_service_export())], (), "10"))
    offer = make_offer("b-c", namespace="a")
    both = frozenset({ObjectKey("a", "b-c"), ObjectKey("a-b", "c")})
    assert keys_of_offer(None, offer, caches) == both
    assert keys_of_offer(offer, None, caches) == both
    assert keys_of_offer(offer, make_offer(), caches) == both | {KEY}


def test_a_service_concerns_its_service_export_where_there_is_one(caches: MemberCaches) -> None:
    service = make_service()
    assert keys_of_service(None, service, caches) == frozenset()
    caches.exports.apply(Replaced([entry(make_service_export())], (), "10"))
    assert keys_of_service(None, service, caches) == keys_of_service(service, None, caches) == {KEY}
    assert keys_of_export(None, make_service_export(), caches) == {KEY}


def test_the_groups_in_use_are_those_of_exported_services_with_a_public_address(caches: MemberCaches) -> None:
    services = {
        "plain": make_service("plain"),
        "elsewhere": make_service("elsewhere", annotations={RESOURCE_GROUP_ANNOTATION: " Other "}),
        "blank": make_service("blank", annotations={RESOURCE_GROUP_ANNOTATION: " "}),
        "internal": make_service(
            "internal", annotations={RESOURCE_GROUP_ANNOTATION: "no", INTERNAL_ANNOTATION: "true"}
        ),
        "waiting": make_service("waiting", address=None, annotations={RESOURCE_GROUP_ANNOTATION: "no"}),
        "unexported": make_service("unexported", annotations={RESOURCE_GROUP_ANNOTATION: "no"}),
    }
    caches.services.apply(Replaced([entry(service) for service in services.values()], (), "10"))
    exported = [*(name for name in services if name != "unexported"), "without-a-service"]
    caches.exports.apply(Replaced([entry(make_service_export(name)) for name in exported], (), "10"))
    assert caches.groups_in_use() == {GROUP, "Other"}


def test_services_are_found_by_any_spelling_of_their_address(caches: MemberCaches) -> None:
    caches.services.apply(Replaced([entry(make_service(address="2603:1030:0:0::00AB"))], (), "10"))
    assert caches.keys_of_addresses({"2603:1030::ab", "20.0.0.1"}) == {KEY}
