"""The rights of the controller, as an administrator takes them away and gives them back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fleetdns.demo.kubernetes import GROUP
from tests.apiserver.deployed import ACCOUNT, NAMESPACE
from tests.contract.client import API
from tests.e2e.eventually import eventually

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE = f"{_RBAC}/clusterroles/{ACCOUNT}"
LEASE_ROLE = f"{_RBAC}/namespaces/{NAMESPACE}/roles/{ACCOUNT}"
_BINDING = f"{_RBAC}/clusterrolebindings/{ACCOUNT}"

Rule = dict[str, Any]


@asynccontextmanager
async def without(api: API, role: str, resource: str, verb: str) -> AsyncIterator[None]:
    """Inside the block one verb on one resource is not among the role's rights."""
    before = (await api.get(role)).body["rules"]
    await _write(api, role, [part for rule in before for part in _parts(rule, resource, verb)])
    await _in_force(api, resource, verb, is_allowed=False)
    try:
        yield
    finally:
        await _write(api, role, before)
        await _in_force(api, resource, verb, is_allowed=True)


@asynccontextmanager
async def unbound(api: API) -> AsyncIterator[None]:
    """Inside the block the ClusterRole is bound to nobody."""
    before = (await api.get(_BINDING)).body
    assert (await api.delete(_BINDING)).code == 200
    await _in_force(api, "trafficmanagerprofiles", "watch", is_allowed=False)
    try:
        yield
    finally:
        kept = {key: before["metadata"][key] for key in ("name", "labels")}
        made = await api.create(f"{_RBAC}/clusterrolebindings", {**before, "metadata": kept})
        assert made.code == 201, made.text
        await _in_force(api, "trafficmanagerprofiles", "watch", is_allowed=True)


async def _in_force(api: API, resource: str, verb: str, *, is_allowed: bool) -> None:
    """The API server learns of a change of rights a moment after it has stored it."""
    plural, _, subresource = resource.partition("/")
    group = "coordination.k8s.io" if plural == "leases" else GROUP
    asked = {"group": group, "resource": plural, "subresource": subresource, "verb": verb, "namespace": NAMESPACE}
    if plural == "leases":
        asked["name"] = ACCOUNT
    spec = {"user": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}", "resourceAttributes": asked}

    async def look() -> bool:
        review = await api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        return bool(review.body["status"]["allowed"])

    await eventually(look, lambda seen: seen is is_allowed)


async def _write(api: API, role: str, rules: list[Rule]) -> None:
    written = await api.merge(role, {"rules": rules})
    assert written.code == 200, written.text


def _parts(rule: Rule, resource: str, verb: str) -> list[Rule]:
    """The rule without that verb on that resource."""
    if resource not in rule["resources"] or verb not in rule["verbs"]:
        return [rule]
    others = [name for name in rule["resources"] if name != resource]
    verbs = [name for name in rule["verbs"] if name != verb]
    rest = {**rule, "resources": others}, {**rule, "resources": [resource], "verbs": verbs}
    return [part for part in rest if part["resources"] and part["verbs"]]
