"""Clusters that are taken out of every profile: what goes, what stays since nothing else serves, and what returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from fleetdns.api.backend import BackendStatus, EndpointStatus, TrafficManagerBackend
from fleetdns.api.exports import EXCLUDED, WITHDRAWN, InternalServiceExport
from fleetdns.api.profile import ALLOW_EMPTY, PAUSED, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate, Unreadable
from fleetdns.core.drain import Drain, drain
from fleetdns.core.guard import serves
from fleetdns.core.memory import Memory, Settings
from fleetdns.core.naming import parse_endpoint_name
from fleetdns.core.plan import Plan, plan
from fleetdns.core.refusals import Refusal
from fleetdns.core.trafficmanager import DEGRADED, DISABLED, ONLINE, Profile
from tests.core.azure_model import AzureModel
from tests.core.builders import (
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
from tests.core.worlds import aggregates, azure_profiles

SETTINGS = Settings(make_naming(), "exact")
LISTED = BackendStatus(endpoints=tuple(EndpointStatus(endpoint_name(cluster)) for cluster in "abcd"))


def hub(
    clusters: str,
    drained: Iterable[str] = (),
    *,
    also: Iterable[InternalServiceExport] = (),
    backend: TrafficManagerBackend | None = None,
    profile: TrafficManagerProfile | None = None,
    unreadable: Unreadable | None = None,
) -> Aggregate:
    """These clusters export, with the weights 1, 2, 3, ... in the order of the alphabet."""
    exports = [make_export(cluster, weight=ord(cluster) - ord("a") + 1) for cluster in clusters]
    return make_aggregate(
        profile,
        backends=[backend or make_backend(status=LISTED)],
        exports=[*exports, *also],
        drained=drained,
        unreadable=unreadable,
    )


def azure(clusters: str, **states: str) -> Profile:
    """Azure when these clusters exported; `states` by cluster, Online where none is given."""
    profile = make_desired(hub(clusters)).profile
    served = ((e, e.owner.cluster) for e in profile.endpoints if e.owner is not None)
    endpoints = tuple(
        structs.replace(e, priority=number + 1, monitor_status=states.get(cluster, ONLINE))
        for number, (e, cluster) in enumerate(served)
    )
    return replace(profile, endpoints=endpoints)


def look(aggregate: Aggregate, observed: Profile | None, *, memory: Memory | None = None, now: float = 0.0) -> Plan:
    return plan(
        aggregate,
        aggregate.profile or make_profile(),
        identity=make_identity(),
        observed=observed,
        memory=memory or Memory(),
        settings=SETTINGS,
        now=now,
    )


def carried_out(made: Plan, observed: Profile | None) -> Profile:
    """Azure after the calls of a plan."""
    model = AzureModel([observed] if observed is not None else [])
    for call in made.batch.calls:
        model.carry_out(call)
    found = model.get(made.identity.ref)
    assert found is not None
    return found


def after(aggregate: Aggregate, observed: Profile) -> Profile:
    return carried_out(look(aggregate, observed), observed)


def clusters(profile: Profile) -> str:
    return "".join(sorted(e.owner.cluster for e in profile.endpoints if e.owner is not None))


@pytest.mark.parametrize(
    ("aggregate", "observed", "left"),
    [
        pytest.param(hub("abc", "b"), azure("abc"), "ac", id="a drained cluster goes"),
        pytest.param(hub("abc", "ab"), azure("abc"), "c", id="two of three go, whatever the guard's limit"),
        pytest.param(hub("abcd", "d"), azure("abc"), "abc", id="one that joins while it is drained does not come in"),
        pytest.param(hub("ab", "ab"), azure("ab"), "b", id="all drained: the heaviest stays"),
        pytest.param(
            hub("ab", "ab"), azure("ab", b=DEGRADED), "a", id="all drained: one that serves before the heaviest"
        ),
        pytest.param(
            hub("ab", "ab"), azure("ab", a=DEGRADED, b=DEGRADED), "b", id="all drained and none serves: one stays"
        ),
        pytest.param(hub("ab", "a"), azure("ab", b=DEGRADED), "ab", id="the other one fails its probes: it stays"),
        pytest.param(
            hub("ab", "a"), azure("ab", a=DEGRADED, b=DEGRADED), "b", id="neither serves: nothing is lost by its going"
        ),
        pytest.param(hub("ab", "a"), azure("b", b=DEGRADED), "b", id="one that is out is not put back by a failure"),
        pytest.param(hub("a", "a"), azure("a"), "a", id="the only one stays"),
        pytest.param(hub("ab", "b"), azure("b"), "ab", id="what takes its place is made first"),
        pytest.param(
            hub("ab", "b", backend=make_backend(uid=uid_of("anew"))),
            azure("ab"),
            "ab",
            id="the backend was made anew: those of its heir are made first",
        ),
        pytest.param(
            hub("a", "ab", also=[make_export("b", weight=0)]), azure("ab"), "a", id="weight 0 goes before a drained one"
        ),
        pytest.param(
            hub("a", "ab", also=[make_export("b", weight=9, annotations={EXCLUDED: "true"})]),
            azure("ab"),
            "a",
            id="an excluded one goes before a drained one, however heavy",
        ),
        pytest.param(
            hub("", "a", also=[make_export("a", has_dns_label=False)]),
            azure("a"),
            "",
            id="the last one that is unfit goes as it would without the drain",
        ),
        pytest.param(
            hub("", "a", also=[make_export("a", annotations={WITHDRAWN: "true"})]),
            azure("a"),
            "",
            id="the last one that was withdrawn goes as it would without the drain",
        ),
        pytest.param(hub("b", "a"), azure("ab"), "b", id="one whose export vanished goes at once"),
        pytest.param(hub("bcd", "a"), azure("abcd"), "bcd", id="and counts for no limit"),
        pytest.param(hub("", "ab"), azure("ab"), "b", id="all vanished and all drained: the heaviest stays"),
        pytest.param(hub("a", "ab"), azure("ab"), "a", id="one that is exported stays before a heavier that vanished"),
        pytest.param(
            hub("a", "ab"), azure("ab", a=DEGRADED), "b", id="one that vanished and serves before one that does not"
        ),
        pytest.param(
            hub("a", "a", also=[make_export("c", target=public_ip("a-app"))]),
            azure("a"),
            "c",
            id="the last one hands its public IP over: that stays in DNS",
        ),
        pytest.param(
            hub("ab", "ab", profile=make_profile(annotations={ALLOW_EMPTY: "true"})),
            azure("ab"),
            "",
            id="allow-empty on the profile lets the last one go",
        ),
        pytest.param(
            hub("ab", "ab", backend=make_backend(annotations={ALLOW_EMPTY: "true"}, status=LISTED)),
            azure("ab"),
            "",
            id="allow-empty on the backend too",
        ),
        pytest.param(
            hub("ab", "ab", profile=make_profile(annotations={PAUSED: "true"})), azure("ab"), "ab", id="paused"
        ),
    ],
)
def test_what_is_left(aggregate: Aggregate, observed: Profile, left: str) -> None:
    assert clusters(after(aggregate, observed)) == left


def test_a_foreign_endpoint_that_serves_is_enough() -> None:
    observed = azure("a")
    foreign = make_foreign_endpoint(priority=9)
    assert clusters(after(hub("a", "a"), replace(observed, endpoints=(*observed.endpoints, foreign)))) == ""


def test_one_that_somebody_disabled_in_azure_does_not_count_and_is_not_spared() -> None:
    observed = azure("ab")
    disabled = replace(observed, endpoints=tuple(structs.replace(e, status=DISABLED) for e in observed.endpoints[:1]))
    both = replace(observed, endpoints=(*disabled.endpoints, *observed.endpoints[1:]))
    assert clusters(after(hub("ab", "b"), both)) == "ab"
    assert clusters(after(hub("ab", "ab"), disabled)) == ""


def test_the_last_one_whose_export_vanished_is_held_by_the_guard_and_looked_at_no_more() -> None:
    aggregate, observed = hub("bc", "ab"), azure("ac")
    off = tuple(
        structs.replace(e, status=DISABLED) if e.folded == endpoint_name("c") else e for e in observed.endpoints
    )
    first = look(aggregate, replace(observed, endpoints=off))
    second = look(aggregate, replace(observed, endpoints=off), memory=first.memory, now=10.0)
    for made in (first, second):
        assert clusters(carried_out(made, replace(observed, endpoints=off))) == "ac"
    assert second.guarding.held == {endpoint_name("a")}
    assert second.guarding.next_look is None


def test_an_endpoint_of_a_backend_that_is_gone_leaves_with_its_cluster() -> None:
    aggregate = hub("", "b", backend=make_backend("web"), also=[make_export("c", service="web")])
    observed = after(replace(aggregate, drained=frozenset()), azure("ab"))
    assert clusters(observed) == "abc"
    assert clusters(after(aggregate, observed)) == "ac"


def test_the_others_shares_are_as_if_the_cluster_had_not_exported() -> None:
    with_drained = after(hub("abc", "b"), azure("abc"))
    without = after(hub("ac"), azure("ac"))
    assert {e.folded: e.weight for e in with_drained.owned} == {e.folded: e.weight for e in without.owned}


def test_a_drained_cluster_takes_no_room_and_holds_no_target() -> None:
    shared = [make_export("a", target=public_ip("x")), make_export("b", target=public_ip("x"))]
    desired = make_desired(make_aggregate(exports=shared, drained="a"))
    assert [s.cluster for s in desired.sources] == ["b"]
    assert desired.rejections == ()
    full = make_desired(make_aggregate(exports=[make_export(c) for c in "abc"], drained="a"), room=2)
    assert ([s.cluster for s in full.sources], full.rejections) == (["b", "c"], ())


def test_what_keeps_a_drained_cluster_from_being_an_endpoint_is_nobody_s_business() -> None:
    exports = [make_export("a"), make_export("b", target=None)]
    imports = make_aggregate(exports=[*exports, make_export("c")]).imports
    desired = make_desired(make_aggregate(exports=exports, imports=imports, drained="bc"))
    assert desired.rejections == ()
    assert [(left.cluster, left.because) for left in desired.left_out] == [("b", "drained"), ("c", "drained")]


def test_the_spared_one_goes_once_what_was_made_is_there() -> None:
    aggregate = hub("ab", "b")
    first = after(aggregate, azure("b"))
    assert clusters(first) == "ab"
    assert clusters(after(aggregate, first)) == "a"


def test_the_spared_one_stays_when_azure_refuses_what_was_to_take_its_place() -> None:
    refusal = Refusal(public_ip("a-app").lower(), "no", 1, 1000.0)
    memory = Memory(refusals={endpoint_name("a"): refusal})
    made = look(hub("ab", "b"), azure("b"), memory=memory)
    assert clusters(carried_out(made, azure("b"))) == "b"


def test_the_spared_one_keeps_its_public_ip_when_azure_refuses_the_one_that_is_to_take_it() -> None:
    aggregate = hub("a", "a", also=[make_export("c", target=public_ip("a-app"))])
    refusal = Refusal(public_ip("a-app").lower(), "no", 1, 1000.0)
    made = look(aggregate, azure("a"), memory=Memory(refusals={endpoint_name("c"): refusal}))
    assert clusters(carried_out(made, azure("a"))) == "a"


def test_the_choice_does_not_alternate() -> None:
    aggregate, observed = hub("abcd", "abcd"), azure("abcd", d=DEGRADED)
    seen = []
    for state in (ONLINE, DEGRADED, ONLINE):
        observed = after(aggregate, observed)
        seen.append(clusters(observed))
        observed = replace(
            observed, endpoints=tuple(structs.replace(e, monitor_status=state) for e in observed.endpoints)
        )
    assert seen == ["c", "c", "c"]


def test_its_backend_s_plan_says_which_is_spared() -> None:
    made = look(hub("ab", "ab"), azure("ab"))
    key = make_backend().metadata.key
    assert made.desired.spared == ((key, "b"),)
    assert [left.cluster for left in made.desired.left_out] == ["a"]
    vanished = look(hub("", "ab"), azure("ab"))
    assert vanished.desired.spared == ((key, "b"),)


@pytest.mark.parametrize(
    ("unreadable", "joins"),
    [
        pytest.param(Unreadable(), True, id="everything can be read"),
        pytest.param(Unreadable(clusters=frozenset("c")), False, id="its own namespace cannot be read"),
        pytest.param(Unreadable(clusters=frozenset("a")), True, id="another cluster's cannot be read"),
        pytest.param(Unreadable(is_cluster_unnamed=True), False, id="some cluster's cannot be read"),
    ],
)
def test_what_may_be_drained_is_neither_taken_out_nor_put_in(unreadable: Unreadable, joins: bool) -> None:
    aggregate = hub("abc", unreadable=unreadable)
    assert clusters(after(aggregate, azure("ab"))) == ("abc" if joins else "ab")
    assert clusters(after(aggregate, azure("abc"))) == "abc"


def test_one_that_is_drained_by_what_can_be_read_is_drained() -> None:
    aggregate = hub("abc", "c", unreadable=Unreadable(clusters=frozenset("c")))
    assert clusters(after(aggregate, azure("abc"))) == "ab"


def test_names_compare_without_case() -> None:
    spared = parse_endpoint_name(endpoint_name("member-1").upper())
    drained = Drain(frozenset(["member-1"]), spared=spared)
    assert drained.takes("Member-1")
    assert drained.spares("App", "Member-1")


def test_of_two_backends_of_a_service_only_the_one_that_has_the_endpoint_keeps_it() -> None:
    old = make_backend("zzz", service="app", created="2025-01-01T00:00:00Z")
    backends = [make_backend("aaa", service="app", created="2025-01-02T00:00:00Z"), old]
    aggregate = make_aggregate(backends=backends, exports=[make_export("a")], drained="a")
    observed = replace(azure("a"), endpoints=make_desired(replace(aggregate, drained=frozenset())).profile.endpoints)
    made = look(aggregate, observed)
    assert made.batch.calls == ()
    assert made.desired.rejections == ()
    assert made.desired.spared == ((old.metadata.key, "a"),)
    assert [(left.backend.name, left.because) for left in made.desired.left_out] == [("aaa", "drained")]


WORLDS = {
    "aggregate": aggregates(),
    "before": azure_profiles(),
    "drained": st.sets(st.sampled_from(["member-1", "member-2", "member-3", "member-4"])),
}
QUICK = settings(max_examples=60, deadline=None)


def settled(aggregate: Aggregate, observed: Profile | None) -> Profile:
    """Azure when nothing more is done."""
    now = 0.0
    made = look(aggregate, observed)
    for _ in range(6):
        observed = carried_out(made, observed)
        now += 10.0
        made = look(aggregate, observed, memory=made.memory, now=now)
    assert made.batch.calls == ()
    assert observed is not None
    return observed


@pytest.mark.thorough
@given(**WORLDS)
@QUICK
def test_a_profile_that_serves_is_never_left_with_nothing_that_does(
    aggregate: Aggregate, before: Profile | None, drained: set[str]
) -> None:
    undrained = settled(aggregate, before)
    observed: Profile = undrained
    taken_out = replace(aggregate, drained=frozenset(drained))
    for _ in range(4):
        observed = after(taken_out, observed)
        assert any(map(serves, observed.endpoints)) or not any(map(serves, undrained.endpoints))


@pytest.mark.thorough
@given(**WORLDS)
@QUICK
def test_nothing_of_a_drained_cluster_is_left_beside_something_else_that_serves(
    aggregate: Aggregate, before: Profile | None, drained: set[str]
) -> None:
    after_all = settled(replace(aggregate, drained=frozenset(drained)), settled(aggregate, before))
    left = [e for e in after_all.endpoints if e.owner is not None and e.owner.cluster in drained]
    others = [e for e in after_all.endpoints if e not in left]
    assert not left or (len(left) == 1 and not any(map(serves, others)))


@pytest.mark.thorough
@given(**WORLDS)
@QUICK
def test_drained_and_put_back_it_is_as_it_was(aggregate: Aggregate, before: Profile | None, drained: set[str]) -> None:
    first = settled(aggregate, before)
    made = look(aggregate, first)
    # What no export asks for any more (somebody's guard holds it) is let go by a drain, and nobody would make it again.
    assume(not made.verdict.held and not made.guarding.staying)
    assume(not any(endpoint.is_disabled for endpoint in first.owned))
    again = settled(aggregate, settled(replace(aggregate, drained=frozenset(drained)), first))
    assert _facts(again) == _facts(first)


@pytest.mark.thorough
@given(**WORLDS)
@QUICK
def test_it_is_one_call_and_settles(aggregate: Aggregate, before: Profile | None, drained: set[str]) -> None:
    observed = settled(aggregate, before)
    taken_out = replace(aggregate, drained=frozenset(drained))
    made = look(taken_out, observed)
    assert len(made.batch.calls) <= 1
    assert look(taken_out, carried_out(made, observed)).drain.clusters == drain(taken_out, observed).clusters


def _facts(profile: Profile) -> object:
    return sorted((e.folded, e.folded_target, e.weight, e.status) for e in profile.endpoints)
