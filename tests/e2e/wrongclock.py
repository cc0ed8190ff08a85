"""`python -m tests.e2e.wrongclock HOURS ...` is `python -m fleetdns ...` on a machine whose clock is wrong.

Only the wall clock is: the monotonic one, by which the event loop measures, goes on as it does, as in a machine that
somebody set to another time. TLS keeps asking the kernel, or the test's new certificates would not be valid yet.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from typing import Self

from fleetdns import leadership
from fleetdns.azure import trafficmanager
from fleetdns.cli import main
from fleetdns.kube import events

_READERS = (leadership, trafficmanager, events)  # who took `datetime` by name, to ask it what time it is


def set_wrong(hours: float) -> None:
    """From now on this process believes that it is so many hours later."""
    seconds, error = hours * 3600.0, dt.timedelta(hours=hours)
    right, right_ns = time.time, time.time_ns
    time.time = lambda: right() + seconds
    time.time_ns = lambda: right_ns() + round(seconds) * 1_000_000_000

    class Wrong(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Self:
            return super().now(tz) + error

    for module in (dt, *_READERS):
        vars(module)["datetime"] = Wrong


if __name__ == "__main__":
    set_wrong(float(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
