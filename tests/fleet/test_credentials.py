"""An agent outlives its first token: it renews it in time, works with the new one, and leaves it for the next start."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from fleetdns.demo.fleet import MemberCluster
from fleetdns.demo.world import around, controller, install
from fleetdns.emulator.hub.kubeconfig import kubeconfig
from fleetdns.emulator.hub.server import HubServer
from tests.e2e.eventually import eventually
from tests.fleet.fleet import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.long]

_LIFE = 4.0  # seconds that the first token is good for
_SECRET = ("default", "fleetdns-hub")


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    server = HubServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def fleet(hub: HubServer, tmp_path: Path) -> AsyncIterator[Fleet]:
    """One whose hub a test can look into."""
    async with around(hub) as world:
        await install(world)
        async with controller(world), AsyncExitStack() as stack:
            found = Fleet(world, stack, tmp_path)
            await found.apply("profile.yaml", "backend.yaml", "members/aks-1.yaml")
            yield found


@pytest.fixture
async def member(hub: HubServer, fleet: Fleet, tmp_path: Path) -> MemberCluster:
    """A member cluster with a Secret that holds a token of its own account on the hub, which ends soon."""
    found = await fleet.cluster("aks-1")
    token = hub.issuer.issue("system:serviceaccount:fleet-member-aks-1:fleetdns-member", seconds=_LIFE)
    text = kubeconfig(url=hub.url, ca=hub.ca_pem, token=token, namespace="fleet-member-aks-1")
    namespace, name = _SECRET
    data = {"kubeconfig": base64.b64encode(text.encode()).decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}
    await found.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    await found.cluster.apply(secret)
    file = tmp_path / "mounted.kubeconfig"
    file.write_text(text)
    return replace(found, hub_kubeconfig=file)


async def token_in_secret(member: MemberCluster) -> str:
    secret = await member.cluster.get("secrets", *_SECRET) or {}
    document = yaml.safe_load(base64.b64decode(secret["data"]["kubeconfig"]))
    return str(document["users"][0]["user"]["token"])


async def test_the_work_goes_on_when_the_first_token_has_ended(
    hub: HubServer, fleet: Fleet, member: MemberCluster
) -> None:
    first = await token_in_secret(member)
    await fleet.runs(member, f"--hub-kubeconfig-secret={'/'.join(_SECRET)}")
    await member.export(weight=10, label="app-aks-1")
    await fleet.serves("aks-1")

    second = await eventually(lambda: token_in_secret(member), lambda seen: seen != first)
    await eventually(lambda: _owner(hub, first), lambda seen: seen is None)
    assert await _owner(hub, second) == "system:serviceaccount:fleet-member-aks-1:fleetdns-member"

    await member.weigh(20)
    after = await eventually(lambda: fleet.export_of(member), lambda seen: seen["spec"]["weight"] == 20)
    assert after["spec"]["publicIPResourceID"]


async def test_a_new_process_begins_with_what_the_one_before_has_left(
    hub: HubServer, fleet: Fleet, member: MemberCluster, tmp_path: Path
) -> None:
    first = await token_in_secret(member)
    async with AsyncExitStack() as life:
        await Fleet(fleet.world, life, tmp_path).runs(member, f"--hub-kubeconfig-secret={'/'.join(_SECRET)}")
        second = await eventually(lambda: token_in_secret(member), lambda seen: seen != first)
    await eventually(lambda: _owner(hub, first), lambda seen: seen is None)

    mounted = json.loads(member.hub_kubeconfig.read_text())
    mounted["users"][0]["user"]["token"] = second  # as the kubelet brings it
    member.hub_kubeconfig.write_text(json.dumps(mounted))
    await fleet.runs(member)
    await member.export(weight=10, label="app-aks-1")
    await fleet.serves("aks-1")


async def _owner(hub: HubServer, token: str) -> str | None:
    user = hub.issuer.user_of(token)
    return user.name if user is not None else None
