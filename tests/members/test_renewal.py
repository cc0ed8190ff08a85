"""On a real server, with the rights that the manifests give and no others: the token is renewed and written back."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
import yaml

from fleetdns.api.meta import ObjectKey
from fleetdns.core.tokenlife import life_of
from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from fleetdns.kube.config import Connection, load
from fleetdns.kube.errors import Refused
from fleetdns.kube.secrets import KubeconfigSecret
from fleetdns.kube.tokens import MEMBER_ACCOUNT, AccountTokens
from fleetdns.kube.transport import Transport
from fleetdns.member.credentials import HubCredentials
from tests.apiserver.deployed import kubectl
from tests.e2e.eventually import eventually
from tests.kube.conftest import Calls
from tests.manifests.definitions import MANIFESTS
from tests.members.conftest import Fleet, member_kubeconfig, token_of
from tests.rights.table import EXPORTS, GROUP

pytestmark = [pytest.mark.realapi, pytest.mark.long]

HUB_NAMESPACE = "fleet-member-aks-3"
AGENT_S = "fleetdns-member"  # its namespace, and its account there
SECRET = ObjectKey(AGENT_S, "fleetdns-hub")
SHORTEST = 600  # seconds; no real server gives a shorter token


@dataclass(frozen=True, slots=True)
class Agent:
    """One that has just been deployed as docs/member.md says; the server is its own cluster as well as the hub."""

    file: Path
    first: str
    connection: Connection
    hub: Transport
    cluster: Transport

    def credentials(self, secret: KubeconfigSecret | None, *, ahead: float) -> HubCredentials:
        """`ahead`: seconds that have passed since, for its clock."""
        tokens = AccountTokens(self.hub, ObjectKey(HUB_NAMESPACE, MEMBER_ACCOUNT))
        return HubCredentials(self.connection, tokens, secret, wall_clock=lambda: time.time() + ahead, random=Random(1))


@pytest.fixture
async def agent(fleet: Fleet, tmp_path: Path) -> AsyncIterator[Agent]:
    administrator, file = fleet.administrator, tmp_path / "kubeconfig"
    file.write_text(member_kubeconfig(administrator, "aks-3", f"--ttl={SHORTEST}s")[0])
    kubectl(administrator, "apply", "-k", str(MANIFESTS / "member/agent/rights"))
    kubectl(
        administrator, "create", "secret", "generic", SECRET.name, f"-n={AGENT_S}", f"--from-file=kubeconfig={file}"
    )
    token = kubectl(administrator, "create", "token", AGENT_S, f"-n={AGENT_S}").strip()
    own = tmp_path / "own"
    write_kubeconfig(own, kubeconfig(url=fleet.server.url, ca=fleet.server.ca_pem, token=token))
    async with AsyncExitStack() as stack:
        connection = await load(str(file))
        hub = await stack.enter_async_context(Transport(connection, observer=Calls()))
        cluster = await stack.enter_async_context(Transport(await load(str(own)), observer=Calls()))
        yield Agent(file, token_of(file), connection, hub, cluster)
    kubectl(administrator, "delete", "secret", SECRET.name, f"-n={AGENT_S}")


async def stored(fleet: Fleet) -> str:
    """The kubeconfig in the Secret, as an administrator reads it."""
    command = ("get", "secret", SECRET.name, f"-n={AGENT_S}", "-o", "json")
    return base64.b64decode(json.loads(kubectl(fleet.administrator, *command))["data"]["kubeconfig"]).decode()


async def test_the_renewed_token_is_written_to_the_secret_and_kubectl_works_with_it(
    fleet: Fleet, agent: Agent, tmp_path: Path
) -> None:
    asked: list[float] = []
    secret = KubeconfigSecret(agent.cluster, SECRET, before_write=asked.append)
    running = asyncio.create_task(agent.credentials(secret, ahead=SHORTEST / 2 + 1).run())
    try:
        text = await eventually(lambda: stored(fleet), lambda found: agent.first not in found)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    file = tmp_path / "renewed"
    file.write_text(text)
    second = token_of(file)
    life = life_of(second)

    assert text == agent.file.read_text().replace(agent.first, second)
    assert await agent.connection.token() == second
    assert life is not None
    assert life.seconds == SHORTEST
    assert f"system:serviceaccount:{HUB_NAMESPACE}:{MEMBER_ACCOUNT}" in kubectl(file, "auth", "whoami")
    assert kubectl(file, "get", "internalsvcexport", "-o", "name") == ""
    assert asked == [agent.cluster.timeouts.write]


async def test_before_half_of_its_life_nothing_is_asked_for(fleet: Fleet, agent: Agent) -> None:
    credentials = agent.credentials(KubeconfigSecret(agent.cluster, SECRET), ahead=SHORTEST / 2 - 60)
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await credentials.run()

    assert await stored(fleet) == agent.file.read_text()
    assert await agent.connection.token() == agent.first
    assert credentials.problem is None


async def test_a_secret_of_another_name_is_not_the_agent_s_to_read(agent: Agent) -> None:
    secret = KubeconfigSecret(agent.cluster, ObjectKey(AGENT_S, "another"))
    credentials = agent.credentials(secret, ahead=SHORTEST / 2 + 1)
    running = asyncio.create_task(credentials.run())
    try:
        problem = await eventually(lambda: said(credentials), lambda found: found is not None)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    assert "it needs get and patch on the Secret" in (problem or "")
    assert await agent.connection.token() != agent.first, "it lives on with the renewed one"


async def test_an_account_that_is_deleted_takes_its_tokens_along_and_the_agent_says_what_to_do(
    fleet: Fleet, agent: Agent
) -> None:
    """How an administrator revokes a member's credentials; one made again under the same name brings none back."""
    account = (MANIFESTS / "samples/members/aks-3.yaml").read_text().split("---")[1]
    kubectl(fleet.administrator, "delete", "serviceaccount", MEMBER_ACCOUNT, f"-n={HUB_NAMESPACE}")
    file = agent.file.with_name("account.yaml")
    file.write_text(account)
    kubectl(fleet.administrator, "apply", "-f", str(file))
    # A token that was just used is known for some seconds more.
    await eventually(lambda: is_refused(agent), bool, within=40)
    credentials = agent.credentials(None, ahead=SHORTEST / 2 + 1)
    running = asyncio.create_task(credentials.run())
    try:
        problem = await eventually(lambda: said(credentials), lambda found: found is not None)
        assert "put a kubeconfig that `fleetdns member-kubeconfig` printed into the Secret" in (problem or "")
        renewed, _ = member_kubeconfig(fleet.administrator, "aks-3", "--ttl=1h")
        agent.file.write_text(renewed)
        await eventually(lambda: said(credentials), lambda found: found is None)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    # The token of the new file, or the next one after it.
    assert await agent.connection.token() != agent.first
    (user,) = yaml.safe_load(renewed)["users"]
    assert user["user"]["token"] != agent.first


async def is_refused(agent: Agent) -> bool:
    try:
        await agent.hub.get(f"/apis/{GROUP}/v1alpha1/namespaces/{HUB_NAMESPACE}/{EXPORTS}")
    except Refused as error:
        return error.status == 401
    return False


async def said(credentials: HubCredentials) -> str | None:
    return credentials.problem
