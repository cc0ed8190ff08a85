"""Writes to several objects of which one that the hub does not take keeps none of the others from theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fleetdns.errors import FleetDNSError, Forbidden, Rejected, Transient


class HubWrites:
    """What the hub said against single objects while many were written.

    A refusal is about the object (an admission policy, a schema that it does not fulfil). Something that may pass is
    that once; twice it is the hub itself, and the rest would wait for it in vain.
    """

    def __init__(self) -> None:
        self.error: FleetDNSError | None = None  # the first
        self.is_passing = False  # one of them may be taken at the next try

    @contextmanager
    def each(self) -> Iterator[None]:
        """Around all that is written to one object. Raises what concerns the others as well."""
        try:
            yield
        except (Rejected, Forbidden, Transient) as error:
            if isinstance(error, Transient) and self.is_passing:
                raise
            self.note(error)

    def note(self, error: FleetDNSError) -> None:
        """Keep what was said against one object; it is raised once each was tried."""
        self.is_passing |= isinstance(error, Transient)
        self.error = self.error or error

    def end(self) -> None:
        """Raise the first, now that each was tried."""
        if self.error is not None:
            raise self.error
