"""Values that are fine alone and do not go together."""

from __future__ import annotations

from fleetdns.errors import UsageError
from fleetdns.settings.values import Address


def check_addresses(metrics: Address | None, probes: Address | None) -> None:
    """Two servers need two ports. Raises UsageError."""
    if metrics and metrics == probes and metrics.port:
        raise UsageError(
            f"--metrics-bind-address and --health-probe-bind-address are both port {metrics.port}; give two ports"
        )


def check_lease(duration: int, renew_interval: float) -> None:
    """A lease has to outlive several renewals. Seconds. Raises UsageError."""
    if renew_interval * 6 > duration:
        raise UsageError(
            f"--lease-renew-interval is {renew_interval:g}; give at most a sixth of --lease-duration, "
            "or writes would wait for the next renewal"
        )
