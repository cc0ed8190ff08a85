"""What the reconcilers report for metrics; the names of the series stand elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fleetdns.api.meta import ObjectKey
from fleetdns.core.drift import Drift
from fleetdns.core.outcome import Outcome


class ReconcileObserver(Protocol):
    """Told after status is written; must not raise."""

    def reconciled(self, key: ObjectKey, outcome: Outcome) -> None:
        """One look at a profile ended with this outcome."""
        ...

    def repaired(self, key: ObjectKey, drift: Drift) -> None:
        """Somebody's change to this profile in Azure was put back."""
        ...

    def health_changed(self, key: ObjectKey, states: Mapping[str, int]) -> None:
        """Status tells of endpoints in another state than before: how many of one backend, by their new state."""
        ...

    def unidentified(self, key: ObjectKey, message: str) -> None:
        """The profile object cannot have an Azure profile, and this sentence says why: its series go.

        In a dry run nobody else is told.
        """
        ...

    def forgotten(self, key: ObjectKey) -> None:
        """The profile object is gone or going: its series go too."""
        ...
