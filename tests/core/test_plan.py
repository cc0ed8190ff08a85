"""One whole decision: what survives from look to look, and what a restart reads back from status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
from msgspec import structs

from fleetdns.api.backend import BackendStatus, RejectedExport
from fleetdns.api.profile import ALLOW_EMPTY, PAUSED, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.backendstatus import backend_status
from fleetdns.core.calls import PutEndpoint, PutProfile
from fleetdns.core.changes import subject_name
from fleetdns.core.memory import Memory, Settings
from fleetdns.core.plan import Plan, outcome, plan
from fleetdns.core.policy import UNGUARDED
from fleetdns.core.refusals import Refusal
from fleetdns.core.retries import retries
from fleetdns.core.status import profile_status
from fleetdns.core.trafficmanager import Endpoint, Profile
from tests.core.azure_model import AzureModel
from tests.core.builders import (
    NOW,
    endpoint_name,
    make_aggregate,
    make_backend,
    make_desired,
    make_export,
    make_foreign_endpoint,
    make_identity,
    make_naming,
    make_profile,
    public_ip,
    uid_of,
)

SETTINGS = Settings(make_naming(), "exact")
EXPORTS = [make_export("a"), make_export("b")]
BOTH = make_aggregate(exports=EXPORTS)
A, B = endpoint_name("a"), endpoint_name("b")


def azure(aggregate: Aggregate = BOTH) -> Profile:
    (profile,) = AzureModel([make_desired(aggregate).profile]).profiles.values()
    return profile


def planned(
    aggregate: Aggregate = BOTH,
    observed: Profile | None = None,
    *,
    memory: Memory | None = None,
    settings: Settings = SETTINGS,
    unguarded: Mapping[str, str] | None = None,
) -> Plan:
    profile = aggregate.profile or make_profile()
    return plan(
        aggregate,
        profile,
        identity=make_identity(),
        observed=observed,
        memory=memory or Memory(),
        settings=settings,
        now=0.0,
        unguarded=unguarded,
    )


def told(aggregate: Aggregate, observed: Profile) -> tuple[TrafficManagerProfile, BackendStatus]:
    """The objects' status after a look at which everything was true."""
    profile = aggregate.profile or make_profile()
    made = planned(aggregate, observed)
    reached = outcome(
        made,
        aggregate,
        profile,
        observed=observed,
        is_observed=True,
        memory=made.memory,
        settings=SETTINGS,
        failure=None,
        endpoint_failures={},
        is_stale=False,
    )
    status = profile_status(profile, reached, now=NOW)
    return msgspec.structs.replace(profile, status=status), backend_status(aggregate.backends[0], reached, now=NOW)


def test_a_new_profile_is_one_put() -> None:
    made = planned()
    assert [type(call) for call in made.batch.calls] == [PutProfile]
    assert made.drifts == ()


def test_paused_and_dry_run_make_no_calls() -> None:
    paused = make_aggregate(make_profile(annotations={PAUSED: "true"}), exports=EXPORTS)
    assert planned(paused).batch.calls == ()
    assert planned(settings=replace(SETTINGS, is_dry_run=True)).batch.calls == ()


def test_allow_empty_lets_endpoints_of_a_backend_that_is_gone_go() -> None:
    old = Endpoint(f"fleet-{uid_of('gone')}#app#a", target_resource_id=public_ip("a-app"), weight=1, priority=1)
    observed = replace(azure(make_aggregate(exports=[])), endpoints=(old,))
    held = make_aggregate(backends=[], exports=EXPORTS)
    freed = make_aggregate(make_profile(annotations={ALLOW_EMPTY: "true"}), backends=[], exports=EXPORTS)
    assert planned(held, observed).batch.calls == ()
    assert len(planned(freed, observed).batch.calls) == 1


def test_foreign_endpoints_take_room() -> None:
    exports = [make_export(f"member-{n:03}") for n in range(200)]
    foreign = tuple(make_foreign_endpoint(f"x{n}", priority=n + 1) for n in range(3))
    made = planned(make_aggregate(exports=exports), replace(azure(make_aggregate(exports=[])), endpoints=foreign))
    (call,) = made.batch.calls
    assert isinstance(call, PutProfile)
    assert len(call.profile.endpoints) == 200
    assert [r.reason for r in made.desired.rejections] == ["EndpointLimit"] * 3


def test_after_a_restart_drift_is_told_by_status() -> None:
    profile, status = told(BOTH, azure())
    restarted = make_aggregate(profile, backends=[make_backend(status=status)], exports=EXPORTS)
    endpoint = azure().endpoint(A)
    assert endpoint is not None
    changed = azure().with_endpoint(structs.replace(endpoint, weight=1))
    made = planned(restarted, changed)
    assert [(drift.endpoint, drift.fields) for drift in made.drifts] == [(A, ("weight",))]
    assert planned(restarted, azure()).drifts == ()


def test_after_a_restart_with_nothing_changed_no_call_is_made() -> None:
    profile, status = told(BOTH, azure())
    restarted = make_aggregate(profile, backends=[make_backend(status=status)], exports=EXPORTS)
    assert planned(restarted, azure()).batch.calls == ()


def test_a_refusal_is_read_back_from_status_and_tried_alone() -> None:
    status = BackendStatus(rejected=(RejectedExport("b", "AzureRefused", "BadRequest: no"),))
    aggregate = make_aggregate(backends=[make_backend(status=status)], exports=EXPORTS)
    observed = azure().without_endpoint(B)
    made = planned(aggregate, observed)
    assert made.batch.calls == ()
    (call,) = retries(made, observed, now=0.0).calls
    assert isinstance(call, PutEndpoint)
    assert call.endpoint.folded == B
    assert retries(made, None, now=0.0).calls == ()


def test_a_refusal_waits_for_its_time_and_for_its_target() -> None:
    target = public_ip("b-app").lower()
    observed = azure().without_endpoint(B)
    waiting = planned(observed=observed, memory=Memory(refusals={B: Refusal(target, "no", 1, 9.0)}))
    assert waiting.batch.calls == ()
    assert retries(waiting, observed, now=8.9).calls == ()
    assert len(retries(waiting, observed, now=9.0).calls) == 1
    moved = planned(observed=observed, memory=Memory(refusals={B: Refusal("before", "no", 1, 9.0)}))
    assert [type(call) for call in moved.batch.calls] == [PutEndpoint]


def test_a_refusal_of_an_endpoint_that_stays_without_an_export_is_remembered_and_spoils_no_batch() -> None:
    """Its public IP may well be gone with its cluster: then Azure takes no new weight for it, nor a PUT that has it."""
    target = public_ip("b-app").lower()
    refusal = {B: Refusal(target, "no", 4, 9.0)}
    vanished = make_aggregate(backends=[make_backend(weight=200)], exports=[make_export("a")])
    made = planned(vanished, azure(), memory=Memory(refusals=refusal))
    assert made.guarding.staying == {B}
    assert made.memory.refusals == refusal
    assert [call.endpoint.folded for call in made.batch.calls if isinstance(call, PutEndpoint)] == [A]
    assert retries(made, azure(), now=8.9).calls == ()
    left = planned(vanished, azure().without_endpoint(B), memory=made.memory)
    assert left.memory.refusals == {}


def test_a_backend_whose_finalizer_the_hub_refuses_gets_no_endpoint_and_keeps_those_it_has() -> None:
    """The other backend's are made all the same, with the weights that they would have beside it."""
    app, api = make_backend(), make_backend("api")
    aggregate = make_aggregate(backends=[app, api], exports=[*EXPORTS, make_export("a", service="api")])
    observed = azure(make_aggregate(exports=EXPORTS[:1]))
    wanted = {subject_name(change): change for change in planned(aggregate, observed).verdict.allowed}
    found = planned(aggregate, observed, unguarded={app.metadata.uid: "the hub refuses"})

    assert {B, A, endpoint_name("a", backend=api)} <= wanted.keys()
    assert {(subject_name(h.change), h.reason, h.message) for h in found.verdict.held} == {
        (B, UNGUARDED, "the hub refuses")
    }
    assert {subject_name(change): change for change in found.verdict.allowed} == {
        name: change for name, change in wanted.items() if name != B
    }


def test_a_target_stays_where_it_is_while_the_hub_refuses_the_finalizer_of_who_is_to_have_it() -> None:
    old, new = make_backend("old", service="app"), make_backend("new", service="app")
    observed = azure(make_aggregate(backends=[old], exports=EXPORTS))
    found = planned(make_aggregate(backends=[new], exports=EXPORTS), observed, unguarded={new.metadata.uid: "no"})

    assert found.verdict.allowed == ()
    assert any("of the backend of endpoint" in held.message for held in found.verdict.held)
