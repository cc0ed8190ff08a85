"""Liveness and readiness, and the two servers that tell them."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import aiohttp
import pytest

from fleetdns.errors import UsageError
from fleetdns.health import Finding, Health, out_of_step, serve
from fleetdns.metrics import Metrics
from fleetdns.runtime import observer
from fleetdns.runtime.listwatch import Denied, NotServed, Unavailable
from fleetdns.runtime.observer import Phase
from fleetdns.settings import Settings, parse


def settings(*, metrics: str = "127.0.0.1:0", probes: str = "127.0.0.1:0") -> Settings:
    return parse(
        [
            "--subscription-id=00000000-0000-0000-0000-000000000000",
            f"--metrics-bind-address={metrics}",
            f"--health-probe-bind-address={probes}",
        ],
        {},
    )


def problems(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.check for finding in findings if finding.problem is not None]


async def answer(port: int | None, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


@pytest.mark.looptime
async def test_alive_while_the_heartbeat_ticks_and_dead_ten_seconds_after_it_stops() -> None:
    health = Health()
    beating = asyncio.create_task(health.beat())
    await asyncio.sleep(3600)
    assert problems(health.live()) == []
    beating.cancel()
    await asyncio.sleep(9)
    assert problems(health.live()) == []
    await asyncio.sleep(2)
    assert problems(health.live()) == ["loop"]


async def test_dead_when_a_task_that_must_run_has_ended() -> None:
    health = Health()
    task = asyncio.create_task(asyncio.sleep(0), name="controller")
    health.must_run(task)
    assert problems(health.live()) == []
    await task
    assert health.live()[1] == Finding("tasks", "ended: controller")
    assert problems(health.ready()) == ["tasks"]


async def test_stopping_is_not_ready_and_still_alive_even_when_tasks_have_ended() -> None:
    health = Health()
    task = asyncio.create_task(asyncio.sleep(0))
    health.must_run(task)
    assert problems(health.ready()) == []
    health.begin_shutdown()
    await task
    assert problems(health.live()) == []
    assert problems(health.ready()) == ["shutdown"]


async def test_ready_when_every_check_is_content() -> None:
    health = Health()
    missing = ["trafficmanagerprofiles"]
    health.readiness({"caches": lambda: f"not served: {missing[0]}" if missing else None})
    health.readiness({"hub": lambda: None})
    assert problems(health.ready()) == ["caches"]
    missing.clear()
    assert problems(health.ready()) == []


WATCHING = observer.Health(phase=Phase.WATCHING, heard_at=0.0)


@dataclass(frozen=True)
class Cache:
    """A cache whose watch was heard at 0, unless it says otherwise."""

    name: str
    health: observer.Health = WATCHING

    def is_fresh(self, now: float) -> bool:
        return self.health.heard_at is not None and now - self.health.heard_at < 100


def test_caches_are_in_step_while_their_watches_are_heard() -> None:
    caches = (Cache("profiles"), Cache("backends"))
    assert out_of_step(caches, 99) is None
    assert out_of_step(caches, 101) == "not in step with the hub: profiles, backends (not heard of lately)"


def test_a_watch_that_failed_is_out_of_step_at_once_and_says_why() -> None:
    lost = observer.Health(phase=Phase.RETRYING, heard_at=0.0, error=Unavailable("it broke"), failing_since=1.0)
    denied = observer.Health(phase=Phase.RETRYING, heard_at=0.0, error=Denied("no right"), failing_since=1.0)
    caches = (Cache("profiles", lost), Cache("backends"), Cache("imports", denied), Cache("exports", lost))
    said = "not in step with the hub: profiles, exports (it broke); imports (no right)"
    assert out_of_step(caches, 1) == said


def test_a_kind_that_is_not_served_says_what_to_type() -> None:
    missing = observer.Health(phase=Phase.NOT_SERVED, error=NotServed("404 page not found"))
    said = "not in step with the hub: profiles (not served: install the CRDs, kubectl apply -k manifests/crds)"
    assert out_of_step((Cache("profiles", missing),), 1) == said


def test_a_kind_that_the_hub_need_not_have_is_in_step_without_a_watch() -> None:
    absent = Cache("memberclusters", observer.Health(phase=Phase.ABSENT, heard_at=1.0))
    assert out_of_step((Cache("profiles"), absent), 1) is None


def test_a_cache_that_was_never_watched_is_not_in_step() -> None:
    caches = (Cache("profiles", observer.Health()),)
    assert out_of_step(caches, 0) == "not in step with the hub: profiles (not watched yet)"


async def test_probes_list_every_check_and_answer_503_for_one_that_failed() -> None:
    health = Health()
    health.readiness({"hub": lambda: None, "caches": lambda: "not in step with the hub"})
    async with serve(settings(), metrics=Metrics(), health=health) as ports:
        status, text = await answer(ports.probes, "/readyz")
        assert status == 503
        assert "[+]hub ok" in text
        assert "[-]caches failed: not in step with the hub" in text
        assert (await answer(ports.probes, "/healthz"))[0] == 200
        assert (await answer(ports.probes, "/livez"))[0] == 200
        assert (await answer(ports.probes, "/metrics"))[0] == 404


async def test_metrics_are_served_apart_from_the_probes() -> None:
    async with serve(settings(), metrics=Metrics(), health=Health()) as ports:
        status, text = await answer(ports.metrics, "/metrics")
        assert status == 200
        assert "fleetdns_build_info" in text
        assert (await answer(ports.metrics, "/readyz"))[0] == 404


async def test_either_server_can_be_turned_off() -> None:
    async with serve(settings(metrics="0"), metrics=Metrics(), health=Health()) as ports:
        assert ports.metrics is None
        assert (await answer(ports.probes, "/healthz"))[0] == 200
    async with serve(settings(probes="0"), metrics=Metrics(), health=Health()) as ports:
        assert ports.probes is None
        assert (await answer(ports.metrics, "/metrics"))[0] == 200


async def test_an_address_in_use_is_a_sentence_and_what_was_open_is_closed() -> None:
    health = Health()
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as spare:
        port, free = taken.getsockname()[1], spare.getsockname()[1]
        spare.close()
        wrong = settings(metrics=f"127.0.0.1:{free}", probes=f"127.0.0.1:{port}")
        with pytest.raises(UsageError, match=f"--health-probe-bind-address is 127.0.0.1:{port}"):
            async with serve(wrong, metrics=Metrics(), health=health):
                pytest.fail("nothing is served")
        with socket.create_server(("127.0.0.1", free)):
            assert problems(health.live()) == []
