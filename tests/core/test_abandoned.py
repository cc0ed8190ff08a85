"""What is told of a profile without a backend: what of it is in Azure, what is held there, and what to do."""

from __future__ import annotations

import pytest
from msgspec import structs

from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition
from fleetdns.api.profile import CLEANUP_FINALIZER, EndpointCounts, ProfileStatus, TrafficManagerProfile
from fleetdns.core.abandoned import HeldServices, bare_profile, held_services
from tests.core.builders import make_profile

RESOURCE_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/trafficManagerProfiles/fleet-1"
PROGRAMMED = Condition("Programmed", TRUE, "Programmed", "Azure holds what spec asks for as fleet-1")
EMPTY = Condition("Healthy", FALSE, "NoEndpoints", "the profile has no endpoint")
HELD = Condition("Guarded", TRUE, "RemovalHeld", "their backend is gone: app in a, shop in b; they stay in Azure")


def in_azure(*conditions: Condition, total: int) -> TrafficManagerProfile:
    counts = EndpointCounts(total=total, online=1)
    status = ProfileStatus("myatm.trafficmanager.net", RESOURCE_ID, endpoints=counts, conditions=conditions)
    return make_profile(status=status)


def test_a_profile_whose_endpoints_are_held_says_what_azure_holds_and_how_to_let_it_go_or_keep_it() -> None:
    found = bare_profile(in_azure(PROGRAMMED, HELD, total=2))
    assert found.because == (
        "no TrafficManagerBackend in namespace work names it; Azure holds it as fleet-1 in resource group g, with 2 "
        "endpoints of backends that are gone"
    )
    assert found.remarks == (f"Guarded: {HELD.message} (RemovalHeld)",)
    assert "spec.profile.name myatm" in found.todo
    assert "kubectl delete tmp myatm -n work" in found.todo


def test_a_profile_without_an_endpoint_says_that_its_name_leads_nowhere() -> None:
    found = bare_profile(in_azure(PROGRAMMED, EMPTY, total=0))
    assert found.because.endswith("Azure holds it as fleet-1 in resource group g, without an endpoint of ours")
    assert found.remarks == ()


def test_a_profile_that_is_not_in_azure_says_so_and_why() -> None:
    refused = Condition("Programmed", FALSE, "DNSNameNotAvailable", "the DNS name is in use elsewhere")
    found = bare_profile(make_profile(status=ProfileStatus(conditions=(refused, EMPTY))))
    assert found.because.endswith("; nothing of it is in Azure")
    assert found.remarks == ("Programmed: the DNS name is in use elsewhere (DNSNameNotAvailable)",)


def test_a_profile_that_nobody_has_looked_at_says_so() -> None:
    found = bare_profile(make_profile())
    assert found.because.endswith("; nobody has said yet whether it is in Azure")
    assert [remark.partition(":")[0] for remark in found.remarks] == ["Programmed"]


def test_a_profile_that_is_being_deleted_says_what_it_waits_for() -> None:
    waits = Condition("Programmed", UNKNOWN, "Pending", "the Azure profile is still to be deleted: Azure is away")
    profile = in_azure(waits, total=1)
    metadata = structs.replace(
        profile.metadata, deletion_timestamp="2026-01-01T00:00:00Z", finalizers=(CLEANUP_FINALIZER,)
    )
    found = bare_profile(structs.replace(profile, metadata=metadata))
    assert found.because.startswith("TrafficManagerProfile work/myatm is being deleted, and what it has in Azure is")
    assert "Azure is away" in found.because
    assert "delete tmp" not in found.todo


@pytest.mark.parametrize(
    ("message", "services", "is_whole"),
    [
        pytest.param("has their Service: app in a, shop in b; they stay", {"app", "shop"}, True, id="all of them"),
        pytest.param("has their Service: app in a and 3 more; they stay", {"app"}, False, id="the first few"),
        pytest.param("in words of another version", set(), False, id="none that anybody could read"),
    ],
)
def test_the_services_that_a_guarded_profile_names_are_read_from_its_condition(
    message: str, services: set[str], is_whole: bool
) -> None:
    held = Condition("Guarded", TRUE, "RemovalHeld", message)
    found = held_services(make_profile(status=ProfileStatus(conditions=(held,))))
    assert found == HeldServices(frozenset(services), is_whole)


def test_a_profile_that_is_not_guarded_holds_nothing() -> None:
    found = held_services(make_profile())
    assert found == HeldServices(frozenset(), is_whole=True)
