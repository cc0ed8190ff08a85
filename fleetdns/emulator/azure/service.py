"""The emulated Traffic Manager: one synchronous call from request to response, and the levers of its operator.

Time comes from the injected clock, chance from the injected random; nothing here waits. How long an answer takes and
whether its connection breaks is said in the response, for the server to carry out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from fleetdns.emulator.azure import endpoint_operations, other_operations, profile_operations
from fleetdns.emulator.azure.admission import refuse_strangers, request_ids
from fleetdns.emulator.azure.behaviour import Behaviour
from fleetdns.emulator.azure.calls import Call, CallLog
from fleetdns.emulator.azure.errors import ArmError
from fleetdns.emulator.azure.exchange import Reply, Request, Response, json_bytes
from fleetdns.emulator.azure.faults import Fault, Faults
from fleetdns.emulator.azure.health import PROBE_RESULTS
from fleetdns.emulator.azure.publicips import PublicIP
from fleetdns.emulator.azure.resources import Profile, ProfileKey
from fleetdns.emulator.azure.routing import Route, route_of
from fleetdns.emulator.azure.throttle import Throttle
from fleetdns.emulator.azure.versions import api_version
from fleetdns.emulator.azure.world import Inbound, World

__all__ = ["Behaviour", "Call", "Fault", "Request", "Response", "TrafficManagerService"]

Operation = Callable[[World, Inbound], Reply]

_OPERATIONS: Mapping[str, Operation] = {
    "profiles.get": profile_operations.get,
    "profiles.put": profile_operations.put,
    "profiles.patch": profile_operations.patch,
    "profiles.delete": profile_operations.delete,
    "profiles.list": profile_operations.listed,
    "endpoints.get": endpoint_operations.get,
    "endpoints.put": endpoint_operations.put,
    "endpoints.patch": endpoint_operations.patch,
    "endpoints.delete": endpoint_operations.delete,
    "names.check": other_operations.check_name,
    "geography.get": other_operations.geography,
    "heatmap.get": other_operations.heat_map,
    "metricskeys.get": other_operations.get_metrics_key,
    "metricskeys.put": other_operations.put_metrics_key,
    "metricskeys.delete": other_operations.delete_metrics_key,
    "publicips.get": other_operations.get_public_ip,
    "publicips.list": other_operations.list_public_ips,
    "providers.get": other_operations.get_provider,
    "providers.register": other_operations.register_provider,
}


class TrafficManagerService:
    """`clock` gives seconds and never goes back. `behaviour` settles what is unknown of the real service.

    `strict_public_ips` and `throttling` are shorthands for the switches of the same name.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        strict_public_ips: bool = False,
        throttling: bool = False,
        behaviour: Behaviour | None = None,
        random: Random | None = None,
    ) -> None:
        given = behaviour or Behaviour()
        switches = replace(
            given,
            strict_public_ips=given.strict_public_ips or strict_public_ips,
            throttling=given.throttling or throttling,
        )
        self._clock = clock
        self._world = World(switches) if random is None else World(switches, random)
        self._throttle = Throttle()
        self._faults = Faults()
        self._changes = 0  # of everything but the store that a snapshot depends on
        self._snapshot: tuple[dict[str, Any], ...] = ()
        self._snapshot_of: tuple[int, int] = (-1, -1)
        self._snapshot_until: float | None = None
        self.calls = CallLog()

    def handle(self, request: Request) -> Response:
        """Answer one request and record it. Never raises for anything a client sends."""
        now = self._clock()
        try:
            route = route_of(request.method, request.path)
        except ArmError as error:
            route = Route("unknown", request.method, request.path)
            response = error.response()
        else:
            response = self._faulty(request, route, now)
        headers = {**_FIXED_HEADERS, **request_ids(request, self._world.random, now=now), **response.headers}
        if response.body and "Content-Type" not in response.headers:
            headers["Content-Type"] = "application/json; charset=utf-8"
        self.calls.record(_call(request, route, response, now))
        return replace(response, headers=headers)

    def _faulty(self, request: Request, route: Route, now: float) -> Response:
        fault = self._faults.take(route, now)
        if fault is None:
            return self._answer(request, route, now)
        real = self._answer(request, route, now) if fault.does_the_work else Response(200)
        return fault.answer(real)

    def _answer(self, request: Request, route: Route, now: float) -> Response:
        try:
            version = api_version(request, route)
            rates = self._throttle.admit(route, now, refuses=self._world.behaviour.throttling)
            refuse_strangers(self._world, route)
        except ArmError as error:
            return error.response()
        response = self._operate(Inbound(request, route, now, version))
        return replace(response, headers={**rates, **response.headers})

    def _operate(self, inbound: Inbound) -> Response:
        try:
            reply = _OPERATIONS[inbound.route.operation](self._world, inbound)
        except ArmError as error:
            return error.response()
        return Response(reply.status, {}, b"" if reply.body is None else json_bytes(reply.body), reply.delay)

    # ---- what clients asked

    def mark(self) -> int:
        """A point in the record of calls, for `calls_since`."""
        return self.calls.mark()

    def calls_since(self, mark: int) -> tuple[Call, ...]:
        return self.calls.since(mark)

    # ---- what the world looks like

    def profiles(self) -> tuple[dict[str, Any], ...]:
        """Every profile as a GET would answer it, sorted by id. Do not change it: while nothing changes, it is kept."""
        now = self._clock()
        stored = self._world.store.profiles(now)
        state = (self._world.store.revision, self._changes)
        is_current = state == self._snapshot_of and (self._snapshot_until is None or now < self._snapshot_until)
        if not is_current:
            view = self._world.view(now)
            self._snapshot = tuple(view.profile(profile) for _, profile in sorted(stored.items()))
            self._snapshot_of = state
            turns = (self._world.health(now).next_change(profile) for profile in stored.values())
            self._snapshot_until = min((turn for turn in turns if turn is not None), default=None)
        return self._snapshot

    @property
    def behaviour(self) -> Behaviour:
        return self._world.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._world.behaviour = behaviour
        self._changes += 1

    # ---- the operator's levers

    def add_fault(self, fault: Fault) -> int:
        """The number to remove it by."""
        return self._faults.add(fault)

    def remove_fault(self, number: int) -> None:
        self._faults.remove(number)

    def clear_faults(self) -> None:
        self._faults.clear()

    def faults(self) -> dict[int, Fault]:
        return self._faults.listed()

    def set_public_ip(
        self,
        resource_id: str,
        fqdn: str | None,
        *,
        address: str | None = None,
        location: str = "eastus",
        tags: Mapping[str, str] | None = None,
    ) -> PublicIP:
        """Register or change a public IP address; `fqdn` None is one without a DNS label, `address` "" one without any.

        Raises ValueError for the id of something else, ArmError 400 where another public IP has the DNS name.
        """
        self._changes += 1
        return self._world.public_ips.set(resource_id, fqdn, address=address, location=location, tags=tags)

    def public_ip(self, resource_id: str) -> PublicIP | None:
        """A registered public IP address."""
        return self._world.public_ips.get(resource_id)

    def remove_public_ip(self, resource_id: str) -> None:
        self._changes += 1
        self._world.public_ips.remove(resource_id)

    def set_probe(self, profile: str, endpoint: str | None, status: str) -> None:
        """What probes find at an endpoint, or with None at all endpoints now in the profile.

        `profile` is a resource id, or a name in any group. Raises LookupError when there is none.
        """
        _refuse_probe_result(status)
        hit = [
            (key, item)
            for key, stored in self._profiles_named(profile)
            for item in stored.endpoints
            if endpoint is None or item.is_named(endpoint)
        ]
        if not hit:
            raise LookupError(f"no endpoint {endpoint or ''} in a profile {profile}")
        for key, item in hit:
            self._world.probes.set_endpoint(key, item.name, status)
        self._changes += 1

    def set_target_probe(self, target: str, status: str) -> None:
        """What probes find at a DNS name, an address or a target resource, wherever it is an endpoint."""
        _refuse_probe_result(status)
        self._world.probes.set_target(target, status)
        self._changes += 1

    def tamper(self, method: str, path: str, body: object = None) -> Any:
        """A change by somebody else: done at once, without faults, limits or a record. Gives the answer's JSON.

        `path` is a resource id. Raises ArmError when the service refuses the change.
        """
        request = Request(method, path, body=b"" if body is None else json.dumps(body).encode())
        inbound = Inbound(request, route_of(method, path), self._clock(), is_by_hand=True)
        return _OPERATIONS[inbound.route.operation](self._world, inbound).body

    def take_name(self, relative_name: str) -> None:
        """Another tenant has this DNS name from now on."""
        self._world.names.take(relative_name)

    def release_name(self, relative_name: str) -> None:
        self._world.names.release(relative_name)

    def lock(self, scope: str) -> None:
        """Nothing at or below this resource id can be deleted."""
        self._world.locks.add(scope.rstrip("/").casefold())

    def unlock(self, scope: str) -> None:
        self._world.locks.discard(scope.rstrip("/").casefold())

    def unregister(self, subscription: str) -> None:
        """Until somebody registers it, the subscription does not know Microsoft.Network."""
        self._world.unregistered.add(subscription.casefold())

    def _profiles_named(self, text: str) -> list[tuple[ProfileKey, Profile]]:
        folded = text.casefold()
        stored = self._world.store.profiles(self._clock())
        return [(key, item) for key, item in stored.items() if folded in (key.name, item.id.casefold())]


_FIXED_HEADERS: Mapping[str, str] = {
    "Cache-Control": "private",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}


def _refuse_probe_result(status: str) -> None:
    if status not in PROBE_RESULTS:
        raise ValueError(f"probes find one of {', '.join(PROBE_RESULTS)}, not {status}")


def _call(request: Request, route: Route, response: Response, now: float) -> Call:
    try:
        body = json.loads(request.body) if request.body else None
    except (ValueError, RecursionError):
        body = request.body.decode(errors="replace")
    status = 0 if response.drop or response.hang else response.status
    return Call(now, request.method, route.operation, request.path, status, body)
