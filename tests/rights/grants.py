"""Rights, one by one, as the rendered manifests give them, and as an administrator may give fewer."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from fleetdns.demo.kubernetes import Cluster
from tests.apiserver.deployed import ACCOUNT, NAMESPACE
from tests.e2e.eventually import eventually

RBAC = "/apis/rbac.authorization.k8s.io/v1"
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_ROLES = {"": f"{RBAC}/clusterroles/{ACCOUNT}", NAMESPACE: f"{RBAC}/namespaces/{NAMESPACE}/roles/{ACCOUNT}"}


class Right(NamedTuple):
    """One verb on one resource. `name` "": on all objects; `namespace` "": in the whole cluster."""

    group: str
    resource: str
    verb: str
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f" {self.name}" if self.name else "")


@dataclass(frozen=True, slots=True)
class Granted:
    """What the manifests grant. `rules`: the rules as written, of all roles."""

    rights: tuple[Right, ...]
    rules: tuple[Mapping[str, Any], ...]


def granted(rendered: str) -> Granted:
    """From the YAML that kustomize gives for manifests/base/rights."""
    documents = [document for document in yaml.safe_load_all(rendered) if document["kind"] in ("Role", "ClusterRole")]
    rights = [
        right
        for document in documents
        for rule in document["rules"]
        for right in _rights(rule, document["metadata"].get("namespace", ""))
    ]
    assert len(rights) == len(set(rights)), "a right is given twice"
    return Granted(tuple(sorted(rights)), tuple(rule for document in documents for rule in document["rules"]))


async def give(cluster: Cluster, account: Cluster, rights: Iterable[Right]) -> None:
    """Give the ServiceAccount exactly these; returns when the server judges its requests so."""
    wanted = frozenset(rights)
    for namespace, path in _ROLES.items():
        rules = [_rule(right) for right in sorted(wanted) if right.namespace == namespace]
        await cluster._send("PATCH", path, {"rules": rules}, "application/merge-patch+json")
    groups = {right.group for right in wanted}

    async def judged() -> frozenset[Right]:
        review = await account._send("POST", _REVIEW, {"spec": {"namespace": NAMESPACE}})
        rules = review["status"]["resourceRules"]
        return frozenset(right._replace(namespace="") for rule in rules for right in _rights(rule, ""))

    def is_so(seen: frozenset[Right]) -> bool:
        # What every ServiceAccount may ask about itself is not ours to take.
        return {right for right in seen if right.group in groups} == {right._replace(namespace="") for right in wanted}

    await eventually(judged, is_so)


def _rights(rule: Mapping[str, Any], namespace: str) -> Iterable[Right]:
    names = rule.get("resourceNames") or [""]
    for group, resource, verb, name in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"], names):
        yield Right(group, resource, verb, name, namespace)


def _rule(right: Right) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]}
    return rule | ({"resourceNames": [right.name]} if right.name else {})
