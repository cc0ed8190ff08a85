"""A pod as the Deployment describes it, less its container: arguments, settings, token and a root that is read-only."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.apiserver.deployed import NAMESPACE
from tests.e2e.process import free_ports
from tests.manifests.rendered import container, only, pod
from tests.rights.conftest import Deployment, Hub
from tests.rights.controller import Controller
from tests.rights.story import Story

pytestmark = [pytest.mark.realapi, pytest.mark.long]

UNITS = {"Mi": 1024, "Gi": 1024 * 1024}  # in KiB


@dataclass(frozen=True, slots=True)
class Pod:
    """One that runs."""

    process: asyncio.subprocess.Process
    controller: Controller

    @property
    def memory(self) -> int:
        """What it holds in memory, KiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def mounted(hub: Hub, folder: Path) -> Path:
    """What the kubelet mounts for the ServiceAccount."""
    folder.mkdir()
    token = json.loads(hub.kubeconfig.read_text())["users"][0]["user"]["token"]
    for name, content in {"token": token, "namespace": NAMESPACE, "ca.crt": hub.server.ca_pem.decode()}.items():
        (folder / name).write_text(content)
    return folder


def environment(hub: Hub, azure_url: str, *, metrics: int, probes: int) -> Mapping[str, str]:
    """The ConfigMap's settings, what Kubernetes adds, and where Azure and free ports are in a test."""
    server = urlsplit(hub.server.url)
    return {
        "PATH": os.environ["PATH"],
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
        **only("base", "ConfigMap")["data"],
        "FLEETDNS_SUBSCRIPTION_ID": "11111111-2222-3333-4444-555555555555",
        "FLEETDNS_ARM_ENDPOINT": azure_url,
        "FLEETDNS_METRICS_BIND_ADDRESS": f"127.0.0.1:{metrics}",
        "FLEETDNS_HEALTH_PROBE_BIND_ADDRESS": f"127.0.0.1:{probes}",
        "FLEETDNS_LEASE_RENEW_INTERVAL": "1",
    }


@asynccontextmanager
async def running(hub: Hub, azure_url: str, folder: Path) -> AsyncIterator[Pod]:
    metrics, probes = free_ports(2)
    log = folder / "fleetdns.log"
    with log.open("w") as stream:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.rights.pod", str(mounted(hub, folder / "mount"))),
            *container("base")["args"],
            env=environment(hub, azure_url, metrics=metrics, probes=probes),
            stdout=stream,
            stderr=stream,
        )
    try:
        yield Pod(process, Controller(log, metrics=metrics, probes=probes))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_pod_does_its_work_within_its_memory_and_ends_within_its_grace(
    deployment: Deployment, hub: Hub, tmp_path: Path
) -> None:
    async with running(hub, deployment.world.azure_url, tmp_path) as found:
        await Story(deployment.world, found.controller).whole()
        memory = found.memory
        found.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(pod("base")["spec"]["terminationGracePeriodSeconds"]):
            code = await found.process.wait()
        log = await found.controller.log()

    assert code == 0
    assert "lease given back" in log
    asked = container("base")["resources"]["requests"]["memory"]
    assert memory < int(asked[:-2]) * UNITS[asked[-2:]]


async def test_the_pod_of_this_test_cannot_write(tmp_path: Path) -> None:
    """Otherwise the test above would show nothing."""
    code = (
        "import sys, tests.rights.pod as pod\n"
        "sys.addaudithook(pod.refuse_writes)\n"
        "import pathlib, tempfile\n"
        f"pathlib.Path({str(tmp_path / 'a')!r}).write_text('a')"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()

    assert process.returncode == 1
    assert b"Read-only file system" in said
    assert not (tmp_path / "a").exists()
