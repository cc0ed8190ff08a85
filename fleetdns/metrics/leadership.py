"""Whether this replica leads, as client-go names it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from fleetdns.runtime.leader import LeaderObserver


class LeaderSeries(LeaderObserver):
    """The state of one election. `name`: the Lease's."""

    def __init__(self, status: Gauge, name: str) -> None:
        self._status = status.labels(name)
        self._status.set(0)

    def leading(self) -> None:
        self._status.set(1)

    def lost(self, because: str, /) -> None:
        self._status.set(0)

    def released(self) -> None:
        self._status.set(0)


def status_gauge(registry: CollectorRegistry) -> Gauge:
    """The series of every election of this process."""
    return Gauge(
        "leader_election_master_status",
        "1 while this replica holds that lease.",
        ["name"],
        registry=registry,
    )
