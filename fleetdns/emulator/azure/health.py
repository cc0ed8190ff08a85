"""Monitor states of endpoints and profiles, computed from what probes found.

profile    endpoint   probes found         endpointMonitorStatus
Disabled   Enabled    -                    Inactive
any        Disabled   -                    Disabled
Enabled    Enabled    alwaysServe          Unmonitored
Enabled    Enabled    nothing yet          CheckingEndpoint
Enabled    Enabled    a result             that result
Enabled    Enabled    nested: the child    Online | CheckingEndpoint | Degraded | Stopped
"""

import ipaddress
from collections.abc import Iterable, Mapping

from fleetdns.emulator.azure.resources import Endpoint, Profile, ProfileKey

PROBE_RESULTS = ("Online", "Degraded", "CheckingEndpoint", "Stopped")
_DEEPEST_NESTING = 10


class Probes:
    """Results set from outside, per endpoint and per target. One for the endpoint itself comes first."""

    def __init__(self) -> None:
        self._endpoints: dict[ProfileKey, dict[str, str]] = {}
        self._targets: dict[str, str] = {}

    def set_endpoint(self, profile: ProfileKey, endpoint: str, result: str) -> None:
        self._endpoints.setdefault(profile, {})[endpoint.casefold()] = result

    def set_target(self, target: str, result: str) -> None:
        """For every endpoint, now and later, whose target or target resource this is."""
        self._targets[target.casefold()] = result

    def keep_only(self, profile: ProfileKey, endpoints: Iterable[Endpoint]) -> None:
        """Forget the others: an endpoint made again under an old name starts unprobed."""
        present = {item.name.casefold() for item in endpoints}
        results = self._endpoints.pop(profile, {})
        kept = {name: result for name, result in results.items() if name in present}
        if kept:
            self._endpoints[profile] = kept

    def result(self, profile: ProfileKey, endpoint: Endpoint) -> str | None:
        found = self._endpoints.get(profile, {}).get(endpoint.name.casefold())
        return found or next((self._targets[key] for key in sorted(endpoint.target_keys) if key in self._targets), None)


class Health:
    """The states at one moment, of all the profiles there are."""

    def __init__(
        self, profiles: Mapping[ProfileKey, Profile], probes: Probes, *, now: float, probe_delay: float | None
    ) -> None:
        self._profiles = profiles
        self._probes = probes
        self._now = now
        self._probe_delay = probe_delay

    def endpoint(self, profile: Profile, endpoint: Endpoint, *, depth: int = 0) -> str:
        if endpoint.status == "Disabled":
            return "Disabled"
        if profile.status == "Disabled":
            return "Inactive"
        if endpoint.always_serve == "Enabled":
            return "Unmonitored"
        if endpoint.kind == "nestedEndpoints":
            return self._nested(endpoint, depth=depth + 1)
        return self._probes.result(profile.key, endpoint) or self._unprobed(endpoint)

    def profile(self, profile: Profile, *, depth: int = 0) -> str:
        if profile.status == "Disabled":
            return "Disabled"
        return combined(self.endpoint(profile, item, depth=depth) for item in profile.endpoints)

    def next_change(self, profile: Profile) -> float | None:
        """When the first unprobed endpoint turns Online by itself; None when time alone changes nothing."""
        if self._probe_delay is None:
            return None
        due = (item.since + self._probe_delay for item in profile.endpoints)
        return min((moment for moment in due if moment > self._now), default=None)

    def _unprobed(self, endpoint: Endpoint) -> str:
        is_probed = self._probe_delay is not None and self._now >= endpoint.since + self._probe_delay
        return "Online" if is_probed else "CheckingEndpoint"

    def _nested(self, endpoint: Endpoint, *, depth: int) -> str:
        child = child_profile(endpoint, self._profiles.values())
        if child is None or depth > _DEEPEST_NESTING or self.profile(child, depth=depth) in ("Disabled", "Inactive"):
            return "Stopped"
        states = [(item, self.endpoint(child, item, depth=depth)) for item in child.endpoints]
        for verdict, good in (("Online", _SERVING), ("CheckingEndpoint", _SERVING | {"CheckingEndpoint"})):
            if _enough(endpoint, [item for item, state in states if state in good]):
                return verdict
        return "Degraded"


_SERVING = frozenset({"Online", "Unmonitored"})


def combined(states: Iterable[str]) -> str:
    """The state of an enabled profile with endpoints in these states."""
    present = set(states)
    if "Degraded" in present:
        return "Degraded"
    if present & _SERVING:
        return "Online"
    return "CheckingEndpoints" if "CheckingEndpoint" in present else "Inactive"


def child_profile(endpoint: Endpoint, profiles: Iterable[Profile]) -> Profile | None:
    """The profile a nested endpoint stands for, by its resource id or its DNS name."""
    keys = endpoint.target_keys
    return next((item for item in profiles if item.id.casefold() in keys or item.fqdn.casefold() in keys), None)


def address_version(target: str | None) -> int | None:
    """4 or 6 for a target that is an IP address, None for a name."""
    try:
        return ipaddress.ip_address(target or "").version
    except ValueError:
        return None


def _enough(parent: Endpoint, good: list[Endpoint]) -> bool:
    versions = [address_version(item.target) for item in good]
    return (
        len(good) >= (parent.min_children or 0)
        and versions.count(4) >= (parent.min_children_ipv4 or 0)
        and versions.count(6) >= (parent.min_children_ipv6 or 0)
    )
