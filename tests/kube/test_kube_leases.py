"""The Lease as the lock of an election: on the embedded hub, and against answers that are no answers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.errors import UsageError
from fleetdns.kube.leases import LEASES, HubLeaseStore, pod_namespace
from fleetdns.kube.paths import collection, item
from fleetdns.kube.transport import Transport
from fleetdns.runtime.leader import Elector, Timing
from fleetdns.runtime.lease import LeaseConflict, LeaseError, LeaseRecord, LeaseStore
from tests.azure.scripted import Answer, ScriptedServer
from tests.kube.conftest import NAMESPACE, stored

KEY = ObjectKey(NAMESPACE, "fleetdns")
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC)
RECORD = LeaseRecord("host_1", 30, acquired_at=MOMENT, renewed_at=MOMENT, transitions=3)


@pytest.fixture
def store(transport: Transport) -> LeaseStore:
    return HubLeaseStore(transport, KEY)


async def spec(transport: Transport) -> Any:
    return (await stored(transport, LEASES, "fleetdns"))["spec"]


async def test_what_is_not_there_is_none(store: LeaseStore) -> None:
    assert await store.read() is None


async def test_what_is_made_is_read_back(store: LeaseStore) -> None:
    made = await store.create(RECORD)
    assert made.record == RECORD
    assert await store.read() == made


async def test_times_have_six_decimals_in_utc_wherever_the_clock_hangs(store: LeaseStore, transport: Transport) -> None:
    abroad = MOMENT.replace(microsecond=0).astimezone(timezone(timedelta(hours=-5)))
    await store.create(replace(RECORD, acquired_at=abroad, renewed_at=abroad))
    written = await spec(transport)
    assert (written["acquireTime"], written["renewTime"]) == ("2026-01-02T03:04:05.000000Z",) * 2


async def test_making_it_twice_is_a_conflict(store: LeaseStore) -> None:
    await store.create(RECORD)
    with pytest.raises(LeaseConflict):
        await store.create(RECORD)


async def test_of_two_who_replace_the_same_version_one_gets_a_conflict(store: LeaseStore) -> None:
    made = await store.create(RECORD)
    second = await store.replace(made, replace(RECORD, holder="host_2"))
    with pytest.raises(LeaseConflict):
        await store.replace(made, replace(RECORD, holder="host_3"))
    assert await store.read() == second


async def test_a_lease_that_was_deleted_is_not_made_by_replacing_it(store: LeaseStore, transport: Transport) -> None:
    made = await store.create(RECORD)
    await transport.delete(item(LEASES, KEY), b"{}")
    with pytest.raises(LeaseConflict):
        await store.replace(made, RECORD)
    assert await store.read() is None


async def test_replacing_keeps_what_others_put_there(store: LeaseStore, transport: Transport) -> None:
    body = {"metadata": {"name": "fleetdns", "labels": {"team": "web"}}, "spec": {"strategy": "OldestEmulationVersion"}}
    await transport.create(collection(LEASES, NAMESPACE), json.dumps(body).encode())
    found = await store.read()
    assert found is not None
    assert found.record == LeaseRecord("", 0)
    await store.replace(found, RECORD)
    kept = await stored(transport, LEASES, "fleetdns")
    assert kept["metadata"]["labels"] == {"team": "web"}
    assert kept["spec"]["strategy"] == "OldestEmulationVersion"
    assert kept["spec"]["holderIdentity"] == "host_1"


async def test_a_missing_namespace_is_an_error_that_says_what_to_do(transport: Transport) -> None:
    store = HubLeaseStore(transport, ObjectKey("nowhere", "fleetdns"))
    assert await store.read() is None
    with pytest.raises(LeaseError, match="--leader-election-namespace") as raised:
        await store.create(RECORD)
    assert not isinstance(raised.value, LeaseConflict)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(503, b"<html>no upstream</html>", content_type="text/html"), id="a proxy's page"),
        pytest.param(Answer(404, b"<html>not here</html>", content_type="text/html"), id="a proxy's 404"),
        pytest.param(Answer(200, b"<html>hello</html>", content_type="text/html"), id="a page as success"),
        pytest.param(Answer(200, b'{"metadata": {"name"'), id="half an answer"),
        pytest.param(Answer(200, b'{"metadata": {}, "spec": {"renewTime": "yesterday"}}'), id="a time that is none"),
        pytest.param(Answer(401, b"{}"), id="a token that is refused"),
        pytest.param(Answer(403, b"{}"), id="a right that is missing"),
        pytest.param(Answer(429, b"{}", headers={"Retry-After": "1"}), id="throttled"),
        pytest.param(Answer(fault="reset"), id="a reset"),
        pytest.param(Answer(fault="hang"), id="silence"),
    ],
)
async def test_every_failure_is_an_error_to_try_again_after(
    wire: Transport, scripted: ScriptedServer, answer: Answer
) -> None:
    scripted.answers = [answer]
    store = HubLeaseStore(wire, KEY)
    with pytest.raises(LeaseError) as raised:
        await store.read()
    assert not isinstance(raised.value, LeaseConflict)


async def test_an_election_on_the_hub_is_won_by_one_and_handed_over(transport: Transport) -> None:
    electors = [
        Elector(
            HubLeaseStore(transport, KEY),
            identity=name,
            timing=Timing(6, 0.05),
            now=lambda: datetime.now(UTC),
            random=Random(name),
        )
        for name in ("a", "b")
    ]
    campaigns = [asyncio.create_task(elector.acquire()) for elector in electors]
    await asyncio.wait(campaigns, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.05)
    assert sorted(elector.is_leading for elector in electors) == [False, True]
    leader, waiting = sorted(electors, key=lambda elector: not elector.is_leading)
    await leader.release()
    async with asyncio.timeout(5):
        await asyncio.wait(campaigns)
    assert (leader.is_leading, waiting.is_leading) == (False, True)
    assert (await spec(transport))["leaseTransitions"] == 1


def test_the_namespace_of_a_pod_is_read_from_its_service_account(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    file.write_text("fleetdns-system\n")
    assert pod_namespace(file) == "fleetdns-system"


def test_a_pod_without_that_file_is_told_which_flag_to_give(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--leader-election-namespace"):
        pod_namespace(tmp_path / "namespace")
