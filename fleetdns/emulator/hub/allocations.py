"""What the API server hands out to Services: an address inside the cluster, ports on the nodes; each to one only."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

from fleetdns.emulator.hub import services
from fleetdns.emulator.hub.fields import invalid
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object, internal
from fleetdns.emulator.hub.status import invalid as refused
from fleetdns.emulator.hub.store import Key, Store

_ADDRESSES = ipaddress.ip_network("10.0.0.0/16")
_NODE_PORTS = range(30000, 32768)
Claim = str | int


class Allocations:
    """Follows the stored Services; `chance` picks among what is free."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self._store = store
        self._chance = chance
        self._owners: dict[Claim, Key] = {}
        self._claims: dict[Key, set[Claim]] = {}

    def stored(self, served: Served, key: Key) -> None:
        """An object was written or deleted."""
        if served.resource != "services":
            return
        for claim in self._claims.pop(key, ()):
            del self._owners[claim]
        version = self._store.get("services", key)
        if version is not None and version.raw is not None:
            claims = self._claims[key] = _claims(version.decoded()["spec"])
            self._owners |= dict.fromkeys(claims, key)

    def granted(self, served: Served, key: Key, obj: Object, old: Object | None) -> Object:
        """The object with all that it needs.

        Raises StatusError: 422 for what another one has or nobody can have, 500 where there is nothing left.
        """
        if served.resource != "services":
            return obj
        obj = services.settled(obj, old)
        spec = obj["spec"]
        taken: set[Claim] = set()
        if services.needs_address(spec):
            spec = spec | self._address(served, key, spec)
        elif spec.get("clusterIP") == "None":
            families = ["IPv4"] if spec.get("selector") else ["IPv4", "IPv6"]
            policy = "SingleStack" if spec.get("selector") else "RequireDualStack"
            spec = {"clusterIPs": ["None"], "ipFamilies": families, "ipFamilyPolicy": policy} | spec
        ports = [
            port | {"nodePort": self._port(served, key, f"spec.ports[{position}].nodePort", port, taken)}
            if port.get("nodePort") or services.needs_node_ports(spec)
            else port
            for position, port in enumerate(spec.get("ports") or ())
        ]
        spec = spec | ({"ports": ports} if ports else {})
        if services.needs_health_check(spec) and not spec.get("healthCheckNodePort"):
            spec = spec | {"healthCheckNodePort": self._free_port(taken)}
        return obj | {"spec": spec}

    def _address(self, served: Served, key: Key, spec: Object) -> Object:
        wanted = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), None)
        address = wanted or self._free_address()
        why = ""
        if ipaddress.ip_address(address) not in _ADDRESSES:
            why = "the provided network does not match the current range"
        elif self._owners.get(address, key) != key:
            why = "provided IP is already allocated"
        if why:
            error = invalid("spec.clusterIPs", [address], f"failed to allocate IP {address}: {why}")
            raise refused(served.group, served.kind, key.name, (error,))
        granted: Object = {"clusterIP": address, "clusterIPs": [address]}
        return {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"} | _given(spec) | granted

    def _port(self, served: Served, key: Key, path: str, port: Object, taken: set[Claim]) -> int:
        number = int(port.get("nodePort") or 0) or self._free_port(taken)
        why = ""
        if number not in _NODE_PORTS:
            least, most = _NODE_PORTS[0], _NODE_PORTS[-1]
            why = f"provided port is not in the valid range. The range of valid ports is {least}-{most}"
        elif self._owners.get(number, key) != key:
            why = "provided port is already allocated"
        if why:
            raise refused(served.group, served.kind, key.name, (invalid(path, number, why),))
        taken.add(number)
        return number

    def _free_address(self) -> str:
        # Not the first, which the API server itself has, and not the last.
        count = _ADDRESSES.num_addresses - 3
        start = self._chance.randrange(count)
        addresses = (str(_ADDRESSES[2 + (start + step) % count]) for step in range(count))
        for address in addresses:
            if address not in self._owners:
                return address
        raise internal("failed to allocate a serviceIP: range is full")

    def _free_port(self, taken: set[Claim]) -> int:
        start = self._chance.randrange(len(_NODE_PORTS))
        for step in range(len(_NODE_PORTS)):
            number = _NODE_PORTS[(start + step) % len(_NODE_PORTS)]
            if number not in self._owners and number not in taken:
                taken.add(number)
                return number
        raise internal("failed to allocate a nodePort: range is full")


def _given(spec: Object) -> dict[str, Any]:
    return {name: spec[name] for name in ("ipFamilies", "ipFamilyPolicy") if spec.get(name)}


def _claims(spec: Object) -> set[Claim]:
    addresses = {address for address in spec.get("clusterIPs") or () if address != "None"}
    ports = {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
    health = {spec["healthCheckNodePort"]} if spec.get("healthCheckNodePort") else set()
    return addresses | ports | health
