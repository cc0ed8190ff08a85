"""The real agent inside the test, under the two accounts' tokens, by a clock that is past half of their life."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from fleetdns import log
from fleetdns.app import member
from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.settings.member import parse_member
from tests.e2e.process import free_ports
from tests.rights.controller import Controller
from tests.rights.member.conftest import SHORTEST, Site
from tests.rights.member.places import OWN_NAMESPACE, SECRET

_AHEAD = SHORTEST / 2 + 1  # seconds; so that the token is renewed at once


@asynccontextmanager
async def agent(site: Site, folder: Path, *flags: str) -> AsyncIterator[Controller]:
    """Running until the end of the block."""
    metrics, probes = free_ports(2)
    log_file, stop = folder / "fleetdns.log", asyncio.Event()
    given = [
        f"--hub-kubeconfig={site.member.hub_kubeconfig}",
        f"--hub-kubeconfig-secret={OWN_NAMESPACE}/{SECRET.rpartition('/')[2]}",
        f"--kubeconfig={site.member.kubeconfig}",
        f"--cluster-name={site.member.name}",
        f"--subscription-id={SUBSCRIPTION}",
        f"--public-ip-resource-group={site.member.resource_group}",
        f"--arm-endpoint={site.world.azure_url}",
        f"--leader-election-namespace={OWN_NAMESPACE}",
        "--sweep-interval=5",
        "--lease-renew-interval=1",
        f"--metrics-bind-address=127.0.0.1:{metrics}",
        f"--health-probe-bind-address=127.0.0.1:{probes}",
        *flags,
    ]
    with log_file.open("w") as stream, pytest.MonkeyPatch.context() as patched:
        log.configure("info", "json", stream=stream)
        patched.setattr(member, "time", SimpleNamespace(time=lambda: time.time() + _AHEAD))
        running = asyncio.create_task(member.run(parse_member(given, {}), stop=stop))
        try:
            yield Controller(log_file, metrics=metrics, probes=probes)
        finally:
            stop.set()
            await running
