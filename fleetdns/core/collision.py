"""Writes that meet another change: repeated soon and told to nobody, as long as that passes.

Azure answers 409 while something else is being written, and that is over in seconds. Where the same answer comes for as
long as a sweep it is not what it says: then it is told, and tried slowly.
"""

from __future__ import annotations

from fleetdns.errors import Conflict, Deferred, FleetDNSError, NotLeading, Transient


def colliding_since(since: float | None, error: FleetDNSError | None, *, now: float) -> float | None:
    """When the first of the collisions in a row was, after one more try; None: the last one did not collide.

    `since`: as it was before. A try that was not made tells nothing. Times: seconds of one clock.
    """
    match error:
        case Deferred() | NotLeading():
            return since
        case Conflict():
            return now if since is None else since
        case _:
            return None


def outlasting(
    error: FleetDNSError | None, since: float | None, *, patience: float, now: float
) -> FleetDNSError | None:
    """The error as it is to be told and tried: a collision that did not pass within `patience` seconds is none."""
    if not isinstance(error, Conflict) or isinstance(error, NotLeading):
        return error
    if since is None or now - since < patience:
        return error
    return Transient(error.code, error.sentence)
