"""For each way in which a cluster can be without traffic: the verdict, and that something can be done about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.backend import BackendStatus, EndpointStatus, FromCluster, RejectedExport, TrafficManagerBackend
from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition
from fleetdns.api.exports import AZURE_MESSAGE, EXCLUDED, WITHDRAWN, InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import CLEANUP_FINALIZER as PROFILE_FINALIZER
from fleetdns.api.profile import MonitorConfig, ProfileStatus, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate, Unreadable
from fleetdns.core.explain import explain
from fleetdns.core.finding import Explanation, Finding, Question
from tests.core.builders import (
    NAMESPACE,
    PROFILE,
    SERVICE,
    endpoint_name,
    make_aggregate,
    make_backend,
    make_export,
    make_imports,
    make_profile,
    public_ip,
)

SERVICE_KEY = ObjectKey(NAMESPACE, SERVICE)
PROFILE_KEY = ObjectKey(NAMESPACE, PROFILE)
GUARD = Condition("Guarded", TRUE, "RemovalHeld", "the exports are gone without being withdrawn")


def programmed(*, monitor: MonitorConfig | None = None, condition: Condition | None = None) -> TrafficManagerProfile:
    """A profile that is in Azure, or one with that condition that is not."""
    status = ProfileStatus(conditions=(condition,)) if condition is not None else _in_azure()
    return make_profile(status=status, monitor=monitor)


def _in_azure() -> ProfileStatus:
    return ProfileStatus(
        dns_name="myatm.trafficmanager.net",
        resource_id="/subscriptions/s",
        conditions=(Condition("Programmed", TRUE, "Programmed"),),
    )


def endpoint(cluster: str, weight: int = 50, *, monitor: str = "Online") -> EndpointStatus:
    return EndpointStatus(
        name=endpoint_name(cluster),
        target=f"{cluster}.westeurope.cloudapp.azure.com",
        weight=weight,
        from_=FromCluster(cluster, 1),
        monitor_status=monitor,
    )


def backend(
    *endpoints: EndpointStatus,
    rejected: Iterable[RejectedExport] = (),
    conditions: tuple[Condition, ...] = (Condition("Accepted", TRUE, "Accepted"),),
    weight: int = 100,
) -> TrafficManagerBackend:
    status = BackendStatus(endpoints=endpoints, rejected=tuple(rejected), conditions=conditions)
    return make_backend(status=status, weight=weight)


def asked(aggregate: Aggregate | None, *clusters: str, exports: Iterable[InternalServiceExport] = ()) -> Question:
    exports = tuple(exports)
    bare = Aggregate(SERVICE_KEY, None, imports=make_imports(exports), exports=exports)
    return Question(SERVICE_KEY, (aggregate,) if aggregate is not None else (), bare, frozenset(clusters))


def only(question: Question) -> Explanation:
    (explanation,) = explain(question)
    return explanation


def found(question: Question, cluster: str) -> Finding:
    return next(finding for finding in only(question).findings if finding.cluster == cluster)


def exporting(
    export: InternalServiceExport,
    *,
    imports: Iterable[ServiceImport] | None = None,
    unreadable: Unreadable | None = None,
    drained: Iterable[str] = (),
) -> Aggregate:
    """The cluster b serves beside one with this export."""
    return make_aggregate(
        programmed(),
        backends=[backend(endpoint("b"), conditions=(Condition("Accepted", FALSE, "Invalid", "see status.rejected"),))],
        exports=[export, make_export("b")],
        imports=imports,
        unreadable=unreadable,
        drained=drained,
    )


_A = "a"


@pytest.mark.parametrize(
    ("aggregate", "verdict", "says"),
    [
        pytest.param(exporting(make_export(_A, service_type="ClusterIP")), "ServiceTypeNotSupported", "", id="type"),
        pytest.param(exporting(make_export(_A, is_internal=True)), "InternalLoadBalancer", "", id="internal"),
        pytest.param(exporting(make_export(_A, target=None)), "PublicIPPending", "no public IP", id="no public IP"),
        pytest.param(
            exporting(make_export(_A, target=None, annotations={AZURE_MESSAGE: "no right to read mc-a"})),
            "PublicIPPending",
            "no right to read mc-a",
            id="no public IP, and the agent says why",
        ),
        pytest.param(exporting(make_export(_A, has_dns_label=False)), "DNSLabelMissing", "", id="no label"),
        pytest.param(exporting(make_export(_A, weight=0)), "WeightZero", "weight 0", id="weight 0"),
        pytest.param(
            exporting(make_export(_A, annotations={EXCLUDED: "true"})), "Excluded", "ResourceOverride", id="an override"
        ),
        pytest.param(exporting(make_export(_A), drained=[_A]), "Drained", "drained", id="drained"),
        pytest.param(
            exporting(make_export(_A), unreadable=Unreadable(clusters=frozenset({_A}))),
            "Unreadable",
            "cannot be read",
            id="its namespace cannot be read",
        ),
        pytest.param(
            exporting(make_export(_A, annotations={WITHDRAWN: "true"})), "Withdrawn", "withdraws", id="withdrawn"
        ),
        pytest.param(
            exporting(make_export(_A, target=public_ip("b-app"))), "Serving", "", id="who comes first keeps the target"
        ),
        pytest.param(
            exporting(
                make_export(_A, conditions=(Condition("Conflict", TRUE, "ConflictFound", "80/TCP is missing"),)),
                imports=make_imports([make_export("b")]),
            ),
            "ConflictLost",
            "80/TCP is missing",
            id="a lost conflict",
        ),
        pytest.param(
            exporting(make_export(_A), imports=make_imports([make_export("b")])), "NotImported", "", id="not imported"
        ),
        pytest.param(exporting(make_export(_A), imports=[]), "NotImported", "does not name", id="no import at all"),
        pytest.param(exporting(make_export("b")), "NotExported", "fleet-member-a", id="no export"),
    ],
)
def test_what_a_cluster_itself_lacks_is_its_verdict(aggregate: Aggregate, verdict: str, says: str) -> None:
    if verdict == "Serving":
        aggregate = make_aggregate(
            programmed(), backends=[backend(endpoint(_A))], exports=[*aggregate.exports], imports=aggregate.imports
        )
    finding = found(asked(aggregate, _A, "b"), _A)
    assert finding.verdict == verdict
    assert says in finding.because
    assert bool(finding.todo) == (verdict not in ("Serving", "Withdrawn"))


def test_who_comes_second_for_a_target_is_told_who_has_it() -> None:
    exports = [make_export("a"), make_export("b", target=public_ip("a-app"))]
    aggregate = make_aggregate(programmed(), backends=[backend(endpoint("a"))], exports=exports)
    finding = found(asked(aggregate), "b")
    assert finding.verdict == "DuplicateTarget"
    assert "cluster a" in finding.because


def test_an_export_in_anothers_namespace_is_told_of_unless_the_cluster_exports_itself() -> None:
    stranger = make_export("a", member_namespace="fleet-member-b")
    alone = make_aggregate(programmed(), backends=[backend()], exports=[stranger], imports=[])
    assert found(asked(alone, "a", "b"), "a").verdict == "ClusterMismatch"
    both = make_aggregate(programmed(), backends=[backend(endpoint("a"))], exports=[stranger, make_export("a")])
    assert found(asked(both), "a").verdict == "Serving"


def test_the_201st_cluster_finds_the_profile_full() -> None:
    exports = [make_export(f"c{number:03}") for number in range(201)]
    aggregate = make_aggregate(programmed(), backends=[backend()], exports=exports)
    assert found(asked(aggregate), "c200").verdict == "EndpointLimit"


NOT_PROGRAMMED = Condition("Programmed", FALSE, "DNSNameNotAvailable", "the DNS name myatm belongs to somebody else")


@pytest.mark.parametrize(
    ("profile", "weight", "verdict", "says"),
    [
        pytest.param(None, 1, "ProfileNotFound", "work/myatm does not exist", id="no profile"),
        pytest.param(make_profile(is_deleting=True), 1, "BeingDeleted", "being deleted", id="a profile that goes"),
        pytest.param(make_profile(), 1, "Pending", "no controller has looked", id="nobody has looked"),
        pytest.param(
            programmed(condition=NOT_PROGRAMMED),
            1,
            "ProfileNotProgrammed",
            "belongs to somebody else",
            id="not programmed",
        ),
        pytest.param(programmed(), 0, "BackendWeightZero", "weight of TrafficManagerBackend", id="backend of weight 0"),
    ],
)
def test_what_the_backend_lacks_is_the_verdict_of_those_that_lack_nothing_themselves(
    profile: TrafficManagerProfile | None, weight: int, verdict: str, says: str
) -> None:
    exports = (make_export("a"), make_export("b", has_dns_label=False))
    aggregate = Aggregate(
        PROFILE_KEY, profile, backends=(backend(weight=weight),), imports=make_imports(exports), exports=exports
    )
    finding = found(asked(aggregate), "a")
    assert finding.verdict == verdict
    assert says in finding.because
    assert finding.todo
    if weight:
        assert found(asked(aggregate), "b").verdict == "DNSLabelMissing"


def test_a_service_without_a_backend_says_so_and_still_what_each_cluster_lacks() -> None:
    exports = [make_export("a"), make_export("b", target=None)]
    explanation = only(asked(None, "a", "b", "c", exports=exports))
    assert (explanation.backend, explanation.profile) == (None, None)
    verdicts = {finding.cluster: finding.verdict for finding in explanation.findings}
    assert verdicts == {"a": "NoBackend", "b": "PublicIPPending", "c": "NotExported"}


def test_a_service_without_a_backend_says_which_profiles_hold_endpoints_that_have_none() -> None:
    own = guarded("own", "these are gone: shop in a, app in a; they stay")
    cut = guarded("cut", "these are gone: shop in a, shop in b and 3 more; they stay")
    others = guarded("others", "these are gone: shop in a, my-app in a; they stay")
    unlisted = guarded("unlisted", "something is held")
    question = replace(asked(None, "a", exports=[make_export("a")]), guarded=(own, cut, others, unlisted))
    assert [remark.partition(" is Guarded: ")[0] for remark in only(question).remarks] == [
        "TrafficManagerProfile work/cut",  # it may be among those that are not named
        "TrafficManagerProfile work/own",
        "TrafficManagerProfile work/unlisted",
    ]
    assert only(asked(None, "a", exports=[make_export("a")])).remarks == ()


def guarded(name: str, message: str) -> TrafficManagerProfile:
    return make_profile(name, status=ProfileStatus(conditions=(Condition("Guarded", TRUE, "RemovalHeld", message),)))


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        pytest.param("AzureRefused", "BadRequest: The target is not valid.", id="refused"),
        pytest.param("DuplicateTarget", "endpoint 'by-hand' already has this public IP", id="taken by a foreign one"),
        pytest.param("DisabledInAzure", "somebody disabled the endpoint in Azure", id="disabled"),
    ],
)
def test_what_azure_says_of_an_endpoint_is_told(reason: str, message: str) -> None:
    there = [endpoint("a")] if reason == "DisabledInAzure" else []
    served = backend(*there, rejected=[RejectedExport("a", reason, message)])
    finding = found(asked(make_aggregate(programmed(), backends=[served], exports=[make_export("a")])), "a")
    assert (finding.verdict, finding.because, finding.share) == (reason, message, None)
    assert finding.todo


def test_an_endpoint_whose_change_azure_refuses_serves_as_before() -> None:
    served = backend(endpoint("a", 7), rejected=[RejectedExport("a", "AzureRefused", "BadRequest: no")])
    finding = found(asked(make_aggregate(programmed(), backends=[served], exports=[make_export("a")])), "a")
    assert (finding.verdict, finding.weight, finding.share) == ("AzureRefused", 7, 1.0)
    assert finding.because == "it serves as before, since its change is refused: BadRequest: no"
    assert finding.todo


def test_an_endpoint_that_the_guard_holds_says_how_to_let_it_go() -> None:
    served = backend(endpoint("a"), endpoint("b"), conditions=(Condition("Accepted", TRUE, "Accepted"), GUARD))
    aggregate = make_aggregate(programmed(), backends=[served], exports=[make_export("b")])
    finding = found(asked(aggregate, "a", "b"), "a")
    assert finding.verdict == "GuardHeld"
    assert finding.because.startswith("its export is gone without being withdrawn")
    assert "fleetdns.io/allow-empty=true" in finding.todo


def test_a_change_that_waits_says_what_for() -> None:
    waiting = backend(conditions=(Condition("Accepted", UNKNOWN, "Pending", "a change waits: the profile is paused"),))
    finding = found(asked(make_aggregate(programmed(), backends=[waiting], exports=[make_export("a")])), "a")
    assert (finding.verdict, finding.because) == ("Pending", "a change waits: the profile is paused")


def test_those_that_serve_have_their_weights_and_shares() -> None:
    served = backend(
        endpoint("a", 1), endpoint("b", 3, monitor="CheckingEndpoint"), endpoint("c", 96, monitor="Degraded")
    )
    exports = [make_export(cluster) for cluster in "abc"]
    question = asked(make_aggregate(programmed(), backends=[served], exports=exports))
    told = [(f.verdict, f.weight, f.share) for f in only(question).findings]
    assert told == [("Serving", 1, 0.25), ("NotProbedYet", 3, 0.75), ("ProbeFails", 96, 0.0)]


@pytest.mark.parametrize(
    ("monitor", "says"),
    [
        pytest.param(
            MonitorConfig(30, 10, 3, "HTTPS", 8443, "/healthz"),
            "https://a.westeurope.cloudapp.azure.com:8443/healthz",
            id="HTTPS",
        ),
        pytest.param(MonitorConfig(30, 10, 3, "TCP", 443), "a.westeurope.cloudapp.azure.com:443 takes TCP", id="TCP"),
        pytest.param(
            MonitorConfig(), "http://a.westeurope.cloudapp.azure.com:80/", id="what is asked for where nothing is said"
        ),
    ],
)
def test_a_probe_that_fails_names_what_it_asks_for(monitor: MonitorConfig, says: str) -> None:
    served = backend(endpoint("a", monitor="Degraded"), endpoint("b"))
    exports = [make_export("a"), make_export("b")]
    aggregate = make_aggregate(programmed(monitor=monitor), backends=[served], exports=exports)
    finding = found(asked(aggregate), "a")
    assert finding.verdict == "ProbeFails"
    assert says in finding.todo


def test_a_drained_cluster_that_stays_says_so_with_its_share() -> None:
    served = backend(endpoint("a"))
    aggregate = make_aggregate(programmed(), backends=[served], exports=[make_export("a")], drained=["a"])
    finding = found(asked(aggregate), "a")
    assert (finding.verdict, finding.share) == ("Drained", 1.0)


@pytest.mark.parametrize(
    ("condition", "because"),
    [
        pytest.param(
            Condition("Accepted", UNKNOWN, "Pending", "a change waits: the profile is paused"),
            "the cluster is drained, and its endpoint is still to be taken away: a change waits: the profile is paused",
            id="a profile that is paused",
        ),
        pytest.param(
            Condition("Accepted", TRUE, "Accepted"),
            "the cluster is drained, and its endpoint is still to be taken away",
            id="nobody has looked yet",
        ),
    ],
)
def test_a_drained_cluster_beside_one_that_serves_is_not_said_to_wait_for_another(
    condition: Condition, because: str
) -> None:
    served = backend(endpoint("a"), endpoint("b"), conditions=(condition,))
    exports = [make_export("a"), make_export("b")]
    aggregate = make_aggregate(programmed(), backends=[served], exports=exports, drained=["a"])
    finding = found(asked(aggregate), "a")
    assert (finding.verdict, finding.because, finding.share) == ("Drained", because, 0.5)
    assert finding.todo


def test_a_drained_cluster_waits_where_the_others_are_drained_or_fail_their_probes() -> None:
    served = backend(endpoint("a"), endpoint("b"), endpoint("c", monitor="Degraded"))
    exports = [make_export(cluster) for cluster in "abc"]
    aggregate = make_aggregate(programmed(), backends=[served], exports=exports, drained=["a", "b"])
    assert found(asked(aggregate), "a").because.endswith("this endpoint stays until something else serves")


LEAVING = "the backend is being deleted, and its endpoints are still to be removed: "
GOING = "the Azure profile is still to be deleted: "


def leaving(*conditions: Condition, finalizers: tuple[str, ...] = (BACKEND_FINALIZER,)) -> TrafficManagerBackend:
    status = BackendStatus(endpoints=(endpoint("a"),), conditions=conditions)
    return make_backend("old", service=SERVICE, is_deleting=True, finalizers=finalizers, status=status)


@pytest.mark.parametrize(
    ("going", "because", "todo"),
    [
        pytest.param(
            leaving(Condition("Accepted", UNKNOWN, "Pending", f"{LEAVING}ServiceUnavailable: try again")),
            "TrafficManagerBackend work/old is being deleted, and what it has in Azure is still to be removed: "
            "ServiceUnavailable: try again",
            "nothing, if it is new",
            id="Azure is away",
        ),
        pytest.param(
            leaving(Condition("Accepted", TRUE, "Accepted", "every exported Service is an endpoint")),
            "TrafficManagerBackend work/old is being deleted, and fleetdns has not said yet what it waits for",
            "see that fleetdns run is working",
            id="nobody has looked at it",
        ),
        pytest.param(
            leaving(finalizers=("example.com/audit",)),
            "TrafficManagerBackend work/old is being deleted; it waits for whoever put example.com/audit on it",
            "see who is to take that finalizer off",
            id="it waits for somebody else",
        ),
    ],
)
def test_a_backend_that_is_being_deleted_says_so_and_what_it_waits_for(
    going: TrafficManagerBackend, because: str, todo: str
) -> None:
    live = backend(endpoint("b"))
    exports = [make_export("a"), make_export("b")]
    aggregate = make_aggregate(programmed(), backends=[live, going], exports=exports)
    explanation = next(e for e in explain(asked(aggregate, "a", "c")) if e.backend == "old")
    told = {finding.cluster: (finding.verdict, finding.because) for finding in explanation.findings}
    assert told["a"] == told["b"] == ("BeingDeleted", because)
    assert told["c"][0] == "NotExported"
    assert explanation.findings[0].todo.startswith(todo)
    assert (explanation.findings[0].weight, explanation.findings[0].share) == (50, 0.5)


@pytest.mark.parametrize(
    ("condition", "finalizers", "says"),
    [
        pytest.param(
            Condition("Programmed", UNKNOWN, "Pending", f"{GOING}the last tries gave X"),
            (PROFILE_FINALIZER,),
            "is being deleted, and what it has in Azure is still to be removed: the last tries gave X",
            id="Azure is away",
        ),
        pytest.param(
            Condition("Programmed", TRUE, "Programmed", "Azure holds what spec asks for"),
            ("example.com/audit",),
            "it waits for whoever put example.com/audit on it",
            id="it waits for somebody else",
        ),
    ],
)
def test_a_profile_that_is_being_deleted_says_what_it_waits_for_and_not_to_apply_it(
    condition: Condition, finalizers: tuple[str, ...], says: str
) -> None:
    status = ProfileStatus(resource_id="/s", conditions=(condition,))
    profile = make_profile(is_deleting=True, finalizers=finalizers, status=status)
    aggregate = make_aggregate(profile, backends=[backend(endpoint("a"))], exports=[make_export("a")])
    finding = found(asked(aggregate), "a")
    assert finding.verdict == "BeingDeleted"
    assert says in finding.because
    assert "apply TrafficManagerProfile" not in finding.todo


def test_each_backend_of_a_service_is_explained() -> None:
    other = make_backend("second", service=SERVICE, profile="other")
    aggregates = (
        make_aggregate(programmed(), backends=[backend(endpoint("a"))], exports=[make_export("a")]),
        make_aggregate(make_profile("other"), backends=[other], exports=[make_export("a")]),
    )
    question = Question(SERVICE_KEY, aggregates, Aggregate(SERVICE_KEY, None), frozenset())
    assert [(e.backend, e.findings[0].verdict) for e in explain(question)] == [
        (SERVICE, "Serving"),
        ("second", "Pending"),
    ]
