"""Roles, bindings and what runs, as kinds: both servers take and refuse the same, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import API
from tests.contract.neutral import neutralizer, unordered

Object = dict[str, Any]

pytestmark = pytest.mark.realapi
_GROUP = "/apis/rbac.authorization.k8s.io/v1"
ROLES, CLUSTER_ROLES = f"{_GROUP}/namespaces/{{ns}}/roles", f"{_GROUP}/clusterroles"
BINDINGS, CLUSTER_BINDINGS = f"{_GROUP}/namespaces/{{ns}}/rolebindings", f"{_GROUP}/clusterrolebindings"
BUDGETS = "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{ns}/deployments"

RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
PAGE = {"verbs": ["get"], "nonResourceURLs": ["/healthz"]}
AGENT = {"kind": "ServiceAccount", "name": "agent", "namespace": "work"}
ROLE = {"kind": "Role", "name": "reader"}
CLUSTER_ROLE = {"kind": "ClusterRole", "name": "reader"}
PODS = {"matchLabels": {"a": "b"}}

CASES: list[tuple[str, Object]] = [
    *((ROLES, {"rules": [rule]}) for rule in (RULE, {"verbs": ["get"]}, PAGE, RULE | PAGE)),
    *((CLUSTER_ROLES, {"rules": [rule]}) for rule in (RULE, PAGE, RULE | PAGE)),
    (ROLES, {"rules": [{}]}),
    (ROLES, {}),
    (ROLES, {"rules": [RULE], "colour": "red"}),
    (BINDINGS, {}),
    (BINDINGS, {"roleRef": ROLE}),
    (BINDINGS, {"roleRef": CLUSTER_ROLE, "subjects": [AGENT]}),
    (BINDINGS, {"roleRef": {"kind": "Role"}}),
    (BINDINGS, {"roleRef": ROLE, "subjects": [{"kind": "ServiceAccount", "name": "agent"}]}),
    *(
        (CLUSTER_BINDINGS, {"roleRef": CLUSTER_ROLE, "subjects": [subject]})
        for subject in (
            AGENT,
            {"kind": "User", "name": "ann"},
            {"kind": "Group", "name": "all"},
            {"kind": "Robot", "name": "r2"},
            {"kind": "User"},
            {"kind": "User", "name": "ann", "apiGroup": "other"},
            {"kind": "ServiceAccount", "name": "agent"},
        )
    ),
    (CLUSTER_BINDINGS, {"roleRef": ROLE, "subjects": [AGENT]}),
    (BUDGETS, {"spec": {"maxUnavailable": 1, "selector": PODS}}),
    (POLICIES, {"spec": {"podSelector": {}}}),
    (
        POLICIES,
        {"spec": {"podSelector": PODS, "egress": [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 443}]}]}},
    ),
]


@pytest.mark.parametrize(("collection", "body"), CASES)
async def test_both_servers_make_or_refuse_the_same(both: tuple[API, API], collection: str, body: Object) -> None:
    told = []
    for api in both:
        name = f"{api.namespace}-one"
        reply = await api.create(f"{collection}?fieldManager=kubectl", {"metadata": {"name": name}} | body)
        shown = unordered(neutralizer(name)(reply.text))
        told.append((reply.code, reply.headers.getall("Warning", []), shown))
    assert told[0] == told[1]


async def test_a_binding_stays_with_its_role(api: API) -> None:
    await api.create(BINDINGS, {"metadata": {"name": "one"}, "roleRef": ROLE, "subjects": [AGENT]})
    reply = await api.merge(f"{BINDINGS}/one", {"roleRef": {"name": "writer"}})
    told = '{"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"writer"}'
    assert (reply.code, reply.causes) == (422, [("roleRef", f"Invalid value: {told}: cannot change roleRef")])
    changed = await api.merge(f"{BINDINGS}/one", {"subjects": []})
    assert (changed.code, "subjects" in changed.body) == (200, False)


async def test_a_role_is_made_or_replaced_by_a_put(api: API) -> None:
    role = {"metadata": {"name": "system:one"}, "rules": [RULE]}
    assert (await api.update(f"{ROLES}/system:one", role)).code == 201
    replaced = await api.update(f"{ROLES}/system:one", role | {"rules": [RULE | {"verbs": ["list"]}]})
    assert (replaced.code, replaced.body["rules"][0]["verbs"]) == (200, ["list"])


async def test_a_deployment_counts_its_generations_and_keeps_its_status(api: API) -> None:
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "app"}]}}
    made = await api.create(DEPLOYMENTS, {"metadata": {"name": "app"}, "spec": {"selector": PODS, "template": pod}})
    assert (made.code, made.body["metadata"]["generation"], made.body["status"]) == (201, 1, {})
    spec = made.body["spec"]
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (1, 10, 600)
    rolling = {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    told = await api.merge(f"{DEPLOYMENTS}/app/status", {"status": {"replicas": 3, "readyReplicas": 3}})
    assert told.body["metadata"]["generation"] == 1
    changed = await api.merge(f"{DEPLOYMENTS}/app", {"spec": {"replicas": 3}, "status": {"replicas": 0}})
    assert (changed.body["metadata"]["generation"], changed.body["status"]["replicas"]) == (2, 3)


async def test_a_containers_ports_and_variables_merge_by_their_keys(api: API) -> None:
    main = {"name": "main", "image": "app", "ports": [{"containerPort": 1}], "env": [{"name": "A", "value": "1"}]}
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [main]}}
    await api.create(DEPLOYMENTS, {"metadata": {"name": "app"}, "spec": {"selector": PODS, "template": pod}})
    more = {"name": "main", "ports": [{"containerPort": 2}], "env": [{"name": "A", "value": "2"}]}
    patch = {"spec": {"template": {"spec": {"containers": [more, {"name": "side", "image": "side"}]}}}}
    patched = await api.call(
        "PATCH", f"{DEPLOYMENTS}/app", patch, content_type="application/strategic-merge-patch+json"
    )
    containers = {one["name"]: one for one in patched.body["spec"]["template"]["spec"]["containers"]}
    assert containers.keys() == {"main", "side"}
    assert {port["containerPort"] for port in containers["main"]["ports"]} == {1, 2}
    assert containers["main"]["env"] == [{"name": "A", "value": "2"}]


@pytest.mark.parametrize(
    ("version", "plurals"),
    [
        ("apps", ["deployments", "deployments/status"]),
        ("policy", ["poddisruptionbudgets", "poddisruptionbudgets/status"]),
        ("networking.k8s.io", ["networkpolicies"]),
        ("rbac.authorization.k8s.io", ["roles", "rolebindings", "clusterroles", "clusterrolebindings"]),
    ],
)
async def test_discovery_calls_them_the_same(both: tuple[API, API], version: str, plurals: list[str]) -> None:
    told = []
    for api in both:
        found = (await api.get(f"/apis/{version}/v1")).body["resources"]
        told.append({one["name"]: one for one in found if one["name"] in plurals})
    for entry in told[1].values():
        entry.pop("storageVersionHash", None)
    assert told[0] == told[1]
    assert list(told[0].keys() ^ set(plurals)) == []
