"""The lock of the election on both servers: what the elector counts on, and an election."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.emulator.hub.kubeconfig import kubeconfig
from fleetdns.kube.config import load
from fleetdns.kube.leases import LEASES, HubLeaseStore
from fleetdns.kube.paths import item
from fleetdns.kube.transport import Transport
from fleetdns.runtime.leader import Elector, Timing
from fleetdns.runtime.lease import LeaseConflict, LeaseError, LeaseRecord
from tests.contract.client import API, Endpoint

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-5)))
RECORD = LeaseRecord("host_1", 30, acquired_at=MOMENT, renewed_at=MOMENT, transitions=3)


class _Silent:
    def called(self, *, method: str, code: str) -> None:
        return


@pytest.fixture
async def transport(server: Endpoint, tmp_path: Path) -> AsyncIterator[Transport]:
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig(url=server.url, ca=server.ca_pem, token=server.token))
    async with Transport(await load(str(file)), observer=_Silent()) as opened:
        yield opened


@pytest.fixture
def key(api: API) -> ObjectKey:
    return ObjectKey(api.namespace, "fleetdns")


async def test_a_record_comes_back_as_it_was_written(transport: Transport, key: ObjectKey) -> None:
    store = HubLeaseStore(transport, key)
    assert await store.read() is None
    made = await store.create(RECORD)
    assert made.record == RECORD
    renewed = replace(RECORD, renewed_at=MOMENT + timedelta(microseconds=1))
    assert (await store.replace(made, renewed)).record == renewed
    found = await store.read()
    assert found is not None
    assert found.record == renewed


async def test_whoever_comes_second_gets_a_conflict(transport: Transport, key: ObjectKey) -> None:
    store = HubLeaseStore(transport, key)
    made = await store.create(RECORD)
    with pytest.raises(LeaseConflict):
        await store.create(RECORD)
    await store.replace(made, replace(RECORD, holder=""))
    with pytest.raises(LeaseConflict):
        await store.replace(made, RECORD)


async def test_a_lease_that_was_deleted_is_not_made_by_replacing_it(transport: Transport, key: ObjectKey) -> None:
    store = HubLeaseStore(transport, key)
    made = await store.create(RECORD)
    await transport.delete(item(LEASES, key), b"{}")
    with pytest.raises(LeaseConflict):
        await store.replace(made, RECORD)
    assert await store.read() is None
    again = await store.create(RECORD)
    with pytest.raises(LeaseConflict):
        await store.replace(made, RECORD)
    assert await store.read() == again


async def test_a_namespace_that_is_missing_is_an_error_that_names_the_flag(transport: Transport) -> None:
    store = HubLeaseStore(transport, ObjectKey("nowhere", "fleetdns"))
    assert await store.read() is None
    with pytest.raises(LeaseError, match="--leader-election-namespace"):
        await store.create(RECORD)


async def test_an_election_is_won_by_one_renewed_and_handed_over(transport: Transport, key: ObjectKey) -> None:
    electors = [
        Elector(
            HubLeaseStore(transport, key),
            identity=name,
            timing=Timing(6, 0.2),
            now=lambda: datetime.now(UTC),
            random=Random(name),
        )
        for name in ("a", "b", "c")
    ]
    campaigns = [asyncio.create_task(elector.acquire()) for elector in electors]
    await asyncio.wait(campaigns, return_when=asyncio.FIRST_COMPLETED)
    leader = next(elector for elector in electors if elector.is_leading)
    keeping = asyncio.create_task(leader.keep())
    await asyncio.sleep(0.6)
    assert [elector.is_leading for elector in electors].count(True) == 1
    assert leader.fence.left > 5
    keeping.cancel()
    await leader.release()
    async with asyncio.timeout(5):
        while not any(elector.is_leading for elector in electors):
            await asyncio.wait([task for task in campaigns if not task.done()], return_when=asyncio.FIRST_COMPLETED)
    found = await HubLeaseStore(transport, key).read()
    assert found is not None
    assert found.record.transitions == 1
    for task in campaigns:
        task.cancel()
