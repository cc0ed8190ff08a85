"""When an import is written: a burst of exports costs one write or two, and a lone one waits for nothing.

the import                      a change of what it ought to say
nobody is in it yet             waits until things are quiet: 0.2 s, and 2 s at most
not written in the last 0.2 s   is written at once
written just now                is gathered with what follows until things are quiet: 0.2 s, and 2 s at most

So changes that follow each other within 0.2 s, for so many seconds in all, cost 1 + ceil(seconds / 2) writes at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleetdns.api.exports import ServiceImport, ServiceImportStatus
from fleetdns.core.settle import QUIET, Settling, remaining, settling


@dataclass(frozen=True, slots=True)
class Burst:
    """What waits to be written for one service, and when its import was last written (seconds).

    Losing it costs a write.
    """

    waiting: Settling[ServiceImportStatus] | None = None
    written_at: float | None = None


def gathered(
    burst: Burst, status: ServiceImportStatus, *, current: ServiceImport | None, now: float
) -> tuple[Burst, float]:
    """The burst after one more look at an import that ought to say something else, and the seconds still to wait."""
    is_serving = current is not None and bool(current.status.clusters)
    is_quiet = burst.waiting is None and (burst.written_at is None or now - burst.written_at > QUIET)
    if is_serving and is_quiet:
        return burst, 0.0
    waiting = settling(burst.waiting, status, now=now)
    return replace(burst, waiting=waiting), remaining(waiting, now=now)
