"""A pod of the agent as its Deployment describes it, less its container: arguments, settings, token, read-only root."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from fleetdns.demo.members import SUBSCRIPTION
from tests.e2e.eventually import eventually
from tests.e2e.process import free_ports
from tests.manifests.rendered import container, pod
from tests.manifests.test_member import environment
from tests.rights.conftest import Hub
from tests.rights.controller import Controller
from tests.rights.member.conftest import Site
from tests.rights.member.places import OWN_NAMESPACE
from tests.rights.member.story import Story
from tests.rights.test_pod import UNITS, Pod

pytestmark = [pytest.mark.realapi, pytest.mark.long]

AGENT = "member/agent"


def mounted(site: Site, hub: Hub, folder: Path) -> Path:
    """What the kubelet mounts for the ServiceAccount."""
    folder.mkdir()
    (user,) = yaml.safe_load(site.member.kubeconfig.read_text())["users"]
    content = {"token": user["user"]["token"], "namespace": OWN_NAMESPACE, "ca.crt": hub.server.ca_pem.decode()}
    for name, text in content.items():
        (folder / name).write_text(text)
    return folder


def variables(site: Site, hub: Hub, *, metrics: int, probes: int) -> Mapping[str, str]:
    """Those of the Deployment and its ConfigMap, what Kubernetes adds, and where files and servers are in a test."""
    server = urlsplit(hub.server.url)
    return {
        "PATH": os.environ["PATH"],
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
        **environment(AGENT),
        "FLEETDNS_CLUSTER_NAME": site.member.name,
        "FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION,
        "FLEETDNS_PUBLIC_IP_RESOURCE_GROUP": site.member.resource_group,
        "FLEETDNS_HUB_KUBECONFIG": str(site.member.hub_kubeconfig),
        "FLEETDNS_ARM_ENDPOINT": site.world.azure_url,
        "FLEETDNS_METRICS_BIND_ADDRESS": f"127.0.0.1:{metrics}",
        "FLEETDNS_HEALTH_PROBE_BIND_ADDRESS": f"127.0.0.1:{probes}",
        "FLEETDNS_LEASE_RENEW_INTERVAL": "1",
    }


@asynccontextmanager
async def running(site: Site, hub: Hub, folder: Path) -> AsyncIterator[Pod]:
    metrics, probes = free_ports(2)
    log = folder / "fleetdns.log"
    with log.open("w") as stream:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.rights.pod", str(mounted(site, hub, folder / "mount"))),
            *container(AGENT)["args"],
            env=variables(site, hub, metrics=metrics, probes=probes),
            stdout=stream,
            stderr=stream,
        )
    try:
        yield Pod(process, Controller(log, metrics=metrics, probes=probes))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_pod_of_the_agent_does_its_work_within_its_memory_and_ends_within_its_grace(
    site: Site, hub: Hub, tmp_path: Path
) -> None:
    async with running(site, hub, tmp_path) as found:
        # Its token is a new one, and its clock is right: there is nothing to renew yet.
        await Story(site, found.controller, keeps_token=False).whole()
        memory, log = found.memory, await found.controller.log()
        found.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(pod(AGENT)["spec"]["terminationGracePeriodSeconds"]):
            code = await found.process.wait()
        assert "lease given back" in await found.controller.log()

    assert code == 0
    assert "renewed" not in log
    assert "lives in this process only" not in log, "it knows from the Deployment which Secret is its own"
    asked = container(AGENT)["resources"]["requests"]["memory"]
    assert memory < int(asked[:-2]) * UNITS[asked[-2:]]


async def test_a_pod_whose_token_was_revoked_says_so_and_goes_on_with_a_new_one(
    site: Site, hub: Hub, tmp_path: Path
) -> None:
    """As after the end of a token that nobody renewed: the Secret gets new credentials, and no restart is needed."""
    good = site.member.hub_kubeconfig.read_text()
    (user,) = yaml.safe_load(good)["users"]
    site.member.hub_kubeconfig.write_text(good.replace(user["user"]["token"], "revoked"))
    async with running(site, hub, tmp_path) as found:
        seen = await eventually(found.controller.log, lambda log: "list and watch internalserviceexports" in log)
        assert "the hub does not take the credentials of context " in seen
        assert (await found.controller.probe())[0] == 503
        site.member.hub_kubeconfig.write_text(good)
        await eventually(found.controller.probe, lambda seen: seen[0] == 200, within=40)
