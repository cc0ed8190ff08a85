"""The three sides that the agent talks to, in memory: its cluster, its namespace on the hub, and Azure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import Service
from fleetdns.core.publicip import PublicIP
from fleetdns.errors import Conflict, FleetDNSError, Rejected, Transient
from fleetdns.runtime.listwatch import Unavailable
from tests.controllers.fake_hub import FakeHub, Stored, merge_patched

LOST_ANSWER = Transient("Timeout", "no answer came in time")
AWAY = Transient("Unreachable", "the API server cannot be reached")


class Server(FakeHub):
    """An API server that may be away, and whose answers may be lost after a write took effect."""

    def __init__(self, *, delay: float = 0.0) -> None:
        super().__init__(delay=delay)
        self.is_away = False
        self.times: list[float] = []  # when each of `writes` came
        self._lost: set[str] = set()

    def lose_answer(self, verb: str) -> None:
        """The next write of this kind takes effect, and its answer never comes."""
        self._lost.add(verb)

    def must_serve(self, kind: type) -> None:
        if self.is_away:
            raise Unavailable("connection refused")
        super().must_serve(kind)

    def remake(self, obj: Any, uid: str) -> None:
        """Delete the object and make it again, between two looks of whoever watches."""
        self._restamp(self._objects[type(obj), obj.metadata.key], uid=uid)

    async def _lines(
        self, kind: type, version: int | None, news: asyncio.Event, seconds: float
    ) -> AsyncIterator[bytes]:
        async for line in super()._lines(kind, version, news, seconds):
            if self.is_away:
                raise Unavailable("connection reset")
            yield line

    async def _written(self, verb: str, obj: Any) -> Any:
        self.times.append(asyncio.get_running_loop().time())
        found = await super()._written(verb, obj)
        if self.is_away:
            raise AWAY
        return found

    async def _answered(self, verb: str) -> None:
        """The answer is on its way back."""
        await asyncio.sleep(0)
        if verb in self._lost:
            self._lost.remove(verb)
            raise LOST_ANSWER

    def _own(self, obj: Any) -> None:
        if self._lost:
            self._store(obj, "MODIFIED")  # and no cache hears of it but by the watch
        else:
            super()._own(obj)


class FakeCluster(Server):
    """Fulfils the agent's Cluster. Annotations have owners: the agent's claims, and whatever a user applied."""

    def __init__(self, *, delay: float = 0.0) -> None:
        super().__init__(delay=delay)
        self._claims: dict[str, dict[str, str]] = {}  # by the Service's uid: what the agent owns
        self._shared: set[tuple[str, str]] = set()  # uid and annotation: a user owns the same value

    async def patch_status(self, obj: Any, patch: Mapping[str, Any]) -> None:
        await super().patch_status(obj, patch)
        await self._answered("patch_status")

    async def set_finalizers(self, obj: Any, finalizers: tuple[str, ...]) -> None:
        await super().set_finalizers(obj, finalizers)
        await self._answered("set_finalizers")

    async def claim_annotations(self, service: Service, annotations: Mapping[str, str]) -> bool:
        held = await self._written("claim_annotations", service)
        if held is None:
            raise Conflict("Conflict", "uid mismatch")
        if held.metadata.uid != service.metadata.uid:
            raise Rejected("Invalid", "metadata.uid: field is immutable")
        uid, present = held.metadata.uid, dict(held.metadata.annotations)
        ours = self._owned(held)
        if any(name in present and name not in ours and present[name] != text for name, text in annotations.items()):
            return False
        for name in ours.keys() - annotations.keys():
            if (uid, name) not in self._shared:
                present.pop(name, None)
        self._shared |= {(uid, name) for name in annotations if name in present and name not in ours}
        self._claims[uid] = dict(annotations)
        self._restamp(held, annotations=present | dict(annotations))
        await self._answered("claim_annotations")
        return True

    def annotate(self, service: ObjectKey, annotations: Mapping[str, str | None]) -> None:
        """kubectl annotate --overwrite: the user owns what is written. None removes."""
        held = self.get(Service, service)
        assert held is not None
        claims = self._claims.get(held.metadata.uid, {})
        for name in annotations:
            claims.pop(name, None)
        self._restamp(held, annotations=merge_patched(held.metadata.annotations, annotations))

    def _apply(self, obj: Stored) -> None:
        """What the agent owns stays, unless the user says something of it."""
        held = self._objects.get((type(obj), obj.metadata.key))
        if isinstance(obj, Service) and isinstance(held, Service):
            uid, ours, theirs = held.metadata.uid, self._owned(held), obj.metadata.annotations
            self._shared |= {(uid, name) for name, text in ours.items() if theirs.get(name) == text}
            annotations = {**ours, **theirs}
            obj = msgspec.structs.replace(obj, metadata=msgspec.structs.replace(obj.metadata, annotations=annotations))
        super()._apply(obj)

    def _owned(self, held: Service) -> dict[str, str]:
        claims = self._claims.get(held.metadata.uid, {})
        return {name: text for name, text in claims.items() if held.metadata.annotations.get(name) == text}


class FakeNamespace(Server):
    """This cluster's namespace on the hub, with what the hub's controllers do there."""

    async def read(self, key: ObjectKey) -> Offer | None:
        await asyncio.sleep(0)
        if self.is_away:
            raise AWAY
        faults = self._faults.get("read")
        if faults:
            raise faults.pop(0)
        await self._answered("read")
        return self.get(Offer, key)

    def judge(self, offer: ObjectKey, *conditions: Any) -> None:
        """The hub says what it thinks of an export."""
        held = self.held(offer)
        self.set_status(held, msgspec.structs.replace(held.status, conditions=conditions))

    def held(self, key: ObjectKey) -> Offer:
        found = self.get(Offer, key)
        assert found is not None
        return found

    def mark(self, key: ObjectKey, **metadata: Any) -> None:
        """Somebody writes metadata by hand, or the hub's controllers do."""
        self._restamp(self.held(key), **metadata)

    def instruct(self, key: ObjectKey, annotations: Mapping[str, str | None]) -> None:
        """The hub writes annotations, or (None) takes them away."""
        self.mark(key, annotations=merge_patched(self.held(key).metadata.annotations, annotations))

    def respecify(self, key: ObjectKey, **changes: Any) -> None:
        """Somebody edits the spec by hand."""
        held = self.held(key)
        self._store(msgspec.structs.replace(held, spec=msgspec.structs.replace(held.spec, **changes)), "MODIFIED")

    @property
    def all(self) -> list[Offer]:
        return sorted(
            (obj for obj in self._objects.values() if isinstance(obj, Offer)), key=lambda offer: offer.metadata.name
        )

    def stored(self, obj: Stored) -> None:
        self._store(obj, "MODIFIED")


class HubSide:
    """Fulfils the agent's Hub."""

    def __init__(self, hub: FakeNamespace) -> None:
        self._hub = hub

    async def read(self, key: ObjectKey) -> Offer | None:
        return await self._hub.read(key)

    async def create(self, offer: Offer) -> None:
        held = await self._hub._written("create", offer)
        if self._hub.namespaces is not None and offer.metadata.namespace not in self._hub.namespaces:
            raise Rejected("NotFound", f'namespaces "{offer.metadata.namespace}" not found')
        if held is not None:
            raise Conflict("AlreadyExists", f'internalserviceexports "{offer.metadata.name}" already exists')
        self._hub.apply(offer)
        await self._hub._answered("create")

    async def patch(self, offer: Offer, patch: Mapping[str, Any]) -> None:
        held = await self._hub._written("patch", offer)
        if held is None:
            raise Conflict("NotFound", "the object is gone")
        if held.metadata.resource_version != offer.metadata.resource_version:
            raise Conflict("Conflict", "the object has been modified")
        self._hub.stored(msgspec.convert(merge_patched(msgspec.to_builtins(held), patch), Offer))
        await self._hub._answered("patch")

    async def delete(self, offer: Offer) -> None:
        held = await self._hub._written("delete", offer)
        if held is not None and held.metadata.uid == offer.metadata.uid:
            self._hub.delete(Offer, offer.metadata.key)
        await self._hub._answered("delete")


@dataclass(slots=True)
class FakePublicIPs:
    """Azure's public IPs by resource group. `calls`: when, and which group was listed."""

    latency: float = 0.0
    groups: dict[str, dict[str, PublicIP]] = field(default_factory=dict)
    calls: list[tuple[float, str]] = field(default_factory=list)
    down: FleetDNSError | None = None
    faults: list[FleetDNSError] = field(default_factory=list)

    def put(self, ip: PublicIP, *, group: str) -> None:
        self.groups.setdefault(group.lower(), {})[ip.address] = ip

    def remove(self, address: str, *, group: str) -> None:
        del self.groups[group.lower()][address]

    async def list_group(self, subscription: str, resource_group: str) -> tuple[PublicIP, ...]:
        self.calls.append((asyncio.get_running_loop().time(), resource_group.lower()))
        await asyncio.sleep(self.latency)
        if self.faults:
            raise self.faults.pop(0)
        if self.down is not None:
            raise self.down
        return tuple(self.groups.get(resource_group.lower(), {}).values())

    def times(self, group: str) -> list[float]:
        return [at for at, name in self.calls if name == group.lower()]
