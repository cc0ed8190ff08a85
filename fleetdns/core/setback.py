"""What Azure said no to as a whole, remembered so that the same calls are not made again before their time.

A reconcile may run again for many reasons (status could not be written, an unrelated event); none of them makes Azure
change its mind. Other calls, because somebody changed something, are made at once. What probes find at endpoints
travels in a call and asks for nothing: it makes no other call of it.

what Azure said                          the same calls again
the DNS name is taken, a refusal         after 15 s, doubling to 120 s
a right is missing                       after 15 s, then every 30 s: a sweep later at most it is seen to be there
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from msgspec import structs

from fleetdns.core.calls import Call, DeleteEndpoint, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.trafficmanager import Endpoint, Profile
from fleetdns.errors import FleetDNSError, Forbidden, NameTaken, Rejected

_FIRST = 15.0
_SLOWEST = 120.0
_SLOWEST_FORBIDDEN = 30.0


@dataclass(frozen=True, slots=True)
class Setback:
    """`base`: Azure as it was planned on; `retry_at`: seconds of the clock that `now` is of."""

    calls: tuple[Call, ...]
    base: Profile | None
    error: FleetDNSError
    attempts: int
    retry_at: float

    def is_due(self, now: float) -> bool:
        return now >= self.retry_at

    def stands_for(self, calls: tuple[Call, ...], *, now: float) -> bool:
        """Whether these are the calls that were refused, and it is too early to ask again."""
        return bool(calls) and not self.is_due(now) and _are_alike(calls, self.calls)


def after_calls(
    before: Setback | None, calls: tuple[Call, ...], base: Profile | None, *, error: FleetDNSError | None, now: float
) -> Setback | None:
    """The setback after calls were made; None where nothing was refused as a whole."""
    if not calls or not isinstance(error, NameTaken | Rejected | Forbidden):
        return None
    attempts = before.attempts + 1 if before is not None and _are_alike(before.calls, calls) else 1
    slowest = _SLOWEST_FORBIDDEN if isinstance(error, Forbidden) else _SLOWEST
    delay = min(slowest, _FIRST * 2 ** min(attempts - 1, 8))
    return Setback(calls, base, error.again(), attempts, now + delay)


def _are_alike(one: tuple[Call, ...], other: tuple[Call, ...]) -> bool:
    """Whether both ask Azure for the same."""
    return one == other or tuple(map(_asked, one)) == tuple(map(_asked, other))


def _asked(call: Call) -> Call:
    """A call without what Azure itself found."""
    match call:
        case PutProfile() | PatchProfile():
            return replace(call, profile=replace(call.profile, endpoints=tuple(map(_written, call.profile.endpoints))))
        case PutEndpoint() | DeleteEndpoint():
            return replace(call, endpoint=_written(call.endpoint))
        case _:
            return call


def _written(endpoint: Endpoint) -> Endpoint:
    return structs.replace(endpoint, monitor_status=None, target=None)
