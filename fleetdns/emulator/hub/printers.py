"""The columns of the built-in kinds, which no definition declares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fleetdns.emulator.hub import cells
from fleetdns.emulator.hub.resources import Column
from fleetdns.emulator.hub.status import Object

Aged = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Printer:
    """Columns and the function that fills one row of them; ages come from the function it is given."""

    columns: tuple[Column, ...]
    cells: Callable[[Object, Aged], list[Any]]


_NAME = Column("Name", "string", "", "The object's name.", format="name")
_AGE = Column("Age", "string", "", "How long ago the object was created.")


def _text(name: str, priority: int = 0) -> Column:
    return Column(name, "string", "", priority=priority)


def _created(obj: Object, aged: Aged) -> str:
    return aged(obj["metadata"].get("creationTimestamp"))


def _namespace(obj: Object, aged: Aged) -> list[Any]:
    return [obj["metadata"]["name"], (obj.get("status") or {}).get("phase", ""), _created(obj, aged)]


def _configmap(obj: Object, aged: Aged) -> list[Any]:
    count = len(obj.get("data") or {}) + len(obj.get("binaryData") or {})
    return [obj["metadata"]["name"], count, _created(obj, aged)]


def _secret(obj: Object, aged: Aged) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("type", ""), len(obj.get("data") or {}), _created(obj, aged)]


def _service_account(obj: Object, aged: Aged) -> list[Any]:
    return [obj["metadata"]["name"], _created(obj, aged)]


def _lease(obj: Object, aged: Aged) -> list[Any]:
    return [obj["metadata"]["name"], (obj.get("spec") or {}).get("holderIdentity", ""), _created(obj, aged)]


def _definition(obj: Object, _aged: Aged) -> list[Any]:
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp", "")]


def _service(obj: Object, aged: Aged) -> list[Any]:
    spec = obj.get("spec") or {}
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    waiting = "<pending>" if spec.get("type") == "LoadBalancer" else "<none>"
    outside = ",".join(entry.get("ip") or entry.get("hostname") or "" for entry in ingress) or waiting
    if spec.get("type") == "ExternalName":
        outside = spec.get("externalName", "")
    ports = ",".join(_port(port) for port in spec.get("ports") or ()) or "<none>"
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items())) or "<none>"
    inside = spec.get("clusterIP") or "<none>"
    return [obj["metadata"]["name"], spec.get("type", ""), inside, outside, ports, _created(obj, aged), selector]


def _port(port: Object) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}"


def _event(obj: Object, aged: Aged) -> list[Any]:
    about = obj.get("involvedObject") or {}
    source = obj.get("source") or {}
    series = obj.get("series") or {}
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    parts = (source.get("component") or obj.get("reportingComponent"), source.get("host"))
    return [
        aged(last),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        ", ".join(filter(None, parts)),
        (obj.get("message") or "").strip(),
        aged(first),
        series.get("count") or obj.get("count") or 1,
        obj["metadata"]["name"],
    ]


_EVENT_COLUMNS = (
    _text("Last Seen"),
    _text("Type"),
    _text("Reason"),
    _text("Object"),
    _text("Subobject", 1),
    _text("Source", 1),
    _text("Message"),
    _text("First Seen", 1),
    Column("Count", "string", "", priority=1),
    Column("Name", "string", "", format="name", priority=1),
)

_CREATED = Column("Created At", "date", "")
_BINDING = Printer(
    (_NAME, _text("Role"), _AGE, _text("Users", 1), _text("Groups", 1), _text("ServiceAccounts", 1)), cells.binding
)
_DEPLOYMENT_COLUMNS = (
    _NAME,
    _text("Ready"),
    _text("Up-to-date"),
    _text("Available"),
    _AGE,
    _text("Containers", 1),
    _text("Images", 1),
    _text("Selector", 1),
)
_BUDGET_COLUMNS = (_NAME, _text("Min Available"), _text("Max Unavailable"), _text("Allowed Disruptions"), _AGE)
_RIGHTS = "rbac.authorization.k8s.io"

PRINTERS = {
    ("", "namespaces"): Printer((_NAME, _text("Status"), _AGE), _namespace),
    ("", "configmaps"): Printer((_NAME, Column("Data", "string", ""), _AGE), _configmap),
    ("", "secrets"): Printer((_NAME, _text("Type"), Column("Data", "string", ""), _AGE), _secret),
    ("", "serviceaccounts"): Printer((_NAME, _AGE), _service_account),
    ("", "services"): Printer(
        (
            _NAME,
            _text("Type"),
            _text("Cluster-IP"),
            _text("External-IP"),
            _text("Port(s)"),
            _AGE,
            _text("Selector", 1),
        ),
        _service,
    ),
    ("", "events"): Printer(_EVENT_COLUMNS, _event),
    ("coordination.k8s.io", "leases"): Printer((_NAME, _text("Holder"), _AGE), _lease),
    ("apiextensions.k8s.io", "customresourcedefinitions"): Printer((_NAME, _CREATED), _definition),
    ("apps", "deployments"): Printer(_DEPLOYMENT_COLUMNS, cells.deployment),
    ("policy", "poddisruptionbudgets"): Printer(_BUDGET_COLUMNS, cells.disruption_budget),
    ("networking.k8s.io", "networkpolicies"): Printer((_NAME, _text("Pod-Selector"), _AGE), cells.network_policy),
    (_RIGHTS, "roles"): Printer((_NAME, _CREATED), cells.role),
    (_RIGHTS, "clusterroles"): Printer((_NAME, _CREATED), cells.role),
    (_RIGHTS, "rolebindings"): _BINDING,
    (_RIGHTS, "clusterrolebindings"): _BINDING,
}
