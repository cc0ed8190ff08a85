"""Which endpoint of a drained cluster stays, because without it a profile would answer with nothing that serves.

Only what is in Azure counts: an endpoint that is about to be made may be refused, so it is waited for. What was taken
out once is not put back when the others fail: that was asked for, and they may fail for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterable

from fleetdns.core.aggregate import Aggregate
from fleetdns.core.drain import Drain, Pair
from fleetdns.core.guard import is_let_go, serves
from fleetdns.core.naming import EndpointName
from fleetdns.core.trafficmanager import Endpoint


def spare(
    drained: Drain,
    present: Iterable[Endpoint],
    aggregate: Aggregate,
    *,
    left: Iterable[Endpoint],
    wanted: frozenset[Pair],
    vanished: frozenset[str],
    claimed: frozenset[str],
) -> EndpointName | None:
    """The endpoint that stays; None: none has to.

    `present`: what Azure holds; `left`: what of that would be there without the drained ones; `wanted`: what would be
    there were nothing drained, and `vanished` (folded names) what of it nobody exports. `claimed`: folded targets that
    other endpoints are about to have: they stay in DNS.
    """
    ours = (e for e in present if not e.is_disabled and e.folded_target not in claimed and not is_let_go(e, aggregate))
    going = [e for e in ours if e.owner is not None and _is_lost(e.owner, drained, wanted)]
    others = [endpoint for endpoint in left if not endpoint.is_disabled]
    if any(map(serves, others)) or not going:
        return None
    best = min(going, key=lambda endpoint: _rank(endpoint, is_vanished=endpoint.folded in vanished))
    return best.owner if serves(best) or not others else None


def _is_lost(owner: EndpointName, drained: Drain, wanted: frozenset[Pair]) -> bool:
    return owner.cluster in drained.clusters and (owner.service, owner.cluster) in wanted


def _rank(endpoint: Endpoint, *, is_vanished: bool) -> tuple[bool, bool, int, str]:
    """The probes may not have heard yet of a cluster that is being taken down: one that still exports is safer."""
    return (not serves(endpoint), is_vanished, -(endpoint.weight or 0), endpoint.folded)
