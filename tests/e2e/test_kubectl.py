"""An administrator's day with a real kubectl, the embedded hub and the real controller."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from fleetdns.demo.world import World, manifests
from tests.e2e.conftest import Kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.kubectl]

SAMPLES = str(manifests() / "samples")


async def _rolled_out(world: World, kubectl: Kubectl) -> None:
    for name in ("aks-1", "aks-2"):
        await world.members.join(name, weight=1)
    await kubectl("apply", "-k", SAMPLES)
    await kubectl("wait", "--for=condition=Programmed", "tmp/myatm", "-n", "work", "--timeout=15s")
    await kubectl("wait", "--for=condition=Ready", "tmb/app", "-n", "work", "--timeout=15s")


async def test_apply_wait_and_the_columns(running: World, kubectl: Kubectl) -> None:
    await _rolled_out(running, kubectl)
    profiles = (await kubectl("get", "tmp", "-n", "work")).splitlines()
    assert profiles[0].split() == ["NAME", "DNS-NAME", "IS-PROGRAMMED", "HEALTHY", "ENDPOINTS", "AGE"]
    assert profiles[1].split()[:5] == ["myatm", "myatm.trafficmanager.net", "True", "Unknown", "2"]
    backends = (await kubectl("get", "tmb", "-n", "work")).splitlines()
    assert backends[0].split() == ["NAME", "PROFILE", "BACKEND", "IS-ACCEPTED", "ENDPOINTS", "AGE"]
    assert backends[1].split()[:5] == ["app", "myatm", "app", "True", "2"]
    everything = await kubectl("get", "fleet-networking", "-A")
    assert "trafficmanagerprofile.networking.fleet.azure.com/myatm" in everything
    assert "serviceimport.networking.fleet.azure.com/app" in everything
    assert "internalserviceexport.networking.fleet.azure.com/work-app" in everything


async def test_describe_shows_conditions_endpoints_and_events(running: World, kubectl: Kubectl) -> None:
    await _rolled_out(running, kubectl)
    profile = await kubectl("describe", "tmp", "myatm", "-n", "work")
    assert "Dns Name:" in profile
    assert re.search(r"Normal\s+Programmed\s+", profile)
    backend = await kubectl("describe", "tmb", "app", "-n", "work")
    assert "app-aks-1.westeurope.cloudapp.azure.com" in backend
    assert re.search(r"Normal\s+Accepted\s+", backend)
    events = await kubectl("events", "-n", "work")
    assert "TrafficManagerProfile/myatm" in events


async def test_server_side_apply_diff_patch_and_edit(running: World, kubectl: Kubectl, tmp_path: Path) -> None:
    await _rolled_out(running, kubectl)
    await kubectl("apply", "--server-side", "--force-conflicts", "-k", SAMPLES)
    assert await kubectl("diff", "-k", SAMPLES) == ""
    await kubectl("patch", "tmb", "app", "-n", "work", "--type=merge", "-p", '{"spec":{"weight":50}}')
    await kubectl("diff", "-k", SAMPLES, code=1)
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nexec sed -i 's/weight: 50$/weight: 10/' \"$1\"\n")
    editor.chmod(0o755)
    edited = await kubectl("edit", "tmb/app", "-n", "work", EDITOR=str(editor))
    assert "edited" in edited
    await kubectl("wait", "--for=jsonpath={.status.endpoints[0].weight}=5", "tmb/app", "-n", "work", "--timeout=15s")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(
            ("patch", "tmp/myatm", "--type=merge", "-p", '{"spec":{"monitorConfig":{"intervalInSeconds":10}}}'),
            "timeout",
            id="a 10 s interval with a 10 s timeout",
        ),
        pytest.param(
            ("patch", "tmp/myatm", "--type=merge", "-p", '{"spec":{"monitorConfig":{"intervalInSeconds":15}}}'),
            'Unsupported value: 15: supported values: "10", "30"',
            id="an interval of 15 s",
        ),
        pytest.param(
            (
                "patch",
                "tmp/myatm",
                "--type=merge",
                "-p",
                '{"spec":{"monitorConfig":{"protocol":"TCP","path":"/healthz"}}}',
            ),
            "path",
            id="TCP with a path",
        ),
        pytest.param(
            ("patch", "tmb/app", "--type=merge", "-p", '{"spec":{"profile":{"name":"other"}}}'),
            "spec.profile is immutable",
            id="a backend moved to another profile",
        ),
        pytest.param(
            ("patch", "tmb/app", "--type=merge", "-p", '{"spec":{"backend":{"name":"other"}}}'),
            "spec.backend is immutable",
            id="a backend moved to another service",
        ),
        pytest.param(
            ("patch", "tmp/myatm", "--type=merge", "-p", '{"spec":{"resourceGroup":"elsewhere"}}'),
            "resourceGroup",
            id="a resource group given after the profile is in Azure",
        ),
        pytest.param(
            ("patch", "tmb/app", "--type=merge", "-p", '{"spec":{"weight":1001}}'),
            "spec.weight in body should be less than or equal to 1000",
            id="a weight of 1001",
        ),
    ],
)
async def test_a_wrong_edit_is_refused_with_kubernetes_own_words(
    running: World, kubectl: Kubectl, arguments: tuple[str, ...], says: str
) -> None:
    await _rolled_out(running, kubectl)
    refused = await kubectl(*arguments, "-n", "work", code=1)
    assert "is invalid" in refused
    assert says in refused


async def test_deletion_waits_for_azure_and_leaves_nothing(running: World, kubectl: Kubectl) -> None:
    await _rolled_out(running, kubectl)
    finalizers = await kubectl("get", "tmp", "myatm", "-n", "work", "-o", "jsonpath={.metadata.finalizers}")
    assert finalizers == '["networking.fleet.azure.com/traffic-manager-profile-cleanup"]'
    await kubectl("delete", "-n", "work", "tmb/app", "tmp/myatm", "--timeout=15s")
    assert running.azure.profiles() == ()


async def test_watching_shows_a_profile_become_programmed(running: World, kubectl: Kubectl) -> None:
    process = await asyncio.create_subprocess_exec(
        str(kubectl.binary),
        *("get", "tmp", "-n", "work", "-w"),
        stdout=asyncio.subprocess.PIPE,
        env=kubectl.environment,
    )
    assert process.stdout is not None
    try:
        await _rolled_out(running, kubectl)
        async with asyncio.timeout(15):
            while b" True " not in await process.stdout.readline():
                pass
    finally:
        process.terminate()
        await process.communicate()
