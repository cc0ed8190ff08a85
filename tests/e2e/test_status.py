"""`fleetdns status` and `fleetdns explain` as processes, with the hub alone: Azure is not asked."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from fleetdns.demo.members import namespace
from fleetdns.demo.world import World, controller
from tests.e2e.command import looked, on_a_terminal
from tests.e2e.conftest import on_embedded
from tests.e2e.eventually import eventually
from tests.e2e.lease import lease_namespace
from tests.e2e.test_plan import apply_sample

pytestmark = pytest.mark.e2e


async def told(world: World) -> None:
    """aks-1 and aks-2 serve, 1 to 3; aks-3 has no DNS label, aks-4 exports nothing; the controller has said so."""
    await world.members.join("aks-1", weight=1)
    await world.members.join("aks-2", weight=3)
    await world.members.join("aks-3", weight=1, has_label=False)
    await world.cluster.apply(namespace("fleet-member-aks-4"))
    await apply_sample(world)

    async def endpoints() -> tuple[int, int]:
        status = (await world.cluster.get("trafficmanagerbackends", "work", "app") or {}).get("status", {})
        return len(status.get("endpoints", ())), len(status.get("rejected", ()))

    async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
        await eventually(endpoints, lambda seen: seen == (2, 1), within=60)


@on_embedded
async def test_status_shows_profiles_and_beneath_each_what_hangs_on_it(world: World) -> None:
    await told(world)
    mark = world.azure.calls.mark()
    done = await looked(world, "status")
    assert (done.code, done.err) == (0, "")
    header, profile, columns, first, second = done.tables[:5]
    assert header == ["PROFILE", "DNS NAME", "PROGRAMMED", "HEALTHY"]
    assert profile[:3] == ["work/myatm", "myatm.trafficmanager.net", "True"]
    assert columns == ["BACKEND", "CLUSTER", "TARGET", "WEIGHT", "SHARE", "MONITOR"]
    assert first[:5] == ["app", "aks-1", "app-aks-1.westeurope.cloudapp.azure.com", "25", "25.0%"]
    assert second[:5] == ["app", "aks-2", "app-aks-2.westeurope.cloudapp.azure.com", "75", "75.0%"]
    assert "no traffic  app in aks-3: the public IP has no DNS label" in done.out
    assert "backend app, Accepted: exports that are not serving endpoints" in done.out
    document = (await looked(world, "status", "--namespace=work", "--output=json")).document
    assert [endpoint["sharePercent"] for endpoint in document["profiles"][0]["endpoints"]] == [25.0, 75.0]
    elsewhere = await looked(world, "status", "--namespace=elsewhere")
    assert elsewhere.out.startswith("No TrafficManagerProfile in namespace elsewhere on https://127.0.0.1:")
    assert world.azure.calls.since(mark) == ()


@on_embedded
async def test_a_terminal_gets_colours_unless_somebody_refuses_them(world: World) -> None:
    await apply_sample(world)
    assert "\x1b[1mPROFILE\x1b[0m" in await on_a_terminal(world, "status")
    assert "\x1b[" not in await on_a_terminal(world, "status", NO_COLOR="1")


@on_embedded
async def test_explain_says_of_each_cluster_what_is_missing_and_what_to_do(world: World) -> None:
    await told(world)
    done = await looked(world, "explain", "work/app", "--output=json")
    assert (done.code, done.err) == (0, "")
    (explanation,) = done.document["explanations"]
    verdicts = {found["cluster"]: found["verdict"] for found in explanation["clusters"]}
    serving = {verdicts.pop("aks-1"), verdicts.pop("aks-2")}
    assert serving <= {"Serving", "NotProbedYet"}
    assert verdicts == {"aks-3": "DNSLabelMissing", "aks-4": "NotExported"}
    text = await looked(world, "explain", "work/app")
    assert text.out.startswith("Service work/app  backend app, profile myatm, myatm.trafficmanager.net\n")
    assert ", weight 75, 75.0% of the traffic: " in text.out
    assert "-> in aks-3: kubectl annotate service app -n work" in text.out
    assert (await looked(world, "explain", "work/myatm")).out == text.out
    assert (await looked(world, "explain", "app", "-n", "work")).out == text.out
    assert (await looked(world, "explain", "app", FLEETDNS_NAMESPACE="work")).out == text.out
    assert (await looked(world, "explain", "work/app", FLEETDNS_NAMESPACE="elsewhere")).out == text.out


@on_embedded
async def test_a_backend_that_is_being_deleted_and_then_gone_with_its_endpoints_left_is_told_of(world: World) -> None:
    await told(world)
    await world.cluster.delete("trafficmanagerbackends", "work", "app")
    going = (await looked(world, "explain", "work/app")).out
    assert "BeingDeleted, weight 75, 75.0% of the traffic: TrafficManagerBackend work/app is being deleted" in going
    await world.cluster.patch("trafficmanagerbackends", "work", "app", {"metadata": {"finalizers": None}})
    async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
        message = await eventually(lambda: held(world), lambda found: found != "", within=60)
    assert "app in aks-1, app in aks-2; " in message
    assert f"profile myatm, Guarded: {message} (RemovalHeld)" in (await looked(world, "status")).out
    gone = (await looked(world, "explain", "work/app")).out
    assert gone.startswith("Service work/app  no TrafficManagerBackend\n")
    assert f"  TrafficManagerProfile work/myatm is Guarded: {message}\n" in gone
    (explanation,) = (await looked(world, "explain", "work/app", "--output=json")).document["explanations"]
    assert explanation["remarks"] == [f"TrafficManagerProfile work/myatm is Guarded: {message}"]
    profile = (await looked(world, "explain", "work/myatm")).out.splitlines()
    assert profile[0] == "TrafficManagerProfile work/myatm  myatm.trafficmanager.net"
    assert profile[1].startswith("  no TrafficManagerBackend in namespace work names it; Azure holds it as fleet-")
    assert profile[1].endswith(" in resource group fleet-dns, with 2 endpoints of backends that are gone")
    assert profile[2] == f"  Guarded: {message} (RemovalHeld)"
    assert profile[-1].startswith("  -> apply a TrafficManagerBackend in namespace work with spec.profile.name myatm")
    assert (await looked(world, "explain", "work/myatm", "-o", "json")).document["profile"]["name"] == "myatm"
    await export_another(world)
    (other,) = (await looked(world, "explain", "work/other", "-o", "json")).document["explanations"]
    assert other["remarks"] == [], "the profile holds nothing of that Service"


async def export_another(world: World) -> None:
    """aks-1 exports the Service work/other as well."""
    export = await world.cluster.get("internalserviceexports", "fleet-member-aks-1", "work-app") or {}
    metadata = {"name": "work-other", "namespace": "fleet-member-aks-1"}
    reference = {**export["spec"]["serviceReference"], "name": "other", "namespacedName": "work/other"}
    spec = {**export["spec"], "serviceReference": reference}
    await world.cluster.apply({**export, "metadata": metadata, "spec": spec, "status": {}})


async def held(world: World) -> str:
    """What the profile says of endpoints whose backend is gone; "" for nothing."""
    status = (await world.cluster.get("trafficmanagerprofiles", "work", "myatm") or {}).get("status", {})
    return next((found["message"] for found in status["conditions"] if found["type"] == "Guarded"), "")


@on_embedded
async def test_explain_of_what_nobody_knows_is_one_sentence_and_exit_code_2(world: World) -> None:
    for key, says in (("work/nothing", "the hub knows no work/nothing"), ("nothing", "give NAMESPACE/NAME")):
        done = await looked(world, "explain", key)
        assert (done.code, done.out) == (2, "")
        assert says in done.err
        assert len(done.err.splitlines()) == 1


@on_embedded
async def test_a_hub_that_does_not_answer_is_one_sentence_and_exit_code_1(world: World, tmp_path: Path) -> None:
    text = world.kubeconfig.read_text()
    port = world.cluster._url.rpartition(":")[2]
    (tmp_path / "kubeconfig").write_text(text.replace(f":{port}", ":9"))
    for words in (("status",), ("explain", "work/app")):
        done = await looked(world, *words, f"--kubeconfig={tmp_path / 'kubeconfig'}")
        assert (done.code, done.out) == (1, "")
        assert len(done.err.splitlines()) == 1


@on_embedded
async def test_a_reader_who_leaves_early_is_no_failure_and_a_full_disk_is_one_sentence(world: World) -> None:
    await apply_sample(world)
    unread, ours = os.pipe()
    os.close(unread)
    try:
        assert await ended(world, ours) == (0, "")
    finally:
        os.close(ours)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        code, said = await ended(world, full)
    finally:
        os.close(full)
    assert code == 1
    assert said == "fleetdns: NotPrinted: what was seen could not be printed: No space left on device\n"


async def ended(world: World, stdout: int) -> tuple[int, str]:
    """The exit code of `fleetdns status` and what it said on stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fleetdns", "status", f"--kubeconfig={world.kubeconfig}"),
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    return process.returncode or 0, said.decode()
