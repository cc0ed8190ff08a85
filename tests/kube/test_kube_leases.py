"""The Lease as the lock of an election: what is written, what stays, and answers that are no answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.errors import UsageError
from fleetdns.kube.leases import LEASES, HubLeaseStore, pod_namespace
from fleetdns.kube.paths import collection
from fleetdns.kube.transport import Transport
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


async def test_times_have_six_decimals_in_utc_wherever_the_clock_hangs(store: LeaseStore, transport: Transport) -> None:
    abroad = MOMENT.replace(microsecond=0).astimezone(timezone(timedelta(hours=-5)))
    await store.create(replace(RECORD, acquired_at=abroad, renewed_at=abroad))
    written = await spec(transport)
    assert (written["acquireTime"], written["renewTime"]) == ("2026-01-02T03:04:05.000000Z",) * 2


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


def test_the_namespace_of_a_pod_is_read_from_its_service_account(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    file.write_text("fleetdns-system\n")
    assert pod_namespace(file) == "fleetdns-system"


def test_a_pod_without_that_file_is_told_which_flag_to_give(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--leader-election-namespace"):
        pod_namespace(tmp_path / "namespace")
