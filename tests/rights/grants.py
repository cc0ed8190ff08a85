"""Rights, one by one, as the rendered manifests give them, and as an administrator may give fewer."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from fleetdns.demo.kubernetes import Cluster
from tests.apiserver.deployed import ACCOUNT, NAMESPACE
from tests.e2e.eventually import eventually

RBAC = "/apis/rbac.authorization.k8s.io/v1"
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_EVERYBODY_S = frozenset({"authentication.k8s.io", "authorization.k8s.io"})


class Right(NamedTuple):
    """One verb on one resource. `name` "": on all objects; `namespace` "": in the whole cluster."""

    group: str
    resource: str
    verb: str
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f" {self.name}" if self.name else "")


class Owner(NamedTuple):
    """A ServiceAccount whose roles bear its name. `is_clusterwide`: it has a ClusterRole, too."""

    name: str
    namespace: str
    is_clusterwide: bool = True


CONTROLLER = Owner(ACCOUNT, NAMESPACE)


def granted(rendered: str) -> tuple[Right, ...]:
    """The rights of every role in the YAML that kustomize gives, sorted."""
    documents = [document for document in yaml.safe_load_all(rendered) if document["kind"] in ("Role", "ClusterRole")]
    rights = sorted(
        right
        for document in documents
        for rule in document["rules"]
        for right in _rights(rule, document["metadata"].get("namespace", ""))
    )
    assert len(rights) == len(set(rights)), "a right is given twice"
    return tuple(rights)


async def give(cluster: Cluster, account: Cluster, rights: Iterable[Right], *, owner: Owner = CONTROLLER) -> None:
    """Give the ServiceAccount exactly these; returns when the server judges its requests so."""
    wanted = frozenset(rights)
    own = {owner.namespace, *(("",) if owner.is_clusterwide else ())}
    for namespace in own | {right.namespace for right in wanted}:
        rules = [_rule(right) for right in sorted(wanted) if right.namespace == namespace]
        await _bind(cluster, owner, namespace, rules)
    for namespace in {owner.namespace} | {right.namespace for right in wanted} - {""}:
        await _until_judged(account, namespace, wanted)


async def take_from(cluster: Cluster, account: Cluster, namespace: str) -> None:
    """Take what was given in a namespace that is not fleetdns' own; returns when the server judges so."""
    for kind in ("rolebindings", "roles"):
        await cluster._send("DELETE", f"{RBAC}/namespaces/{namespace}/{kind}/{ACCOUNT}")
    await _until_judged(account, namespace, await judged(account, "default"))


async def _bind(cluster: Cluster, owner: Owner, namespace: str, rules: list[dict[str, Any]]) -> None:
    """The role of that namespace, or of the cluster; what the manifests do not have is made."""
    path = f"{RBAC}/namespaces/{namespace}/roles" if namespace else f"{RBAC}/clusterroles"
    if namespace not in ("", owner.namespace):
        metadata = {"name": owner.name, "namespace": namespace}
        subject = {"kind": "ServiceAccount", "name": owner.name, "namespace": owner.namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": owner.name}
        await cluster._send("POST", path, {"metadata": metadata, "rules": rules})
        binding = {"metadata": metadata, "roleRef": reference, "subjects": [subject]}
        await cluster._send("POST", f"{RBAC}/namespaces/{namespace}/rolebindings", binding)
        return
    await cluster._send("PATCH", f"{path}/{owner.name}", {"rules": rules}, "application/merge-patch+json")


async def _until_judged(account: Cluster, namespace: str, rights: Iterable[Right]) -> None:
    wanted = {right._replace(namespace="") for right in rights if right.namespace in ("", namespace)}
    await eventually(lambda: judged(account, namespace), lambda seen: seen == wanted)


async def judged(account: Cluster, namespace: str) -> frozenset[Right]:
    """What the server says that the account may do there, less what everybody may ask about himself."""
    review = await account._send("POST", _REVIEW, {"spec": {"namespace": namespace}})
    found = (right for rule in review["status"]["resourceRules"] for right in _rights(rule, ""))
    return frozenset(right for right in found if right.group not in _EVERYBODY_S)


def _rights(rule: Mapping[str, Any], namespace: str) -> Iterable[Right]:
    names = rule.get("resourceNames") or [""]
    for group, resource, verb, name in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"], names):
        yield Right(group, resource, verb, name, namespace)


def _rule(right: Right) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]}
    return rule | ({"resourceNames": [right.name]} if right.name else {})
