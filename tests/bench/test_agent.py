"""The measurement of the agent measures what it says: a known number of Services, and what the page makes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fleetdns.emulator.azure.server import AzureServer, steady_clock
from fleetdns.emulator.azure.service import TrafficManagerService
from fleetdns.emulator.hub.server import HubServer
from tests.bench.agent import Run, emptied, filled, measured, page
from tests.bench.answer import Answers, answers
from tests.bench.report import machine

pytestmark = [pytest.mark.e2e, pytest.mark.long]


async def test_an_agent_is_measured_until_everything_is_exported(tmp_path: Path) -> None:
    member, hub = HubServer(), HubServer()
    await asyncio.gather(member.start(), hub.start())
    kubeconfigs = tmp_path / "member", tmp_path / "hub"
    for server, path in zip((member, hub), kubeconfigs, strict=True):
        server.write_kubeconfig(path)
    azure = TrafficManagerService(clock=steady_clock())
    async with AzureServer(azure) as front:
        await filled(member, hub, azure, 7)
        found = await measured(kubeconfigs, hub, front.url, services=7, rest=0.1)
        await emptied(hub)
        again = await measured(kubeconfigs, hub, front.url, services=7, rest=0.1)
    await asyncio.gather(member.stop(), hub.stop())

    assert (found.services, found.listed, again.listed) == (7, 1, 1)
    assert 0 < found.held <= found.peak
    assert found.cpu > 0


async def test_a_join_is_measured_until_the_name_server_answers_with_it() -> None:
    assert len((await answers(2)).seconds) == 2


def test_the_page_shows_the_medians() -> None:
    runs = [Run(1000, seconds, 2.0, 101.0, 99.0, 1, 180.0, 3) for seconds in (1.0, 9.0, 2.0)]
    text = page(runs, Answers((0.1, 0.3, 0.2)), where=machine())
    assert "| 1,000 | 3 | 2.00 s | 2.00 s | 101 MiB | 99 MiB | 1 | 3 in 180 s |" in text
    assert "median 200 ms, worst 300 ms of 3 joins" in text
