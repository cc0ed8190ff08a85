"""What the built-in kinds do beyond the common rules: their defaults, their own validation, their odd times.

kind          rule
Namespace     its own finalizer, phase and name label
ConfigMap     its contents stay once they are immutable
Secret        the same; stringData goes into data; type Opaque, which stays
Event         always prints six of its fields, even empty
Lease         microsecond times with exactly six decimals, stored in UTC
Service       what its type has, see services and allocations
Role ...      rules that say something, a binding that stays with its role, see rights
Deployment    and others that are only kept: a few defaults, see workloads
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fleetdns.emulator.hub import crds, rights, rights_schemas, services, workloads
from fleetdns.emulator.hub.fields import FieldError, forbidden, invalid
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object, bad_request

_MICRO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
_MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_EVENT_FIELDS: Object = {
    "eventTime": None,
    "firstTimestamp": None,
    "lastTimestamp": None,
    "reportingComponent": "",
    "reportingInstance": "",
    "source": {},
}
_RIGHTS = tuple((rights_schemas.GROUP, plural) for plural in (*rights.ROLES, *rights.BINDINGS))
_WORKLOADS = (("apps", "deployments"), ("policy", "poddisruptionbudgets"), ("networking.k8s.io", "networkpolicies"))
# A PUT on a name that does not exist creates it.
CREATES_ON_UPDATE = frozenset((("coordination.k8s.io", "leases"), ("", "events"), ("", "services"), *_RIGHTS))
# A PUT without resourceVersion is accepted and overwrites.
UNCONDITIONAL = frozenset(
    (
        *(("", plural) for plural in ("configmaps", "secrets", "namespaces", "events", "services", "serviceaccounts")),
        *_RIGHTS,
        *_WORKLOADS,
    )
)

# What objects of a kind have before anybody writes them, so that nobody manages it. By the store's word for the kind.
BLANKS: Mapping[str, Object] = {
    "services": services.BLANK,
    "deployments.apps": workloads.DEPLOYMENT,
    "poddisruptionbudgets.policy": workloads.DISRUPTION_BUDGET,
    "networkpolicies.networking.k8s.io": workloads.NETWORK_POLICY,
    "roles.rbac.authorization.k8s.io": {"rules": None},
    "clusterroles.rbac.authorization.k8s.io": {"rules": None},
}


def counts_generations(served: Served) -> bool:
    return served.custom or served.group == crds.GROUP or (served.group, served.plural) in _WORKLOADS


def prepared(served: Served, obj: Object, old: Object | None) -> Object:
    """A built-in object with its kind's defaults. Raises StatusError 400 for values that cannot be decoded."""
    if served.custom:
        return obj
    match served.group, served.plural:
        case "", "namespaces":
            return _namespace(obj, old)
        case "", "secrets":
            return _secret(obj)
        case "", "events":
            return _EVENT_FIELDS | {name: value for name, value in obj.items() if value is not None}
        case "coordination.k8s.io", "leases":
            return _lease(obj)
        case "", "services":
            return services.prepared(obj, old)
        case rights_schemas.GROUP, _:
            return rights.prepared(served, obj)
        case (("apps" | "policy" | "networking.k8s.io"), _) if not served.custom:
            return workloads.prepared(served, obj, old)
        case crds.GROUP, crds.PLURAL:
            return crds.defaulted(obj)
    return obj


def with_part(served: Served, obj: Object) -> Object:
    """An object of which one part was written alone, with the defaults of that part."""
    return services.with_ingress(obj) if served.resource == "services" else obj


def kind_errors(served: Served, obj: Object, old: Object | None) -> Iterator[FieldError]:
    """What this kind refuses beyond its schema."""
    match served.group, served.plural:
        case crds.GROUP, crds.PLURAL:
            yield from crds.definition_errors(obj, old)
        case "", "events":
            yield from _event_errors(obj)
        case "", "configmaps" | "secrets" if old is not None:
            yield from _sealed_errors(obj, old)
        case "coordination.k8s.io", "leases":
            yield from _lease_errors(obj.get("spec") or {})
        case "", "services":
            yield from services.service_errors(obj, old)
        case rights_schemas.GROUP, _:
            yield from rights.rights_errors(served, obj, old)


def kind_warnings(served: Served, obj: Object) -> Iterator[str]:
    """What this kind accepts and has no use for."""
    if served.resource == "services":
        yield from services.service_warnings(obj)


def _namespace(obj: Object, old: Object | None) -> Object:
    labels = (obj["metadata"].get("labels") or {}) | {"kubernetes.io/metadata.name": obj["metadata"].get("name", "")}
    before = old or {}
    # Only the finalize subresource takes the finalizer away.
    spec = before.get("spec") or {"finalizers": ["kubernetes"]}
    status = before.get("status") or {"phase": "Active"}
    return obj | {"metadata": obj["metadata"] | {"labels": labels}, "spec": spec, "status": status}


def _secret(obj: Object) -> Object:
    texts = obj.get("stringData") or {}
    if not isinstance(texts, dict) or not isinstance(obj.get("data") or {}, dict):
        return obj
    encoded = {name: base64.b64encode(str(text).encode()).decode() for name, text in texts.items()}
    rest = {name: value for name, value in obj.items() if name != "stringData"}
    data = (obj.get("data") or {}) | encoded
    return {"type": "Opaque"} | rest | ({"data": data} if data else {})


def _lease(obj: Object) -> Object:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return obj
    times = {name: _utc_micros(spec[name]) for name in ("acquireTime", "renewTime") if spec.get(name) is not None}
    return obj | {"spec": spec | times}


def _utc_micros(text: Any) -> str:
    if not isinstance(text, str) or not _MICRO.fullmatch(text):
        remainder = re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "", text) if isinstance(text, str) else ""
        raise bad_request(
            'Lease in version "v1" cannot be handled as a Lease: parsing time '
            f'"{text}" as "{_MICRO_LAYOUT}": cannot parse "{remainder}" as ".000000"'
        )
    try:
        moment = dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        why = f'Lease in version "v1" cannot be handled as a Lease: parsing time "{text}": out of range'
        raise bad_request(why) from None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _sealed_errors(obj: Object, old: Object) -> Iterator[FieldError]:
    """Whoever says that contents are immutable cannot take it back; what a secret is for never changes."""
    if obj.get("type") != old.get("type"):
        yield invalid("type", obj.get("type"), "field is immutable")
    if not old.get("immutable"):
        return
    for name, absent in (("immutable", False), ("data", {}), ("binaryData", {})):
        if (obj.get(name) or absent) != (old.get(name) or absent):
            yield forbidden(name, "field is immutable when `immutable` is set")


def _lease_errors(spec: Object) -> Iterator[FieldError]:
    for name, least, words in (
        ("leaseDurationSeconds", 1, "greater than 0"),
        ("leaseTransitions", 0, "greater than or equal to 0"),
    ):
        value = spec.get(name)
        if isinstance(value, int) and value < least:
            yield invalid(f"spec.{name}", value, f"must be {words}")


def _event_errors(obj: Object) -> Iterator[FieldError]:
    about = (obj.get("involvedObject") or {}).get("namespace") or "default"
    if about != obj["metadata"].get("namespace"):
        named = (obj.get("involvedObject") or {}).get("namespace", "")
        yield invalid("involvedObject.namespace", named, "does not match event.namespace")
