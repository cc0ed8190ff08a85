"""The share that an endpoint keeps while its export is missing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from msgspec import structs

from fleetdns.api.backend import BackendStatus, EndpointStatus, FromCluster, TrafficManagerBackend
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.desired import Desired, desired_profile
from fleetdns.core.drain import Drain
from fleetdns.core.kept import Kept, kept_endpoints
from fleetdns.core.trafficmanager import Profile
from fleetdns.core.weights import CEILING, EXACT
from tests.core.builders import (
    endpoint_name,
    make_aggregate,
    make_backend,
    make_desired,
    make_export,
    make_identity,
    make_naming,
    make_profile,
    uid_of,
)

A, B, C = make_export("a", weight=1), make_export("b", weight=3), make_export("c", weight=6)
ALL = make_aggregate(exports=[A, B, C])


def azure() -> Profile:
    return make_desired(ALL).profile


def by_cluster(profile: Profile) -> dict[str, int]:
    return {e.owner.cluster: e.weight or 0 for e in profile.endpoints if e.owner is not None}


def desired(aggregate: Aggregate, kept: tuple[Kept, ...], *, room: int = 200, rounding: str = EXACT) -> Desired:
    return desired_profile(
        make_identity(),
        make_profile(),
        aggregate=aggregate,
        drain=Drain(),
        naming=make_naming(),
        rounding=rounding,
        room=room,
        kept=kept,
    )


def weights(backend: TrafficManagerBackend, *exports: object, missing: str) -> dict[str, Fraction]:
    """The weights, by cluster, of the endpoints whose exports are missing."""
    aggregate = make_aggregate(backends=[backend], exports=[e for e in (A, B, C) if e in exports])
    kept = kept_endpoints([endpoint_name(cluster) for cluster in missing], azure(), aggregate)
    return {k.endpoint.owner.cluster: k.weight for k in kept if k.endpoint.owner is not None}


def test_status_tells_what_the_export_asked_for() -> None:
    told = BackendStatus(endpoints=(EndpointStatus(endpoint_name("c"), from_=FromCluster("c", 6)),))
    assert weights(make_backend(status=told), A, B, missing="c") == {"c": 6}


def test_without_status_azure_s_weights_tell_it_beside_a_cluster_that_exports() -> None:
    assert weights(make_backend(), A, missing="bc") == {"b": 3, "c": 6}


def test_without_anybody_who_exports_azure_s_weights_are_the_ratio() -> None:
    found = weights(make_backend(), missing="abc")
    assert found["b"] == 3 * found["a"]
    assert found["c"] == 6 * found["a"]


def test_the_weights_of_a_backend_made_anew_stay_as_they_are() -> None:
    heir = make_backend(uid=uid_of("anew"))
    aggregate = make_aggregate(backends=[heir], exports=[])
    kept = kept_endpoints([endpoint_name(cluster) for cluster in "abc"], azure(), aggregate)
    found = desired(aggregate, kept).profile
    assert {e.folded: e.weight for e in found.endpoints} == {e.folded: e.weight for e in azure().endpoints}


@pytest.mark.parametrize("rounding", [EXACT, CEILING])
def test_weights_of_which_nothing_on_the_hub_tells_stay_whatever_the_backend_asks_for(rounding: str) -> None:
    heir = make_backend(uid=uid_of("anew"), weight=7)
    aggregate = make_aggregate(backends=[heir], exports=[])
    kept = kept_endpoints([endpoint_name(cluster) for cluster in "abc"], azure(), aggregate)
    found = desired(aggregate, kept, rounding=rounding).profile
    assert by_cluster(found) == by_cluster(azure())


def test_weights_of_which_one_export_tells_have_their_share_of_what_the_backend_asks_for() -> None:
    heir = make_backend(uid=uid_of("anew"), weight=200)
    aggregate = make_aggregate(backends=[heir], exports=[A])
    kept = kept_endpoints([endpoint_name(cluster) for cluster in "bc"], azure(), aggregate)
    assert by_cluster(desired(aggregate, kept).profile) == {"a": 20, "b": 60, "c": 120}


def test_the_weights_of_a_backend_made_anew_do_not_creep_while_exports_are_missing() -> None:
    exports = [make_export(c, weight=w) for c, w in {"a": 13, "b": 184, "c": 554, "d": 389}.items()]
    made = make_aggregate(backends=[make_backend(weight=200)], exports=exports)
    aggregate = make_aggregate(backends=[make_backend(weight=200, uid=uid_of("anew"))], exports=exports[:3])
    before = profile = make_desired(made, rounding=CEILING).profile
    for _ in range(20):
        names = (e.folded for e in profile.endpoints if e.owner is not None and e.owner.cluster == "d")
        kept = kept_endpoints(names, profile, aggregate)
        profile = desired(aggregate, kept, rounding=CEILING).profile
    assert by_cluster(profile) == pytest.approx(by_cluster(before), abs=1)


def test_an_endpoint_for_which_no_backend_answers_is_left_out() -> None:
    assert kept_endpoints([endpoint_name("a")], azure(), make_aggregate(backends=[], exports=[])) == ()


def test_a_name_that_azure_does_not_hold_is_left_out() -> None:
    assert kept_endpoints([endpoint_name("z")], azure(), ALL) == ()


def test_what_stays_takes_its_room() -> None:
    aggregate = make_aggregate(exports=[A, B])
    kept = kept_endpoints([endpoint_name("c")], azure(), aggregate)
    found = desired(aggregate, kept, room=2)
    assert [r.reason for r in found.rejections] == ["EndpointLimit"]
    assert {e.owner.cluster for e in found.profile.endpoints if e.owner} == {"a", "c"}


def test_what_stays_is_as_azure_holds_it_but_for_its_weight() -> None:
    profile = azure()
    tampered = replace(profile, endpoints=tuple(structs.replace(e, weight=999, priority=77) for e in profile.endpoints))
    told = BackendStatus(endpoints=(EndpointStatus(endpoint_name("c"), from_=FromCluster("c", 6)),))
    aggregate = make_aggregate(backends=[make_backend(status=told)], exports=[A, B])
    kept = kept_endpoints([endpoint_name("c")], tampered, aggregate)
    found = desired(aggregate, kept).profile
    endpoint = found.endpoint(endpoint_name("c"))
    assert endpoint is not None
    assert (endpoint.priority, endpoint.weight) == (77, 60)
