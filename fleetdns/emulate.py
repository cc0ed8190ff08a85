"""One embedded server alone, for users' own trials and tests: starts it, says how to reach it, serves until Ctrl-C.

The servers are imported where they are started: they need packages that the controller does without.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from random import SystemRandom

from fleetdns.errors import UsageError
from fleetdns.settings.values import Unusable, web_address

_OPTIONAL = frozenset({"cel_expr_python", "cryptography", "dns"})  # the extra `emulators`
_FIRST_PROBE = 5.0  # seconds until an endpoint counts as Online; nobody is probed in truth
_OUR_CONTEXT = "fleetdns-hub"  # in every kubeconfig that an emulated hub writes


@contextmanager
def needing_emulators() -> Iterator[None]:
    """Imports inside need the extra packages; a missing one is a UsageError that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _OPTIONAL:
            raise
        raise UsageError(
            f"the package {package} is missing; install the embedded servers with: pip install 'fleetdns[emulators]'"
        ) from error


def emulate_hub(*, port: int, kubeconfig: str | None) -> int:
    """The API server; its kubeconfig goes to a file of its own unless one is named. Returns the exit code."""
    with needing_emulators():
        from fleetdns.emulator.hub.server import HubServer

    @asynccontextmanager
    async def serving() -> AsyncIterator[str]:
        with tempfile.TemporaryDirectory(prefix="fleetdns-hub-") as folder:
            path = _replaceable(kubeconfig) if kubeconfig else Path(folder, "kubeconfig")
            server = HubServer()
            with _listening(port):
                await server.start(port=port)
            try:
                with _writing(path):
                    server.write_kubeconfig(path)
                yield f"hub API server on {server.url}\n  export KUBECONFIG={path}\n"
            finally:
                await server.stop()

    return _serve(serving)


def emulate_azure(*, port: int, strict_public_ips: bool) -> int:
    """Traffic Manager; with `strict_public_ips` a target must have been registered. Returns the exit code."""
    with needing_emulators():
        from fleetdns.emulator.azure.server import AzureServer, steady_clock
        from fleetdns.emulator.azure.service import Behaviour, TrafficManagerService

    @asynccontextmanager
    async def serving() -> AsyncIterator[str]:
        behaviour = Behaviour(strict_public_ips=strict_public_ips, probe_delay=_FIRST_PROBE)
        server = AzureServer(TrafficManagerService(clock=steady_clock(), behaviour=behaviour))
        with _listening(port):
            await server.start(port=port)
        try:
            yield f"Traffic Manager on {server.url}\n  export FLEETDNS_ARM_ENDPOINT={server.url}\n"
        finally:
            await server.stop()

    return _serve(serving)


def emulate_dns(*, port: int, azure: str) -> int:
    """A name server for what the Traffic Manager at the address `azure` holds. Returns the exit code."""
    try:
        url = web_address(azure)
    except Unusable as error:
        raise UsageError(f"--azure is {azure!r}; give the address that `fleetdns emulate azure` prints") from error
    with needing_emulators():
        from fleetdns.emulator.dns.server import DNSServer
        from fleetdns.emulator.dns.source import PolledProfiles

    @asynccontextmanager
    async def serving() -> AsyncIterator[str]:
        profiles = PolledProfiles(url)
        server = DNSServer(profiles, SystemRandom())
        with _listening(port):
            await server.start(port=port)
        async with asyncio.TaskGroup() as group:
            polling = group.create_task(profiles.run(), name="profiles")
            try:
                yield (
                    f"name server on 127.0.0.1:{server.port}\n"
                    f"  dig @127.0.0.1 -p {server.port} NAME.trafficmanager.net\n"
                )
            finally:
                polling.cancel()
                await server.stop()

    return _serve(serving)


def _serve(serving: Callable[[], AbstractAsyncContextManager[str]]) -> int:
    """Serve until asked to stop; what `serving` gives tells the user how to reach it."""

    async def until_asked() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with serving() as announcement:
            sys.stdout.write(f"{announcement}until Ctrl-C\n")
            sys.stdout.flush()
            await stop.wait()

    asyncio.run(until_asked())
    return 0


@contextmanager
def _listening(port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error.strerror  # asyncio's own text repeats the address
        raise UsageError(f"--port is {port}, which cannot be had ({reason}); give another one") from error


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"--kubeconfig {path} cannot be written ({error.strerror}); give another one") from error


def _replaceable(name: str) -> Path:
    """Where to write a kubeconfig; never over somebody's own, which may hold their only credentials."""
    path = Path(name).expanduser()
    with _writing(path):
        if path.exists() and _OUR_CONTEXT not in path.read_text(encoding="utf-8", errors="replace"):
            raise UsageError(f"--kubeconfig {path} exists and is not an emulated hub's; give another file")
    return path
