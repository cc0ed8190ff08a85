"""A seed of departures: definitions are taken from the hub and brought back, and Azure must not notice.

Nobody asks for less meanwhile, so whatever Azure once served it serves at every moment, with the same share, while
objects go and come one by one, the controller is killed at any time and the network misbehaves.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import yaml

from fleetdns.emulator.azure.service import Request, Response, TrafficManagerService
from fleetdns.emulator.hub.rest import StatusError
from tests.simulation.clock import run
from tests.simulation.fleet import GROUP, MANIFESTS, Fleet
from tests.simulation.world import BACKENDS, EXPORTS, IMPORTS, PROFILES, VERSIONS, objects, target_of

_KINDS = (PROFILES, BACKENDS, EXPORTS, IMPORTS)
_PAUSES = (0.0, 0.2, 2.0, 20.0, 70.0)
_LONGEST = 60  # looks at definitions that are to go
_QUIET = 400.0  # seconds after the last object came back
_SERVICES = ("app", "api")
_CLUSTERS = {"a": 1, "b": 2, "c": 5}

Served = dict[str, dict[str, int]]  # DNS name -> folded target -> weight


class _Door:
    """In front of Azure: notes what is no longer served after a call."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.promised: Served = {}

    def at_door_of(self, service: TrafficManagerService) -> _Door:
        self._service = service
        return self

    def served(self) -> Served:
        return {
            profile["properties"]["dnsConfig"]["relativeName"]: {
                target_of(e): e["properties"]["weight"] for e in profile["properties"]["endpoints"]
            }
            for profile in self._service.profiles()
        }

    def handle(self, request: Request) -> Response:
        response = self._service.handle(request)
        if self.promised and (served := self.served()) != self.promised:
            self.broken.append(f"{request.method} {request.path} made of {self.promised} {served}")
            self.promised = served
        return response


class Departures:
    """One story. `broken`: what was not as it had to be; `trace`: all that was seen."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"departures {seed}")
        self._seed = seed
        self.broken: tuple[str, ...] = ()
        self.trace: tuple[str, ...] = ()

    def play(self) -> Departures:
        run(self._play())
        return self

    async def _play(self) -> None:
        door = _Door()
        self._fleet = fleet = Fleet(self._seed, door=door.at_door_of)
        for name in ("one", "two"):
            fleet.profile(name)
            for service in _SERVICES:
                self._apply_backend(name, service)
        for service in _SERVICES:
            for cluster, weight in _CLUSTERS.items():
                fleet.export(service, cluster, weight=weight)
        fleet.process.start()
        await asyncio.sleep(60)
        door.promised = door.served()
        assert [len(served) for served in door.promised.values()] == [6, 6]
        kinds = self._random.sample(_KINDS, self._random.randint(1, len(_KINDS)))
        trouble = asyncio.create_task(self._trouble())
        try:
            await self._take_away(kinds)
        finally:
            trouble.cancel()
            await asyncio.wait((trouble,))
        if not fleet.process.is_running:
            fleet.process.start()
        await asyncio.sleep(_QUIET)
        self.broken = (*door.broken, *self._unwell(), *(f"a bug: {bug}" for bug in fleet.process.bugs.found))
        await fleet.process.stop()
        self.trace = tuple(fleet.network.trace)

    async def _take_away(self, kinds: list[str]) -> None:
        """All of them go, and come back with their objects, each in an order of its own."""
        saved = [(plural, obj) for plural in kinds if plural != IMPORTS for obj in objects(self._fleet, plural)]
        for plural in kinds:
            self._note(f"delete the definition of {plural}")
            self._fleet.hub.delete("apiextensions.k8s.io", "v1", "customresourcedefinitions", None, f"{plural}.{GROUP}")
            await self._pause()
        away = list(kinds)
        for _ in range(_LONGEST):
            # A controller that was started meanwhile lets nothing go before it sees every kind: it asks for those that
            # are missing, and somebody brings them back.
            await asyncio.sleep(1 + self._random.choice(_PAUSES))
            for plural in [plural for plural in away if not self._is_defined(plural)]:
                self._note(f"define {plural}")
                self._fleet.hub.install(yaml.safe_load((MANIFESTS / "crds" / f"{GROUP}_{plural}.yaml").read_text()))
                away.remove(plural)
                await self._pause()
            if not away:
                break
        assert away == [], f"still there: {away}"
        for plural, obj in self._random.sample(saved, len(saved)):
            self._restore(plural, obj)
            await self._pause()

    async def _trouble(self) -> None:
        """The controller dies and starts anew, and streams break."""
        while True:
            await asyncio.sleep(self._random.choice(_PAUSES) + 5)
            match self._random.randint(0, 3):
                case 0:
                    await self._fleet.process.kill()
                    await self._pause()
                    self._fleet.process.start()
                case 1:
                    self._fleet.transport.cut_streams()
                case _:
                    await self._pause()

    def _unwell(self) -> list[str]:
        return [
            f"{obj['kind']} {obj['metadata']['name']} says {obj.get('status', {}).get('conditions')}"
            for plural in (PROFILES, BACKENDS)
            for obj in objects(self._fleet, plural)
            if {c["type"]: c["status"] for c in obj.get("status", {}).get("conditions", ())}.get("Ready") != "True"
        ]

    def _is_defined(self, plural: str) -> bool:
        try:
            self._fleet.hub.get("apiextensions.k8s.io", "v1", "customresourcedefinitions", None, f"{plural}.{GROUP}")
        except StatusError as error:
            return error.code != 404
        return True

    def _apply_backend(self, profile: str, service: str) -> None:
        spec = {"profile": {"name": profile}, "backend": {"name": service}, "weight": 100}
        metadata = {"namespace": "work", "name": f"{profile}-{service}"}
        self._fleet.hub.install(
            {"apiVersion": f"{GROUP}/v1beta1", "kind": "TrafficManagerBackend", "metadata": metadata, "spec": spec}
        )

    def _restore(self, plural: str, obj: dict[str, Any]) -> None:
        metadata = {name: obj["metadata"][name] for name in ("namespace", "name")}
        self._note(f"restore {plural} {metadata['namespace']}/{metadata['name']}")
        kept = {"apiVersion": f"{GROUP}/{VERSIONS[plural]}", "kind": obj["kind"], "metadata": metadata}
        self._fleet.hub.install({**kept, "spec": obj["spec"]})

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.choice(_PAUSES) * self._random.random())

    def _note(self, what: str) -> None:
        self._fleet.network.note(f"people {what}")
