"""InternalServiceExports as a kube-apiserver gives them: whole, with all that fleetdns does not read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.contract.samples import GROUP

SERVICES = 200  # exported by each cluster
_FIRST_VERSION = 1_000_000


def export(cluster: int, service: int) -> dict[str, Any]:
    """What a member's agent writes for one of its services."""
    member, name = f"aks-westeurope-{cluster:03}", f"storefront-{service:03}"
    resource_group = f"MC_fleet-production_{member}_westeurope"
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "InternalServiceExport",
        "metadata": {
            "name": f"shop-{name}",
            "namespace": f"fleet-member-{member}",
            "finalizers": [f"{GROUP}/internal-svc-export-cleanup"],
        },
        "spec": {
            "type": "LoadBalancer",
            "isDNSLabelConfigured": True,
            "isInternalLoadBalancer": False,
            "publicIPResourceID": (
                f"/subscriptions/8f1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8/resourceGroups/{resource_group}"
                f"/providers/Microsoft.Network/publicIPAddresses/kubernetes-{member}-{name}"
            ),
            "weight": 1 + service % 10,
            "ports": [
                {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080},
                {"name": "https", "protocol": "TCP", "port": 443, "targetPort": 8443},
            ],
            "serviceReference": {
                "clusterId": member,
                "apiVersion": "v1",
                "kind": "Service",
                "namespace": "shop",
                "name": name,
                "namespacedName": f"shop/{name}",
                "uid": f"{cluster:08x}-0000-4000-8000-{service:012x}",
                "resourceVersion": str(100_000 + service),
                "generation": 1,
                "exportedSince": f"2026-01-01T{service % 24:02}:{cluster % 60:02}:00Z",
            },
        },
    }


def stored(number: int, *, version: int) -> dict[str, Any]:
    """The same once a server holds it, with the condition that the hub controller has written."""
    body = export(*divmod(number, SERVICES))
    since = body["spec"]["serviceReference"]["exportedSince"]
    body["metadata"] |= {
        "uid": f"5f3a9c1e-0000-4000-8000-{number:012x}",
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": since,
        "managedFields": [
            _managed("fleetdns-member", {"f:spec": {f"f:{name}": {} for name in body["spec"]}}, since),
            _managed("fleetdns", {"f:status": {"f:conditions": {'k:{"type":"Conflict"}': {".": {}}}}}, since),
        ],
    }
    body["status"] = {
        "conditions": [
            {
                "type": "Conflict",
                "status": "False",
                "reason": "NoConflictFound",
                "message": "the ports agree with every export that is in",
                "observedGeneration": 1,
                "lastTransitionTime": since,
            }
        ]
    }
    return body


def _managed(manager: str, fields: dict[str, Any], since: str) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": f"{GROUP}/v1alpha1",
        "time": since,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


class Prepared:
    """A server's answers about so many exports, as bytes that are ready before anybody asks.

    After the state, every export changes once: its weight.
    """

    def __init__(self, objects: int) -> None:
        self.objects = objects
        self._state = [_compact(stored(n, version=_FIRST_VERSION + n)) for n in range(objects)]
        self._version = _FIRST_VERSION + objects
        self._changes = [_line("MODIFIED", _compact(_heavier(n, self._version + n + 1))) for n in range(objects)]

    @property
    def size(self) -> int:
        """Bytes of one export, on average."""
        return sum(map(len, self._state)) // max(1, self.objects)

    def page(self, limit: int | None, token: str) -> bytes:
        """One page of a list."""
        begin = int(token or 0)
        end = self.objects if limit is None else min(self.objects, begin + limit)
        metadata = {"resourceVersion": str(self._version), "continue": str(end) if end < self.objects else ""}
        head = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "InternalServiceExportList", "metadata": metadata}
        return _compact(head)[:-1] + b',"items":[' + b",".join(self._state[begin:end]) + b"]}"

    def initial_events(self) -> Iterator[bytes]:
        """The state as the beginning of a watch, with the mark of its end."""
        for body in self._state:
            yield _line("ADDED", body)
        mark = {"resourceVersion": str(self._version), "annotations": {"k8s.io/initial-events-end": "true"}}
        yield _line("BOOKMARK", _compact({"kind": "InternalServiceExport", "metadata": mark}))

    def changes(self) -> Iterator[bytes]:
        return iter(self._changes)


def _heavier(number: int, version: int) -> dict[str, Any]:
    body = stored(number, version=version)
    body["spec"]["weight"] += 1
    body["metadata"]["generation"] = 2
    return body


def _compact(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _line(kind: str, body: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), body)
