"""A hub cluster in memory: objects with resourceVersions, merge patches, finalizers, lists and watches.

Writes of the controllers reach their caches as the real adapter promises (`written` before the call returns); what
others write comes by the watch, `delay` seconds later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.api.service import Service, ServiceExport
from fleetdns.controllers.ports import HubObject
from fleetdns.core.events import Event
from fleetdns.errors import Conflict, FleetDNSError, Rejected
from fleetdns.runtime.events import Replaced
from fleetdns.runtime.listwatch import Codec, Entry, ListPage, ListWatch, NotServed, Take, Undecodable
from fleetdns.runtime.store import Store
from fleetdns.runtime.watchline import read_line

Written = HubObject | ServiceExport  # kinds whose status and finalizers are written here
Stored = Written | Namespace | MemberCluster | ResourceOverride | Service | Offer
T = TypeVar(
    "T",
    TrafficManagerProfile,
    TrafficManagerBackend,
    ServiceImport,
    InternalServiceExport,
    Namespace,
    MemberCluster,
    ResourceOverride,
    ServiceExport,
    Service,
    Offer,
)
S = TypeVar("S", bound=Stored)
H = TypeVar("H", bound=Written)

_BOOKMARK_EVERY = 50.0
_INITIAL_END = (
    b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d",'
    b'"annotations":{"k8s.io/initial-events-end":"true"}}}}\n'
)
_DELETED_AT = "2026-01-02T00:00:00Z"


@dataclass(frozen=True, slots=True)
class _Happened:
    version: int
    at: float
    line: bytes


class FakeHub:
    """Fulfils the controllers' Hub, and is the source of lists and watches. `namespaces` None: all there are exist."""

    def __init__(self, *, delay: float = 0.0) -> None:
        self.delay = delay
        self.namespaces: set[str] | None = None
        self.writes: list[str] = []  # what the controllers wrote, as "verb plural namespace/name"
        self.events: list[tuple[ObjectKey, Event]] = []
        self.listeners: list[Callable[[Any], None]] = []  # told of our own writes before they return
        self.version = 100
        self.looks_at_definitions = 0
        self.leaving_kinds: set[str] = set()  # plurals of the kinds whose definition is being deleted or gone
        self.has_placement = False  # KubeFleet places workloads here
        self.absent: set[type] = set()  # kinds that the hub does not serve
        self._objects: dict[tuple[type, ObjectKey], Stored] = {}
        self._garbled: set[tuple[type, ObjectKey]] = set()
        self._history: dict[type, list[_Happened]] = {}
        self._watchers: set[asyncio.Event] = set()
        self._fed: dict[type, Callable[[bytes], object]] = {}  # the newest cache of each kind, not those of the dead
        self._faults: dict[str, list[FleetDNSError]] = {}

    # What people, and other controllers, do

    def get(self, kind: type[T], key: ObjectKey) -> T | None:
        found = self._objects.get((kind, key))
        return found if isinstance(found, kind) else None

    def holds(self, kind: type[Stored], key: ObjectKey) -> bool:
        return (kind, key) in self._objects

    def apply(self, *objects: Stored) -> None:
        """kubectl apply: create, or replace what a user writes and keep what the server and the controllers wrote."""
        for obj in objects:
            self._apply(obj)

    def set_status(self, obj: Written | Offer, status: msgspec.Struct) -> None:
        """Somebody writes status by hand."""
        held = self._objects[type(obj), obj.metadata.key]
        assert isinstance(held, Written | Offer)
        self._store(msgspec.structs.replace(held, status=status), "MODIFIED")

    def delete(self, kind: type[Stored], key: ObjectKey) -> None:
        """kubectl delete: at once, or when the last finalizer has gone."""
        held = self._objects.get((kind, key))
        if held is None or held.metadata.is_deleting:
            return
        if not held.metadata.finalizers:
            self.remove(kind, key)
            return
        generation = held.metadata.generation + 1
        self._restamp(held, deletion_timestamp=_DELETED_AT, generation=generation)

    def remove(self, kind: type[Stored], key: ObjectKey) -> None:
        """The object vanishes, finalizers or not."""
        held = self._objects.pop((kind, key))
        self._garbled.discard((kind, key))
        self._note(_with_meta(held, resource_version=self._next()), "DELETED")

    def serve(self, kind: type[Stored]) -> None:
        """The kind is there from now on."""
        self.absent.discard(kind)

    def take_away(self, kind: type[Stored]) -> None:
        """The kind goes, with all its objects; whoever watches them sees the end of the stream."""
        for held, key in list(self._objects):
            if held is kind:
                self.remove(held, key)
        self.absent.add(kind)
        for news in self._watchers:
            news.set()

    def garble(self, obj: Stored) -> None:
        """The object becomes one that no codec understands."""
        self._garbled.add((type(obj), obj.metadata.key))
        self._restamp(self._objects[type(obj), obj.metadata.key])

    def mend(self, obj: Stored) -> None:
        """The object can be read again."""
        self._garbled.discard((type(obj), obj.metadata.key))
        self._restamp(self._objects[type(obj), obj.metadata.key])

    def fail(self, verb: str, error: FleetDNSError, *, times: int = 1) -> None:
        """Answer the next writes of this kind with `error`."""
        self._faults.setdefault(verb, []).extend([error] * times)

    # What the controllers write

    async def patch_status(self, obj: Written, patch: Mapping[str, Any]) -> None:
        held = await self._written("patch_status", obj)
        if held is None:
            return
        status = merge_patched(msgspec.to_builtins(held.status), patch)
        if status != msgspec.to_builtins(held.status):
            self._own(msgspec.structs.replace(held, status=msgspec.convert(status, type(held.status))))
        await asyncio.sleep(0)

    async def set_finalizers(self, obj: Written, finalizers: tuple[str, ...]) -> None:
        held = await self._written("set_finalizers", obj)
        if held is None:
            if not set(finalizers) <= set(obj.metadata.finalizers):
                raise Conflict("NotFound", "the object is gone")
            return
        if (held.metadata.uid, held.metadata.resource_version) != (obj.metadata.uid, obj.metadata.resource_version):
            raise Conflict("Conflict", "the object has been modified; please apply your changes to the latest version")
        if held.metadata.is_deleting and not finalizers:
            self.remove(type(held), held.metadata.key)
        elif finalizers != held.metadata.finalizers:
            self._own(_with_meta(held, finalizers=finalizers))
        await asyncio.sleep(0)

    async def create_import(self, service_import: HubObject) -> None:
        key = service_import.metadata.key
        held = await self._written("create_import", service_import)
        if self.namespaces is not None and key.namespace not in self.namespaces:
            raise Rejected("NotFound", f'namespaces "{key.namespace}" not found')
        if held is not None:
            raise Conflict("AlreadyExists", f'serviceimports "{key.name}" already exists')
        self._apply(service_import)
        await asyncio.sleep(0)

    async def delete_import(self, service_import: HubObject) -> None:
        held = await self._written("delete_import", service_import)
        if held is not None and held.metadata.uid == service_import.metadata.uid:
            self.delete(type(held), held.metadata.key)
        await asyncio.sleep(0)

    async def set_annotations(self, obj: HubObject, annotations: Mapping[str, str | None]) -> None:
        held = await self._written("set_annotations", obj)
        if held is None:
            return
        merged = merge_patched(held.metadata.annotations, annotations)
        if merged != held.metadata.annotations:
            self._own(_with_meta(held, annotations=merged))
        await asyncio.sleep(0)

    async def places_workloads(self) -> bool:
        """Fulfils the controllers' Discovery."""
        await asyncio.sleep(0)
        faults = self._faults.get("places_workloads")
        if faults:
            raise faults.pop(0)
        return self.has_placement

    async def leaving(self) -> frozenset[str]:
        """Fulfils the controllers' Definitions."""
        self.looks_at_definitions += 1
        await asyncio.sleep(0)
        faults = self._faults.get("leaving")
        if faults:
            raise faults.pop(0)
        return frozenset(self.leaving_kinds)

    async def publish(self, obj: Written | ResourceOverride, event: Event) -> None:
        await asyncio.sleep(0)
        self.events.append((obj.metadata.key, event))

    # What the informers read

    def listwatch(self, kind: type[T]) -> ListWatch:
        return _KindListWatch(self, kind)

    def codec(self, kind: type[T]) -> Codec[ObjectKey, T]:
        return _KindCodec(kind)

    def must_serve(self, kind: type) -> None:
        """Raises NotServed."""
        if kind in self.absent:
            raise NotServed("404 page not found")

    def raw_of(self, kind: type) -> list[bytes]:
        """Every object of a kind as it goes over the wire."""
        return [self._raw(obj) for (held, _), obj in self._objects.items() if held is kind]

    def feed(self, kind: type[T], store: Store[ObjectKey, T]) -> None:
        """Keep a cache true without list and watch: it knows of everything the moment it happens."""
        codec = self.codec(kind)
        store.apply(Replaced([codec.decode(raw) for raw in self.raw_of(kind)], (), str(self.version)))
        self._fed[kind] = lambda line: store.apply(event) if (event := read_line(line, codec).event) else None

    @asynccontextmanager
    async def follow(self, kind: type, version: int | None, seconds: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """What happened to a kind after `version`, for so many seconds, with bookmarks. None: first what there is."""
        self.must_serve(kind)
        news = asyncio.Event()
        self._watchers.add(news)
        try:
            yield self._lines(kind, version, news, seconds)
        finally:
            self._watchers.discard(news)

    async def _lines(
        self, kind: type, version: int | None, news: asyncio.Event, seconds: float
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        if version is None:
            await asyncio.sleep(self.delay)
            version, present = self.version, self.raw_of(kind)
            for raw in present:
                yield b'{"type":"ADDED","object":%s}\n' % raw
            yield _INITIAL_END % version
        history = self._history.setdefault(kind, [])
        position = sum(happened.version <= version for happened in history)
        while loop.time() < ends_at and kind not in self.absent:
            news.clear()  # before looking: what happens while lines are given out must not be missed
            for happened in history[position:]:
                await asyncio.sleep(max(0.0, happened.at + self.delay - loop.time()))
                position += 1
                yield happened.line
            try:
                async with asyncio.timeout(_BOOKMARK_EVERY):
                    await news.wait()
            except TimeoutError:
                yield b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d"}}}\n' % self.version

    # Bookkeeping

    async def _written(self, verb: str, obj: H) -> H | None:
        await asyncio.sleep(0)
        self.writes.append(f"{verb} {obj.resource.plural} {obj.metadata.key}")
        faults = self._faults.get(verb)
        if faults:
            raise faults.pop(0)
        held = self._objects.get((type(obj), obj.metadata.key))
        return held if isinstance(held, type(obj)) else None

    def _own(self, obj: Written) -> None:
        stored = self._store(obj, "MODIFIED")
        for listener in self.listeners:
            listener(stored)

    def _apply(self, obj: Stored) -> None:
        held = self._objects.get((type(obj), obj.metadata.key))
        if held is None:
            uid = obj.metadata.uid or f"uid-{self.version}"
            self._store(_with_meta(obj, uid=uid, generation=max(1, obj.metadata.generation)), "ADDED")
            return
        is_respecified = getattr(held, "spec", None) != getattr(obj, "spec", None)
        metadata = msgspec.structs.replace(
            held.metadata,
            annotations=obj.metadata.annotations,
            labels=obj.metadata.labels,
            generation=held.metadata.generation + is_respecified,
        )
        kept = {"status": held.status} if hasattr(held, "status") else {}
        self._store(msgspec.structs.replace(obj, metadata=metadata, **kept), "MODIFIED")

    def _restamp(self, held: Stored, **changes: Any) -> None:
        self._store(_with_meta(held, **changes), "MODIFIED")

    def _store(self, obj: S, happened: str) -> S:
        stored = _with_meta(obj, resource_version=self._next())
        self._objects[type(stored), stored.metadata.key] = stored
        self._note(stored, happened)
        return stored

    def _note(self, obj: Stored, happened: str) -> None:
        line = b'{"type":"%s","object":%s}\n' % (happened.encode(), self._raw(obj))
        now = asyncio.get_running_loop().time()
        self._history.setdefault(type(obj), []).append(_Happened(self.version, now, line))
        if type(obj) in self._fed:
            self._fed[type(obj)](line)
        for news in self._watchers:
            news.set()

    def _raw(self, obj: Stored) -> bytes:
        if (type(obj), obj.metadata.key) in self._garbled:
            return msgspec.json.encode({"metadata": {**msgspec.to_builtins(obj.metadata), "annotations": 17}})
        return msgspec.json.encode(obj)

    def _next(self) -> str:
        self.version += 1
        return str(self.version)


class _KindListWatch:
    def __init__(self, hub: FakeHub, kind: type) -> None:
        self._hub = hub
        self._kind = kind

    async def list(self, *, resource_version: str, limit: int | None, continue_token: str, take: Take) -> ListPage:
        await asyncio.sleep(self._hub.delay)
        self._hub.must_serve(self._kind)
        for raw in self._hub.raw_of(self._kind):
            take(raw)
        return ListPage(str(self._hub.version), "")

    def watch(
        self, *, resource_version: str, timeout_seconds: int, initial_events: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        version = None if initial_events else int(resource_version or 0)
        return self._hub.follow(self._kind, version, timeout_seconds)


class _Named(msgspec.Struct, rename="camel"):
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Identity(msgspec.Struct):
    metadata: _Named


class _KindCodec(Generic[T]):
    def __init__(self, kind: type[T]) -> None:
        self._kind: type[T] = kind

    def decode(self, raw: bytes | memoryview) -> Entry[ObjectKey, T]:
        meta = msgspec.json.decode(raw, type=_Identity).metadata
        key = ObjectKey(meta.namespace, meta.name)
        try:
            value = msgspec.json.decode(raw, type=self._kind)
        except msgspec.ValidationError as error:
            raise Undecodable(key, meta.uid, meta.resource_version, str(error)) from error
        return Entry(key, meta.uid, meta.resource_version, value)


def _with_meta(obj: S, **changes: Any) -> S:
    return msgspec.structs.replace(obj, metadata=msgspec.structs.replace(obj.metadata, **changes))


def merge_patched(old: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7386: null removes, an object is merged, anything else is put in place."""
    merged = dict(old) if isinstance(old, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = merge_patched(merged.get(name), value)
        else:
            merged[name] = value
    return merged
