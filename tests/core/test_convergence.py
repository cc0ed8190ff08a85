"""From changes to calls to Azure: whatever was there, one round makes it true, and nobody else's things are touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.core.aggregate import Aggregate
from fleetdns.core.backendstatus import backend_status
from fleetdns.core.batch import Batch, batch, one_by_one
from fleetdns.core.calls import Call, PutEndpoint, PutProfile
from fleetdns.core.changes import Create, Delete, diff
from fleetdns.core.circumstances import circumstances
from fleetdns.core.desired import Desired
from fleetdns.core.drain import drain
from fleetdns.core.outcome import Outcome
from fleetdns.core.policy import Verdict, judge
from fleetdns.core.status import profile_status, status_patch
from fleetdns.core.trafficmanager import Endpoint, Profile
from tests.core.azure_model import AzureModel, Refused
from tests.core.builders import (
    LATER,
    NOW,
    make_desired,
    make_identity,
    make_profile,
    public_ip,
)
from tests.core.worlds import aggregates, azure_profiles

T = TypeVar("T")
WORLDS: dict[str, Any] = {"aggregate": aggregates(), "before": azure_profiles()}
QUICK = settings(max_examples=40, deadline=None)


def desired_of(aggregate: Aggregate, observed: Profile | None) -> Desired:
    foreign = [e for e in observed.endpoints if e.owner is None] if observed else []
    return make_desired(aggregate, room=200 - len(foreign))


def verdict_of(aggregate: Aggregate, observed: Profile | None, refused: Mapping[str, str] | None = None) -> Verdict:
    given = circumstances(
        aggregate,
        observed,
        is_paused=False,
        is_dry_run=False,
        allow_empty=False,
        refused=refused or {},
        drain=drain(aggregate, observed),
    )
    return judge(diff(desired_of(aggregate, observed).profile, observed), given)


def planned(aggregate: Aggregate, azure: AzureModel) -> tuple[Verdict, Batch]:
    observed = azure.get(make_identity().ref)
    verdict = verdict_of(aggregate, observed)
    return verdict, batch(verdict.allowed, observed)


def carry_out(calls: Iterable[Call], azure: AzureModel) -> None:
    for call in calls:
        azure.carry_out(call)


def outcome_of(aggregate: Aggregate, observed: Profile | None) -> Outcome:
    verdict = verdict_of(aggregate, observed)
    return Outcome(
        identity=make_identity(),
        desired=desired_of(aggregate, observed),
        observed=observed,
        is_observed=True,
        waiting=verdict.allowed,
        held=verdict.held,
    )


@given(**WORLDS)
@QUICK
def test_converges_in_one_round_and_is_idempotent(aggregate: Aggregate, before: Profile | None) -> None:
    azure = AzureModel([before] if before else [])
    _, first = planned(aggregate, azure)
    carry_out(first.calls, azure)
    verdict, second = planned(aggregate, azure)
    assert verdict.allowed == ()
    assert second.calls == ()
    if not verdict.held:
        after = azure.get(make_identity().ref)
        assert after is not None
        assert diff(desired_of(aggregate, after).profile, after) == ()


@given(**WORLDS)
@QUICK
def test_minimal_one_call_or_none(aggregate: Aggregate, before: Profile | None) -> None:
    azure = AzureModel([before] if before else [])
    verdict, made = planned(aggregate, azure)
    assert len(made.calls) == (1 if verdict.allowed else 0)
    assert not (made.needs_fresh and before is None)


@given(**WORLDS, stop=st.integers(0, 6))
@QUICK
def test_survives_a_crash_between_single_calls(aggregate: Aggregate, before: Profile | None, stop: int) -> None:
    azure = AzureModel([before] if before else [])
    verdict, _ = planned(aggregate, azure)
    observed = azure.get(make_identity().ref)
    if observed is None:
        created = next(c.subject for c in verdict.allowed if isinstance(c, Create))
        assert isinstance(created, Profile)
        azure.carry_out(PutProfile(created, "first without endpoints"))
        observed = azure.get(make_identity().ref)
        assert observed is not None
    for number, call in enumerate(one_by_one(verdict.allowed, observed)):
        if number >= stop:
            break
        try:
            azure.carry_out(call)
        except Refused:  # targets that move from one endpoint to another may need the whole batch
            continue
    _, again = planned(aggregate, azure)
    carry_out(again.calls, azure)
    verdict, _ = planned(aggregate, azure)
    assert verdict.allowed == ()


@given(**WORLDS, single=st.booleans())
@QUICK
def test_leaves_foreign_things_alone(aggregate: Aggregate, before: Profile | None, single: bool) -> None:
    if before is None:
        return
    azure = AzureModel([before])
    verdict, made = planned(aggregate, azure)
    start = azure.get(before.ref)
    assert start is not None
    for call in one_by_one(verdict.allowed, start) if single else made.calls:
        try:
            azure.carry_out(call)
        except Refused:
            continue
    after = azure.get(before.ref)
    assert after is not None
    assert foreign_things(after) == foreign_things(start)


def foreign_things(profile: Profile) -> object:
    managed = {name.lower() for name, _ in make_desired().profile.tags}
    return (
        sorted(repr(e) for e in profile.endpoints if e.owner is None),
        sorted((name, value) for name, value in profile.tags if name.lower() not in managed),
        (profile.unmanaged, profile.unmanaged_dns, profile.monitor.unmanaged, profile.relative_name),
    )


@given(**WORLDS, single=st.booleans())
@QUICK
def test_what_somebody_set_on_our_endpoints_survives_every_write(
    aggregate: Aggregate, before: Profile | None, single: bool
) -> None:
    if before is None:
        return
    azure = AzureModel([before])
    verdict, made = planned(aggregate, azure)
    for call in one_by_one(verdict.allowed, before) if single else made.calls:
        try:
            azure.carry_out(call)
        except Refused:
            continue
    after = azure.get(before.ref)
    assert after is not None
    for old in before.owned:
        new = after.endpoint(old.name)
        if new is not None:
            assert (new.status, new.unmanaged, new.priority) == (old.status, old.unmanaged, old.priority)


@given(**WORLDS, random=st.randoms(use_true_random=False))
@QUICK
def test_order_free_the_same_hub_in_any_order_decides_the_same(
    aggregate: Aggregate, before: Profile | None, random: Random
) -> None:
    shuffled = reordered(aggregate, random)
    azure = AzureModel([before] if before else [])
    observed = azure.get(make_identity().ref)
    mixed = replace(observed, endpoints=observed.endpoints[::-1]) if observed else None
    assert desired_of(shuffled, mixed) == desired_of(aggregate, observed)
    assert repr(verdict_of(shuffled, observed)) == repr(verdict_of(aggregate, observed))
    assert [subject_free(c) for c in verdict_of(shuffled, mixed).allowed] == [
        subject_free(c) for c in verdict_of(aggregate, observed).allowed
    ]
    assert statuses(shuffled, mixed) == statuses(aggregate, observed)


def subject_free(change: object) -> object:
    if isinstance(change, Create | Delete):
        return change if isinstance(change.subject, Endpoint) else change.because
    return getattr(change, "because", None)


def reordered(aggregate: Aggregate, random: Random) -> Aggregate:
    imports = tuple(
        msgspec.structs.replace(i, status=msgspec.structs.replace(i.status, clusters=mixed(i.status.clusters, random)))
        for i in aggregate.imports
    )
    return replace(
        aggregate,
        backends=mixed(aggregate.backends, random),
        exports=mixed(aggregate.exports, random),
        imports=mixed(imports, random),
    )


def mixed(items: tuple[T, ...], random: Random) -> tuple[T, ...]:
    return tuple(random.sample(items, len(items)))


def statuses(aggregate: Aggregate, observed: Profile | None) -> list[object]:
    outcome = outcome_of(aggregate, observed)
    profile = profile_status(aggregate.profile or make_profile(), outcome, now=NOW)
    return [profile, *(backend_status(b, outcome, now=NOW) for b in aggregate.live_backends)]


@given(**WORLDS)
@QUICK
def test_the_same_outcome_twice_writes_status_once(aggregate: Aggregate, before: Profile | None) -> None:
    azure = AzureModel([before] if before else [])
    outcome = outcome_of(aggregate, azure.get(make_identity().ref))
    profile = make_profile()
    written = msgspec.structs.replace(profile, status=profile_status(profile, outcome, now=NOW))
    assert status_patch(written.status, profile_status(written, outcome, now=LATER)) is None
    for backend in aggregate.live_backends:
        told = msgspec.structs.replace(backend, status=backend_status(backend, outcome, now=NOW))
        assert status_patch(told.status, backend_status(told, outcome, now=LATER)) is None


@given(aggregate=aggregates(), before=azure_profiles(), bad=st.sampled_from(["member-1-app", "member-2-web", "shared"]))
@QUICK
def test_one_bad_endpoint_never_blocks_the_others(aggregate: Aggregate, before: Profile | None, bad: str) -> None:
    kept = [e for e in before.endpoints if e.folded_target != public_ip(bad).lower()] if before else []
    azure = AzureModel([replace(before, endpoints=tuple(kept))] if before else [], bad_targets=[public_ip(bad)])
    refused: dict[str, str] = {}
    for _ in range(4):
        observed = azure.get(make_identity().ref)
        verdict = verdict_of(aggregate, observed, refused)
        made = batch(verdict.allowed, observed)
        try:
            carry_out(made.calls, azure)
        except Refused:
            apply_singly(verdict, azure, refused)
    observed = azure.get(make_identity().ref)
    assert observed is not None
    assert verdict_of(aggregate, observed, refused).allowed == ()
    wanted = {
        e.folded for e in desired_of(aggregate, observed).profile.endpoints if public_ip(bad) != e.target_resource_id
    }
    waiting = {
        h.change.subject.folded for h in verdict_of(aggregate, observed).held if isinstance(h.change.subject, Endpoint)
    }
    assert wanted - waiting <= {e.folded for e in observed.endpoints}


def apply_singly(verdict: Verdict, azure: AzureModel, refused: dict[str, str]) -> None:
    observed = azure.get(make_identity().ref)
    if observed is None:
        created = next(c.subject for c in verdict.allowed if isinstance(c.subject, Profile))
        azure.carry_out(PutProfile(replace(created, endpoints=()), "first without endpoints"))
        observed = azure.get(make_identity().ref)
        assert observed is not None
    for call in one_by_one(verdict.allowed, observed):
        try:
            azure.carry_out(call)
        except Refused as error:
            assert isinstance(call, PutEndpoint)
            if str(error).startswith("target /"):
                refused[call.endpoint.folded] = "BadRequest: the target is refused"
