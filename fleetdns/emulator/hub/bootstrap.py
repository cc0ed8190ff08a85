"""The roles and bindings that a new API server has, as far as somebody other than an administrator needs them."""

from __future__ import annotations

from collections.abc import Iterator

from fleetdns.emulator.hub.rights_schemas import GROUP
from fleetdns.emulator.hub.status import Object

_KNOWN, _UNKNOWN = "system:authenticated", "system:unauthenticated"
_INFO = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")
_EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
_OF_ONESELF = (
    ("authorization.k8s.io", ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
    ("authentication.k8s.io", ["selfsubjectreviews"]),
)


def bootstrap() -> Iterator[Object]:
    """Each role with its binding."""
    pages = {"nonResourceURLs": ["*"], "verbs": ["*"]}
    yield from _given("cluster-admin", [_EVERYTHING, pages], "system:masters")
    yield from _given("system:discovery", [_pages(*_DISCOVERY, *_INFO)], _KNOWN)
    yield from _given("system:public-info-viewer", [_pages(*_INFO)], _KNOWN, _UNKNOWN)
    questions = [{"apiGroups": [group], "resources": plurals, "verbs": ["create"]} for group, plurals in _OF_ONESELF]
    yield from _given("system:basic-user", questions, _KNOWN)


def _pages(*paths: str) -> Object:
    return {"nonResourceURLs": list(paths), "verbs": ["get"]}


def _given(name: str, rules: list[Object], *groups: str) -> Iterator[Object]:
    metadata = {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}
    version = f"{GROUP}/v1"
    yield {"apiVersion": version, "kind": "ClusterRole", "metadata": metadata, "rules": rules}
    yield {
        "apiVersion": version,
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in groups],
    }
