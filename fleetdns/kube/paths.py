"""Where the API server serves a kind, one object of it, and its subresources."""

from __future__ import annotations

from urllib.parse import quote

from fleetdns.api.meta import ObjectKey, Resource


def collection(resource: Resource, namespace: str | None) -> str:
    """All objects of a kind, in one namespace or (None) in all; "" is a kind without namespaces."""
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    inside = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{inside}/{resource.plural}"


def item(resource: Resource, key: ObjectKey, subresource: str = "") -> str:
    """One object, or a part of it such as "status"."""
    path = f"{collection(resource, key.namespace)}/{quote(key.name, safe='')}"
    return f"{path}/{subresource}" if subresource else path
