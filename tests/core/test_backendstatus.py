"""A backend's status: every row of the condition table, and every reason that comes from Azure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from msgspec import structs

from fleetdns.api.backend import BackendStatus, EndpointStatus, FromCluster, RejectedExport, TrafficManagerBackend
from fleetdns.api.conditions import Condition, find
from fleetdns.api.exports import InternalServiceExport
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.backendstatus import backend_status, unprogrammed_status, without_endpoints
from fleetdns.core.changes import Change, diff
from fleetdns.core.circumstances import circumstances
from fleetdns.core.drain import drain
from fleetdns.core.outcome import Failure, Outcome
from fleetdns.core.policy import Held, judge
from fleetdns.core.status import status_patch
from fleetdns.core.trafficmanager import Endpoint, Profile
from tests.core.azure_model import AzureModel
from tests.core.builders import (
    LATER,
    NOW,
    endpoint_name,
    make_aggregate,
    make_backend,
    make_desired,
    make_export,
    make_foreign_endpoint,
    make_identity,
    make_import,
    public_ip,
)

PENDING = Failure("pending", "ServiceUnavailable", "try again")
REFUSED = Failure("refused", "BadRequest", "no such target")
TAKEN = Failure("name-taken", "Conflict", "the name is in use")
GOOD, BAD = make_export("a"), make_export("b")
BOTH = make_aggregate(exports=[GOOD, BAD])
FOREIGN_CONDITION = Condition("example.com/Audited", "True", "Seen", "by somebody", 1, "2020-01-01T00:00:00Z")


def azure(aggregate: Aggregate) -> Profile:
    """Azure as it is when everything desired is true and online."""
    (profile,) = AzureModel([make_desired(aggregate).profile]).profiles.values()
    return replace(profile, endpoints=tuple(structs.replace(e, monitor_status="Online") for e in profile.endpoints))


def outcome(
    aggregate: Aggregate = BOTH,
    observed: Profile | None = None,
    *,
    is_observed: bool = True,
    is_paused: bool = False,
    failure: Failure | None = None,
    endpoint_failures: Mapping[str, Failure] | None = None,
    refused: Mapping[str, str] | None = None,
) -> Outcome:
    """What a look comes to when nothing is carried out."""
    desired = make_desired(aggregate)
    given = circumstances(
        aggregate,
        observed,
        is_paused=is_paused,
        is_dry_run=False,
        allow_empty=False,
        refused=refused or {},
        drain=drain(aggregate, observed),
    )
    found = judge(diff(desired.profile, observed), given)
    return Outcome(
        identity=make_identity(),
        desired=desired,
        observed=observed,
        is_observed=is_observed,
        waiting=found.allowed,
        held=found.held,
        failure=failure,
        endpoint_failures=endpoint_failures or {},
        is_paused=is_paused,
    )


def told(status: BackendStatus, kind: str = "Accepted") -> tuple[str, str] | None:
    condition = find(status.conditions, kind)
    return (condition.status, condition.reason) if condition else None


def accepted_before(aggregate: Aggregate = BOTH) -> TrafficManagerBackend:
    """The backend after a look at which everything was true."""
    backend = aggregate.backends[0]
    status = backend_status(backend, outcome(aggregate, azure(aggregate)), now=NOW)
    return msgspec.structs.replace(backend, status=status)


NO_LABEL = make_aggregate(exports=[GOOD, make_export("b", has_dns_label=False)])
WEIGHT_0 = make_aggregate(backends=[make_backend(weight=0)], exports=[GOOD])
NOT_EXPORTED = make_aggregate(exports=[], imports=[])
EMPTY_IMPORT = make_aggregate(exports=[], imports=[make_import(clusters=[])])
RESOLVING = make_aggregate(exports=[GOOD], imports=[])


@pytest.mark.parametrize(
    ("aggregate", "reached", "fact"),
    [
        pytest.param(
            BOTH, outcome(BOTH, azure(BOTH)), ("True", "Accepted"), id="every exported Service is an endpoint"
        ),
        pytest.param(WEIGHT_0, outcome(WEIGHT_0, azure(WEIGHT_0)), ("True", "Accepted"), id="weight is 0"),
        pytest.param(
            NOT_EXPORTED, outcome(NOT_EXPORTED, azure(NOT_EXPORTED)), ("False", "Invalid"), id="service not exported"
        ),
        pytest.param(
            EMPTY_IMPORT,
            outcome(EMPTY_IMPORT, azure(EMPTY_IMPORT)),
            ("False", "Invalid"),
            id="an import without clusters",
        ),
        pytest.param(NO_LABEL, outcome(NO_LABEL, azure(NO_LABEL)), ("False", "Invalid"), id="one export is rejected"),
        pytest.param(BOTH, outcome(BOTH, None, failure=REFUSED), ("False", "Invalid"), id="the profile is refused"),
        pytest.param(BOTH, outcome(BOTH, None, failure=TAKEN), ("False", "Invalid"), id="the profile's name is taken"),
        pytest.param(
            BOTH, outcome(BOTH, None, failure=PENDING), ("Unknown", "Pending"), id="the profile waits for Azure"
        ),
        pytest.param(
            RESOLVING, outcome(RESOLVING, azure(RESOLVING)), ("Unknown", "Pending"), id="exports being resolved"
        ),
        pytest.param(
            RESOLVING,
            outcome(RESOLVING, azure(BOTH)),
            ("Unknown", "Pending"),
            id="exports being resolved, endpoints held",
        ),
        pytest.param(
            BOTH, outcome(BOTH, azure(NO_LABEL), failure=PENDING), ("Unknown", "Pending"), id="a change waits for Azure"
        ),
        pytest.param(
            BOTH, outcome(BOTH, azure(NO_LABEL), failure=REFUSED), ("False", "Invalid"), id="Azure refuses the change"
        ),
        pytest.param(
            BOTH,
            outcome(BOTH, azure(NO_LABEL), is_paused=True),
            ("Unknown", "Pending"),
            id="a change waits for the pause",
        ),
        pytest.param(
            BOTH, outcome(BOTH, azure(BOTH), failure=PENDING), ("True", "Accepted"), id="an error while nothing waits"
        ),
        pytest.param(
            WEIGHT_0,
            outcome(WEIGHT_0, azure(BOTH), failure=PENDING),
            ("Unknown", "Pending"),
            id="weight 0 waits to be true",
        ),
    ],
)
def test_accepted_and_ready(aggregate: Aggregate, reached: Outcome, fact: tuple[str, str]) -> None:
    status = backend_status(aggregate.backends[0], reached, now=NOW)
    assert told(status) == told(status, "Ready") == fact


def test_a_missing_profile_is_invalid_and_known_endpoints_stay() -> None:
    before = accepted_before()
    status = unprogrammed_status(before, "TrafficManagerProfile myatm not found", now=LATER)
    assert told(status) == told(status, "Ready") == ("False", "Invalid")
    assert status.endpoints == before.status.endpoints
    gone = without_endpoints(status)
    assert (gone.endpoints, gone.endpoint_count, gone.rejected) == ((), 0, ())
    assert gone.conditions == status.conditions


def rejected(status: BackendStatus) -> list[tuple[str, str]]:
    return [(r.cluster, r.reason) for r in status.rejected]


def endpoint_of(profile: Profile, cluster: str) -> Endpoint:
    endpoint = profile.endpoint(endpoint_name(cluster))
    assert endpoint is not None
    return endpoint


def disabled(profile: Profile, cluster: str) -> Profile:
    return profile.with_endpoint(structs.replace(endpoint_of(profile, cluster), status="Disabled"))


def message(status: BackendStatus) -> str:
    condition = find(status.conditions, "Accepted")
    assert condition is not None
    return condition.message


FOREIGN = structs.replace(make_foreign_endpoint(), kind="azureEndpoints", target_resource_id=public_ip("b-app"))


@pytest.mark.parametrize(
    ("reached", "found"),
    [
        pytest.param(outcome(BOTH, disabled(azure(BOTH), "b")), [("b", "DisabledInAzure")], id="disabled by hand"),
        pytest.param(
            outcome(BOTH, azure(NO_LABEL), refused={endpoint_name("b"): "BadRequest: no"}),
            [("b", "AzureRefused")],
            id="refused once, and held",
        ),
        pytest.param(
            outcome(BOTH, azure(NO_LABEL), endpoint_failures={endpoint_name("b"): REFUSED}),
            [("b", "AzureRefused")],
            id="refused just now",
        ),
        pytest.param(
            outcome(BOTH, azure(NO_LABEL), endpoint_failures={endpoint_name("b"): PENDING}), [], id="failed just now"
        ),
        pytest.param(
            outcome(BOTH, replace(azure(NO_LABEL), endpoints=(*azure(NO_LABEL).endpoints, FOREIGN))),
            [("b", "DuplicateTarget")],
            id="a foreign endpoint has the target",
        ),
        pytest.param(outcome(NO_LABEL, azure(NO_LABEL)), [("b", "DNSLabelMissing")], id="decided from the hub"),
        pytest.param(
            outcome(NO_LABEL, disabled(azure(NO_LABEL), "a")),
            [("a", "DisabledInAzure"), ("b", "DNSLabelMissing")],
            id="several, by cluster",
        ),
    ],
)
def test_rejected(reached: Outcome, found: list[tuple[str, str]]) -> None:
    status = backend_status(make_backend(), reached, now=NOW)
    assert rejected(status) == found
    if found:
        assert told(status) in (("False", "Invalid"), ("Unknown", "Pending"))


def test_an_endpoint_whose_change_is_refused_is_not_said_to_serve_nobody() -> None:
    lighter = azure(BOTH).with_endpoint(structs.replace(endpoint_of(azure(BOTH), "b"), weight=7))
    reached = outcome(BOTH, lighter, refused={endpoint_name("b"): "BadRequest: no"})
    status = backend_status(make_backend(), reached, now=NOW)
    assert rejected(status) == [("b", "AzureRefused")]
    assert message(status) == (
        "endpoints that serve as before, since their change is refused, see status.rejected: b (AzureRefused)"
    )
    off = backend_status(make_backend(), replace(reached, observed=disabled(lighter, "b")), now=NOW)
    assert message(off) == (
        "exports that are not serving endpoints, see status.rejected: b (AzureRefused), b (DisabledInAzure)"
    )


def test_a_service_that_nobody_exports_says_where_to_look() -> None:
    status = backend_status(make_backend(), outcome(NOT_EXPORTED, azure(NOT_EXPORTED)), now=NOW)
    condition = find(status.conditions, "Accepted")
    assert condition is not None
    assert "ServiceExport" in condition.message
    assert "condition Valid" in condition.message


def test_another_backends_rejections_are_not_ours() -> None:
    web = make_backend("web")
    aggregate = make_aggregate(
        backends=[make_backend(), web], exports=[GOOD, make_export("a", service="web", has_dns_label=False)]
    )
    reached = outcome(aggregate, azure(aggregate))
    assert rejected(backend_status(make_backend(), reached, now=NOW)) == []
    assert rejected(backend_status(web, reached, now=NOW)) == [("a", "DNSLabelMissing")]
    assert told(backend_status(make_backend(), reached, now=NOW)) == ("True", "Accepted")


def test_another_backends_change_does_not_make_ours_wait() -> None:
    aggregate = make_aggregate(backends=[make_backend(), make_backend("web", weight=100)], exports=[GOOD])
    before = azure(aggregate)
    with_web = make_aggregate(backends=aggregate.backends, exports=[GOOD, make_export("a", service="web")])
    reached = outcome(with_web, before, failure=PENDING)
    assert told(backend_status(aggregate.backends[0], reached, now=NOW)) == ("True", "Accepted")
    assert told(backend_status(aggregate.backends[1], reached, now=NOW)) == ("Unknown", "Pending")


def test_endpoints_are_told_as_azure_holds_them_sorted_by_name() -> None:
    aggregate = make_aggregate(exports=[make_export("b", weight=3), make_export("a", weight=1)])
    observed = azure(aggregate)
    observed = replace(
        observed,
        endpoints=(
            *(structs.replace(e, name=e.name.upper()) for e in observed.endpoints[::-1]),
            make_foreign_endpoint(),
        ),
    )
    status = backend_status(make_backend(), outcome(aggregate, observed), now=NOW)
    assert status.endpoint_count == 2
    assert status.endpoints[0] == EndpointStatus(
        name=endpoint_name("a"),
        resource_id=f"{observed.ref.resource_id}/azureEndpoints/{endpoint_name('a')}",
        target="a-app.cloudapp.azure.com",
        weight=25,
        from_=FromCluster("a", 1),
        monitor_status="Online",
    )
    assert [e.name for e in status.endpoints] == sorted(e.name for e in status.endpoints)


def test_an_endpoint_on_its_way_out_remembers_where_it_came_from() -> None:
    before = accepted_before()
    aggregate = make_aggregate(exports=[GOOD])
    status = backend_status(before, outcome(aggregate, azure(BOTH), failure=PENDING), now=LATER)
    assert [e.from_ for e in status.endpoints] == [FromCluster("a", 1), FromCluster("b", 1)]
    unknown = backend_status(make_backend(), outcome(aggregate, azure(BOTH)), now=LATER)
    assert [e.from_ for e in unknown.endpoints] == [FromCluster("a", 1), FromCluster("b")]


@pytest.mark.parametrize("failure", [PENDING, REFUSED])
def test_an_outage_after_a_restart_changes_nothing(failure: Failure) -> None:
    before = accepted_before()
    status = backend_status(before, outcome(BOTH, None, is_observed=False, failure=failure), now=LATER)
    assert status_patch(before.status, status) is None


def test_an_outage_keeps_what_azure_had_said() -> None:
    told_before = disabled(azure(BOTH), "b")
    without_b = azure(BOTH).without_endpoint(endpoint_name("b"))
    refused = {endpoint_name("b"): "BadRequest: no"}
    for reached in (outcome(BOTH, told_before), outcome(BOTH, without_b, refused=refused)):
        status = backend_status(make_backend(), reached, now=NOW)
        backend = make_backend(status=status)
        during = backend_status(backend, outcome(BOTH, None, is_observed=False, failure=PENDING), now=LATER)
        assert status_patch(status, during) is None


def test_an_outage_does_not_keep_what_azure_said_of_an_export_that_left() -> None:
    status = BackendStatus(rejected=(RejectedExport("b", "AzureRefused", "no"),))
    aggregate = make_aggregate(exports=[GOOD])
    during = backend_status(
        make_backend(status=status), outcome(aggregate, None, is_observed=False, failure=PENDING), now=LATER
    )
    assert during.rejected == ()


@pytest.mark.parametrize(
    ("exports", "generation"),
    [
        pytest.param([GOOD], 1, id="a cluster left"),
        pytest.param([GOOD, BAD, make_export("c")], 1, id="a cluster joined"),
        pytest.param([GOOD, make_export("b", weight=3)], 1, id="a weight changed"),
        pytest.param([GOOD, BAD], 2, id="spec was edited"),
    ],
)
def test_a_change_asked_for_during_an_outage_is_pending_and_endpoints_stay(
    exports: list[InternalServiceExport], generation: int
) -> None:
    before = accepted_before()
    backend = make_backend(generation=generation, status=before.status)
    aggregate = make_aggregate(backends=[backend], exports=exports)
    status = backend_status(backend, outcome(aggregate, None, is_observed=False, failure=PENDING), now=LATER)
    assert told(status) == ("Unknown", "Pending")
    assert status.endpoints == before.status.endpoints


def test_the_transition_time_moves_only_with_status() -> None:
    before = accepted_before()
    same = backend_status(before, outcome(BOTH, azure(BOTH)), now=LATER)
    assert {c.last_transition_time for c in same.conditions} == {NOW}
    turned = backend_status(before, outcome(NO_LABEL, azure(NO_LABEL)), now=LATER)
    assert {c.last_transition_time for c in turned.conditions} == {LATER}


def test_conditions_of_somebody_else_stay() -> None:
    backend = make_backend(status=BackendStatus(conditions=(FOREIGN_CONDITION,)))
    assert FOREIGN_CONDITION in backend_status(backend, outcome(BOTH, azure(BOTH)), now=NOW).conditions
    assert FOREIGN_CONDITION in unprogrammed_status(backend, "x", now=NOW).conditions


def test_a_held_change_of_another_kind_is_not_a_rejection() -> None:
    change: Change = diff(make_desired(BOTH).profile, azure(NO_LABEL))[0]
    reached = replace(outcome(BOTH, azure(BOTH)), held=(Held(change, "DryRun", "fleetdns runs with --dry-run"),))
    status = backend_status(make_backend(), reached, now=NOW)
    assert rejected(status) == []
    assert told(status) == ("Unknown", "Pending")


def test_a_thousand_rejected_exports_still_make_a_message_that_the_api_server_takes() -> None:
    clusters = [f"{'long-cluster-name-' * 3}{number:04}" for number in range(1000)]
    aggregate = make_aggregate(exports=[make_export(cluster, service_type="ClusterIP") for cluster in clusters])
    status = backend_status(aggregate.backends[0], outcome(aggregate, azure(aggregate)), now=NOW)
    accepted = find(status.conditions, "Accepted")
    assert accepted is not None
    assert len(status.rejected) == 1000
    assert len(accepted.message) < 1024  # an Event holds no more, a condition 32768
    assert accepted.message.endswith(" and 990 more")
