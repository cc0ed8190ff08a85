"""The same world over the emulator's core: real answers, real limits, real faults, and every call counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from fleetdns.core.identity import Naming
from fleetdns.emulator.azure.service import Behaviour, TrafficManagerService
from tests.controllers.world import World
from tests.simulation.azure import Door, Sent, SimulatedTrafficManager
from tests.simulation.network import Network
from tests.simulation.world import OBJECT_TAG

MINUTE = 60.0


class EmulatedWorld(World):
    """`service` is Azure, which several worlds may share, and `door` the way there.

    `watched_by`: somebody in front of Azure who sees every call.
    """

    def __init__(
        self,
        *,
        behaviour: Behaviour | None = None,
        naming: Naming | None = None,
        watched_by: Callable[[Door], Door] = lambda door: door,
        service: TrafficManagerService | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(naming=naming)
        clock = asyncio.get_running_loop().time
        given = behaviour or Behaviour(probe_delay=0.0)
        self.service = service or TrafficManagerService(clock=clock, behaviour=given, random=Random(seed))
        self.door = SimulatedTrafficManager(watched_by(self.service), Network(Random(seed)))
        self.port = self.door

    def azure_profiles(self) -> dict[str, list[dict[str, Any]]]:
        """What Azure holds, by the object that its tag names ("namespace/name")."""
        found: dict[str, list[dict[str, Any]]] = {}
        for profile in self.service.profiles():
            found.setdefault((profile.get("tags") or {}).get(OBJECT_TAG, ""), []).append(profile)
        return found

    def azure_profile(self, key: str) -> dict[str, Any]:
        """The one profile in Azure for an object."""
        (profile,) = self.azure_profiles()[key]
        return profile

    def clusters(self, key: str) -> list[str]:
        """The clusters that the one profile in Azure for an object serves; one that is there twice counts twice."""
        return sorted(e["name"].rsplit("#", 1)[1] for e in self.azure_profile(key)["properties"]["endpoints"])

    # Calls

    def sent_between(self, start: float, end: float) -> list[Sent]:
        """The calls sent in [start, end)."""
        return [sent for sent in self.door.sent if start <= sent.at < end]

    def most_calls_a_minute(self, start: float, end: float) -> int:
        """The most calls that any minute between the two saw."""
        times = [sent.at for sent in self.sent_between(start, end)]
        return max((sum(at <= later < at + MINUTE for later in times) for at in times), default=0)
