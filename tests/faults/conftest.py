"""A real API server for each file of this folder, and the times that were measured on it, shown at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from fleetdns.demo.members import namespace
from fleetdns.demo.world import around
from tests.apiserver.build import Binaries
from tests.apiserver.deployed import deployed
from tests.apiserver.fixtures import binaries, pytest_collection_finish
from tests.apiserver.server import RealAPIServer
from tests.contract.client import connected
from tests.e2e.site import emptied

pytest.register_assert_rewrite("tests.faults.fleet", "tests.faults.ledger", "tests.faults.probes")

from tests.faults.fleet import RealFleet  # noqa: E402 - only what is imported later is rewritten

__all__ = ["binaries", "pytest_collection_finish"]

_MEASURED = "measured"


class Measured(Protocol):
    """Keeps a time for the table."""

    def __call__(self, what: str, seconds: float, /) -> None: ...


@pytest.fixture(scope="module")
def server(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAPIServer]:
    """Every test leaves it as it was; a failed one may not, and then the others of the file fail as well."""
    own = RealAPIServer(binaries, tmp_path_factory.mktemp("apiserver"))
    own.start()
    yield own
    own.stop()


@pytest.fixture
async def fleet(server: RealAPIServer, tmp_path: Path) -> AsyncIterator[RealFleet]:
    """Our definitions and rights on it, no object of ours, and an Azure with nothing in it."""
    account = await asyncio.to_thread(deployed, server, tmp_path)
    async with around(server) as world, connected(server, "work") as api:
        await world.cluster.apply(namespace("work"))
        await emptied(server)
        yield RealFleet(world, account, server, api)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    def keep(what: str, seconds: float) -> None:
        request.node.user_properties.append((_MEASURED, f"{what}: {seconds:.1f} s"))

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The measured times, also those of tests that ran in another process."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, text in report.user_properties
        if name == _MEASURED
    ]
    if lines:
        terminalreporter.section("measured")
        for line in sorted(lines):
            terminalreporter.write_line(line)
