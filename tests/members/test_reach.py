"""What a member's credentials reach on a real hub: its own exports and its own token, and nothing else anywhere."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import pytest

from fleetdns.demo.kubernetes import EXPORTS, GROUP, Cluster, Refused
from tests.members.conftest import MEMBERS, Fleet
from tests.rights.grants import Right, judged
from tests.rights.table import BACKENDS, IMPORTS, PROFILES

pytestmark = [pytest.mark.realapi, pytest.mark.long]

ME, OTHER = "aks-1", "aks-2"
MINE, THEIRS = f"fleet-member-{ME}", f"fleet-member-{OTHER}"
ACCOUNT = "fleetdns-member"
FLEET = f"/apis/{GROUP}/v1alpha1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
MERGE = "application/merge-patch+json"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")

OWN = frozenset(
    {Right(GROUP, EXPORTS, verb) for verb in ("get", "list", "watch", "create", "patch", "delete")}
    | {Right("", "serviceaccounts/token", "create", ACCOUNT)}
)


def export(cluster: str, namespace: str, name: str = "work-app") -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "InternalServiceExport",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "type": "LoadBalancer",
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
            "serviceReference": {
                "clusterId": cluster,
                "apiVersion": "v1",
                "kind": "Service",
                "namespace": "work",
                "name": "app",
                "namespacedName": "work/app",
                "uid": f"of-{cluster}",
                "resourceVersion": "1",
                "generation": 1,
                "exportedSince": "2026-01-01T00:00:00Z",
            },
        },
    }


@pytest.fixture
async def member(accounts: Mapping[str, Cluster]) -> Cluster:
    return accounts[ME]


@pytest.fixture
async def inhabited(administrator: Cluster) -> AsyncIterator[None]:
    """A hub with something to reach: an export of each member, a profile, a backend, an import, a Secret."""
    metadata = {"metadata": {"name": "app"}}
    profile = {"kind": "TrafficManagerProfile", **metadata, "spec": {"monitorConfig": {}}}
    spec = {"profile": {"name": "app"}, "backend": {"name": "app"}}
    backend = {"kind": "TrafficManagerBackend", **metadata, "spec": spec}
    bodies = [
        *((f"{FLEET}/namespaces/fleet-member-{name}/{EXPORTS}", seed(name)) for name in MEMBERS),
        *((f"/api/v1/namespaces/{namespace}/secrets", metadata) for namespace in (MINE, THEIRS, "default")),
        (f"{FLEET}/namespaces/default/{PROFILES}", profile),
        (f"{FLEET}/namespaces/default/{BACKENDS}", backend),
        (f"{FLEET}/namespaces/default/{IMPORTS}", {"kind": "ServiceImport", **metadata}),
    ]
    made = [await created(administrator, collection, body) for collection, body in bodies]
    yield
    for path in made:
        await administrator._send("DELETE", path)


def seed(cluster: str) -> dict[str, Any]:
    return export(cluster, f"fleet-member-{cluster}", "app")


async def created(administrator: Cluster, collection: str, body: dict[str, Any]) -> str:
    version = {"apiVersion": f"{GROUP}/v1alpha1"} if GROUP in collection else {}
    found = await administrator._send("POST", collection, version | body)
    return f"{collection}/{found['metadata']['name']}"


async def test_in_its_own_namespace_it_may_what_its_role_says_and_no_more(member: Cluster) -> None:
    assert await judged(member, MINE) == OWN


@pytest.mark.parametrize("namespace", [THEIRS, "fleetdns", "default", "work", "kube-system"])
async def test_in_any_other_namespace_it_may_nothing(member: Cluster, namespace: str) -> None:
    assert await judged(member, namespace) == frozenset()


async def test_no_verb_on_any_resource_is_allowed_elsewhere(member: Cluster, administrator: Cluster) -> None:
    """Every kind that the hub serves, subresources too, asked one by one; "" is the whole cluster."""
    resources = await served(administrator)
    assert {(GROUP, EXPORTS), ("", "secrets"), ("", "serviceaccounts/token")} <= set(resources)
    asked = [
        (namespace, Right(group, resource, verb))
        for namespace in ("", THEIRS, "default")
        for (group, resource), verb in itertools.product(resources, VERBS)
    ]
    limit = asyncio.Semaphore(20)

    async def allowed(namespace: str, right: Right) -> bool:
        async with limit:
            return await may(member, right, namespace)

    verdicts = await asyncio.gather(*(allowed(namespace, right) for namespace, right in asked))
    found = {right for (_, right), is_allowed in zip(asked, verdicts, strict=True) if is_allowed}

    # What everybody may: ask about himself.
    assert {(right.resource, right.verb) for right in found} <= {
        ("selfsubjectaccessreviews", "create"),
        ("selfsubjectrulesreviews", "create"),
        ("selfsubjectreviews", "create"),
    }


async def test_the_question_above_can_be_answered_with_yes(member: Cluster) -> None:
    """Otherwise it would show nothing."""
    assert await may(member, Right(GROUP, EXPORTS, "create"), MINE)
    assert not await may(member, Right("", "serviceaccounts/token", "create"), MINE)
    assert await may(member, Right("", "serviceaccounts/token", "create", ACCOUNT), MINE)


async def test_it_does_its_own_work(member: Cluster, administrator: Cluster) -> None:
    collection = f"{FLEET}/namespaces/{MINE}/{EXPORTS}"
    await member._send("POST", collection, export(ME, MINE))
    await member._send("PATCH", f"{collection}/work-app", {"spec": {"weight": 7}}, MERGE)
    (found,) = (await member._send("GET", collection))["items"]
    assert found["spec"]["weight"] == 7
    await member._send("DELETE", f"{collection}/work-app")
    assert (await administrator._send("GET", collection))["items"] == []
    request = {"spec": {"expirationSeconds": 600}}
    path = f"/api/v1/namespaces/{MINE}/serviceaccounts/{ACCOUNT}/token"
    assert (await member._send("POST", path, request))["status"]["token"]


class Try(NamedTuple):
    """A request that must not be allowed."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    content_type: str = "application/json"


TOKEN = {"spec": {"expirationSeconds": 600}}
TRIES = {
    "read the exports of another member": Try("GET", f"{FLEET}/namespaces/{THEIRS}/{EXPORTS}"),
    "read one export of another member": Try("GET", f"{FLEET}/namespaces/{THEIRS}/{EXPORTS}/app"),
    "watch the exports of another member": Try("GET", f"{FLEET}/namespaces/{THEIRS}/{EXPORTS}?watch=true"),
    "read the exports of all members": Try("GET", f"{FLEET}/{EXPORTS}"),
    "export into another member's namespace": Try("POST", f"{FLEET}/namespaces/{THEIRS}/{EXPORTS}", export(ME, THEIRS)),
    "apply into another member's namespace": Try(
        "PATCH",
        f"{FLEET}/namespaces/{THEIRS}/{EXPORTS}/app?fieldManager=me&force=true",
        export(OTHER, THEIRS, "app"),
        "application/apply-patch+yaml",
    ),
    "change another member's weight": Try(
        "PATCH", f"{FLEET}/namespaces/{THEIRS}/{EXPORTS}/app", {"spec": {"weight": 1000}}, MERGE
    ),
    "withdraw another member's export": Try("DELETE", f"{FLEET}/namespaces/{THEIRS}/{EXPORTS}/app"),
    "withdraw everything of another member's": Try("DELETE", f"{FLEET}/namespaces/{THEIRS}/{EXPORTS}"),
    "judge its own export": Try("PATCH", f"{FLEET}/namespaces/{MINE}/{EXPORTS}/app/status", {"status": {}}, MERGE),
    "replace its own export": Try("PUT", f"{FLEET}/namespaces/{MINE}/{EXPORTS}/app", seed(ME)),
    "withdraw all of its own at once": Try("DELETE", f"{FLEET}/namespaces/{MINE}/{EXPORTS}"),
    "read the imports": Try("GET", f"{FLEET}/{IMPORTS}"),
    "change an import": Try("PATCH", f"{FLEET}/namespaces/default/{IMPORTS}/app/status", {"status": {}}, MERGE),
    "read the profiles": Try("GET", f"{FLEET}/{PROFILES}"),
    "delete a profile": Try("DELETE", f"{FLEET}/namespaces/default/{PROFILES}/app"),
    "change a backend": Try("PATCH", f"{FLEET}/namespaces/default/{BACKENDS}/app", {"spec": {"weight": 0}}, MERGE),
    "make a profile of its own": Try(
        "POST", f"{FLEET}/namespaces/{MINE}/{PROFILES}", {"metadata": {"name": "a"}, "spec": {"monitorConfig": {}}}
    ),
    "read its own namespace": Try("GET", f"/api/v1/namespaces/{MINE}"),
    "drain itself or anybody": Try(
        "PATCH", f"/api/v1/namespaces/{MINE}", {"metadata": {"annotations": {"fleetdns.io/drain": "true"}}}, MERGE
    ),
    "make a namespace": Try("POST", "/api/v1/namespaces", {"metadata": {"name": "fleet-member-mine-too"}}),
    "list the namespaces": Try("GET", "/api/v1/namespaces"),
    "read Secrets of its own namespace": Try("GET", f"/api/v1/namespaces/{MINE}/secrets"),
    "read a Secret elsewhere": Try("GET", "/api/v1/namespaces/default/secrets/app"),
    "take another member's token": Try("POST", f"/api/v1/namespaces/{THEIRS}/serviceaccounts/{ACCOUNT}/token", TOKEN),
    "take the controller's token": Try("POST", "/api/v1/namespaces/fleetdns/serviceaccounts/fleetdns/token", TOKEN),
    "take the token of another account of its namespace": Try(
        "POST", f"/api/v1/namespaces/{MINE}/serviceaccounts/default/token", TOKEN
    ),
    "make an account": Try("POST", f"/api/v1/namespaces/{MINE}/serviceaccounts", {"metadata": {"name": "more"}}),
    "widen its own rights": Try(
        "PATCH",
        f"{RBAC}/namespaces/{MINE}/roles/{ACCOUNT}",
        {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]},
        MERGE,
    ),
    "bind itself to more": Try(
        "POST",
        f"{RBAC}/clusterrolebindings",
        {
            "metadata": {"name": "more"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": MINE}],
        },
    ),
    "write events": Try("POST", f"/api/v1/namespaces/{MINE}/events", {"metadata": {"name": "a"}}),
    "read the metrics of the server": Try("GET", "/metrics"),
}


@pytest.mark.parametrize("tried", TRIES.values(), ids=TRIES.keys())
async def test_it_cannot(tried: Try, member: Cluster, inhabited: None) -> None:
    with pytest.raises(Refused) as refusal:
        await member._send(*tried)
    assert ": 403 " in str(refusal.value)


async def test_after_all_of_it_the_hub_is_as_it_was(member: Cluster, administrator: Cluster, inhabited: None) -> None:
    before = await state(administrator)
    for tried in TRIES.values():
        with pytest.raises(Refused):
            await member._send(*tried)
    assert await state(administrator) == before


async def test_each_member_reaches_its_own_and_no_other(accounts: Mapping[str, Cluster], fleet: Fleet) -> None:
    for who, where in itertools.product(MEMBERS, MEMBERS):
        right = Right(GROUP, EXPORTS, "patch")
        assert await may(accounts[who], right, f"fleet-member-{where}") == (who == where)


async def may(account: Cluster, right: Right, namespace: str) -> bool:
    """What the server would say to it; namespace "": in the whole cluster."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {"namespace": namespace, "verb": right.verb, "group": right.group, "resource": resource}
    attributes |= {"subresource": subresource, "name": right.name}
    review = await account._send("POST", REVIEWS, {"spec": {"resourceAttributes": attributes}})
    return bool(review["status"]["allowed"])


async def served(administrator: Cluster) -> list[tuple[str, str]]:
    """Group and plural of everything that the hub serves."""
    groups = (await administrator._send("GET", "/apis"))["groups"]
    versions = [(one["name"], f"/apis/{version['groupVersion']}") for one in groups for version in one["versions"]]
    lists = [(group, await administrator._send("GET", path)) for group, path in [("", "/api/v1"), *versions]]
    return sorted({(group, resource["name"]) for group, listed in lists for resource in listed["resources"]})


async def state(administrator: Cluster) -> dict[str, Any]:
    ours = [f"{FLEET}/{plural}" for plural in (EXPORTS, PROFILES, BACKENDS, IMPORTS)]
    theirs = [f"/api/v1/{plural}" for plural in ("secrets", "serviceaccounts", "namespaces")]
    paths = [*ours, *theirs, f"{RBAC}/roles", f"{RBAC}/clusterrolebindings"]
    return {
        path: {
            (item["metadata"].get("namespace"), item["metadata"]["name"]): item["metadata"]["resourceVersion"]
            for item in (await administrator._send("GET", path))["items"]
        }
        for path in paths
    }
