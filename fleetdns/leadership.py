"""Which replica works: the election for this cluster, the fence before every write, and what is said about both.

A replica that loses its leadership ends with exit code 1, as client-go's controllers do: what it had begun is unknown,
and a process that starts anew knows that. A dry run writes nothing, the Lease included, and takes part in no election.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import NoReturn, Protocol
from uuid import uuid4

import structlog

from fleetdns.api.meta import ObjectKey
from fleetdns.errors import FleetDNSError, NotLeading
from fleetdns.kube.leases import HubLeaseStore, pod_namespace
from fleetdns.kube.transport import Transport
from fleetdns.log import fanned
from fleetdns.metrics import Metrics
from fleetdns.runtime.leader import Elector, LeaderObserver, LeadershipLost, Timing
from fleetdns.settings import Settings

_NAME = "fleetdns"
_FROM_OUTSIDE = "default"  # the namespace that every hub has, for one who comes with a kubeconfig

_log = structlog.get_logger("fleetdns")


class Leadership:
    """One replica's part in the election; without an elector it simply leads."""

    def __init__(self, elector: Elector | None) -> None:
        self._elector = elector
        self._is_elected = asyncio.Event()

    @property
    def before_write(self) -> Callable[[float], None] | None:
        """What has to be asked before a write that may take so many seconds; it raises NotLeading."""
        return self._check if self._elector is not None else None

    @property
    def is_waiting(self) -> bool:
        """Somebody else leads, and we are ready to follow."""
        elector = self._elector
        return elector is not None and not self._is_elected.is_set() and elector.holder is not None

    @property
    def problem(self) -> str | None:
        """What keeps this replica from taking the lease, or from renewing it; None: nothing.

        A leader says so too: while it cannot renew, the hub does not answer it, and its lease is running out.
        """
        return self._elector.problem if self._elector is not None else None

    async def acquire(self) -> None:
        """Returns once this replica may work."""
        if self._elector is not None:
            await self._elector.acquire()
        self._is_elected.set()

    async def keep(self) -> NoReturn:
        """Keep what `acquire` has got, until cancelled. Raises FleetDNSError when it is lost."""
        await self._is_elected.wait()
        if self._elector is None:
            await asyncio.Event().wait()
            raise AssertionError("nobody sets that event")
        try:
            await self._elector.keep()
        except LeadershipLost as lost:
            raise FleetDNSError(
                "LeadershipLost", f"{lost}; fleetdns ends, to be started again as a candidate"
            ) from lost

    def end_within(self, seconds: float) -> None:
        """No write starts any more that may take longer than that from now."""
        if self._elector is not None:
            self._elector.fence.end_by(asyncio.get_running_loop().time() + seconds)

    async def release(self) -> None:
        """Let the next one lead. No write may be under way any more."""
        if self._elector is not None:
            await self._elector.release()

    def _check(self, seconds: float) -> None:
        if self._elector is not None and not self._elector.fence.valid_for(seconds):
            raise NotLeading("NotLeading", f"the lease of this replica does not outlive a write of {seconds:g} s")


def leadership(
    transport: Transport, lease: ObjectKey | None, *, timing: Timing, metrics: Metrics, random: Random
) -> Leadership:
    """This replica's leadership by that Lease; None: it takes part in no election and simply leads."""
    if lease is None:
        return Leadership(None)
    return Leadership(
        Elector(
            HubLeaseStore(transport, lease),
            identity=f"{socket.gethostname()}_{uuid4()}",
            timing=timing,
            now=lambda: datetime.now(UTC),
            random=random,
            observer=fanned(metrics.leadership(lease.name), LeaderLog(lease)),
        )
    )


def longest_call(lease_duration: float) -> float:
    """Seconds that a write may take at most, so that a lease renewed in time always has room for one."""
    return lease_duration * 2 / 3


class Electing(Protocol):
    """The settings that say whether and where replicas elect one."""

    @property
    def kubeconfig(self) -> str | None: ...
    @property
    def leader_elect(self) -> bool: ...
    @property
    def leader_election_namespace(self) -> str | None: ...


def hub_lease(settings: Settings) -> ObjectKey | None:
    """The hub controller's: those that look after different namespaces do not wait for each other. Raises UsageError.

    None for a dry run, which writes nothing, the Lease included.
    """
    if settings.dry_run:
        return None
    return lease_of(settings, f"{_NAME}-{settings.namespace}" if settings.namespace else _NAME)


def lease_of(settings: Electing, name: str) -> ObjectKey | None:
    """The Lease of this name where the settings say; None where they want no election. Raises UsageError."""
    if not settings.leader_elect:
        return None
    namespace = settings.leader_election_namespace or (_FROM_OUTSIDE if settings.kubeconfig else pod_namespace())
    return ObjectKey(namespace, name)


class LeaderLog(LeaderObserver):
    """What happens to the leadership, one line each."""

    def __init__(self, lease: ObjectKey) -> None:
        self._lease = str(lease)

    def following(self, holder: str, /) -> None:
        _log.info("another replica leads, waiting", lease=self._lease, holder=holder)

    def leading(self) -> None:
        _log.info("leading", lease=self._lease)

    def failing(self, problem: str, /) -> None:
        _log.warning("the lease cannot be had, trying again", lease=self._lease, error=problem)

    def recovered(self) -> None:
        _log.info("the lease can be read and written again", lease=self._lease)

    def lost(self, because: str, /) -> None:
        _log.error("no longer leading", lease=self._lease, because=because)

    def released(self) -> None:
        _log.info("lease given back", lease=self._lease)
