"""Which resource groups were listed once, where the subscription may not be, and when one that was not is asked again.

Each stands for itself: one that does not answer keeps from being made only what would be made in it, or what may be in
it already. However many wait for it, it is asked after 1 s doubling to 60 s, or when it says so itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from fleetdns.errors import Deferred, FleetDNSError, Throttled

Group: TypeAlias = tuple[str, str]  # folded subscription and resource group

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_LONGEST_LIST = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Unseen:
    """A group that was asked in vain: what it answered last, how often, and when to ask again (seconds)."""

    error: FleetDNSError
    attempts: int
    again: float


class GroupLists:
    """No I/O, no clock: times come with what is recorded."""

    def __init__(self) -> None:
        self._seen: set[Group] = set()
        self._unseen: dict[Group, Unseen] = {}

    def is_seen(self, group: Group) -> bool:
        return group in self._seen

    def waits(self, group: Group, *, now: float) -> FleetDNSError | None:
        """Why a group that was not seen is not asked now; None: it may be."""
        unseen = self._unseen.get(group)
        return unseen.error.again() if unseen is not None and now < unseen.again else None

    def asked(self, group: Group, *, now: float) -> None:
        """It is on its way: until it is answered, nobody else asks a group that failed before."""
        if group in self._unseen:
            self._unseen[group] = replace(self._unseen[group], again=now + _LONGEST_LIST)

    def failed(self, group: Group, error: FleetDNSError, *, now: float) -> None:
        if group in self._seen or isinstance(error, Deferred):  # of which nothing was sent
            return
        before = self._unseen.get(group)
        attempts = before.attempts + 1 if before is not None else 1
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempts - 1, 8))
        if isinstance(error, Throttled):
            pause = max(_FIRST_PAUSE, error.retry_after)
        self._unseen[group] = Unseen(error.again(), attempts, now + pause)

    def seen(self, group: Group) -> None:
        """Its list is recorded whole."""
        self._seen.add(group)
        self._unseen.pop(group, None)
