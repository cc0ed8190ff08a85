"""Which endpoint of a drained cluster stays, because without it a profile would answer with nothing that serves.

Only what is in Azure counts: an endpoint that is about to be made may be refused, so it is waited for. What was taken
out once is not put back when the others fail: that was asked for, and they may fail for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterable

from fleetdns.core.aggregate import Aggregate
from fleetdns.core.drain import Drain, Pair
from fleetdns.core.guard import is_let_go, serves
from fleetdns.core.trafficmanager import Endpoint, Profile


def spare(
    drained: Drain, observed: Profile, aggregate: Aggregate, *, left: Iterable[Endpoint], wanted: frozenset[Pair]
) -> Pair | None:
    """The endpoint that stays; None: none has to.

    `left`: what would be there without the drained ones; `wanted`: what would be there were nothing drained.
    """
    ours = ((e, _pair(e)) for e in observed.endpoints if not e.is_disabled and not is_let_go(e, aggregate))
    going = [(e, pair) for e, pair in ours if pair is not None and pair in wanted and drained.takes(*pair)]
    others = [endpoint for endpoint in left if not endpoint.is_disabled]
    if any(map(serves, others)) or not going:
        return None
    best, pair = min(going, key=lambda found: _rank(found[0]))
    return pair if serves(best) or not others else None


def _rank(endpoint: Endpoint) -> tuple[bool, int, str]:
    return (not serves(endpoint), -(endpoint.weight or 0), endpoint.folded)


def _pair(endpoint: Endpoint) -> Pair | None:
    owner = endpoint.owner
    return (owner.service.lower(), owner.cluster.lower()) if owner is not None else None
