"""What a ServiceExport is told, and that it is the same bytes for the same facts."""

from __future__ import annotations

import pytest

from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition, find
from fleetdns.api.exports import CONFLICT, PENDING_CONFLICT
from fleetdns.api.offer import Offer
from fleetdns.api.service import ServiceExport
from fleetdns.core.offer import (
    SERVICE_INELIGIBLE,
    SERVICE_NOT_FOUND,
    VALID,
    Judgement,
    judge,
)
from fleetdns.core.offerstatus import service_export_status
from tests.core.builders import CREATED, LATER, NOW
from tests.core.memberbuilders import make_ip, make_offer, make_service, make_service_export, situation

NO_CONFLICT = Condition(CONFLICT, FALSE, "NoConflictFound", "all agree")


def told(
    judgement: Judgement,
    offer: Offer | None = None,
    *,
    export: ServiceExport | None = None,
    refusal: str | None = None,
    now: str = NOW,
) -> dict[str, tuple[str, str]]:
    status = service_export_status(export or make_service_export(), judgement, offer, refusal=refusal, now=now)
    return {c.type: (c.status, c.reason) for c in status.conditions}


GIVE = judge(situation(service=make_service(), finding=make_ip()))
KEEP = judge(situation(service=make_service(), export=make_service_export(weight="?")))
WITHDRAW = judge(situation(service=None))
REPLACE = judge(situation(service=make_service(), offer=make_offer(uid="former")))


@pytest.mark.parametrize(
    ("judgement", "offer", "conflict"),
    [
        pytest.param(GIVE, None, (UNKNOWN, PENDING_CONFLICT), id="not on the hub yet"),
        pytest.param(GIVE, make_offer(), (UNKNOWN, PENDING_CONFLICT), id="not judged yet"),
        pytest.param(GIVE, make_offer(conditions=(NO_CONFLICT,)), (FALSE, "NoConflictFound"), id="judged"),
        pytest.param(
            GIVE,
            make_offer(conditions=(Condition(CONFLICT, TRUE, "ConflictFound", "ports"),)),
            (TRUE, "ConflictFound"),
            id="lost",
        ),
        pytest.param(KEEP, make_offer(conditions=(NO_CONFLICT,)), (FALSE, "NoConflictFound"), id="kept as it was"),
        pytest.param(KEEP, None, None, id="nothing kept"),
        pytest.param(WITHDRAW, make_offer(conditions=(NO_CONFLICT,)), None, id="withdrawn"),
        pytest.param(
            REPLACE,
            make_offer(uid="former", conditions=(NO_CONFLICT,)),
            (UNKNOWN, PENDING_CONFLICT),
            id="the verdict on a former Service is none on this one",
        ),
    ],
)
def test_the_hubs_verdict_is_copied_where_there_is_one(
    judgement: Judgement, offer: Offer | None, conflict: tuple[str, str] | None
) -> None:
    assert told(judgement, offer).get(CONFLICT) == conflict


def test_the_verdict_on_another_service_of_the_same_name_is_not_copied() -> None:
    export = make_service_export("c", namespace="a-b")
    others = make_offer("b-c", namespace="a", conditions=(NO_CONFLICT,))
    judgement = judge(situation(export=export, service=make_service("c", namespace="a-b"), offer=others))
    assert told(judgement, others, export=export) == {VALID: (FALSE, SERVICE_INELIGIBLE)}


def test_what_the_hub_refuses_is_told_as_the_verdict_that_waits() -> None:
    status = service_export_status(
        make_service_export(), GIVE, make_offer(conditions=(NO_CONFLICT,)), refusal="no!", now=NOW
    )
    conflict = find(status.conditions, CONFLICT)
    assert conflict is not None
    assert (conflict.status, conflict.reason, conflict.message) == (UNKNOWN, PENDING_CONFLICT, "no!")


def test_conditions_of_others_stay_and_times_move_with_the_status_only() -> None:
    theirs = Condition("Reviewed", TRUE, "By", "hand", 1, CREATED)
    first = service_export_status(make_service_export(conditions=(theirs,)), GIVE, None, now=NOW)
    again = service_export_status(
        make_service_export(conditions=first.conditions), GIVE, make_offer(conditions=(NO_CONFLICT,)), now=LATER
    )
    times = {c.type: c.last_transition_time for c in again.conditions}
    assert times == {"Reviewed": CREATED, VALID: NOW, CONFLICT: LATER}
    assert [c.type for c in again.conditions] == sorted(times)
    assert {c.observed_generation for c in again.conditions} == {1}


def test_a_verdict_that_no_longer_counts_is_taken_off() -> None:
    export = make_service_export(conditions=(NO_CONFLICT,))
    assert told(WITHDRAW, export=export) == {VALID: (FALSE, SERVICE_NOT_FOUND)}
