"""The definitions of Azure Kubernetes Fleet Manager's networking kinds, in their shape and without their texts.

kind                    versions                       how its controllers install them
TrafficManagerProfile   v1alpha1, v1beta1 (stored)     a container that starts before the hub's controller replaces the
TrafficManagerBackend   v1alpha1, v1beta1 (stored)     whole spec and labels the definition as its own
ServiceExport           v1alpha1, v1beta1 (stored)
InternalServiceExport   v1alpha1
ServiceImport           v1alpha1

Looser than ours: a profile's ports and paths have no limits, headers may repeat a name, TCP may have a path, and in
v1alpha1 nothing ties the timeout to the interval. Stricter: resourceGroup is required.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

GROUP = "networking.fleet.azure.com"
INSTALLER = "net-crd-installer"
LABELS = {"crd-installer.azurefleet.io/managed": "true", "kubernetes.azure.com/managedby": "fleet"}
AGE: Object = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def fleet_definitions() -> list[Object]:
    """All five as the newest Fleet installs them; each call gives new ones."""
    return [profiles(), backends(), service_exports(), internal_service_exports(), service_imports()]


def first_definitions() -> list[Object]:
    """Profiles and backends of a Fleet before v1beta1: one version, and no resource group in a profile."""
    first = [profiles(), backends()]
    for definition in first:
        alpha = definition["spec"]["versions"][0]
        definition["spec"]["versions"] = [alpha | {"storage": True}]
    spec = _properties(first[0])["spec"]
    del spec["properties"]["resourceGroup"], spec["required"]
    return first


def profiles() -> Object:
    rules = [
        _rule(
            "timeoutInSeconds must be between 5 and 10 when intervalInSeconds is 30",
            "!has(self.intervalInSeconds) || self.intervalInSeconds != 30 || !has(self.timeoutInSeconds)"
            " || (self.timeoutInSeconds >= 5 && self.timeoutInSeconds <= 10)",
        ),
        _rule(
            "timeoutInSeconds must be between 5 and 9 when intervalInSeconds is 10",
            "!has(self.intervalInSeconds) || self.intervalInSeconds != 10 || !has(self.timeoutInSeconds)"
            " || (self.timeoutInSeconds >= 5 && self.timeoutInSeconds <= 9)",
        ),
    ]
    columns = [
        {"name": "DNS-Name", "type": "string", "jsonPath": ".status.dnsName"},
        _is("Programmed"),
        AGE,
    ]
    return _definition(
        "TrafficManagerProfile",
        "tmp",
        _version("v1alpha1", columns, _object(_profile({}), "spec") | _short_name(), stored=False),
        _version("v1beta1", columns, _object(_profile({"x-kubernetes-validations": rules}), "spec") | _short_name()),
    )


def _profile(ties: Object) -> Object:
    number = {"type": "integer", "format": "int64"}
    header = {"name": {"type": "string", "minLength": 1}, "value": {"type": "string", "minLength": 1}}
    monitor = {
        "intervalInSeconds": number | {"enum": [10, 30], "default": 30},
        "timeoutInSeconds": number | {"minimum": 5, "maximum": 10},
        "toleratedNumberOfFailures": number | {"minimum": 0, "maximum": 9, "default": 3},
        "protocol": {"type": "string", "enum": ["HTTP", "HTTPS", "TCP"], "default": "HTTP"},
        "port": number | {"default": 80},
        "path": {"type": "string", "default": "/"},
        "customHeaders": _list(_object(header, "name", "value"), "atomic") | {"maxItems": 8},
    }
    group = {"type": "string", "minLength": 1, "maxLength": 90, **_never_changes("resourceGroup")}
    return {
        "spec": _object({"resourceGroup": group, "monitorConfig": _object(monitor) | ties}, "resourceGroup"),
        "status": _object(
            {"dnsName": {"type": "string"}, "resourceID": {"type": "string"}, "conditions": _conditions()}
        ),
    }


def backends() -> Object:
    number = {"type": "integer", "format": "int64"}
    text = {"type": "string"}
    named = _object({"name": text}, "name")
    endpoint = {
        "name": text,
        "resourceID": text,
        "target": text,
        "weight": number,
        "from": _object({"cluster": text, "weight": number}, "cluster"),
    }
    properties = {
        "spec": _object(
            {
                "profile": named | _never_changes("spec.profile"),
                "backend": named | _never_changes("spec.backend"),
                "weight": number | {"minimum": 0, "maximum": 1000, "default": 1},
            },
            "profile",
            "backend",
        ),
        "status": _object({"endpoints": _list(_object(endpoint, "name")), "conditions": _conditions()}),
    }
    columns = [
        {"name": "Profile", "type": "string", "jsonPath": ".spec.profile.name"},
        {"name": "Backend", "type": "string", "jsonPath": ".spec.backend.name"},
        _is("Accepted"),
        AGE,
    ]
    whole = _object(properties, "spec") | _short_name()
    return _definition(
        "TrafficManagerBackend",
        "tmb",
        _version("v1alpha1", columns, whole, stored=False),
        _version("v1beta1", columns, whole),
    )


def service_exports() -> Object:
    columns = [_is("Valid"), _is("Conflict", "Is-Conflicted"), AGE]
    whole = _object({"status": _object({"conditions": _conditions()})}) | _short_name()
    return _definition(
        "ServiceExport",
        "svcexport",
        _version("v1alpha1", columns, whole, stored=False),
        _version("v1beta1", columns, whole),
    )


def internal_service_exports() -> Object:
    text = {"type": "string"}
    reference: Object = dict.fromkeys((*_REFERENCE, "apiVersion"), text)
    reference |= {"generation": {"type": "integer", "format": "int64"}}
    reference |= {"exportedSince": {"type": "string", "format": "date-time"}}
    spec = {
        "ports": _ports(),
        "serviceReference": _object(reference, *_REFERENCE, "generation") | {"x-kubernetes-map-type": "atomic"},
        "type": text,
        "isDNSLabelConfigured": {"type": "boolean"},
        "isInternalLoadBalancer": {"type": "boolean"},
        "publicIPResourceID": text,
        "weight": {"type": "integer", "format": "int64"},
        "exportMode": {"type": "string", "enum": ["L4-TrafficManager", "L7-FrontDoor"]},
        "privateLinkServiceResourceID": text,
    }
    whole = _object(
        {"spec": _object(spec, "ports", "serviceReference"), "status": _object({"conditions": _conditions()})}
    )
    return _definition("InternalServiceExport", "internalsvcexport", _version("v1alpha1", [], whole))


def service_imports() -> Object:
    text = {"type": "string"}
    clusters = _list(_object({"cluster": text}, "cluster"), "map") | {"x-kubernetes-list-map-keys": ["cluster"]}
    affinity = _object({"clientIP": _object({"timeoutSeconds": {"type": "integer", "format": "int32"}})})
    status = {
        "type": text | {"enum": ["ClusterSetIP", "Headless"]},
        "clusters": clusters,
        "ports": _ports(),
        "ips": _list(text) | {"maxItems": 1},
        "sessionAffinity": text,
        "sessionAffinityConfig": affinity,
    }
    whole = _object({"status": _object(status)}) | _short_name()
    return _definition("ServiceImport", "svcimport", _version("v1alpha1", [], whole))


_REFERENCE = ("clusterId", "kind", "name", "namespace", "namespacedName", "resourceVersion", "uid")


def _definition(kind: str, short: str, *versions: Object) -> Object:
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "labels": dict(LABELS),
            "annotations": {"controller-gen.kubebuilder.io/version": "v0.20.0"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["fleet-networking"],
            },
            "versions": list(versions),
        },
    }


def _version(name: str, columns: list[Object], schema: Object, *, stored: bool = True) -> Object:
    version: Object = {"name": name, "served": True, "storage": stored, "subresources": {"status": {}}}
    version["schema"] = {"openAPIV3Schema": schema}
    return version | ({"additionalPrinterColumns": columns} if columns else {})


def _properties(definition: Object) -> Object:
    """The properties of the first version's objects."""
    found: Object = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return found


def _object(properties: Object, *required: str) -> Object:
    return {"type": "object", "properties": properties} | ({"required": list(required)} if required else {})


def _list(items: Object, kind: str = "") -> Object:
    return {"type": "array", "items": items} | ({"x-kubernetes-list-type": kind} if kind else {})


def _rule(message: str, rule: str) -> Object:
    return {"message": message, "rule": rule}


def _never_changes(field: str) -> Object:
    return {"x-kubernetes-validations": [_rule(f"{field} is immutable", "self == oldSelf")]}


def _short_name() -> Object:
    return {"x-kubernetes-validations": [_rule("metadata.name max length is 63", "size(self.metadata.name) < 64")]}


def _is(condition: str, column: str = "") -> Object:
    path = f".status.conditions[?(@.type=='{condition}')].status"
    return {"name": column or f"Is-{condition}", "type": "string", "jsonPath": path}


def _ports() -> Object:
    port = {
        "name": {"type": "string"},
        "protocol": {"type": "string", "enum": ["TCP", "UDP", "SCTP"], "default": "TCP"},
        "appProtocol": {"type": "string"},
        "port": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535},
        "targetPort": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
    }
    return _list(_object(port, "port"), "atomic")


def _conditions() -> Object:
    """Kubernetes' own type, which every kind has."""
    prefix = r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    condition = {
        "type": {
            "type": "string",
            "maxLength": 316,
            "pattern": f"^{prefix}(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        },
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        },
        "message": {"type": "string", "maxLength": 32768},
        "lastTransitionTime": {"type": "string", "format": "date-time"},
        "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
    }
    entry = _object(condition, "lastTransitionTime", "message", "reason", "status", "type")
    return _list(entry, "map") | {"x-kubernetes-list-map-keys": ["type"]}
