"""What every Kubernetes object carries, and how a kind is addressed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

GROUP = "networking.fleet.azure.com"
# On a member's hub namespace or its MemberCluster: every endpoint of that cluster leaves DNS.
DRAIN = "fleetdns.io/drain"
# Fleet's controllers put it on profiles and backends for the sake of their own metrics, and only they take it off.
FLEET_METRICS_FINALIZER = f"{GROUP}/metrics-cleanup"


class ObjectKey(NamedTuple):
    """Namespace and name: how an object is called inside its kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Resource(NamedTuple):
    """A kind as the API server serves it; `plural` is its segment of the path."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class ObjectMeta(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """metadata. Times stay text: fleetdns compares whether they are there, and never computes with them."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.namespace, self.name)

    @property
    def is_deleting(self) -> bool:
        return self.deletion_timestamp is not None


def timestamp(seconds: float) -> str:
    """Unix seconds as RFC 3339 in UTC with whole seconds, as Kubernetes writes times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_marked(metadata: ObjectMeta, annotation: str) -> bool:
    """Whether a fleetdns.io switch is on. Only "true" switches: a typo must not stop or release anything."""
    return metadata.annotations.get(annotation) == "true"
