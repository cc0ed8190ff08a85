"""What `kubectl get` shows of roles, bindings, deployments, disruption budgets and network policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fleetdns.emulator.hub.status import Object

Aged = Callable[[Any], str]


def role(obj: Object, _aged: Aged) -> list[Any]:
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp", "")]


def binding(obj: Object, aged: Aged) -> list[Any]:
    reference, subjects = obj.get("roleRef") or {}, obj.get("subjects") or ()

    def of(kind: str) -> str:
        found = (subject for subject in subjects if subject.get("kind") == kind)
        return ", ".join("/".join(filter(None, (one.get("namespace"), one.get("name")))) for one in found)

    names = [of(kind) for kind in ("User", "Group", "ServiceAccount")]
    return [obj["metadata"]["name"], f"{reference.get('kind')}/{reference.get('name')}", _age(obj, aged), *names]


def deployment(obj: Object, aged: Aged) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}"
    counts = [ready, status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    names = [",".join(one.get(name, "") for one in containers) for name in ("name", "image")]
    return [obj["metadata"]["name"], *counts, _age(obj, aged), *names, _selector(spec.get("selector"))]


def disruption_budget(obj: Object, aged: Aged) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    portions = [str(spec.get(name, "N/A")) for name in ("minAvailable", "maxUnavailable")]
    return [obj["metadata"]["name"], *portions, status.get("disruptionsAllowed", 0), _age(obj, aged)]


def network_policy(obj: Object, aged: Aged) -> list[Any]:
    spec = obj.get("spec") or {}
    return [obj["metadata"]["name"], _selector(spec.get("podSelector")), _age(obj, aged)]


def _age(obj: Object, aged: Aged) -> str:
    return aged(obj["metadata"].get("creationTimestamp"))


def _selector(selector: Object | None) -> str:
    labels = (selector or {}).get("matchLabels") or {}
    conditions = [_condition(one) for one in (selector or {}).get("matchExpressions") or ()]
    return ",".join([*(f"{key}={value}" for key, value in sorted(labels.items())), *conditions]) or "<none>"


def _condition(condition: Object) -> str:
    key, values = condition.get("key", ""), ",".join(condition.get("values") or ())
    match condition.get("operator"):
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "DoesNotExist":
            return f"!{key}"
        case _:
            return str(key)
