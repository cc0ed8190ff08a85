"""Targets that pass from one endpoint to another, and when what has one may go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from fleetdns.core.aggregate import Aggregate
from fleetdns.core.calls import PutEndpoint
from fleetdns.core.changes import Create, Delete, Patch, diff
from fleetdns.core.circumstances import circumstances
from fleetdns.core.drain import drain
from fleetdns.core.handover import Handover, handed_over, handovers
from fleetdns.core.memory import Memory, Settings
from fleetdns.core.plan import Plan, plan
from fleetdns.core.policy import NOT_HANDED_OVER, judge, unproven
from fleetdns.core.refusals import Refusal
from fleetdns.core.retries import needs_fresh, retries
from fleetdns.core.trafficmanager import Endpoint, Profile
from fleetdns.core.weights import EXACT
from tests.core.builders import (
    endpoint_name,
    make_aggregate,
    make_backend,
    make_desired,
    make_export,
    make_identity,
    make_naming,
    make_profile,
    public_ip,
    uid_of,
)

GONE = uid_of("gone")
A, B = make_export("a"), make_export("b")
NEW = endpoint_name("a")
OLD = f"fleet-{GONE}#app#a"


def ours(name: str, *, target: str = public_ip("a-app"), priority: int = 1) -> Endpoint:
    return Endpoint(name, target_resource_id=target, weight=100, priority=priority)


def azure(*endpoints: Endpoint) -> Profile:
    return replace(make_desired(make_aggregate(exports=[])).profile, endpoints=endpoints)


def renamed(observed: Profile | None = None) -> tuple[Handover, ...]:
    """What is handed over where the backend of cluster a came back with another uid."""
    there = azure(ours(OLD)) if observed is None else observed
    return handovers(diff(make_desired(make_aggregate(exports=[A])).profile, there))


def test_a_renamed_endpoint_hands_its_target_over() -> None:
    (pair,) = renamed()
    assert (pair.old.subject.folded, pair.heir) == (OLD, NEW)
    assert isinstance(pair.new, Create)


def test_an_endpoint_that_moves_to_the_public_ip_of_one_that_goes_is_handed_it_over() -> None:
    (pair,) = renamed(azure(ours(OLD), ours(NEW, target=public_ip("before"), priority=2)))
    assert isinstance(pair.new, Patch)
    assert pair.changes == (pair.old, pair.new)


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(azure(ours(OLD, target=public_ip("other"))), id="another target"),
        pytest.param(azure(ours(NEW)), id="it has it already"),
        pytest.param(azure(ours("by-hand")), id="somebody else's endpoint does not go"),
    ],
)
def test_nothing_is_handed_over(observed: Profile) -> None:
    assert renamed(observed) == ()


def test_a_trial_writes_the_old_endpoint_as_it_is() -> None:
    (pair,) = renamed()
    assert pair.trial(azure().ref).endpoint == ours(OLD)
    assert pair.back(azure().ref).endpoint == ours(OLD)


def test_singly_the_new_endpoint_comes_right_after_the_old_one_and_with_its_priority() -> None:
    (pair,) = renamed(azure(ours(OLD, priority=7)))
    deletion, creation = pair.calls(azure().ref)
    assert (deletion.endpoint.folded, creation.endpoint.folded, creation.endpoint.priority) == (OLD, NEW, 7)


def test_an_endpoint_that_moves_keeps_its_priority() -> None:
    (pair,) = renamed(azure(ours(OLD, priority=7), ours(NEW, target=public_ip("before"), priority=2)))
    assert pair.calls(azure().ref)[1].endpoint.priority == 2


@pytest.mark.parametrize("number", [0, 1], ids=["the old one", "the new one"])
def test_both_parts_of_a_handover_belong_together(number: int) -> None:
    (pair,) = renamed()
    other = Delete(ours("fleet-x", target=public_ip("x")), "no longer desired")
    assert handed_over((pair.changes[number],), (*pair.changes, other)) == pair.changes
    assert handed_over((other,), (*pair.changes, other)) == ()


def held(aggregate: Aggregate, observed: Profile, refused: Iterable[str], *, allow_empty: bool = False) -> list[str]:
    """The reasons for which removals wait where Azure refuses these endpoints."""
    given = circumstances(
        aggregate,
        observed,
        is_paused=False,
        is_dry_run=False,
        allow_empty=allow_empty,
        refused=dict.fromkeys(refused, "BadRequest: no"),
        drain=drain(aggregate, observed),
    )
    changes = diff(make_desired(aggregate).profile, observed)
    verdict = judge(changes, given)
    found = [each.reason for each in verdict.held if isinstance(each.change, Delete)]
    assert found == [each.reason for each in unproven(changes, given)]
    return found


LEAVING = make_backend("before", service="app", uid=GONE, is_deleting=True)
WEIGHTLESS = make_backend("before", service="app", uid=GONE, weight=0)
PASSED = make_export("b", target=public_ip("a-app"))


@pytest.mark.parametrize(
    ("aggregate", "refused", "holds"),
    [
        pytest.param(make_aggregate(exports=[A]), [NEW], True, id="renamed, and the new one is refused"),
        pytest.param(make_aggregate(exports=[A]), [], False, id="renamed, and nothing is refused"),
        pytest.param(make_aggregate(exports=[A, B]), [endpoint_name("b")], False, id="something else is refused"),
        pytest.param(
            make_aggregate(backends=[LEAVING, make_backend()], exports=[A]), [NEW], False, id="its backend is deleted"
        ),
        pytest.param(
            make_aggregate(backends=[WEIGHTLESS, make_backend()], exports=[A]), [NEW], False, id="its weight is 0"
        ),
        pytest.param(
            make_aggregate(exports=[PASSED]), [endpoint_name("b")], True, id="passed on, and the export just vanished"
        ),
        pytest.param(
            make_aggregate(exports=[make_export("a", weight=0), PASSED]),
            [endpoint_name("b")],
            False,
            id="passed on by one that is to have no traffic",
        ),
        pytest.param(
            replace(make_aggregate(exports=[PASSED]), withdrawn=frozenset({("app", "a")})),
            [endpoint_name("b")],
            False,
            id="passed on by one that was withdrawn",
        ),
    ],
)
def test_what_has_the_target_of_a_refused_endpoint_stays_unless_somebody_means_it_to_go(
    aggregate: Aggregate, refused: list[str], holds: bool
) -> None:
    assert held(aggregate, azure(ours(OLD)), refused) == ([NOT_HANDED_OVER] if holds else [])
    assert held(aggregate, azure(ours(OLD)), refused, allow_empty=True) == []


def planned(observed: Profile, *, retry_at: float) -> Plan:
    aggregate = make_aggregate(exports=[A])
    refusal = Refusal(public_ip("a-app").lower(), "no", 1, retry_at)
    return plan(
        aggregate,
        make_profile(),
        identity=make_identity(),
        observed=observed,
        memory=Memory(refusals={NEW: refusal}),
        settings=Settings(make_naming(), EXACT),
        now=0.0,
    )


def test_a_refused_endpoint_is_not_tried_itself_while_another_has_its_target() -> None:
    observed = azure(ours(OLD))
    made = planned(observed, retry_at=9.0)
    assert made.batch.calls == ()
    assert retries(made, observed, now=8.9).calls == ()
    assert not needs_fresh(made, now=8.9)
    (trial,) = retries(made, observed, now=9.0).calls
    assert isinstance(trial, PutEndpoint)
    assert trial.endpoint == ours(OLD)
    assert needs_fresh(made, now=9.0)
    alone = retries(made, observed.without_endpoint(OLD), now=9.0)
    assert (alone.handovers, len(alone.alone)) == ((), 1)
