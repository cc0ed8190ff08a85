"""Endpoints whose exports vanished: which go, which are given a moment, and which stay until somebody decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fleetdns.api.backend import BackendStatus, EndpointStatus, TrafficManagerBackend
from fleetdns.api.conditions import TRUE, Condition
from fleetdns.api.exports import WITHDRAWN, InternalServiceExport
from fleetdns.api.profile import ALLOW_EMPTY, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.changes import Create, diff
from fleetdns.core.drain import Drain, drain
from fleetdns.core.guard import (
    GRACE,
    GUARDED,
    REMOVAL_HELD,
    Absences,
    Guarding,
    Limits,
    after_removal,
    guard,
    guarded_clusters,
)
from fleetdns.core.naming import parse_endpoint_name
from fleetdns.core.trafficmanager import DEGRADED, DISABLED, ONLINE, Profile
from tests.core.builders import (
    endpoint_name,
    make_aggregate,
    make_backend,
    make_desired,
    make_export,
    make_foreign_endpoint,
    make_profile,
    public_ip,
    uid_of,
)

RIPE = Absences({endpoint_name(cluster): 0.0 for cluster in "abcdefgh"})
LATER = GRACE + 1
LISTED = BackendStatus(endpoints=tuple(EndpointStatus(endpoint_name(cluster)) for cluster in "abcdefgh"))
HELD = msgspec.structs.replace(LISTED, conditions=(Condition(GUARDED, TRUE, REMOVAL_HELD),))


def exports(clusters: Iterable[str]) -> list[InternalServiceExport]:
    return [make_export(cluster) for cluster in clusters]


def azure(clusters: str, **states: str) -> Profile:
    """Serving every cluster; `states` by cluster."""
    profile = make_desired(make_aggregate(exports=exports(clusters))).profile
    served = ((e, e.owner.cluster) for e in profile.endpoints if e.owner is not None)
    endpoints = tuple(structs.replace(e, monitor_status=states.get(cluster, ONLINE)) for e, cluster in served)
    return replace(profile, endpoints=endpoints)


def left(
    clusters: str,
    *,
    backend: TrafficManagerBackend | None = None,
    profile: TrafficManagerProfile | None = None,
    also: Iterable[InternalServiceExport] = (),
    withdrawn: Iterable[str] = (),
) -> Aggregate:
    """What the hub holds when only these clusters export."""
    aggregate = make_aggregate(
        profile, backends=[backend or make_backend(status=LISTED)], exports=[*exports(clusters), *also]
    )
    return replace(aggregate, withdrawn=frozenset(("app", cluster) for cluster in withdrawn))


def verdict(
    aggregate: Aggregate,
    observed: Profile,
    *,
    absences: Absences = RIPE,
    limits: Limits | None = None,
    unproven: frozenset[str] = frozenset(),
    refused: frozenset[str] = frozenset(),
    now: float = LATER,
) -> Guarding:
    return guard(
        diff(make_desired(aggregate).profile, observed),
        aggregate,
        observed,
        unproven=unproven,
        refused=refused,
        drain=drain(aggregate, observed),
        absences=absences,
        limits=limits or Limits(),
        now=now,
    )


def clusters(names: Iterable[str]) -> str:
    found = (parse_endpoint_name(name) for name in names)
    return "".join(sorted(owner.cluster for owner in found if owner is not None))


@pytest.mark.parametrize(
    ("before", "after", "going", "held"),
    [
        pytest.param("abc", "abc", "", "", id="nothing vanished"),
        pytest.param("abc", "ab", "c", "", id="one of three goes"),
        pytest.param("ab", "a", "b", "", id="one of two is half and goes"),
        pytest.param("a", "", "", "a", id="the only one stays"),
        pytest.param("abc", "a", "", "bc", id="two of three stay, both of them"),
        pytest.param("abcd", "ab", "cd", "", id="two of four are half and go"),
        pytest.param("abcdefgh", "abc", "", "defgh", id="five of eight stay"),
        pytest.param("abcdefgh", "", "", "abcdefgh", id="all stay"),
    ],
)
def test_more_than_half_or_the_last_stay(before: str, after: str, going: str, held: str) -> None:
    found = verdict(left(after), azure(before))
    assert (clusters(found.going), clusters(found.held), clusters(found.returning)) == (going, held, "")


@pytest.mark.parametrize(
    ("percent", "held"),
    [
        pytest.param(0, "c", id="0: nothing goes unannounced"),
        pytest.param(33, "c", id="33"),
        pytest.param(34, "", id="34"),
    ],
)
def test_the_limit_is_the_administrator_s(percent: int, held: str) -> None:
    assert clusters(verdict(left("ab"), azure("abc"), limits=Limits(percent)).held) == held


def test_a_hundred_percent_still_keeps_the_last() -> None:
    assert clusters(verdict(left(""), azure("ab"), limits=Limits(100)).held) == "ab"


@pytest.mark.parametrize("seconds", [0.0, GRACE - 0.01])
def test_a_vanished_export_is_given_a_moment_to_come_back(seconds: float) -> None:
    first = verdict(left("ab"), azure("abc"), absences=Absences(), now=100.0)
    again = verdict(left("ab"), azure("abc"), absences=first.absences, now=100.0 + seconds)
    assert (clusters(again.returning), clusters(again.going), again.next_look) == ("c", "", 100.0 + GRACE)
    over = verdict(left("ab"), azure("abc"), absences=again.absences, now=100.0 + GRACE)
    assert (clusters(over.returning), clusters(over.going), over.next_look) == ("", "c", None)


def test_one_that_came_back_begins_anew_when_it_vanishes_again() -> None:
    first = verdict(left("ab"), azure("abc"), absences=Absences(), now=0.0)
    back = verdict(left("abc"), azure("abc"), absences=first.absences, now=1.0)
    again = verdict(left("ab"), azure("abc"), absences=back.absences, now=GRACE + 0.5)
    assert clusters(again.returning) == "c"


def test_what_goes_one_after_the_other_counts_together_within_one_sweep() -> None:
    aggregate, observed = left("abc"), azure("abcd")
    first = verdict(aggregate, observed)
    assert clusters(first.going) == "d"
    remembered = after_removal(first, azure("abc"), now=LATER)
    second = verdict(left("ab"), azure("abc"), absences=replace(remembered, since=RIPE.since), now=LATER + 10)
    assert clusters(second.going) == "c"
    remembered = after_removal(second, azure("ab"), now=LATER + 10)
    third = verdict(left("a"), azure("ab"), absences=replace(remembered, since=RIPE.since), now=LATER + 20)
    assert (clusters(third.going), clusters(third.held)) == ("", "b")
    much_later = verdict(left("a"), azure("ab"), absences=replace(remembered, since=RIPE.since), now=LATER + 90)
    assert clusters(much_later.going) == "b"


def test_a_removal_that_azure_did_not_make_does_not_count() -> None:
    first = verdict(left("abc"), azure("abcd"))
    assert after_removal(first, azure("abcd"), now=LATER).removed == ()
    assert after_removal(first, None, now=LATER).removed == ()


@pytest.mark.parametrize("tries", [1, 3], ids=["tried once", "tried three times"])
def test_a_removal_that_nobody_answered_counts_once_where_it_happened(tries: int) -> None:
    absences = RIPE
    for second in range(tries):
        found = verdict(left("abcde"), azure("abcdefgh"), absences=absences, now=LATER + second)
        assert clusters(found.going) == "fgh"
        absences = replace(after_removal(found, None, now=LATER + second), since=RIPE.since)

    late = verdict(left("abcd"), azure("abcde"), absences=absences, now=LATER + 10)
    assert clusters(late.going) == "e"  # four of eight
    assert clusters(verdict(left("abc"), azure("abcde"), absences=absences, now=LATER + 10).held) == "de"
    much_later = verdict(left("abc"), azure("abcde"), absences=absences, now=LATER + 90)
    assert clusters(much_later.going) == "de"


def test_a_removal_that_nobody_answered_does_not_count_where_it_did_not_happen() -> None:
    first = verdict(left("abcde"), azure("abcdefgh"))
    lost = replace(after_removal(first, None, now=LATER), since=RIPE.since)
    again = verdict(left("abcde"), azure("abcdefgh"), absences=lost, now=LATER + 1)
    assert clusters(again.going) == "fgh"
    answered = after_removal(again, azure("abcde"), now=LATER + 1)
    assert (answered.gone(azure("abcde")), answered.unanswered) == (3, {})


@pytest.mark.parametrize(
    "aggregate",
    [
        pytest.param(left("", withdrawn="ab"), id="withdrawn before they were deleted"),
        pytest.param(
            left("", also=[make_export(c, annotations={WITHDRAWN: "true"}, is_deleting=True) for c in "ab"]),
            id="withdrawn and still held by a finalizer",
        ),
        pytest.param(left("", also=[make_export(c, annotations={WITHDRAWN: "true"}) for c in "ab"]), id="withdrawn"),
        pytest.param(left("", also=[make_export(c, weight=0) for c in "ab"]), id="there with weight 0"),
        pytest.param(
            left("", also=[make_export(c, annotations={"fleetdns.io/weight": "0"}) for c in "ab"]),
            id="there, and an override gives it weight 0",
        ),
        pytest.param(
            left("", also=[make_export(c, annotations={"fleetdns.io/excluded": "true"}) for c in "ab"]),
            id="there and excluded",
        ),
        pytest.param(replace(left(""), drained=frozenset("ab")), id="the clusters are drained"),
        pytest.param(left("", also=[make_export(c, has_dns_label=False) for c in "ab"]), id="there and unfit"),
        pytest.param(left("", backend=make_backend(weight=0, status=LISTED)), id="the backend has weight 0"),
        pytest.param(left("", backend=make_backend(weight=0, uid=uid_of("anew"))), id="its heir has weight 0"),
        pytest.param(
            left("", backend=make_backend(is_deleting=True, status=LISTED)), id="the backend is being deleted"
        ),
    ],
)
def test_what_somebody_meant_is_none_of_the_guard_s_business(aggregate: Aggregate) -> None:
    assert verdict(aggregate, azure("ab"), absences=Absences()) == Guarding()


@pytest.mark.parametrize(
    "aggregate",
    [
        pytest.param(left("", profile=make_profile(annotations={ALLOW_EMPTY: "true"})), id="on the profile"),
        pytest.param(
            left("", backend=make_backend(annotations={ALLOW_EMPTY: "true"}, status=LISTED)), id="on the backend"
        ),
    ],
)
def test_allow_empty_lets_everything_go_after_its_moment(aggregate: Aggregate) -> None:
    assert clusters(verdict(aggregate, azure("ab"), absences=Absences()).returning) == "ab"
    assert clusters(verdict(aggregate, azure("ab")).going) == "ab"


@pytest.mark.parametrize("value", ["false", "yes", ""])
def test_any_other_word_lets_nothing_go(value: str) -> None:
    aggregate = left("", backend=make_backend(annotations={ALLOW_EMPTY: value}, status=LISTED))
    assert clusters(verdict(aggregate, azure("ab")).held) == "ab"


def test_what_was_held_stays_held_while_the_others_come_back() -> None:
    backend = make_backend(status=HELD)
    assert clusters(verdict(left("ab", backend=backend), azure("abc")).held) == "c"
    assert verdict(left("abc", backend=backend), azure("abc")) == Guarding()


def test_what_was_held_is_not_forgotten_while_an_object_that_cannot_be_read_holds_it() -> None:
    unreadable = frozenset({endpoint_name("c")})
    assert (
        clusters(verdict(left("ab", backend=make_backend(status=HELD)), azure("abc"), unproven=unreadable).held) == "c"
    )
    assert clusters(verdict(left("ab"), azure("abc"), unproven=unreadable).held) == ""
    free = make_backend(status=HELD, annotations={ALLOW_EMPTY: "true"})
    assert clusters(verdict(left("ab", backend=free), azure("abc"), unproven=unreadable).held) == ""


def test_an_endpoint_that_azure_refuses_is_not_left_in_the_place_of_the_last() -> None:
    profile = azure("abcd", b=DEGRADED, c=DEGRADED, d=DEGRADED)
    assert clusters(verdict(left("bcde"), profile).going) == "a"
    found = verdict(left("bcde"), profile, refused=frozenset({endpoint_name("e")}))
    assert (clusters(found.going), clusters(found.held)) == ("", "a")


def test_what_status_never_listed_stays_until_its_export_follows() -> None:
    anew = make_backend()
    assert clusters(verdict(left("abc", backend=anew), azure("abcd"), absences=Absences()).held) == "d"
    assert verdict(left("abcd", backend=anew), azure("abcd")) == Guarding()


def test_an_export_in_another_member_s_namespace_keeps_nothing() -> None:
    stranger = make_export("b", member_namespace="fleet-member-a")
    assert clusters(verdict(left("a", also=[stranger]), azure("ab")).going) == "b"


def test_the_last_that_serves_stays_also_beside_degraded_ones() -> None:
    assert clusters(verdict(left("ab"), azure("abc", a=DEGRADED, b=DEGRADED)).held) == "c"
    assert clusters(verdict(left("ab"), azure("abc", b=DEGRADED)).going) == "c"
    assert clusters(verdict(left("ab"), azure("abc", a=DEGRADED, b=DEGRADED, c=DEGRADED)).going) == "c"


def test_an_endpoint_that_somebody_disabled_does_not_serve() -> None:
    profile = azure("ab")
    braked = replace(profile, endpoints=(structs.replace(profile.endpoints[0], status=DISABLED), profile.endpoints[1]))
    assert clusters(verdict(left("a"), braked).held) == "b"


def test_a_foreign_endpoint_that_serves_is_not_nothing() -> None:
    profile = azure("ab").with_endpoint(make_foreign_endpoint(priority=9))
    assert clusters(verdict(left("a"), profile).going) == "b"
    assert clusters(verdict(left(""), profile).held) == "ab"


def test_a_target_that_another_endpoint_takes_over_is_not_lost() -> None:
    heir = make_export("b", target=public_ip("a-app"))
    aggregate = left("", also=[heir])
    assert any(isinstance(change, Create) for change in diff(make_desired(aggregate).profile, azure("a")))
    assert verdict(aggregate, azure("a")) == Guarding()


def test_endpoints_that_stay_for_another_reason_are_left_to_it_and_still_serve() -> None:
    found = verdict(left("a"), azure("abc"), unproven=frozenset({endpoint_name("b")}))
    assert (clusters(found.going), clusters(found.held)) == ("c", "")


def test_a_backend_made_anew_answers_for_what_the_old_one_made() -> None:
    heir = make_backend(uid=uid_of("anew"))
    found = verdict(left("", backend=heir), azure("ab"))
    assert clusters(found.held) == "ab"
    assert guarded_clusters(found, azure("ab"), left("", backend=heir)) == {heir.metadata.key: ("a", "b")}
    assert guarded_clusters(found, azure("a"), left("", backend=heir)) == {heir.metadata.key: ("a",)}
    assert guarded_clusters(found, None, left("", backend=heir)) == {}


def test_nothing_in_azure_is_nothing_to_guard() -> None:
    found = guard(
        (),
        left(""),
        None,
        unproven=frozenset(),
        refused=frozenset(),
        drain=Drain(),
        absences=RIPE,
        limits=Limits(),
        now=LATER,
    )
    assert found == Guarding()


@given(
    before=st.sets(st.sampled_from("abcdefgh")),
    after=st.sets(st.sampled_from("abcdefgh")),
    percent=st.integers(0, 100),
)
def test_what_goes_is_never_more_than_the_limit_and_never_the_last(
    before: set[str], after: set[str], percent: int
) -> None:
    observed, aggregate = azure("".join(sorted(before))), left("".join(sorted(after)))
    found = verdict(aggregate, observed, limits=Limits(percent))
    vanished = {endpoint_name(cluster) for cluster in before - after}
    assert found.going | found.held == vanished
    assert not found.going & found.held
    assert len(found.going) * 100 <= percent * len(before)
    if found.going:
        assert after or before - after > found.going


def absent(seconds: Mapping[str, float]) -> Absences:
    return Absences({endpoint_name(cluster): at for cluster, at in seconds.items()})


@given(times=st.dictionaries(st.sampled_from("abcd"), st.floats(0, 20), min_size=1), now=st.floats(0, 30))
def test_each_vanished_export_has_its_own_moment(times: dict[str, float], now: float) -> None:
    gone = "".join(sorted(times))
    found = verdict(left("efgh"), azure("abcdefgh"), absences=absent(times), now=now)
    expected = {cluster for cluster in "abcd" if now - times.get(cluster, now) < GRACE}
    assert set(clusters(found.returning)) == expected
    assert set(clusters(found.returning | found.held | found.going)) == set("abcd") >= set(gone)


def test_what_vanishes_together_does_not_go_in_parts_because_one_was_heard_of_a_moment_later() -> None:
    absences = absent({"a": 0.0, "b": 0.0, "c": 0.1})
    found = verdict(left("d"), azure("abcd"), absences=absences, now=GRACE)
    assert (clusters(found.held), clusters(found.returning), clusters(found.going)) == ("ab", "c", "")


def test_the_order_of_what_the_hub_holds_changes_nothing() -> None:
    aggregate = left("ab")
    backwards = replace(aggregate, exports=tuple(reversed(aggregate.exports)))
    assert verdict(aggregate, azure("abcd")) == verdict(backwards, azure("abcd"))
