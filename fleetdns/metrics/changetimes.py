"""How long users wait: from the event that asks for a change to Azure's answer that it is made."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Histogram

from fleetdns.api.meta import ObjectKey
from fleetdns.runtime.controller import Reconciled

_BUCKETS = (0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800)


class ChangeTimes:
    """From the event that made a key ready to the last answer of Azure; attempts that fail in between count along."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seconds = Histogram(
            "fleetdns_change_to_azure_seconds",
            "From an event seen to Azure's answer that the change is made.",
            registry=registry,
            buckets=_BUCKETS,
        )
        self._written: dict[str, float] = {}  # folded profile id -> when Azure last took a write, until it is reported
        self._answered: dict[ObjectKey, float] = {}
        self._since: dict[ObjectKey, float] = {}  # when the first of the attempts that failed became ready

    def written(self, resource: str) -> None:
        profile = "/".join(resource.lower().split("/")[:9])  # an endpoint's id begins with its profile's
        self._written[profile] = self._clock()

    def reported(self, key: ObjectKey, profile: str) -> None:
        answered = self._written.pop(profile, None)
        if answered is not None:
            self._answered[key] = answered

    def ended(self, run: Reconciled) -> None:
        since = self._since.setdefault(run.key, self._clock() - run.duration - run.waited)
        if run.error is not None:
            return
        del self._since[run.key]
        answered = self._answered.pop(run.key, None)
        if answered is not None:
            self._seconds.observe(max(0.0, answered - since))

    def forgotten(self, key: ObjectKey) -> None:
        self._answered.pop(key, None)
        self._since.pop(key, None)
