"""What one reconcile of a profile came to: everything the status needs, and nothing it would have to ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fleetdns.api.meta import ObjectKey
from fleetdns.core.changes import Change
from fleetdns.core.contest import Contest
from fleetdns.core.desired import Desired
from fleetdns.core.identity import Identity
from fleetdns.core.naming import EndpointName
from fleetdns.core.policy import Held
from fleetdns.core.trafficmanager import Profile
from fleetdns.errors import Deferred, FleetDNSError, Forbidden, NameTaken, Rejected

PENDING: Literal["pending"] = "pending"
REFUSED: Literal["refused"] = "refused"
NAME_TAKEN: Literal["name-taken"] = "name-taken"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why Azure does not hold what it ought to: pending may pass by itself, refused needs somebody to change it.

    `free`: where a DNS name is taken, one like it that was free.
    """

    kind: Literal["pending", "refused", "name-taken"]
    code: str
    sentence: str
    free: str | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state after the calls. `observed` None: Azure has no such profile; unknown where `is_observed` is False.

    `waiting`: changes that are allowed and still not true; `held`: changes that policy keeps back. `is_stale`: nothing
    was heard of it for long; `silence`: what the list of its resource group was answered meanwhile.
    """

    identity: Identity
    desired: Desired
    observed: Profile | None
    is_observed: bool
    waiting: tuple[Change, ...] = ()
    held: tuple[Held, ...] = ()
    failure: Failure | None = None
    endpoint_failures: Mapping[str, Failure] = field(default_factory=dict)  # by folded endpoint name
    is_stale: bool = False
    silence: Failure | None = None
    is_paused: bool = False
    guarded: Mapping[ObjectKey, tuple[str, ...]] = field(default_factory=dict)  # backend -> clusters, see core/guard.py
    abandoned: tuple[EndpointName, ...] = ()  # held, since their backends are gone: see core/policy.py
    contest: Contest = field(default_factory=Contest)


def failure_of(error: FleetDNSError) -> Failure:
    """How an error shows in a condition."""
    match error:
        case Deferred(because=FleetDNSError() as because):
            return failure_of(because)
        case NameTaken():
            return Failure(NAME_TAKEN, error.code, error.sentence, free=error.free)
        case Rejected() | Forbidden():
            return Failure(REFUSED, error.code, error.sentence)
        case _:
            return Failure(PENDING, error.code, error.sentence)
