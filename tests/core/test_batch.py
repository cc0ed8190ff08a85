"""How many calls a difference costs, and that no call clashes with what stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from fleetdns.api.profile import CustomHeader, MonitorConfig
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.batch import batch, composed, is_harmless, named_in, one_by_one, placed_anew
from fleetdns.core.calls import Call, DeleteEndpoint, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.changes import Change, Create, diff
from fleetdns.core.trafficmanager import Endpoint, Profile
from tests.core.azure_model import AzureModel
from tests.core.builders import (
    endpoint_name,
    make_aggregate,
    make_backend,
    make_desired,
    make_export,
    make_foreign_endpoint,
    make_profile,
    public_ip,
)

MONITOR = MonitorConfig(30, 10, 3, "HTTP", 8080, "/")


def aggregate(*clusters: str, weight: int = 100, monitor: MonitorConfig = MONITOR, ttl: int = 60) -> Aggregate:
    return make_aggregate(
        make_profile(monitor=monitor, ttl=ttl),
        backends=[make_backend(weight=weight)],
        exports=[make_export(cluster) for cluster in clusters],
    )


def held_by_azure(before: Aggregate) -> Profile:
    azure = AzureModel()
    azure.carry_out(PutProfile(make_desired(before).profile, ""))
    (profile,) = azure.profiles.values()
    return profile


HEADERS = MonitorConfig(30, 10, 3, "HTTP", 8080, "/", (CustomHeader("X", "1"),))
TCP = MonitorConfig(30, 10, 3, "TCP", 8080)


@pytest.mark.parametrize(
    ("before", "after", "calls", "needs_fresh"),
    [
        pytest.param(None, aggregate("a"), [PutProfile], False, id="a new profile with one cluster"),
        pytest.param(None, aggregate(*"abcdefghij"), [PutProfile], False, id="a new profile with ten clusters"),
        pytest.param(None, aggregate(), [PutProfile], False, id="a new profile without clusters"),
        pytest.param(aggregate("a"), aggregate("a"), [], False, id="nothing differs"),
        pytest.param(aggregate("a"), aggregate("a", weight=5), [PutEndpoint], True, id="one weight"),
        pytest.param(aggregate(), aggregate("a"), [PutEndpoint], False, id="the first cluster joins"),
        pytest.param(aggregate("a"), aggregate(), [DeleteEndpoint], False, id="the last cluster leaves"),
        pytest.param(aggregate("a"), aggregate("a", "b"), [PutProfile], True, id="a second cluster halves the first"),
        pytest.param(aggregate("a", "b"), aggregate("a"), [PutProfile], True, id="one of two leaves"),
        pytest.param(
            aggregate("a", "b", "c", weight=3),
            aggregate("a", "b", "c", "d", weight=4),
            [PutEndpoint],
            False,
            id="a cluster joins and no other weight changes",
        ),
        pytest.param(aggregate("a"), aggregate("a", ttl=5), [PatchProfile], False, id="the ttl"),
        pytest.param(
            aggregate("a"), aggregate("a", monitor=MonitorConfig(port=1)), [PatchProfile], True, id="the port"
        ),
        pytest.param(aggregate("a"), aggregate("a", monitor=HEADERS), [PatchProfile], True, id="a header more"),
        pytest.param(aggregate("a", monitor=HEADERS), aggregate("a"), [PutProfile], True, id="a header less"),
        pytest.param(aggregate("a"), aggregate("a", monitor=TCP), [PutProfile], True, id="no path any more"),
        pytest.param(aggregate("a"), aggregate("a", weight=5, ttl=5), [PutProfile], True, id="a setting and a weight"),
    ],
)
def test_minimal_the_calls_of_the_design(
    before: Aggregate | None, after: Aggregate, calls: list[type[Call]], needs_fresh: bool
) -> None:
    observed = held_by_azure(before) if before else None
    desired = make_desired(after).profile
    made = batch(diff(desired, observed), observed)
    assert [type(call) for call in made.calls] == calls
    assert made.needs_fresh is needs_fresh
    azure = AzureModel([observed] if observed else [])
    for call in made.calls:
        azure.carry_out(call)
    assert diff(desired, azure.get(desired.ref)) == ()


def test_a_patch_names_whole_groups() -> None:
    observed = held_by_azure(aggregate("a"))
    observed = replace(observed, tags=(), status="Disabled", routing_method="Priority")
    desired = make_desired(aggregate("a", ttl=5, monitor=MonitorConfig(port=1))).profile
    (call,) = batch(diff(desired, observed), observed).calls
    assert isinstance(call, PatchProfile)
    assert call.groups == ("dnsConfig", "monitorConfig", "profileStatus", "tags", "trafficRoutingMethod")


def test_another_type_is_another_resource_and_takes_a_whole_put() -> None:
    observed = held_by_azure(aggregate("a"))
    observed = replace(observed, endpoints=(structs.replace(observed.endpoints[0], kind="externalEndpoints"),))
    changes = diff(make_desired(aggregate("a")).profile, observed)
    assert [type(call) for call in batch(changes, observed).calls] == [PutProfile]


def test_one_by_one_another_type_is_a_deletion_and_a_creation() -> None:
    desired = make_desired(aggregate("a")).profile
    observed = held_by_azure(aggregate("a"))
    observed = replace(observed, endpoints=(structs.replace(observed.endpoints[0], kind="externalEndpoints"),))
    azure = AzureModel([observed])
    for call in one_by_one(diff(desired, observed), observed):
        azure.carry_out(call)
    assert diff(desired, azure.get(desired.ref)) == ()


def test_new_endpoints_take_the_lowest_free_priorities_in_order_of_name() -> None:
    observed = held_by_azure(aggregate("b"))
    observed = replace(
        observed, endpoints=(structs.replace(observed.endpoints[0], priority=2), make_foreign_endpoint(priority=4))
    )
    after = composed(observed, diff(make_desired(aggregate("d", "a", "b", "c")).profile, observed))
    priorities = {e.owner.cluster if e.owner else "foreign": e.priority for e in after.endpoints}
    assert priorities == {"b": 2, "foreign": 4, "a": 1, "c": 3, "d": 5}


def test_a_single_new_endpoint_brings_its_priority_along() -> None:
    observed = replace(held_by_azure(aggregate()), endpoints=(make_foreign_endpoint(priority=1),))
    (call,) = batch(diff(make_desired(aggregate("a")).profile, observed), observed).calls
    assert isinstance(call, PutEndpoint)
    assert call.endpoint.priority == 2


def test_a_renamed_endpoint_with_the_same_target_is_replaced_in_one_put() -> None:
    desired = make_desired(aggregate("a")).profile
    old = structs.replace(desired.endpoints[0], name=f"fleet-{make_profile().metadata.uid}#app#a", priority=1)
    observed = replace(held_by_azure(aggregate()), endpoints=(old,))
    (call,) = batch(diff(desired, observed), observed).calls
    assert isinstance(call, PutProfile)
    assert [(e.folded, e.priority) for e in call.profile.endpoints] == [(desired.endpoints[0].folded, 1)]


def test_one_by_one_settings_go_first_then_deletions_then_the_rest() -> None:
    observed = held_by_azure(aggregate("b", "c"))
    desired = make_desired(aggregate("a", "b", ttl=5)).profile
    calls = list(one_by_one(diff(desired, observed), observed))
    assert [type(call) for call in calls] == [PatchProfile, DeleteEndpoint, PutEndpoint]


def test_one_by_one_what_has_to_go_is_put_with_the_endpoints_as_they_are() -> None:
    observed = held_by_azure(aggregate("a", monitor=HEADERS))
    desired = make_desired(aggregate("a", "b")).profile
    first, *rest = one_by_one(diff(desired, observed), observed)
    assert isinstance(first, PutProfile)
    assert first.profile.endpoints == observed.endpoints
    assert first.profile.monitor.headers == ()
    assert [type(call) for call in rest] == [PutEndpoint, PutEndpoint]


def test_endpoints_alone_are_not_written_to_a_profile_that_is_not_there() -> None:
    endpoint = Endpoint(endpoint_name("a"), target_resource_id=public_ip("a"), weight=1)
    assert batch((Create(endpoint, "not in Azure"),), None).calls == ()


def test_a_deletion_keeps_the_type_that_azure_has() -> None:
    observed = held_by_azure(aggregate("a"))
    observed = replace(observed, endpoints=(structs.replace(observed.endpoints[0], kind="nestedEndpoints"),))
    (call,) = batch(diff(make_desired(aggregate()).profile, observed), observed).calls
    assert isinstance(call, DeleteEndpoint)
    assert call.endpoint.kind == "nestedEndpoints"


def test_a_call_says_what_it_is_about_and_why() -> None:
    observed = held_by_azure(aggregate("a"))
    (call,) = batch(diff(make_desired(aggregate("a", weight=5)).profile, observed), observed).calls
    assert call.because == "weight 100 -> 5"
    (call,) = batch(diff(make_desired(aggregate("a", "b")).profile, None), None).calls
    assert call.because == "new profile with 2 endpoints"


def joining(*there: str, coming: str) -> dict[str, Change]:
    """The changes that make one more cluster join those that are there, by cluster."""
    changes = diff(make_desired(aggregate(*there, coming)).profile, held_by_azure(aggregate(*there)))
    return {
        change.subject.owner.cluster: change
        for change in changes
        if isinstance(change.subject, Endpoint) and change.subject.owner is not None
    }


@pytest.mark.parametrize(
    ("sentence", "is_named"),
    [
        pytest.param("Endpoint target must be unique: {target}.", True, id="its target, at the end of a sentence"),
        pytest.param("The target {TARGET} is in use.", True, id="its target in another case"),
        pytest.param("Endpoint '{name}' is not valid.", True, id="its name"),
        pytest.param("The target {target}0 is in use.", False, id="a target that begins like it"),
        pytest.param("The target {target}.old is in use.", False, id="a target that goes on after a full stop"),
        pytest.param("The target {target}-b is in use.", False, id="a target that goes on after a hyphen"),
        pytest.param("Some of the endpoints are not valid.", False, id="nothing"),
        pytest.param("", False, id="no sentence"),
    ],
)
def test_a_refusal_names_a_new_endpoint_by_its_whole_target_or_name(sentence: str, is_named: bool) -> None:
    changes = joining("a", coming="b")
    target = public_ip("b-app")
    said = sentence.format(target=target, TARGET=target.upper(), name=endpoint_name("b"))
    assert (named_in(said, changes.values()) == (changes["b"],)) == is_named


def test_an_endpoint_that_only_gets_another_weight_is_never_what_a_refusal_names() -> None:
    changes = joining("a", coming="b")
    assert named_in(f"The target {public_ip('a-app')} is in use.", changes.values()) == ()
    assert is_harmless(changes["a"])
    assert not is_harmless(changes["b"])


@pytest.mark.parametrize(
    ("others", "priority"),
    [
        pytest.param([("theirs", 2)], 3, id="its number is another's: the next free one"),
        pytest.param([("theirs", 2), ("more", 1), ("again", 3)], 4, id="several came"),
        pytest.param([("theirs", 5)], None, id="its number is free: that is not why it was refused"),
        pytest.param([], None, id="nobody came"),
        pytest.param([(endpoint_name("b"), 2)], None, id="it is there"),
    ],
)
def test_a_new_endpoint_that_was_refused_gets_another_number_where_its_own_is_taken_by_now(
    others: list[tuple[str, int]], priority: int | None
) -> None:
    known = held_by_azure(aggregate("a"))
    kept = tuple(e for e in known.endpoints if e.priority not in {number for _, number in others})
    call = PutEndpoint(known.ref, Endpoint(endpoint_name("b"), weight=7, priority=2), "not in Azure")
    fresh = replace(known, endpoints=(*kept, *(Endpoint(name, priority=number) for name, number in others)))
    placed = placed_anew(call, fresh)
    if priority is None:
        assert placed is None
    else:
        assert placed == replace(call, endpoint=structs.replace(call.endpoint, priority=priority))
