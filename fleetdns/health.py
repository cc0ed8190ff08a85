"""Whether this process is alive and ready, and the two small servers that say so: /metrics, and the probes.

Alive: the event loop still ticks and every task that must not end is running. Ready: alive, every check is content,
and nobody asked us to stop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple, Protocol

from aiohttp import web
from prometheus_client.aiohttp import make_aiohttp_handler

from fleetdns.errors import UsageError
from fleetdns.metrics import Metrics
from fleetdns.runtime import observer
from fleetdns.runtime.listwatch import NotServed
from fleetdns.settings import Address

_TICK = 1.0  # seconds
_LONGEST_SILENCE = 10.0  # seconds without a tick after which the loop counts as stuck
_GRACE = 1.0  # seconds for scrapes that go on while we stop


class Finding(NamedTuple):
    """What one check found; `problem` None: nothing."""

    check: str
    problem: str | None


class Health:
    """Liveness and readiness of one process. `clock`: seconds, for the heartbeat; the loop's by default."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._ticked_at = self._clock()
        self._critical: list[asyncio.Task[object]] = []
        self._checks: dict[str, Callable[[], str | None]] = {}
        self._is_stopping = False

    async def beat(self) -> None:
        """The heartbeat, until cancelled."""
        while True:
            self._ticked_at = self._clock()
            await asyncio.sleep(_TICK)

    def must_run(self, task: asyncio.Task[object]) -> None:
        """From now on this process is alive only while the task runs."""
        self._critical.append(task)

    def readiness(self, checks: Mapping[str, Callable[[], str | None]]) -> None:
        """Add checks: each returns None when it is content, or a sentence about what is missing."""
        self._checks |= checks

    def begin_shutdown(self) -> None:
        """Not ready any more; alive until the end."""
        self._is_stopping = True

    def live(self) -> tuple[Finding, ...]:
        """What liveness depends on."""
        silence = self._clock() - self._ticked_at
        is_stuck = silence > _LONGEST_SILENCE
        ended = [] if self._is_stopping else [task.get_name() for task in self._critical if task.done()]
        return (
            Finding("loop", f"the event loop has not ticked for {silence:.0f} s" if is_stuck else None),
            Finding("tasks", f"ended: {', '.join(ended)}" if ended else None),
        )

    def ready(self) -> tuple[Finding, ...]:
        """What readiness depends on."""
        stopping = Finding("shutdown", "fleetdns is stopping" if self._is_stopping else None)
        return (*self.live(), stopping, *(Finding(name, check()) for name, check in self._checks.items()))


class Cache(Protocol):
    """What readiness asks of a cache of one kind."""

    @property
    def name(self) -> str: ...
    @property
    def health(self) -> observer.Health: ...

    def is_fresh(self, now: float, /) -> bool: ...


def out_of_step(
    caches: Iterable[Cache],
    now: float,
    *,
    server: str = "the hub",
    definitions: Callable[[str], str] = lambda name: "manifests/crds",
) -> str | None:
    """Which caches may not hold what the hub holds, and why; None: all of them do. `now`: the loop's time.

    `server`: what people call the server, or servers, that they come from; `definitions`: the manifests of a kind.

    A watch that failed counts from its failure on: what happens on the hub until the next one is not known here.
    """
    kinds: dict[str, list[str]] = {}  # by the reason that they share
    for cache in caches:
        error = cache.health.error
        if error is not None or not cache.is_fresh(now):
            kinds.setdefault(_because(cache, definitions), []).append(cache.name)
    reasons = "; ".join(f"{', '.join(names)} ({because})" for because, names in kinds.items())
    return f"not in step with {server}: {reasons}" if reasons else None


def _because(cache: Cache, definitions: Callable[[str], str]) -> str:
    error = cache.health.error
    if isinstance(error, NotServed):
        return f"not served: install the CRDs, kubectl apply -k {definitions(cache.name)}"
    if error is not None:
        return str(error)
    return "not watched yet" if cache.health.heard_at is None else "not heard of lately"


class Serving(Protocol):
    """The settings that say where the servers listen; None turns one off."""

    @property
    def metrics_bind_address(self) -> Address | None: ...
    @property
    def health_probe_bind_address(self) -> Address | None: ...


class Ports(NamedTuple):
    """Where the servers listen; None for one that is turned off."""

    metrics: int | None
    probes: int | None


@asynccontextmanager
async def serve(settings: Serving, *, metrics: Metrics, health: Health) -> AsyncIterator[Ports]:
    """Both servers, and the heartbeat, until the end of the block. Raises UsageError for an address in use."""
    pages = web.Application()
    pages.router.add_get("/metrics", make_aiohttp_handler(metrics.registry))
    async with AsyncExitStack() as stack:
        ports = Ports(
            metrics=await _site(stack, settings.metrics_bind_address, "--metrics-bind-address", pages),
            probes=await _site(
                stack, settings.health_probe_bind_address, "--health-probe-bind-address", _probes(health)
            ),
        )
        beating = asyncio.create_task(health.beat(), name="heartbeat")
        try:
            yield ports
        finally:
            beating.cancel()


def _probes(health: Health) -> web.Application:
    async def live(_: web.Request) -> web.Response:
        return _answer(health.live())

    async def ready(_: web.Request) -> web.Response:
        return _answer(health.ready())

    app = web.Application()
    app.router.add_get("/healthz", live)
    app.router.add_get("/livez", live)
    app.router.add_get("/readyz", ready)
    return app


def _answer(findings: Iterable[Finding]) -> web.Response:
    """Kubernetes' own form: a line for each check, and 503 when one of them failed."""
    findings = tuple(findings)
    is_fine = all(problem is None for _, problem in findings)
    lines = [f"[+]{check} ok" if problem is None else f"[-]{check} failed: {problem}" for check, problem in findings]
    text = "\n".join((*lines, "ok" if is_fine else "failed", ""))
    return web.Response(status=200 if is_fine else 503, text=text, headers={"Cache-Control": "no-store"})


async def _site(stack: AsyncExitStack, address: Address | None, flag: str, app: web.Application) -> int | None:
    if address is None:
        return None
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=_GRACE)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, address.host or None, address.port).start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error.strerror  # asyncio's own text repeats the address
        raise UsageError(
            f"{flag} is {address.host}:{address.port}, which cannot be had ({reason}); give another address"
        ) from error
    port: int = runner.addresses[0][1]
    return port
