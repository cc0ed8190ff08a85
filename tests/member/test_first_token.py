"""An agent's connection outlives its first token: the real adapters against the embedded server."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.emulator.hub.kubeconfig import kubeconfig
from fleetdns.emulator.hub.server import HubServer
from fleetdns.emulator.hub.store import Key
from fleetdns.emulator.hub.tokens import Bond, User
from fleetdns.kube.config import load
from fleetdns.kube.paths import collection, item
from fleetdns.kube.secrets import SECRETS, KubeconfigSecret
from fleetdns.kube.tokens import MEMBER_ACCOUNT, SERVICE_ACCOUNTS, AccountTokens
from fleetdns.kube.transport import Transport
from fleetdns.member.credentials import HubCredentials
from tests.e2e.eventually import eventually
from tests.kube.conftest import NAMESPACES, Calls

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

NAMESPACE = "fleet-member-a"
ACCOUNT = ObjectKey(NAMESPACE, MEMBER_ACCOUNT)
SECRET = ObjectKey(NAMESPACE, "fleetdns-hub")  # the server plays the member cluster, too
FIRST = 3.0  # seconds


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    server = HubServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def administrator(hub: HubServer, tmp_path: Path) -> AsyncIterator[Transport]:
    """With the member's namespace and account made."""
    hub.write_kubeconfig(tmp_path / "administrator")
    async with Transport(await load(str(tmp_path / "administrator")), observer=Calls()) as transport:
        await transport.create(collection(NAMESPACES, None), json.dumps({"metadata": {"name": NAMESPACE}}).encode())
        account = json.dumps({"metadata": {"name": ACCOUNT.name}}).encode()
        await transport.create(collection(SERVICE_ACCOUNTS, NAMESPACE), account)
        yield transport


async def first_token(hub: HubServer, administrator: Transport) -> str:
    """Of the member's account, good for a few seconds; no real server gives one so short."""
    uid = json.loads(await administrator.get(item(SERVICE_ACCOUNTS, ACCOUNT)))["metadata"]["uid"]
    user = User(f"system:serviceaccount:{NAMESPACE}:{ACCOUNT.name}", uid, ("system:serviceaccounts",))
    return hub.issuer.issue(user, seconds=FIRST, bonds=(Bond("serviceaccounts", Key(*ACCOUNT), uid),))


async def test_a_connection_lives_on_and_so_does_one_that_starts_later(
    hub: HubServer, administrator: Transport, tmp_path: Path
) -> None:
    first, file = await first_token(hub, administrator), tmp_path / "kubeconfig"
    file.write_text(kubeconfig(url=hub.url, ca=hub.ca_pem, token=first, namespace=NAMESPACE))
    data = {"kubeconfig": base64.b64encode(file.read_bytes()).decode()}
    body = {"metadata": {"name": SECRET.name}, "data": data}
    await administrator.create(collection(SECRETS, NAMESPACE), json.dumps(body).encode())

    connection = await load(str(file))
    async with Transport(connection, observer=Calls()) as agent:
        tokens, secret = AccountTokens(agent, ACCOUNT), KubeconfigSecret(administrator, SECRET)
        credentials = HubCredentials(connection, tokens, secret, wall_clock=time.time, random=Random(1))
        running = asyncio.create_task(credentials.run())
        try:
            await eventually(lambda: valid(hub, first), lambda found: not found)
            assert await agent.get(collection(SECRETS, NAMESPACE))
            assert credentials.problem is None
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        second = await connection.token()

    stored = await secret.read()
    assert second is not None
    assert second != first
    assert stored.text == file.read_text().replace(first, second)
    restarted = tmp_path / "restarted"
    restarted.write_text(stored.text)
    async with Transport(await load(str(restarted)), observer=Calls()) as later:
        assert await later.get(collection(SECRETS, NAMESPACE))


async def valid(hub: HubServer, token: str) -> bool:
    return hub.issuer.user_of(token) is not None
