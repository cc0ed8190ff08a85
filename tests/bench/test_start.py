"""The measurement of a start measures what it says: both ways, on a hub with a known number of exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetdns.emulator.hub.kubeconfig import kubeconfig
from fleetdns.emulator.hub.server import HubServer
from tests.bench.exports import export
from tests.bench.onestart import Start, started
from tests.bench.report import machine
from tests.bench.start import WAYS, Run, Server, page
from tests.contract.samples import definitions


@pytest.mark.long
@pytest.mark.parametrize("way", sorted(WAYS))
async def test_a_start_counts_the_exports_and_tells_how_they_came(way: str, tmp_path: Path) -> None:
    hub = HubServer()
    await hub.start()
    for definition in definitions():
        hub.hub.install(definition)
    for cluster in range(3):
        body = export(cluster, 7)
        hub.hub.install({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": body["metadata"]["namespace"]}})
        hub.hub.install(body)
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig(url=hub.url, ca=hub.ca_pem, token=hub.token))
    found = await started(str(file), way)
    await hub.stop()

    assert (found.objects, found.by) == (3, way)
    assert 0 < found.idle <= found.peak
    assert found.synced > 0


def test_the_page_shows_the_median_of_each_way() -> None:
    runs = [
        Run(way, Start(40_000, way, seconds, 1.0, 0.02, 70.0, 200.0, 150.0), Server(300.0, 310.0))
        for way in WAYS
        for seconds in (1.0, 9.0, 2.0)
    ]
    text = page(runs, filled_in=30.0, where=machine())
    rows = [line for line in text.splitlines() if line.startswith("| ") and "MiB" in line]
    assert len(rows) == 2
    assert all("| 2.00 s | 1.00 s | 20 ms | 70 MiB | 200 MiB | 150 MiB | 10 MiB |" in row for row in rows)
