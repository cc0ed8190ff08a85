"""The controller's token is no good any more: said at once, and a new one in the file is taken without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleetdns.demo.world import around, install
from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from fleetdns.emulator.hub.server import HubServer
from tests.apiserver.deployed import ACCOUNT, NAMESPACE, deployed
from tests.faults.conftest import Measured
from tests.faults.fleet import Fleet, RealFleet, now, serving
from tests.faults.front import Front

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(180)]

LIFETIME = 12.0  # seconds of a short-lived token
SERVICE_ACCOUNT = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}"


@pytest.mark.realapi
async def test_a_deleted_service_account_is_said_and_the_token_of_its_successor_taken(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    async with Front(fleet.server) as front:
        front.behind(fleet.kubeconfig)
        async with serving(fleet, tmp_path, "--lease-duration=120") as served:
            assert (await fleet.api.delete(SERVICE_ACCOUNT)).code == 200
            deleted = now()
            lease = await served.probes.turn_red("[-]leader-election failed", since=deleted, within=30)
            measured("lease not renewed", lease)
            # A watch that is open outlives its token.
            front.drop()
            measured("caches", await served.probes.turn_red("they are wrong, or have expired)", since=now(), within=15))
            red = now()
            await asyncio.sleep(10)
            served.probes.always_red(since=red)
            await asyncio.to_thread(deployed, fleet.server, tmp_path)
            measured("caught up", await served.catches_up(since=now()))


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    """The embedded hub: a real API server gives no token for less than ten minutes."""
    server = HubServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def short_lived(hub: HubServer, tmp_path: Path) -> AsyncIterator[Fleet]:
    """The controller's token lasts for LIFETIME."""
    async with around(hub) as world:
        await install(world)
        write_token(hub, tmp_path / "kubeconfig")
        yield Fleet(world, tmp_path / "kubeconfig")


def write_token(hub: HubServer, path: Path) -> None:
    """A new token in the controller's kubeconfig."""
    write_kubeconfig(path, kubeconfig(url=hub.url, ca=hub.ca_pem, token=hub.issuer.issue(seconds=LIFETIME)))


async def test_tokens_renewed_before_their_end_cost_no_moment_of_readiness(
    hub: HubServer, short_lived: Fleet, tmp_path: Path
) -> None:
    async with serving(short_lived, tmp_path) as served:
        for _ in range(3):
            write_token(hub, short_lived.kubeconfig)
            await asyncio.sleep(LIFETIME * 2 / 3)
        write_token(hub, short_lived.kubeconfig)
        await served.catches_up(since=now())
        served.probes.always_ready()


async def test_a_token_that_ended_is_said_and_a_later_one_taken(
    hub: HubServer, short_lived: Fleet, tmp_path: Path, measured: Measured
) -> None:
    async with serving(short_lived, tmp_path) as served:
        since = now()
        await served.probes.turn_red("does not take the credentials of context", since=since, within=LIFETIME + 15)
        write_token(hub, short_lived.kubeconfig)
        renewed = now()
        measured("ready again", await served.probes.turn_green(since=renewed, within=20))
        await served.catches_up(since=renewed)
