"""A Lease of coordination.k8s.io as the lock of runtime's leader election, and the namespace it lies in by default."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fleetdns.api.meta import ObjectKey, Resource
from fleetdns.errors import Conflict, FleetDNSError, Forbidden, UsageError
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.library import SERVICE_TOKEN_FILENAME
from fleetdns.kube.paths import collection, item
from fleetdns.kube.transport import Transport
from fleetdns.runtime.lease import Lease, LeaseConflict, LeaseError, LeaseRecord

LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")

_POD_NAMESPACE = Path(SERVICE_TOKEN_FILENAME).with_name("namespace")


class _Spec(msgspec.Struct, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: datetime | None = None
    renew_time: datetime | None = None
    lease_transitions: int | None = None


class _Stored(msgspec.Struct):
    """The whole object, so that a renewal leaves what it does not know as it is."""

    metadata: dict[str, Any]
    spec: dict[str, Any] | None = None


class HubLeaseStore:
    """Fulfils runtime.LeaseStore for one Lease. Its uid goes along: a PUT must not make a Lease that was deleted."""

    def __init__(self, transport: Transport, key: ObjectKey) -> None:
        self._transport = transport
        self._key = key

    async def read(self) -> Lease | None:
        try:
            return await self._answered(self._transport.get(item(LEASES, self._key)))
        except Refused as error:
            if error.status == 404 and error.is_kubernetes:
                return None
            raise self._failure(error) from error

    async def create(self, record: LeaseRecord) -> Lease:
        metadata = {"name": self._key.name, "namespace": self._key.namespace}
        body = msgspec.json.encode(_body(metadata, _spec(record)))
        try:
            return await self._answered(self._transport.create(collection(LEASES, self._key.namespace), body))
        except Refused as error:
            raise self._failure(error, missing="the namespace does not exist") from error

    async def replace(self, lease: Lease, record: LeaseRecord) -> Lease:
        stored: _Stored = lease.stored
        body = msgspec.json.encode(_body(stored.metadata, {**(stored.spec or {}), **_spec(record)}))
        try:
            return await self._answered(self._transport.replace(item(LEASES, self._key), body))
        except Refused as error:
            raise self._failure(error) from error

    async def _answered(self, request: Awaitable[bytes]) -> Lease:
        try:
            return _lease(await request)
        except Unreachable as error:
            raise self._failure(error) from error
        except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
            raise LeaseError(f"Lease {self._key}: the API server's answer was not understood") from error

    def _failure(self, error: Refused | Unreachable, *, missing: str = "") -> LeaseError:
        known = write_error(error)
        if isinstance(known, Conflict):
            return LeaseConflict(known.sentence)
        return LeaseError(f"Lease {self._key}: {self._sentence(error, known, missing)}")

    def _sentence(self, error: Refused | Unreachable, known: FleetDNSError, missing: str) -> str:
        if missing and isinstance(error, Refused) and error.status == 404 and error.is_kubernetes:
            return f"{missing}; create it, or give another --leader-election-namespace"
        if isinstance(known, Forbidden):
            return f"{known.sentence}; fleetdns needs get, create and update on leases there, and a valid credential"
        return known.sentence


def pod_namespace(file: Path = _POD_NAMESPACE) -> str:
    """The namespace of the pod that this process runs in. Raises UsageError."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(
            "the namespace of this pod is not known: give --leader-election-namespace, or --no-leader-elect"
        ) from error


def _lease(body: bytes) -> Lease:
    stored = msgspec.json.decode(body, type=_Stored)
    spec = msgspec.convert(stored.spec or {}, _Spec)
    stored.metadata.pop("managedFields", None)
    record = LeaseRecord(
        holder=spec.holder_identity or "",
        duration=spec.lease_duration_seconds or 0,
        acquired_at=spec.acquire_time,
        renewed_at=spec.renew_time,
        transitions=spec.lease_transitions or 0,
    )
    return Lease(record, stored)


def _body(metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}


def _spec(record: LeaseRecord) -> dict[str, Any]:
    return {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration,
        "acquireTime": _micro_time(record.acquired_at),
        "renewTime": _micro_time(record.renewed_at),
        "leaseTransitions": record.transitions,
    }


def _micro_time(moment: datetime | None) -> str | None:
    """MicroTime: the API server takes exactly six decimals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None
