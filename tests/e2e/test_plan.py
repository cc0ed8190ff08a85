"""`fleetdns plan` as a process: what it prints is what a controller then does, and it does nothing itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.demo.world import World, controller, manifests
from fleetdns.emulator.azure.faults import Fault
from tests.e2e.command import asked, looked, with_stderr_on_a_terminal
from tests.e2e.conftest import on_embedded
from tests.e2e.eventually import eventually
from tests.e2e.lease import lease_namespace

pytestmark = pytest.mark.e2e

KINDS = ("trafficmanagerprofiles", "trafficmanagerbackends", "serviceimports", "internalserviceexports", "events")


async def apply_sample(world: World) -> None:
    for file in ("profile.yaml", "backend.yaml"):
        await world.cluster.apply_text((manifests() / "samples" / file).read_text())


async def hub_versions(world: World) -> list[str]:
    """The version of the whole hub as the lists of our kinds tell it: any write moves it."""
    return [(await world.cluster.listed(kind))["metadata"]["resourceVersion"] for kind in KINDS]


def writes(world: World, since: int = 0) -> list[tuple[str, str]]:
    """The writes that Azure was sent: how, and of what."""
    calls = world.azure.calls.since(since)
    return [(call.method, call.path.rsplit("/", 1)[-1].lower()) for call in calls if call.is_write]


async def becomes_true(world: World) -> None:
    """Wait until a controller has nothing left to do for the sample."""

    async def programmed() -> str:
        found = await world.cluster.get("trafficmanagerbackends", "work", "app") or {}
        conditions = {c["type"]: c["status"] for c in found.get("status", {}).get("conditions", [])}
        return str(conditions.get("Accepted", ""))

    await eventually(programmed, lambda seen: seen == "True", within=60)


@on_embedded
async def test_a_plan_says_what_a_controller_then_does_and_changes_nothing(world: World) -> None:
    await world.members.join("aks-1", weight=1)
    await world.members.join("aks-2", weight=3)
    await apply_sample(world)
    before, mark = await hub_versions(world), world.azure.calls.mark()

    done = await asked(world, "plan", "--output=json")
    assert (done.code, done.err) == (3, "")
    (profile,) = done.document["profiles"]
    (call,) = profile["calls"]
    assert (call["method"], call["because"]) == ("PUT", "new profile with 2 endpoints")
    assert [change["weight"] for change in call["changes"] if change["endpoint"]] == [25, 75]
    assert await hub_versions(world) == before
    assert writes(world, mark) == []

    text = await asked(world, "plan")
    assert text.code == 3
    assert "\x1b[" not in text.out
    assert "PUT profile  new profile with 2 endpoints" in text.out
    assert "+ app in aks-2, weight 75, public IP kubernetes-aks-2" in text.out
    assert text.out.splitlines()[-1].startswith("1 call for 1 of 1 profile on https://127.0.0.1:")

    async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
        await becomes_true(world)
    assert writes(world, mark) == [("PUT", call["profile"])]
    again = await asked(world, "plan")
    assert (again.code, again.err) == (0, "")
    assert again.out.startswith("No call: Azure holds what https://127.0.0.1:")
    elsewhere = await asked(world, "plan", "--namespace=elsewhere")
    assert elsewhere.out.startswith("No call: there is no TrafficManagerProfile in namespace elsewhere on https://")


@pytest.mark.long
@on_embedded
async def test_whoever_waits_for_azure_at_a_terminal_is_told_so_and_the_json_stays_clean(world: World) -> None:
    await apply_sample(world)
    world.azure.add_fault(Fault("slow", delay=5.0, operation="profiles.list*"))
    watched = await with_stderr_on_a_terminal(world, "plan", "--output=json")
    assert watched.document["calls"] == 1
    assert watched.err.splitlines() == [
        f"fleetdns: waiting for Azure's list of the profiles in subscription {SUBSCRIPTION}"
    ]
    unwatched = await asked(world, "plan", "--output=json")
    assert (unwatched.document["calls"], unwatched.err) == (1, "")


@on_embedded
async def test_a_change_made_in_azure_meanwhile_is_a_call_with_the_old_and_the_new_value(world: World) -> None:
    await world.members.join("aks-1", weight=1)
    await apply_sample(world)
    async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
        await becomes_true(world)
    await world.cluster.patch("trafficmanagerprofiles", "work", "myatm", {"spec": {"dnsConfig": {"ttl": 30}}})
    done = await asked(world, "plan")
    assert done.code == 3
    assert "PATCH profile  dnsConfig.ttl 60 -> 30" in done.out


@on_embedded
async def test_a_profile_without_a_resource_group_is_left_alone_and_one_being_deleted_goes(world: World) -> None:
    await world.members.join("aks-1", weight=1)
    await apply_sample(world)
    async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
        await becomes_true(world)
    await world.cluster.delete("trafficmanagerprofiles", "work", "myatm")
    other = {
        "apiVersion": "networking.fleet.azure.com/v1beta1",
        "kind": "TrafficManagerProfile",
        "metadata": {"name": "other", "namespace": "work"},
        "spec": {"resourceGroup": "elsewhere"},
    }
    await world.cluster.apply(other)
    done = await asked(world, "plan", "--allowed-resource-groups=fleet-dns")
    assert done.code == 3
    assert "DELETE profile  the TrafficManagerProfile is deleted" in done.out
    assert "left alone  resource group 'elsewhere' is not allowed for namespace 'work'" in done.out


@on_embedded
async def test_what_cannot_be_read_is_one_sentence_and_exit_code_1(world: World, tmp_path: Path) -> None:
    silent = await asked(world, "plan", FLEETDNS_ARM_ENDPOINT="http://127.0.0.1:9")
    assert (silent.code, silent.out) == (1, "")
    assert silent.err.startswith("fleetdns: ")
    assert len(silent.err.splitlines()) == 1
    absent = await asked(world, "plan", f"--kubeconfig={tmp_path}/none")
    assert (absent.code, len(absent.err.splitlines())) == (2, 1)


@on_embedded
async def test_a_hub_that_refuses_or_is_away_is_named_in_one_sentence(world: World, tmp_path: Path) -> None:
    given = yaml.safe_load(world.kubeconfig.read_text())
    host = given["clusters"][0]["cluster"]["server"]
    given["users"][0]["user"] = {"token": "nobody's"}
    (tmp_path / "stranger").write_text(yaml.safe_dump(given))
    stranger = f"--kubeconfig={tmp_path}/stranger"
    for refused in (
        await asked(world, "plan", stranger),
        await asked(world, "orphans", stranger),
        await looked(world, "status", stranger),
        await looked(world, "explain", "work/app", stranger),
    ):
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == (
            f"fleetdns: Unauthorized: the API server {host} does not take the credentials of context "
            f"{given['current-context']} of the kubeconfig {tmp_path}/stranger: they are wrong, or have expired\n"
        )
    given["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    (tmp_path / "away").write_text(yaml.safe_dump(given))
    away = f"--kubeconfig={tmp_path}/away"
    for silent in (
        await asked(world, "plan", away),
        await asked(world, "orphans", away),
        await looked(world, "status", away),
    ):
        assert (silent.code, silent.out) == (1, "")
        assert silent.err.endswith("the API server https://127.0.0.1:9 cannot be reached\n")


@on_embedded
async def test_a_hub_without_our_kinds_is_one_sentence_with_what_to_type(bare: World) -> None:
    for done in (
        await asked(bare, "plan"),
        await asked(bare, "orphans"),
        await looked(bare, "status"),
        await looked(bare, "explain", "work/app"),
    ):
        assert (done.code, done.out) == (1, "")
        assert done.err == (
            "fleetdns: NotServed: the hub does not serve trafficmanagerprofiles; "
            "install the CRDs: kubectl apply -k manifests/crds\n"
        )


@on_embedded
async def test_what_is_no_api_server_is_not_told_to_install_crds(world: World, tmp_path: Path) -> None:
    given = yaml.safe_load(world.kubeconfig.read_text())
    cluster = given["clusters"][0]["cluster"]
    cluster["server"] += "/elsewhere"
    (tmp_path / "elsewhere").write_text(yaml.safe_dump(given))
    elsewhere = f"--kubeconfig={tmp_path}/elsewhere"
    for done in (
        await asked(world, "plan", elsewhere),
        await asked(world, "plan", elsewhere, "--hub-id=h"),
        await looked(world, "status", elsewhere),
        await looked(world, "explain", "work/app", elsewhere),
    ):
        assert (done.code, done.out) == (1, "")
        assert f"no Kubernetes API server answers at {cluster['server']}: check context " in done.err
        assert "manifests/crds" not in done.err
