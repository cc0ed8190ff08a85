"""Profiles of an emulator in another process, asked for over HTTP at a short interval.

While the emulator does not answer, the last profiles known stay: name servers go on without the control plane.
"""

import asyncio
from typing import Any

import aiohttp

from fleetdns.emulator.dns.zone import Snapshot


class PolledProfiles:
    """Call it for the profiles last seen; LookupError before the first. `run` keeps them fresh until cancelled."""

    def __init__(self, url: str, *, interval: float = 1.0, timeout: float = 5.0) -> None:
        self._url = f"{url.rstrip('/')}/_emulator/profiles"
        self._interval = interval
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._latest: Snapshot | None = None

    def __call__(self) -> Snapshot:
        if self._latest is None:
            raise LookupError(f"no profiles yet from {self._url}")
        return self._latest

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=self._timeout) as session:
            while True:
                await self.refresh(session)
                await asyncio.sleep(self._interval)

    async def refresh(self, session: aiohttp.ClientSession) -> bool:
        """Ask once. False, and nothing changed, when the emulator did not answer with profiles."""
        try:
            async with session.get(self._url, raise_for_status=True) as response:
                body: Any = await response.json()
            profiles = body["profiles"]
        except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError):
            return False  # not there, or not an emulator
        if not isinstance(profiles, list):
            return False
        if profiles != self._latest:
            self._latest = profiles
        return True
