"""Events about objects of a cluster, as a controller there writes them: said again, the same one counts up."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import aiohttp

from fleetdns.demo.kubernetes import Cluster, Manifest, Refused

_EVENTS = "events"


class Recorder:
    """`component` is who says so."""

    def __init__(self, cluster: Cluster, component: str) -> None:
        self._cluster = cluster
        self._component = component
        self._told: dict[tuple[str, str, str], tuple[str, int]] = {}  # what was said -> the event's name, how often

    async def warn(self, about: Manifest, reason: str, message: str) -> None:
        """A Warning. One that cannot be written is lost, as events are."""
        metadata = about["metadata"]
        said = (metadata["uid"], reason, message)
        name, count = self._told.get(said, (f"{metadata['name']}.{uuid.uuid4().hex[:16]}", 0))
        self._told[said] = (name, count + 1)
        again = {"count": count + 1, "lastTimestamp": _now()}
        try:
            if count:
                await self._cluster.patch(_EVENTS, metadata["namespace"], name, again)
            else:
                await self._cluster.create(_EVENTS, metadata["namespace"], self._event(about, name, reason, message))
        except (aiohttp.ClientError, TimeoutError, Refused):
            del self._told[said]

    def _event(self, about: Manifest, name: str, reason: str, message: str) -> Manifest:
        metadata, now = about["metadata"], _now()
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": about.get("apiVersion", "v1"),
                "kind": about.get("kind", "Service"),
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "type": "Warning",
            "reason": reason,
            "message": message,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
