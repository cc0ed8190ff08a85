"""Why Azure is not heard: one cause, although one outage answers now in this way and now in that.

A time-out, a reset and a 503 by turns are one outage. Were each of them told, every object would be written anew with
every try. What was told stays while it is heard now and then. Once it was not for `patience` it gives way to the
newest, but not sooner than it has stood for three times as long. A right that is missing is told at once: somebody has
to give it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleetdns.core.outcome import PENDING, Failure, failure_of
from fleetdns.errors import FleetDNSError

_STANDS = 3  # times `patience`


@dataclass(frozen=True, slots=True)
class Cause:
    """`failure` is told, since `since`; `heard`: when Azure last gave it. Both in seconds of `now`'s clock."""

    failure: Failure
    since: float
    heard: float


def cause(before: Cause | None, failure: Failure, *, patience: float, now: float) -> Cause:
    """What is told after one more failure. `before`: what was told of this outage; what passes by itself keeps the
    sentence in which its code was told first.
    """
    if before is None:
        return Cause(failure, now, now)
    told, is_pending = before.failure, failure.kind == PENDING
    is_same = (failure.kind, failure.code) == (told.kind, told.code)
    if is_same and (is_pending or failure == told):
        return replace(before, heard=now)
    if not is_pending and (is_same or told.kind == PENDING):
        return Cause(failure, now, now)
    if now - before.heard <= patience or now - before.since <= _STANDS * patience:
        return before
    return Cause(failure, now, now)


class Silences:
    """Why resource groups could not be listed when that was last tried; by folded name, "" for all of them."""

    def __init__(self) -> None:
        self._causes: dict[str, Cause] = {}

    def failed(self, group: str, error: FleetDNSError, *, is_told: bool, patience: float, now: float) -> None:
        """`is_told`: status says already why; before that, the newest answer is the cause."""
        before = self._causes.get(group) if is_told else None
        self._causes[group] = cause(before, failure_of(error), patience=patience, now=now)

    def heard(self, group: str) -> None:
        self._causes.pop(group, None)

    def because(self, group: str) -> Failure | None:
        """The cause for one group; None: it was listed when that was last tried."""
        found = self._causes.get(group) or self._causes.get("")
        return found.failure if found is not None else None
