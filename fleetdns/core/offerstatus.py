"""What a ServiceExport is told: whether its Service is exported, and the hub's verdict as far as there is one.

what ought to be on the hub    what is there         Conflict
withdrawn                      anything              none
kept as it is                  nothing               none
a former Service's, replaced   it                    Unknown
another Service's, kept        it                    none
any other                      not judged yet        Unknown
any other                      judged                as the hub judged it
"""

from __future__ import annotations

import msgspec

from fleetdns.api.conditions import UNKNOWN, Condition, find, merged
from fleetdns.api.exports import CONFLICT, PENDING_CONFLICT, ConditionsStatus
from fleetdns.api.offer import Offer
from fleetdns.api.service import ServiceExport
from fleetdns.core.offer import VALID, Judgement, Keep, Replace, Wish, Withdraw, is_ours

_MANAGED = frozenset({VALID, CONFLICT})


def service_export_status(
    export: ServiceExport, judgement: Judgement, offer: Offer | None, *, refusal: str | None = None, now: str
) -> ConditionsStatus:
    """The whole status of a ServiceExport.

    `offer`: what is on the hub under its name; `refusal`: why it cannot be written there. `now`: RFC 3339.
    """
    ours = offer if is_ours(offer, export.metadata.key) else None
    conflict = _conflict(judgement.wish, ours) if refusal is None else _pending(refusal)
    told = (judgement.valid,) if conflict is None else (judgement.valid, conflict)
    stamped = (
        msgspec.structs.replace(condition, observed_generation=export.metadata.generation, last_transition_time=now)
        for condition in told
    )
    return ConditionsStatus(merged(export.status.conditions, stamped, managed=_MANAGED))


def _conflict(wish: Wish, offer: Offer | None) -> Condition | None:
    """The hub's verdict, as far as there is an export that it can judge."""
    match wish:
        case Withdraw():
            return None
        case Keep() if offer is None:
            return None
    told = find(offer.status.conditions, CONFLICT) if offer is not None and not isinstance(wish, Replace) else None
    if told is not None:
        return Condition(CONFLICT, told.status, told.reason, told.message)
    return _pending("the hub has not compared it with other clusters' exports yet")


def _pending(because: str) -> Condition:
    return Condition(CONFLICT, UNKNOWN, PENDING_CONFLICT, because)
