"""Rights of a ServiceAccount, where they are enforced: both servers let pass and refuse the same, in the same words."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fleetdns.emulator.hub.server import HubServer
from tests.apiserver.server import RealAPIServer
from tests.contract.client import API, APPLY, Endpoint, Reply, connected
from tests.contract.samples import CONFIG_MAPS, LEASES, config_map
from tests.e2e.eventually import eventually

Object = dict[str, Any]

GROUP = "/apis/rbac.authorization.k8s.io/v1"
ROLES, BINDINGS = f"{GROUP}/namespaces/{{ns}}/roles", f"{GROUP}/namespaces/{{ns}}/rolebindings"
CLUSTER_ROLES, CLUSTER_BINDINGS = f"{GROUP}/clusterroles", f"{GROUP}/clusterrolebindings"
ACCOUNTS = "/api/v1/namespaces/{ns}/serviceaccounts"
SERVICES = "/api/v1/namespaces/{ns}/services"
REVIEWS = "/apis/authorization.k8s.io/v1"
_NAMES = (f"enforced-{number}" for number in itertools.count(1))


@pytest.fixture
async def enforcing() -> AsyncIterator[HubServer]:
    server = HubServer(enforces_rights=True)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.realapi)])
def server(request: pytest.FixtureRequest) -> Endpoint:
    """Each in turn."""
    found: HubServer | RealAPIServer = request.getfixturevalue(
        "enforcing" if request.param == "embedded" else "real_server"
    )
    return found


@pytest.fixture
async def api(server: Endpoint) -> AsyncIterator[API]:
    """The administrator's client."""
    async with connected(server, next(_NAMES)) as client:
        yield client


class Agent:
    """A ServiceAccount `agent`, what it is given, and what it tries."""

    def __init__(self, api: API, token: str) -> None:
        self._api = api
        self._token = token
        self._roles = itertools.count(1)

    async def tries(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Reply:
        return await self._api.call(
            method, path, body, content_type=content_type, Authorization=f"Bearer {self._token}"
        )

    async def given(self, *rules: Object, everywhere: bool = False) -> None:
        """A role of its own with these rules, in its namespace or everywhere, once it is in force."""
        name = f"{self._api.namespace}-{next(self._roles)}"
        roles, bindings = (CLUSTER_ROLES, CLUSTER_BINDINGS) if everywhere else (ROLES, BINDINGS)
        # The last of the rules says that the others are known.
        known = {"apiGroups": ["test"], "resources": [name], "verbs": ["see"]}
        await self._api.create(roles, {"metadata": {"name": name}, "rules": [*rules, known]})
        await self.bound(bindings, "ClusterRole" if everywhere else "Role", name)
        await eventually(lambda: self.may(verb="see", group="test", resource=name), bool)

    async def bound(self, bindings: str, kind: str, name: str) -> None:
        subject = {"kind": "ServiceAccount", "name": "agent", "namespace": self._api.namespace}
        body = {"metadata": {"name": name}, "roleRef": {"kind": kind, "name": name}, "subjects": [subject]}
        assert (await self._api.create(bindings, body)).code == 201

    async def may(self, **attributes: str) -> bool:
        """What the server says of it beforehand."""
        asked = {"spec": {"resourceAttributes": {"namespace": self._api.namespace} | attributes}}
        kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        reply = await self.tries("POST", f"{REVIEWS}/selfsubjectaccessreviews", kind | asked)
        return bool(reply.body["status"]["allowed"])

    def cannot(self, verb: str, resource: str, *, group: str = "", name: str = "", everywhere: bool = False) -> str:
        """The sentence of a refusal."""
        plural = resource.partition("/")[0] + (f".{group}" if group else "")
        named = f'{plural} "{name}"' if name else plural
        where = "at the cluster scope" if everywhere else f'in the namespace "{self._api.namespace}"'
        return (
            f'{named} is forbidden: User "system:serviceaccount:{self._api.namespace}:agent" cannot {verb} resource '
            f'"{resource}" in API group "{group}" {where}'
        )


@pytest.fixture
async def agent(api: API) -> Agent:
    await api.create(ACCOUNTS, {"metadata": {"name": "agent"}})
    token = (await api.create(f"{ACCOUNTS}/agent/token", {})).body["status"]["token"]
    return Agent(api, token)


def refused(reply: Reply) -> str:
    assert (reply.code, reply.body["reason"]) == (403, "Forbidden"), reply.text
    return str(reply.body["message"])


def rule(resource: str, *verbs: str, group: str = "", names: list[str] | None = None) -> Object:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)} | (
        {"resourceNames": names} if names else {}
    )


async def test_without_a_role_it_may_look_around_and_nothing_else(agent: Agent, api: API) -> None:
    for page in ("/version", "/healthz", "/api", "/apis", "/openapi/v3", "/apis/apps/v1"):
        assert (await agent.tries("GET", page)).code == 200, page
    name = f"system:serviceaccount:{api.namespace}:agent"
    assert refused(await agent.tries("GET", "/metrics")) == f'forbidden: User "{name}" cannot get path "/metrics"'
    assert refused(await agent.tries("GET", CONFIG_MAPS)) == agent.cannot("list", "configmaps")
    everywhere = agent.cannot("list", "configmaps", everywhere=True)
    assert refused(await agent.tries("GET", "/api/v1/configmaps")) == everywhere


async def test_each_verb_is_a_right_of_its_own(agent: Agent, api: API) -> None:
    await api.create(CONFIG_MAPS, config_map())
    await agent.given(rule("configmaps", "list"))
    one = f"{CONFIG_MAPS}/notes"
    assert (await agent.tries("GET", CONFIG_MAPS)).code == 200
    merge = "application/merge-patch+json"
    for verb, reply in (
        ("watch", await agent.tries("GET", f"{CONFIG_MAPS}?watch=1")),
        ("deletecollection", await agent.tries("DELETE", CONFIG_MAPS)),
        ("create", await agent.tries("POST", CONFIG_MAPS, config_map("more"))),
    ):
        assert refused(reply) == agent.cannot(verb, "configmaps")
    for verb, reply in (
        ("get", await agent.tries("GET", one)),
        ("update", await agent.tries("PUT", one, config_map())),
        ("patch", await agent.tries("PATCH", one, {}, merge)),
        ("delete", await agent.tries("DELETE", one)),
    ):
        assert refused(reply) == agent.cannot(verb, "configmaps", name="notes")
    assert (await api.get(one)).code == 200


async def test_a_part_of_an_object_is_a_resource_of_its_own(agent: Agent, api: API) -> None:
    await api.create(SERVICES, {"metadata": {"name": "app"}, "spec": {"ports": [{"port": 80}]}})
    await agent.given(rule("services/status", "patch"))
    merge = "application/merge-patch+json"
    assert (await agent.tries("PATCH", f"{SERVICES}/app/status", {"status": {}}, merge)).code == 200
    assert refused(await agent.tries("PATCH", f"{SERVICES}/app", {}, merge)) == agent.cannot(
        "patch", "services", name="app"
    )
    other = await agent.tries("PUT", f"{SERVICES}/app/status", {})
    assert refused(other) == agent.cannot("update", "services/status", name="app")


async def test_a_right_can_be_for_some_objects_only(agent: Agent, api: API) -> None:
    for name in ("mine", "theirs"):
        await api.create(CONFIG_MAPS, config_map(name))
    await agent.given(rule("configmaps", "get", "list", "create", names=["mine"]))
    assert (await agent.tries("GET", f"{CONFIG_MAPS}/mine")).code == 200
    assert refused(await agent.tries("GET", f"{CONFIG_MAPS}/theirs")) == agent.cannot(
        "get", "configmaps", name="theirs"
    )
    assert refused(await agent.tries("GET", CONFIG_MAPS)) == agent.cannot("list", "configmaps")
    assert (await agent.tries("GET", f"{CONFIG_MAPS}?fieldSelector=metadata.name%3Dmine")).code == 200
    # A request to create does not say the name where rights are judged.
    assert refused(await agent.tries("POST", CONFIG_MAPS, config_map("mine"))) == agent.cannot("create", "configmaps")


async def test_a_right_to_change_is_none_to_make(agent: Agent) -> None:
    await agent.given(rule("configmaps", "patch"), rule("leases", "update", group="coordination.k8s.io"))
    path = f"{CONFIG_MAPS}/notes?fieldManager=agent"
    applied = await agent.tries("PATCH", path, config_map(), APPLY)
    assert refused(applied) == agent.cannot("create", "configmaps", name="notes")
    put = await agent.tries("PUT", f"{LEASES}/lock", {"metadata": {"name": "lock"}})
    assert refused(put) == agent.cannot("create", "leases", group="coordination.k8s.io", name="lock")
    merged = await agent.tries("PATCH", path, {}, "application/merge-patch+json")
    assert merged.code == 404


async def test_a_role_of_the_cluster_counts_everywhere_or_in_the_namespace_of_its_binding(
    agent: Agent, api: API
) -> None:
    await agent.given(rule("services", "list"), everywhere=True)
    assert (await agent.tries("GET", "/api/v1/services")).code == 200
    assert (await agent.tries("GET", SERVICES)).code == 200
    name = f"{api.namespace}-bound"
    await api.create(CLUSTER_ROLES, {"metadata": {"name": name}, "rules": [rule("configmaps", "list")]})
    await agent.bound(BINDINGS, "ClusterRole", name)
    await eventually(lambda: agent.may(verb="list", resource="configmaps"), bool)
    assert (await agent.tries("GET", CONFIG_MAPS)).code == 200
    everywhere = agent.cannot("list", "configmaps", everywhere=True)
    assert refused(await agent.tries("GET", "/api/v1/configmaps")) == everywhere
    assert refused(await agent.tries("GET", "/api/v1/namespaces/default/configmaps")) == agent.cannot(
        "list", "configmaps"
    ).replace(f'namespace "{api.namespace}"', 'namespace "default"')


async def test_a_role_that_is_not_there_is_named(agent: Agent, api: API) -> None:
    await agent.given(rule("services", "list"))
    await agent.bound(BINDINGS, "Role", "missing")
    words = 'RBAC: role.rbac.authorization.k8s.io "missing" not found'
    reply = await eventually(lambda: agent.tries("GET", CONFIG_MAPS), lambda seen: words in seen.text.replace("\\", ""))
    assert refused(reply) == f"{agent.cannot('list', 'configmaps')}: {words}"


async def test_a_right_on_a_namespace_can_be_given_in_it(agent: Agent, api: API) -> None:
    await agent.given(rule("namespaces", "get"))
    assert (await agent.tries("GET", f"/api/v1/namespaces/{api.namespace}")).code == 200
    told = refused(await agent.tries("GET", "/api/v1/namespaces/default"))
    assert told.startswith('namespaces "default" is forbidden: ')
    assert told.endswith('cannot get resource "namespaces" in API group "" in the namespace "default"')


async def test_what_is_taken_away_is_gone(agent: Agent, api: API) -> None:
    await agent.given(rule("configmaps", "list"))
    assert (await agent.tries("GET", CONFIG_MAPS)).code == 200
    (binding,) = (await api.get(BINDINGS)).names
    await api.delete(f"{BINDINGS}/{binding}")
    reply = await eventually(lambda: agent.tries("GET", CONFIG_MAPS), lambda seen: seen.code != 200)
    assert refused(reply) == agent.cannot("list", "configmaps")


async def test_it_is_told_its_rules(agent: Agent, api: API) -> None:
    given = rule("configmaps", "list", names=["mine"])
    await agent.given(given)
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    asked = kind | {"spec": {"namespace": api.namespace}}
    status = (await agent.tries("POST", f"{REVIEWS}/selfsubjectrulesreviews", asked)).body["status"]
    assert given in status["resourceRules"]
    assert "/version" in {page for one in status["nonResourceRules"] for page in one["nonResourceURLs"]}


async def test_the_administrator_may_do_everything(api: API) -> None:
    assert (await api.get("/api/v1/configmaps")).code == 200
    assert (await api.delete(CONFIG_MAPS)).code == 200


async def test_a_stranger_reads_health_and_version(api: API) -> None:
    assert (await api.get("/version", Authorization="")).code == 200
    for page in ("/api", "/apis"):
        told = refused(await api.get(page, Authorization=""))
        assert told == f'forbidden: User "system:anonymous" cannot get path "{page}"'
    assert refused(await api.get(CONFIG_MAPS, Authorization="")) == (
        'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the '
        f'namespace "{api.namespace}"'
    )
