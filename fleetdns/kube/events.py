"""Kubernetes Events: told once, counted when they repeat, and never worth waiting or failing for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog

from fleetdns.api.meta import ObjectKey, Resource
from fleetdns.core.events import Event
from fleetdns.errors import FleetDNSError
from fleetdns.kube.codec import HubStruct
from fleetdns.kube.errors import Refused, Unreachable
from fleetdns.kube.paths import collection, item
from fleetdns.kube.transport import Transport

EVENTS = Resource("", "v1", "events", "Event")

_COMPONENT = "fleetdns"
_REPEATS_WITHIN = timedelta(minutes=10)  # as client-go aggregates
_REMEMBERED = 4096  # events
_LONGEST_MESSAGE = 1024  # characters; the API server refuses more
_LONGEST_NAME = 253
_PATIENCE = 3.0  # seconds for an event: nobody waits long for one

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Told:
    """An event that was written."""

    key: ObjectKey
    count: int
    at: datetime


class EventPublisher:
    """Writes Events. `component` speaks, by its replica `instance`. `now`: wall clock, aware."""

    patience = _PATIENCE

    def __init__(
        self,
        transport: Transport,
        *,
        instance: str,
        component: str = _COMPONENT,
        server: str = "the hub",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = transport
        self._instance = instance
        self._component = component
        self._server = server
        self._now = now
        self._told: OrderedDict[tuple[str, ...], _Told] = OrderedDict()
        self._denied: set[str] = set()  # the verbs that were last refused for want of a right

    async def publish(
        self, obj: HubStruct, event: Event, *, before_write: Callable[[float], None] | None = None
    ) -> None:
        """Write it, or count it where it was told of the same object within ten minutes. Never raises.

        `before_write(seconds)` runs first and may prevent it.
        """
        try:
            if before_write is not None:
                before_write(self.patience)
        except FleetDNSError:
            return
        try:
            async with asyncio.timeout(self.patience):
                await self._publish(obj, event)
        except (Refused, Unreachable, TimeoutError) as error:
            _log.debug("event not written", reason=event.reason, object=str(obj.metadata.key), error=str(error))

    async def _publish(self, obj: HubStruct, event: Event) -> None:
        now = self._now()
        message = event.message[:_LONGEST_MESSAGE]
        same = (obj.resource.kind, obj.metadata.uid, *obj.metadata.key, event.type, event.reason, message)
        told = self._told.get(same)
        if told is not None and now - told.at < _REPEATS_WITHIN and await self._counted(told, now):
            return
        key = ObjectKey(obj.metadata.namespace, _name(obj.metadata.name, now))
        source = {"reportingComponent": self._component, "reportingInstance": self._instance}
        body = _body(obj, event, message, key=key, now=now) | source | {"source": {"component": self._component}}
        await self._sent("create", self._transport.create(collection(EVENTS, key.namespace), msgspec.json.encode(body)))
        self._remember(same, _Told(key, 1, now))

    async def _counted(self, told: _Told, now: datetime) -> bool:
        """Count an event once more; False when it is not there any more."""
        patch = {"count": told.count + 1, "lastTimestamp": _time(now)}
        try:
            await self._sent("patch", self._transport.patch(item(EVENTS, told.key), msgspec.json.encode(patch)))
        except Refused as error:
            if error.status == 404:
                return False
            raise
        told.count, told.at = told.count + 1, now
        return True

    async def _sent(self, verb: str, request: Awaitable[bytes]) -> None:
        """A right that is missing is said once: nothing else would show that nobody is told of anything."""
        try:
            await request
        except Refused as error:
            if error.is_for_want_of_rights and verb not in self._denied:
                self._denied.add(verb)
                _log.warning(
                    f"{self._server} does not let fleetdns {verb} events: check its ClusterRole", error=str(error)
                )
            raise
        self._denied.discard(verb)

    def _remember(self, same: tuple[str, ...], told: _Told) -> None:
        self._told[same] = told
        self._told.move_to_end(same)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)


def _body(obj: HubStruct, event: Event, message: str, *, key: ObjectKey, now: datetime) -> dict[str, Any]:
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": key.name, "namespace": key.namespace},
        "involvedObject": {
            "apiVersion": obj.resource.api_version,
            "kind": obj.resource.kind,
            "namespace": obj.metadata.namespace,
            "name": obj.metadata.name,
            "uid": obj.metadata.uid,
            "resourceVersion": obj.metadata.resource_version,
        },
        "type": event.type,
        "reason": event.reason,
        "message": message,
        "firstTimestamp": _time(now),
        "lastTimestamp": _time(now),
        "count": 1,
    }


def _name(about: str, now: datetime) -> str:
    """The object's name and the moment, as client-go calls its events."""
    suffix = f".{int(now.timestamp() * 1_000_000):x}"
    return about[: _LONGEST_NAME - len(suffix)] + suffix


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
