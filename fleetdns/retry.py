"""What an error means for its key: when it runs again, and how loudly that is said. The classes are errors.py's."""

from __future__ import annotations

from fleetdns.errors import Conflict, Deferred, Forbidden, NameTaken, Rejected, Throttled, Transient
from fleetdns.runtime.backoff import Backoff
from fleetdns.runtime.controller import Retry

SOON = Backoff(base=0.2, factor=2.0, cap=5.0, jitter=0.5)
LATER = Backoff(base=1.0, factor=2.0, cap=60.0, jitter=0.5)
# What heals by itself (a name freed, a role assignment that took effect) is true again within 150 s.
SLOWLY = Backoff(base=15.0, factor=2.0, cap=120.0, jitter=0.2)

# A server that answers "retry after 0" again and again must not be asked in a circle.
SHORTEST_PAUSE = 1.0


def classify(error: Exception) -> Retry:
    """The one table from errors to requeues."""
    match error:
        case Conflict():
            return Retry(backoff=SOON, label="conflict", report="silent")
        case Deferred(retry_after=seconds):
            return Retry(delay=seconds, label="deferred", report="silent")
        case Throttled(retry_after=seconds):
            return Retry(delay=max(SHORTEST_PAUSE, seconds), label="throttled")
        case Transient():
            return Retry(backoff=LATER, label="transient")
        case NameTaken():
            return Retry(backoff=SLOWLY, label="name_taken")
        case Rejected():
            return Retry(backoff=SLOWLY, label="rejected")
        case Forbidden():
            return Retry(backoff=SLOWLY, label="forbidden")
        case _:
            return Retry(backoff=LATER, label="error", report="traceback")
