"""The lock that replicas share: its record, the store it lies in as one Protocol, and the errors that store raises."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """Who holds the lock. holder "": nobody. duration: whole seconds after which an unchanged record may be overruled.

    The times are for people: clocks differ between machines, so no decision looks at them.
    """

    holder: str
    duration: int
    acquired_at: datetime | None = None
    renewed_at: datetime | None = None
    transitions: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """A record as it is stored; stored is what the store needs to replace exactly this version of it."""

    record: LeaseRecord
    stored: Any = None


class LeaseStore(Protocol):
    """One lock. Every failure rises as a LeaseError; a write that failed may have happened all the same."""

    async def read(self) -> Lease | None:
        """The lock as it is now, never as some cache had it; None: there is none."""
        ...

    async def create(self, record: LeaseRecord) -> Lease:
        """Make the lock. Raises LeaseConflict when it exists."""
        ...

    async def replace(self, lease: Lease, record: LeaseRecord) -> Lease:
        """Put record in the place of lease. Raises LeaseConflict when another version is there by now, or none."""
        ...


class LeaseError(Exception):
    """A read or a write that failed; the text is one sentence for the log. Try again."""


class LeaseConflict(LeaseError):
    """Somebody else was first. Read again before the next write."""
