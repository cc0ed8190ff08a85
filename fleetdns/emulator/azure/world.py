"""Everything the service knows, in one place, and what an operation is told about its request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from fleetdns.emulator.azure.behaviour import Behaviour
from fleetdns.emulator.azure.errors import ArmError, invalid_content, profile_not_found
from fleetdns.emulator.azure.exchange import Request
from fleetdns.emulator.azure.health import Health, Probes
from fleetdns.emulator.azure.names import Names
from fleetdns.emulator.azure.publicips import PublicIPs
from fleetdns.emulator.azure.resources import Profile, ProfileKey, profile_key
from fleetdns.emulator.azure.routing import Route
from fleetdns.emulator.azure.store import Store
from fleetdns.emulator.azure.targets import Directory
from fleetdns.emulator.azure.versions import NEWEST
from fleetdns.emulator.azure.wire import View


@dataclass(frozen=True, slots=True)
class Inbound:
    """One admitted request. `now` is the service's clock; `is_by_hand` marks a change that takes no time."""

    request: Request
    route: Route
    now: float
    version: str = NEWEST
    is_by_hand: bool = False

    @property
    def key(self) -> ProfileKey:
        return profile_key(self.route.subscription, self.route.group, self.route.profile)

    def body(self) -> Mapping[str, Any]:
        """The JSON object in the body. Raises ArmError 400 for anything else, 415 for another content type."""
        content_type = (self.request.header("Content-Type") or "application/json").partition(";")[0].strip().lower()
        if content_type not in ("application/json", "text/json"):
            raise ArmError(415, "UnsupportedMediaType", f"The content media type '{content_type}' is not supported.")
        try:
            value = json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise invalid_content("the body is not JSON") from error
        if not isinstance(value, dict):
            raise invalid_content("the body is not a JSON object")
        return value


@dataclass(slots=True)
class World:
    """The state the operations work on."""

    behaviour: Behaviour
    random: Random = field(default_factory=Random)
    store: Store = field(default_factory=Store)
    public_ips: PublicIPs = field(default_factory=PublicIPs)
    probes: Probes = field(default_factory=Probes)
    locks: set[str] = field(default_factory=set)  # folded scopes
    unregistered: set[str] = field(default_factory=set)  # folded subscriptions
    metrics_keys: dict[str, str] = field(default_factory=dict)  # folded subscription -> key
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        self.names = Names(self.store)

    def view(self, now: float, version: str = NEWEST) -> View:
        return View(self.health(now), self.public_ips, version, self.behaviour.lowercase_ids)

    def canonical_view(self, now: float) -> View:
        """What is stored, as input for a merge: never with the ids folded."""
        return View(self.health(now), self.public_ips)

    def health(self, now: float) -> Health:
        return Health(self.store.profiles(now), self.probes, now=now, probe_delay=self.behaviour.probe_delay)

    def directory(self, now: float) -> Directory:
        return Directory(self.public_ips, self.store.profiles(now), self.behaviour.strict_public_ips)

    def profile(self, inbound: Inbound) -> Profile:
        """The profile the path names. Raises ArmError 404."""
        found = self.store.get(inbound.key, inbound.now)
        if found is None:
            raise profile_not_found(inbound.route.profile, inbound.route.group)
        return found

    def write(self, inbound: Inbound, value: Profile | None) -> float:
        """Store or remove the profile the path names. Seconds until it is done. Raises ArmError 409 on overlap."""
        low, high = self.behaviour.latencies.get(inbound.route.operation, (0.0, 0.0))
        latency = 0.0 if inbound.is_by_hand or high <= 0 else self.random.uniform(low, high)
        self.store.write(inbound.key, value, inbound.now, latency=latency)
        self.probes.keep_only(inbound.key, value.endpoints if value else ())
        return latency

    def lock_on(self, scope: str) -> str | None:
        """The lock that keeps `scope` from being deleted: one on itself, on anything above it, or on a part of it."""
        folded = f"{scope.casefold()}/"
        held = (lock for lock in sorted(self.locks) if folded.startswith(f"{lock}/") or f"{lock}/".startswith(folded))
        return next(held, None)

    def hex_key(self) -> str:
        return f"{self.random.getrandbits(128):032x}"
