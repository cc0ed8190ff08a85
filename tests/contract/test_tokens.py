"""Tokens of ServiceAccounts: how they are asked for, whose they are, and when they end."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import datetime
from typing import Any

import pytest

from fleetdns.emulator.hub.server import HubServer
from tests.contract.client import API, Endpoint, Reply
from tests.contract.samples import CONFIG_MAPS, config_map

ACCOUNTS = "/api/v1/namespaces/{ns}/serviceaccounts"
SECRETS = "/api/v1/namespaces/{ns}/secrets"
AUTHENTICATION = "/apis/authentication.k8s.io/v1"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "agent"}}


@pytest.fixture
async def account(api: API) -> str:
    """The path of a ServiceAccount."""
    assert (await api.create(ACCOUNTS, ACCOUNT)).code == 201
    return f"{ACCOUNTS}/agent"


async def token_of(api: API, account: str, **spec: Any) -> str:
    reply = await api.create(f"{account}/token", {"spec": spec})
    assert reply.code == 201, reply.text
    return str(reply.body["status"]["token"])


async def as_holder(api: API, token: str, path: str = CONFIG_MAPS) -> Reply:
    return await api.get(path, Authorization=f"Bearer {token}")


def looked_into(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def as_holder_later(api: API, token: str) -> Reply:
    await asyncio.sleep(0.1)
    return await as_holder(api, token)


async def owner(api: API, token: str) -> Reply:
    """Who the server takes the holder for."""
    question = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = f"{AUTHENTICATION}/selfsubjectreviews"
    return await api.call("POST", path, question, Authorization=f"Bearer {token}")


async def reviewed(api: API, **spec: Any) -> Reply:
    question = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
    return await api.create(f"{AUTHENTICATION}/tokenreviews", question)


async def may_read_everything(api: API, server: Endpoint) -> None:
    """Rights for the account, where there are rights: whoever is known to the embedded hub may do everything."""
    if isinstance(server, HubServer):
        return
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "name": "agent", "namespace": api.namespace}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": api.namespace},
        "roleRef": role,
        "subjects": [subject],
    }
    assert (await api.create(BINDINGS, binding)).code == 201


async def test_it_is_good_for_an_hour_unless_another_time_is_asked_for(api: API, account: str) -> None:
    request = (await api.create(f"{account}/token", {})).body
    assert (request["kind"], request["apiVersion"]) == ("TokenRequest", "authentication.k8s.io/v1")
    assert request["metadata"].keys() >= {"name", "namespace", "uid", "creationTimestamp"}
    assert (request["spec"]["expirationSeconds"], request["spec"]["boundObjectRef"]) == (3600, None)
    ends = datetime.fromisoformat(request["status"]["expirationTimestamp"])
    asked = datetime.fromisoformat(request["metadata"]["creationTimestamp"])
    assert 3599 <= (ends - asked).total_seconds() <= 3601
    assert len(request["spec"]["audiences"]) == 1
    short = await api.create(f"{account}/token", {"spec": {"expirationSeconds": 600}})
    assert short.body["spec"]["expirationSeconds"] == 600


async def test_it_is_the_accounts(api: API, account: str) -> None:
    uid = (await api.get(account)).body["metadata"]["uid"]
    user = (await owner(api, await token_of(api, account))).body["status"]["userInfo"]
    assert (user["username"], user["uid"]) == (f"system:serviceaccount:{api.namespace}:agent", uid)
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{api.namespace}", "system:authenticated"]
    assert user["groups"] == groups


async def test_it_says_whose_it_is_for_whom_and_until_when(api: API, account: str) -> None:
    uid = (await api.get(account)).body["metadata"]["uid"]
    request = (await api.create(f"{account}/token", {"spec": {"expirationSeconds": 700}})).body
    header, claims = [looked_into(part) for part in request["status"]["token"].split(".")[:2]]
    assert header.keys() == {"alg", "kid"}
    assert claims.keys() == {"aud", "exp", "iat", "iss", "jti", "kubernetes.io", "nbf", "sub"}
    assert claims["sub"] == f"system:serviceaccount:{api.namespace}:agent"
    assert claims["kubernetes.io"] == {"namespace": api.namespace, "serviceaccount": {"name": "agent", "uid": uid}}
    assert (claims["aud"], claims["exp"] - claims["iat"]) == (request["spec"]["audiences"], 700)
    assert claims["nbf"] == claims["iat"]
    ends = datetime.fromisoformat(request["status"]["expirationTimestamp"]).timestamp()
    assert abs(claims["exp"] - ends) <= 1


async def test_it_says_what_else_it_ends_with_and_where_else_it_is_good(api: API, account: str) -> None:
    uid = (await api.create(SECRETS, {"metadata": {"name": "life"}})).body["metadata"]["uid"]
    reference = {"kind": "Secret", "apiVersion": "v1", "name": "life"}
    token = await token_of(api, account, audiences=["here", "there"], boundObjectRef=reference)
    claims = looked_into(token.split(".")[1])
    assert claims["aud"] == ["here", "there"]
    assert claims["kubernetes.io"]["secret"] == {"name": "life", "uid": uid}


async def test_no_two_are_alike(api: API, account: str) -> None:
    assert await token_of(api, account) != await token_of(api, account)


async def test_one_that_was_changed_is_worth_nothing(api: API, account: str) -> None:
    token = await token_of(api, account)
    header, claims, signature = token.split(".")
    later = looked_into(claims) | {"exp": 2**40}
    forged = base64.urlsafe_b64encode(json.dumps(later).encode()).rstrip(b"=").decode()
    assert (await owner(api, f"{header}.{forged}.{signature}")).code == 401


@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        pytest.param(599, "Invalid value: 599: may not specify a duration less than 10 minutes", id="too short"),
        pytest.param(
            2**32 + 1, "Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds", id="too long"
        ),
    ],
)
async def test_its_time_has_limits(api: API, account: str, seconds: int, why: str) -> None:
    reply = await api.create(f"{account}/token", {"spec": {"expirationSeconds": seconds}})
    assert (reply.code, reply.causes) == (422, [("spec.expirationSeconds", why)])


@pytest.mark.parametrize(
    ("body", "code", "kind"),
    [
        pytest.param({"metadata": {"name": "other"}}, 422, "TokenRequest", id="another account's name"),
        pytest.param({"metadata": {"namespace": "other"}}, 400, None, id="another namespace"),
        pytest.param({"metadata": {"uid": "other"}}, 409, "TokenRequest", id="another account's uid"),
        pytest.param({"kind": "ConfigMap", "apiVersion": "v1"}, 400, None, id="another kind"),
        pytest.param({"spec": {"expirationSeconds": "soon"}}, 400, None, id="a time that is none"),
        pytest.param(
            {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "none"}}}, 404, "pods", id="no pod"
        ),
        pytest.param(
            {"spec": {"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "none"}}},
            400,
            None,
            id="what no token can be bound to",
        ),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    api: API, account: str, body: dict[str, Any], code: int, kind: str | None
) -> None:
    reply = await api.create(f"{account}/token", body)
    assert (reply.code, reply.body.get("details", {}).get("kind")) == (code, kind)


async def test_an_account_that_is_missing_has_none(api: API) -> None:
    reply = await api.create(f"{ACCOUNTS}/nobody/token", {})
    assert (reply.code, reply.body["message"]) == (404, 'serviceaccounts "nobody" not found')


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_it_can_only_be_asked_for(api: API, account: str, method: str) -> None:
    reply = await api.call(method, f"{account}/token", None if method == "GET" else {})
    assert (reply.code, reply.body["reason"]) == (405, "MethodNotAllowed")


async def test_discovery_tells_what_is_sent(api: API) -> None:
    resources = {entry["name"]: entry for entry in (await api.get("/api/v1")).body["resources"]}
    token = resources["serviceaccounts/token"]
    assert (token["kind"], token["group"], token["verbs"]) == ("TokenRequest", "authentication.k8s.io", ["create"])
    questions = (await api.get(AUTHENTICATION)).body["resources"]
    assert [entry["name"] for entry in questions] == ["selfsubjectreviews", "tokenreviews"]


async def test_a_token_for_others_is_worth_nothing_here(api: API, account: str) -> None:
    reply = await as_holder(api, await token_of(api, account, audiences=["elsewhere"]))
    assert (reply.code, reply.body["message"], "details" in reply.body) == (401, "Unauthorized", False)


async def test_deleting_the_account_ends_its_tokens_but_no_open_watch(api: API, server: Endpoint, account: str) -> None:
    await may_read_everything(api, server)
    used, *unused = [await token_of(api, account) for _ in range(6)]
    since = (await api.get(CONFIG_MAPS)).version
    watch = f"{CONFIG_MAPS}?watch=1&resourceVersion={since}"
    async with api.watch(watch, Authorization=f"Bearer {used}") as events:
        assert events.answer.status == 200
        gone = await api.delete(account)
        assert (gone.code, gone.body["kind"]) == (200, "ServiceAccount")
        # A real server hears of it a moment later, and trusts for ten seconds what it has just trusted: a token that
        # was used is no proof.
        assert 401 in [(await as_holder_later(api, token)).code for token in unused]
        await api.create(CONFIG_MAPS, config_map())
        assert await events.take(1) == [("ADDED", "notes")]


async def test_an_account_made_again_does_not_bring_old_tokens_back(api: API, account: str) -> None:
    old = await token_of(api, account)
    await api.delete(account)
    await api.create(ACCOUNTS, ACCOUNT)
    assert (await owner(api, old)).code == 401
    assert (await owner(api, await token_of(api, account))).code == 201


async def test_a_token_can_end_with_a_secret(api: API, account: str) -> None:
    await api.create(SECRETS, {"metadata": {"name": "life"}})
    reference = {"kind": "Secret", "apiVersion": "v1", "name": "life"}
    used, *unused = [await token_of(api, account, boundObjectRef=reference) for _ in range(6)]
    assert (await owner(api, used)).code == 201
    await api.delete(f"{SECRETS}/life")
    # A real server hears of it a moment later, and trusts for ten seconds what it has just trusted.
    assert 401 in [(await as_holder_later(api, token)).code for token in unused]


class TestReview:
    async def test_a_good_token_is_named(self, api: API, account: str) -> None:
        status = (await reviewed(api, token=await token_of(api, account))).body["status"]
        assert status["authenticated"] is True
        assert status["user"]["username"] == f"system:serviceaccount:{api.namespace}:agent"

    async def test_a_bad_one_is_not(self, api: API) -> None:
        status = (await reviewed(api, token="wrong")).body["status"]
        assert (status.get("authenticated", False), status["error"]) == (False, "invalid bearer token")

    async def test_none_is_a_400(self, api: API) -> None:
        reply = await reviewed(api)
        assert (reply.code, reply.body["message"]) == (400, "token is required for TokenReview in authentication")
