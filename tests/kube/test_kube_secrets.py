"""The Secret with the hub kubeconfig, and tokens of an account, as the embedded server keeps and gives them."""

from __future__ import annotations

import base64
import json

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.core.tokenlife import Granted
from fleetdns.emulator.hub.server import HubServer
from fleetdns.errors import Conflict, NotLeading, Rejected, Transient
from fleetdns.kube.paths import collection, item
from fleetdns.kube.reviews import Deed, may
from fleetdns.kube.secrets import SECRETS, KubeconfigSecret
from fleetdns.kube.tokens import SERVICE_ACCOUNTS, AccountTokens
from fleetdns.kube.transport import Transport
from tests.azure.scripted import Answer, ScriptedServer
from tests.kube.conftest import NAMESPACE

KEY = ObjectKey(NAMESPACE, "hub")
ACCOUNT = ObjectKey(NAMESPACE, "agent")


async def made(transport: Transport, **texts: str) -> None:
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": KEY.name}, "data": data}
    await transport.create(collection(SECRETS, NAMESPACE), json.dumps(body).encode())


async def held(transport: Transport) -> dict[str, str]:
    data = json.loads(await transport.get(item(SECRETS, KEY)))["data"]
    return {name: base64.b64decode(text).decode() for name, text in data.items()}


async def test_a_kubeconfig_is_read_and_written_back_beside_what_else_is_there(transport: Transport) -> None:
    await made(transport, kubeconfig="one", note="mine")
    secret = KubeconfigSecret(transport, KEY)
    stored = await secret.read()
    await secret.write("two\n", version=stored.version)

    assert stored.text == "one"
    assert await held(transport) == {"kubeconfig": "two\n", "note": "mine"}
    assert (await secret.read()).version != stored.version


async def test_what_somebody_changed_meanwhile_is_not_overwritten(transport: Transport) -> None:
    await made(transport, kubeconfig="one")
    secret = KubeconfigSecret(transport, KEY)
    stored = await secret.read()
    await secret.write("theirs", version=stored.version)
    with pytest.raises(Conflict):
        await secret.write("ours", version=stored.version)

    assert await held(transport) == {"kubeconfig": "theirs"}


async def test_a_replica_that_may_not_lead_any_more_writes_nothing(transport: Transport) -> None:
    def refuse(seconds: float) -> None:
        asked.append(seconds)
        raise NotLeading("NotLeading", "no")

    asked: list[float] = []
    await made(transport, kubeconfig="one")
    secret = KubeconfigSecret(transport, KEY, before_write=refuse)
    stored = await secret.read()
    with pytest.raises(NotLeading):
        await secret.write("two", version=stored.version)

    assert asked == [transport.timeouts.write]
    assert await held(transport) == {"kubeconfig": "one"}


async def test_a_secret_that_is_missing_or_holds_something_else_is_rejected(transport: Transport) -> None:
    secret = KubeconfigSecret(transport, KEY)
    with pytest.raises(Rejected):
        await secret.read()
    with pytest.raises(Rejected):
        await secret.write("one", version="1")
    await made(transport, config="one")
    with pytest.raises(Rejected) as failure:
        await secret.read()
    assert "work/hub holds no kubeconfig under the key 'kubeconfig'" in failure.value.sentence


@pytest.mark.parametrize("data", ["%%%", base64.b64encode(b"\xff\xfe").decode()])
async def test_a_kubeconfig_that_is_no_text_is_rejected(wire: Transport, scripted: ScriptedServer, data: str) -> None:
    body = {"metadata": {"resourceVersion": "1"}, "data": {"kubeconfig": data}}
    scripted.answers = [Answer(body=json.dumps(body).encode())]
    with pytest.raises(Rejected):
        await KubeconfigSecret(wire, KEY).read()


async def test_an_account_gets_a_token_for_as_long_as_is_asked(transport: Transport, hub: HubServer) -> None:
    account = {"metadata": {"name": ACCOUNT.name}}
    await transport.create(collection(SERVICE_ACCOUNTS, NAMESPACE), json.dumps(account).encode())
    granted = await AccountTokens(transport, ACCOUNT).request(900)

    user = hub.issuer.user_of(granted.token)
    assert user is not None
    assert user.name == f"system:serviceaccount:{NAMESPACE}:{ACCOUNT.name}"
    assert granted.seconds == 900


async def test_an_account_that_is_not_there_gets_none(transport: Transport) -> None:
    with pytest.raises(Rejected):
        await AccountTokens(transport, ACCOUNT).request(900)


def jwt(begins: int, ends: int) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": begins, "exp": ends}).encode()).decode().rstrip("=")
    return f"head.{claims}.signature"


@pytest.mark.parametrize(
    ("token", "seconds"),
    [
        pytest.param("opaque", 3600, id="as the server says"),
        pytest.param(jwt(100, 700), 600, id="as the token itself says"),
    ],
)
async def test_how_long_a_token_is_good(wire: Transport, scripted: ScriptedServer, token: str, seconds: int) -> None:
    body = {"spec": {"expirationSeconds": 3600}, "status": {"token": token}}
    scripted.answers = [Answer(201, json.dumps(body).encode())]
    assert await AccountTokens(wire, ACCOUNT).request(7200) == Granted(token, seconds)
    (seen,) = scripted.requests
    assert json.loads(seen.body)["spec"] == {"expirationSeconds": 7200}


async def test_an_answer_without_a_token_or_a_verdict_may_be_another_next_time(
    wire: Transport, scripted: ScriptedServer
) -> None:
    with pytest.raises(Transient):
        await AccountTokens(wire, ACCOUNT).request(7200)
    with pytest.raises(Transient):
        await may(wire, Deed("get", "", "pods", NAMESPACE))


async def test_an_administrator_may_do_everything(transport: Transport) -> None:
    assert await may(transport, Deed("create", "", "serviceaccounts", NAMESPACE, subresource="token", name="agent"))


async def test_a_verdict_is_the_server_s(wire: Transport, scripted: ScriptedServer) -> None:
    scripted.answers = [Answer(201, b'{"status": {"allowed": false}}'), Answer(201, b'{"status": {"allowed": true}}')]
    deed = Deed("get", "", "pods", NAMESPACE, name="one")
    assert [await may(wire, deed), await may(wire, deed)] == [False, True]
    asked = json.loads(scripted.requests[0].body)["spec"]["resourceAttributes"]
    assert {name: value for name, value in asked.items() if value} == {
        "namespace": NAMESPACE,
        "verb": "get",
        "resource": "pods",
        "name": "one",
    }
