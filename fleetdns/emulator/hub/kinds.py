"""The built-in kinds as the hub serves them: the machinery's kinds with the short names and selectors kubectl knows."""

from __future__ import annotations

from dataclasses import dataclass

from fleetdns.emulator.hub.builtin import Kind, builtin_kinds
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.schema import StructuralSchema


@dataclass(frozen=True, slots=True)
class Extra:
    """What discovery and selectors add to a kind."""

    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    selectable: tuple[str, ...] = ()


_ABOUT = tuple(
    f"involvedObject.{name}"
    for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
)
_EXTRAS = {
    ("", "namespaces"): Extra(("ns",), selectable=("status.phase",)),
    ("", "configmaps"): Extra(("cm",)),
    ("", "secrets"): Extra(selectable=("type",)),
    ("", "events"): Extra(("ev",), selectable=(*_ABOUT, "reason", "reportingComponent", "source", "type")),
    ("", "serviceaccounts"): Extra(("sa",)),
    ("", "services"): Extra(("svc",), ("all",), ("spec.clusterIP", "spec.type")),
    ("apps", "deployments"): Extra(("deploy",), ("all",)),
    ("policy", "poddisruptionbudgets"): Extra(("pdb",)),
    ("networking.k8s.io", "networkpolicies"): Extra(("netpol",)),
    ("apiextensions.k8s.io", "customresourcedefinitions"): Extra(("crd", "crds"), ("api-extensions",)),
}


def builtin_served() -> tuple[Served, ...]:
    """Every built-in kind, ready to be served."""
    return tuple(_served(kind) for kind in builtin_kinds())


def _served(kind: Kind) -> Served:
    extra = _EXTRAS.get((kind.group, kind.plural), Extra())
    return Served(
        group=kind.group,
        version=kind.version,
        plural=kind.plural,
        singular=kind.singular,
        kind=kind.kind,
        list_kind=f"{kind.kind}List",
        namespaced=kind.namespaced,
        storage_version=kind.version,
        openapi=kind.schema,
        schema=StructuralSchema(kind.schema),
        verbs=tuple(kind.verbs),
        subresources=tuple(kind.subresources),
        short_names=extra.short_names,
        categories=extra.categories,
        selectable=extra.selectable,
    )


def described(served: Served) -> Kind:
    """The kind as its OpenAPI document wants it."""
    return Kind(
        group=served.group,
        version=served.version,
        plural=served.plural,
        singular=served.singular,
        kind=served.kind,
        namespaced=served.namespaced,
        verbs=served.verbs,
        schema=served.openapi,
        subresources=served.subresources,
    )
