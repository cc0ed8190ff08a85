"""The controller's token is no good any more: said at once, and a new one in the file is taken without a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.apiserver.deployed import ACCOUNT, NAMESPACE, deployed
from tests.faults.conftest import Measured
from tests.faults.fleet import Fleet, now, serving
from tests.faults.front import Front

pytestmark = [pytest.mark.faults, pytest.mark.realapi, pytest.mark.e2e, pytest.mark.timeout(180)]

SERVICE_ACCOUNT = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}"


async def test_a_deleted_service_account_is_said_and_the_token_of_its_successor_taken(
    fleet: Fleet, tmp_path: Path, measured: Measured
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
            measured("caches", await served.probes.turn_red("Unauthorized)", since=now(), within=15))
            await asyncio.sleep(10)
            await asyncio.to_thread(deployed, fleet.server, tmp_path)
            measured("caught up", await served.catches_up(since=now()))
