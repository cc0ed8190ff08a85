"""Which context of a kubeconfig the commands take: people have one file for many clusters."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.demo.world import World, controller
from tests.e2e.command import asked, looked
from tests.e2e.conftest import on_embedded
from tests.e2e.eventually import eventually
from tests.e2e.test_plan import apply_sample

pytestmark = pytest.mark.e2e


def two_contexts(world: World, folder: Path) -> Path:
    """A kubeconfig whose current context leads to a port where nobody listens, and `hub` to the hub of the world."""
    content = yaml.safe_load(world.kubeconfig.read_text())
    (context,) = content["contexts"]
    user = context["context"]["user"]
    content["clusters"].append({"name": "away", "cluster": {"server": "https://127.0.0.1:9"}})
    content["contexts"] = [
        {"name": "away", "context": {"cluster": "away", "user": user}},
        {"name": "hub", "context": context["context"]},
    ]
    content["current-context"] = "away"
    file = folder / "two"
    file.write_text(yaml.safe_dump(content))
    return file


@on_embedded
async def test_every_command_that_looks_takes_the_context_that_is_named(world: World, tmp_path: Path) -> None:
    await apply_sample(world)
    file = f"--kubeconfig={two_contexts(world, tmp_path)}"
    away = await looked(world, "status", file)
    assert (away.code, away.out) == (1, "")
    assert "https://127.0.0.1:9" in away.err
    assert "work/myatm" in (await looked(world, "status", file, "--context=hub")).out
    assert "work/myatm" in (await looked(world, "status", file, FLEETDNS_CONTEXT="hub")).out
    assert "Service work/app" in (await looked(world, "explain", "work/app", file, "--context", "hub")).out
    assert "No orphan" in (await asked(world, "orphans", file, "--context=hub")).out
    plan = await asked(world, "plan", file, "--context=hub")
    assert (plan.code, plan.err) == (3, "")


@on_embedded
async def test_the_controller_takes_the_context_that_is_named(world: World, tmp_path: Path) -> None:
    await apply_sample(world)
    file = two_contexts(world, tmp_path)

    async def is_made() -> bool:
        found = await world.cluster.get("trafficmanagerprofiles", "work", "myatm") or {}
        return "resourceID" in found.get("status", {})

    lease = "--leader-election-namespace=default"
    async with controller(world, f"--kubeconfig={file}", "--context=hub", lease):
        await eventually(is_made, lambda is_there: is_there, within=60)


@on_embedded
@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("explain", "work/app"),
        ("plan",),
        ("orphans",),
        ("run",),
        ("member-kubeconfig", "aks-1"),
        ("member", "--cluster-name=aks-1", "--public-ip-resource-group=nodes"),
    ],
    ids=lambda words: words[0],
)
async def test_a_context_that_is_not_there_is_one_sentence_with_those_that_are(
    words: tuple[str, ...], world: World, tmp_path: Path
) -> None:
    file = two_contexts(world, tmp_path)
    needed = {"FLEETDNS_HUB_KUBECONFIG": str(world.kubeconfig), "FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION}
    done = await looked(world, *words, f"--kubeconfig={file}", "--context=hubb", **needed)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"fleetdns: the kubeconfig {file} has no context 'hubb'; it has away, hub\n"
