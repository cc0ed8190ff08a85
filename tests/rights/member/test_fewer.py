"""Who does without a part of the agent needs fewer rights: what docs/rights.md says of that is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rights.controller import Controller
from tests.rights.member.agent import agent
from tests.rights.member.conftest import Site
from tests.rights.member.story import Story

pytestmark = [pytest.mark.realapi, pytest.mark.long]


async def nothing_is_refused(running: Controller) -> None:
    assert 'rest_client_requests_total{code="403"' not in await running.metrics()


async def test_a_single_replica_of_the_agent_needs_no_lease(site: Site, tmp_path: Path) -> None:
    await site.give(lambda right: right.resource == "leases")
    async with agent(site, tmp_path, "--leader-elect=false") as running:
        await Story(site, running, elects=False).whole()
        await nothing_is_refused(running)


async def test_an_agent_that_keeps_its_token_nowhere_reads_no_secret_and_says_what_that_means(
    site: Site, tmp_path: Path
) -> None:
    await site.give(lambda right: right.resource == "secrets")
    async with agent(site, tmp_path, "--hub-kubeconfig-secret=") as running:
        await Story(site, running, keeps_token=False).whole()
        await nothing_is_refused(running)
        log = await running.log()

    assert "a renewed token lives in this process only" in log
    assert "token for the hub renewed" in log


async def test_without_overrides_that_label_no_service_is_written(site: Site, tmp_path: Path) -> None:
    await site.give(lambda right: (right.resource, right.verb) == ("services", "patch"))
    async with agent(site, tmp_path) as running:
        await Story(site, running, labels=False).whole()
        await nothing_is_refused(running)
