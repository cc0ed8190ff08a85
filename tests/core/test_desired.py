"""What Azure ought to hold, and why some exports are left out."""

from __future__ import annotations

import msgspec
import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import Condition
from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import CustomHeader, MonitorConfig
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG
from fleetdns.core.trafficmanager import Endpoint, Monitor
from tests.core.builders import (
    HUB_ID,
    endpoint_name,
    make_aggregate,
    make_backend,
    make_desired,
    make_export,
    make_import,
    make_naming,
    make_profile,
    public_ip,
)

LOST = Condition("Conflict", "True", "ConflictFound", "port 80 is not port 81")
WON = Condition("Conflict", "False", "NoConflictFound", "")
GOOD = make_export("good")
APP = ObjectKey("work", "app")


@pytest.mark.parametrize(
    ("bad", "accepted", "reason"),
    [
        pytest.param(make_export("bad", service_type="ClusterIP"), True, "ServiceTypeNotSupported", id="ClusterIP"),
        pytest.param(make_export("bad", service_type=None), True, "ServiceTypeNotSupported", id="no type"),
        pytest.param(make_export("bad", is_internal=True), True, "InternalLoadBalancer", id="internal load balancer"),
        pytest.param(make_export("bad", target=None), True, "PublicIPPending", id="no public IP yet"),
        pytest.param(make_export("bad", has_dns_label=False), True, "DNSLabelMissing", id="no DNS label"),
        pytest.param(
            make_export("bad", has_dns_label=False, target=None),
            True,
            "PublicIPPending",
            id="no IP goes before no label",
        ),
        pytest.param(None, True, "ExportNotFound", id="the import names a cluster whose export is gone"),
        pytest.param(
            make_export("bad", member_namespace="fleet-member-evil"), False, "ClusterMismatch", id="a stolen cluster id"
        ),
        pytest.param(make_export("bad", conditions=(LOST,)), False, "ConflictLost", id="the ports lost a conflict"),
        pytest.param(make_export("bad"), True, None, id="nothing wrong"),
        pytest.param(
            make_export("zzz", target=public_ip("good-app").upper()), True, "DuplicateTarget", id="a taken IP"
        ),
    ],
)
def test_one_bad_export_is_rejected_and_the_others_go_on(
    bad: InternalServiceExport | None, accepted: bool, reason: str | None
) -> None:
    cluster = bad.cluster if bad else "bad"
    exports = [GOOD, *([bad] if bad else [])]
    imports = [make_import(clusters=["good", *([cluster] if accepted else [])])]
    desired = make_desired(make_aggregate(exports=exports, imports=imports))
    assert [(r.backend, r.cluster, r.reason) for r in desired.rejections] == (
        [(APP, cluster, reason)] if reason else []
    )
    assert all(r.message for r in desired.rejections)
    names = {endpoint_name("good")} | (set() if reason else {endpoint_name(cluster)})
    assert {e.name for e in desired.profile.endpoints} == names


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        pytest.param(
            make_export("bad", target=None),
            ("its events in that cluster", "cloud provider"),
            id="no public IP: the Service's events tell why, a label that is taken among it",
        ),
        pytest.param(
            make_export("bad", has_dns_label=False),
            ("azure-dns-label-name", "ResourceOverride", "unique in the region", "its events in that cluster"),
            id="no label: two ways to ask for one, and where to look if it was asked for",
        ),
        pytest.param(
            make_export("bad", has_dns_label=False, annotations={"fleetdns.io/dns-label": "app-bad"}),
            ("a ResourceOverride asks for app-bad", "the Service's events in that cluster"),
            id="no label, though an override asks for one: which, and where to look",
        ),
        pytest.param(
            make_export("bad", is_internal=True), ("azure-load-balancer-internal",), id="internal: the annotation"
        ),
    ],
)
def test_a_rejection_says_what_to_do(bad: InternalServiceExport, says: tuple[str, ...]) -> None:
    desired = make_desired(make_aggregate(exports=[GOOD, bad], imports=[make_import(clusters=["good", "bad"])]))
    (rejection,) = desired.rejections
    assert [words for words in says if words not in rejection.message] == []


def test_what_a_member_writes_for_a_label_is_shown_as_one_short_line() -> None:
    bad = make_export("bad", has_dns_label=False, annotations={"fleetdns.io/dns-label": "\x1b[31m\n" + "x" * 9000})
    desired = make_desired(make_aggregate(exports=[bad], imports=[make_import(clusters=["bad"])]))
    (rejection,) = desired.rejections
    assert rejection.message.isprintable()
    assert len(rejection.message) < 300


@pytest.mark.parametrize("annotations", [{}, {"fleetdns.io/withdrawn": "true"}], ids=["unannounced", "withdrawn"])
def test_an_export_on_its_way_out_is_neither_an_endpoint_nor_missing(annotations: dict[str, str]) -> None:
    leaving = make_export("bad", is_deleting=True, annotations=annotations)
    desired = make_desired(make_aggregate(exports=[GOOD, leaving], imports=[make_import(clusters=["bad", "good"])]))
    assert desired.rejections == ()
    assert [source.cluster for source in desired.sources] == ["good"]


def test_what_stands_in_a_conflict_is_short_in_a_backend_s_status() -> None:
    long = msgspec.structs.replace(LOST, message="\x1b" + "x" * 30_000)
    desired = make_desired(
        make_aggregate(exports=[GOOD, make_export("bad", conditions=(long,))], imports=[make_import(clusters=["good"])])
    )
    (rejected,) = desired.rejections
    assert len(rejected.message) == 512
    assert rejected.message.isprintable()


def test_the_limit_of_endpoints_rejects_what_does_not_fit() -> None:
    exports = [make_export(f"member-{n}") for n in range(5)]
    desired = make_desired(make_aggregate(exports=exports), room=3)
    assert [s.cluster for s in desired.sources] == ["member-0", "member-1", "member-2"]
    assert [(r.cluster, r.reason) for r in desired.rejections] == [
        ("member-3", "EndpointLimit"),
        ("member-4", "EndpointLimit"),
    ]


def test_a_stolen_cluster_id_does_not_push_out_the_real_one() -> None:
    stolen = make_export("good", member_namespace="fleet-member-evil", target=public_ip("evil"))
    desired = make_desired(make_aggregate(exports=[stolen, GOOD]))
    assert [e.target_resource_id for e in desired.profile.endpoints] == [public_ip("good-app")]
    assert [r.reason for r in desired.rejections] == ["ClusterMismatch"]


def test_two_backends_of_one_service_the_older_has_it() -> None:
    old = make_backend("zzz", service="app", created="2025-01-01T00:00:00Z")
    young = make_backend("aaa", service="app", created="2025-01-02T00:00:00Z")
    desired = make_desired(make_aggregate(backends=[young, old], exports=[GOOD]))
    assert [s.backend.name for s in desired.sources] == ["zzz"]
    assert [(r.backend.name, r.reason) for r in desired.rejections] == [("aaa", "DuplicateTarget")]


def test_the_second_backend_gets_the_target_when_the_first_leaves() -> None:
    leaving = make_backend("zzz", service="app", created="2025-01-01T00:00:00Z", is_deleting=True)
    desired = make_desired(make_aggregate(backends=[leaving, make_backend("aaa", service="app")], exports=[GOOD]))
    assert [s.backend.name for s in desired.sources] == ["aaa"]
    assert desired.rejections == ()


@pytest.mark.parametrize(
    ("exports", "imported", "unexported", "unresolved"),
    [
        pytest.param([], None, True, False, id="no export and no import: not exported"),
        pytest.param([], [], True, False, id="no export and an empty import: not exported"),
        pytest.param([GOOD], None, False, True, id="an export and no import yet: being resolved"),
        pytest.param([GOOD], [], False, True, id="an export and an empty import: being resolved"),
        pytest.param([GOOD], ["good"], False, False, id="an accepted export"),
        pytest.param([make_export("good", conditions=(WON,))], ["good"], False, False, id="a conflict that was won"),
        pytest.param([make_export("good", is_deleting=True)], None, True, False, id="the only export is being deleted"),
        pytest.param([make_export("good", service="web")], None, True, False, id="another service's export"),
        pytest.param([make_export("good", namespace="play")], None, True, False, id="another namespace's export"),
        pytest.param(
            [make_export("good", member_namespace="fleet-member-evil")],
            None,
            True,
            False,
            id="only a stolen cluster id",
        ),
    ],
)
def test_a_service_nobody_exports_is_told_from_one_being_resolved(
    exports: list[InternalServiceExport], imported: list[str] | None, unexported: bool, unresolved: bool
) -> None:
    imports = [] if imported is None else [make_import(clusters=imported)]
    desired = make_desired(make_aggregate(exports=exports, imports=imports))
    assert desired.unexported == (frozenset([APP]) if unexported else frozenset())
    assert desired.unresolved == (frozenset([APP]) if unresolved else frozenset())
    assert bool(desired.profile.endpoints) == (not unexported and not unresolved)


@pytest.mark.parametrize(
    ("backends", "weights", "expected"),
    [
        pytest.param([make_backend(weight=100)], [None, None], [50, 50], id="an export without a weight counts 1"),
        pytest.param([make_backend(weight=None)], [1], [1], id="a backend without a weight counts 1"),
        pytest.param([make_backend(weight=0)], [1, 1], [], id="a backend of weight 0 has no endpoints"),
        pytest.param([make_backend(weight=90)], [0, 3], [90], id="an export of weight 0 has no endpoint"),
        pytest.param([make_backend(weight=90)], [0, 0], [], id="every export of weight 0"),
        pytest.param([make_backend(is_deleting=True)], [1], [], id="a backend that is being deleted"),
        pytest.param([], [1], [], id="no backend"),
    ],
)
def test_weights_reach_the_endpoints(
    backends: list[TrafficManagerBackend], weights: list[int | None], expected: list[int]
) -> None:
    exports = [make_export(f"member-{n}", weight=weight) for n, weight in enumerate(weights)]
    desired = make_desired(make_aggregate(backends=backends, exports=exports))
    assert [e.weight for e in desired.profile.endpoints] == expected
    assert desired.rejections == ()


def test_fleets_rounding_can_be_asked_for() -> None:
    exports = [make_export("a", weight=100), make_export("b", weight=200), make_export("c", weight=1)]
    desired = make_desired(make_aggregate(backends=[make_backend(weight=7)], exports=exports), rounding="ceiling")
    assert [e.weight for e in desired.profile.endpoints] == [3, 5, 1]


def test_an_endpoint_is_named_after_its_backend_service_and_cluster() -> None:
    backend = make_backend("front", service="app", uid="3F2504E0-4F89-41D3-9A0C-0305E82C3301")
    desired = make_desired(make_aggregate(backends=[backend], exports=[GOOD]))
    name = "fleet-3f2504e0-4f89-41d3-9a0c-0305e82c3301#app#good"
    assert desired.profile.endpoints == (
        Endpoint(name, "azureEndpoints", public_ip("good-app"), weight=100, status="Enabled"),
    )
    source = desired.source(name.upper())
    assert source is not None
    assert (source.backend, source.cluster, source.weight) == (ObjectKey("work", "front"), "good", 1)
    assert desired.source("by-hand") is None


@pytest.mark.parametrize(
    ("config", "monitor"),
    [
        pytest.param(MonitorConfig(), Monitor("HTTP", 80, "/", 30, 10, 3), id="every default"),
        pytest.param(MonitorConfig(interval_in_seconds=10), Monitor("HTTP", 80, "/", 10, 9, 3), id="10 s allow 9 s"),
        pytest.param(
            MonitorConfig(timeout_in_seconds=5), Monitor("HTTP", 80, "/", 30, 5, 3), id="a timeout of its own"
        ),
        pytest.param(
            MonitorConfig(tolerated_number_of_failures=0), Monitor("HTTP", 80, "/", 30, 10, 0), id="0 failures"
        ),
        pytest.param(
            MonitorConfig(protocol="TCP", path="/"), Monitor("TCP", 80, None, 30, 10, 3), id="TCP has no path"
        ),
        pytest.param(
            MonitorConfig(protocol="HTTPS", port=443), Monitor("HTTPS", 443, "/", 30, 10, 3), id="HTTPS has one"
        ),
        pytest.param(
            MonitorConfig(custom_headers=(CustomHeader("X-B", "2"), CustomHeader("Host", "a"))),
            Monitor("HTTP", 80, "/", 30, 10, 3, headers=(("Host", "a"), ("X-B", "2"))),
            id="headers are sorted",
        ),
        pytest.param(
            MonitorConfig(custom_headers=(CustomHeader("Host", "a"), CustomHeader("host", "b"))),
            Monitor("HTTP", 80, "/", 30, 10, 3, headers=(("Host", "a"),)),
            id="a header that differs in case alone is the same one, which Azure takes once",
        ),
    ],
)
def test_probes(config: MonitorConfig, monitor: Monitor) -> None:
    assert make_desired(make_aggregate(make_profile(monitor=config))).profile.monitor == monitor


@pytest.mark.parametrize(
    ("ttl", "expected"),
    [
        pytest.param(None, 60, id="60 s by default"),
        pytest.param(0, 0, id="0 is a value"),
        pytest.param(5, 5, id="a value"),
    ],
)
def test_ttl(ttl: int | None, expected: int) -> None:
    assert make_desired(make_aggregate(make_profile(ttl=ttl))).profile.ttl == expected


def test_tags_are_fleets_ours_and_the_administrators_in_order() -> None:
    naming = make_naming(tags={"team": "red", HUB_TAG.upper(): "taken", PROFILE_TAG: "taken"})
    desired = make_desired(naming=naming)
    assert desired.profile.tags == tuple(sorted([(HUB_TAG, HUB_ID), (PROFILE_TAG, "work/myatm"), ("team", "red")]))


def test_200_clusters_share_a_backend() -> None:
    exports = [make_export(f"member-{n:03}") for n in range(201)]
    desired = make_desired(make_aggregate(exports=exports))
    assert len(desired.profile.endpoints) == 200
    assert {e.weight for e in desired.profile.endpoints} == {1}
    assert [r.cluster for r in desired.rejections] == ["member-200"]


def test_of_two_exports_that_one_cluster_makes_of_one_service_the_same_one_counts_in_any_order() -> None:
    one = make_export("good", weight=1)
    renamed = msgspec.structs.replace(one.metadata, name="work-app-again")
    other = msgspec.structs.replace(make_export("good", target=public_ip("again")), metadata=renamed)
    stolen = [make_export("good", member_namespace=f"fleet-member-{evil}") for evil in ("x", "y")]
    exports = [one, other, *stolen]
    assert make_desired(make_aggregate(exports=exports)) == make_desired(make_aggregate(exports=exports[::-1]))
