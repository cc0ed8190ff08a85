"""Two hubs, two controllers, one resource group, and the same namespaces and names on both: an hour of trouble.

One hub may be a copy of the other: then even the uids are the same, and with them the names in Azure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ADOPT, TrafficManagerProfile
from fleetdns.core.guard import GUARDED
from fleetdns.emulator.azure.errors import ArmError
from fleetdns.emulator.azure.service import Behaviour, Fault, Request, Response, TrafficManagerService
from tests.controllers.emulated import EmulatedWorld
from tests.controllers.world import export_key, with_finalizer
from tests.core.builders import NAMESPACE, make_backend, make_export, make_naming, make_profile, uid_of
from tests.simulation.azure import Door
from tests.simulation.clock import run
from tests.simulation.world import HUB_TAG, OBJECT_TAG

NAMES = ("contested", "copied", "apart")
CLUSTERS = ("a", "b", "c")
HOUR = 3600.0
_QUIET = 400.0
_SWEEP = 70.0  # seconds until everybody has seen what is in Azure
_COPY = f"fleet-{uid_of(f'tmp/{NAMESPACE}/copied')}"
_FAULTS = ("unavailable", "throttled", "server-error", "drop", "hang", "forbidden", "unauthorized", "conflict")


def an_hour(seed: int) -> list[str]:
    """What was broken: a hub touched what is the other's, or ended without what it asked for."""
    return run(_Hour(seed).run())


class _Guard:
    """Stands where one hub's calls arrive: what carries another hub's id must be the same before and after.

    Traffic Manager has no conditional writes. Two copies of one object whose profiles are made within the same moment
    cannot but write over each other, once, and learn of it by their next sweep: that long a copy is not judged.
    """

    def __init__(self, door: Door, *, service: TrafficManagerService, hub_id: str, broken: list[str]) -> None:
        self._door = door
        self._service = service
        self._hub_id = hub_id
        self._broken = broken
        self._since: dict[str, float] = {}  # by id, since when it has been the other's

    def handle(self, request: Request) -> Response:
        before, since = self._theirs(), self._since
        answer = self._door.handle(request)
        after = self._theirs()
        if before != after:
            touched = [id_ for id_ in before if before[id_] != after.get(id_)]
            if any(not id_.endswith(_COPY) or since[id_] < _now() - _SWEEP for id_ in touched):
                self._broken.append(f"{_now():.1f} {self._hub_id}: {request.method} {request.path} touched {touched}")
        return answer

    def _theirs(self) -> dict[str, dict[str, Any]]:
        profiles = self._service.profiles()
        theirs = {profile["id"]: profile for profile in profiles if _hub_of(profile) not in ("", self._hub_id)}
        self._since = {id_: self._since.get(id_, _now()) for id_ in theirs}
        return theirs


class _Hub:
    """One hub, its people and its controller, which dies now and then."""

    def __init__(self, hub_id: str, service: TrafficManagerService, *, random: Random, broken: list[str]) -> None:
        self.hub_id = hub_id
        self._service = service
        self._random = random
        self._lives = dict.fromkeys(NAMES, 0)  # how often the profile's object was deleted: another one has another uid
        self.world = EmulatedWorld(
            naming=make_naming(hub_id=hub_id),
            service=service,
            watched_by=lambda door: _Guard(door, service=service, hub_id=hub_id, broken=broken),
            seed=random.randrange(1000),
        )

    async def live(self) -> None:
        """Controllers, one after the other, until the hour is over; the last one goes on for as long as it is quiet."""
        while _now() < HOUR:
            life = self._random.choice((20.0, 200.0, 900.0)) * self._random.random()
            async with self.world.running():
                await asyncio.sleep(min(life, HOUR - _now()))
            await asyncio.sleep(self._random.choice((0.0, 25.0)))
        async with self.world.running():
            await asyncio.sleep(HOUR + _QUIET - _now())

    def act(self) -> None:
        """One deed of this hub's people."""
        name, cluster = self._random.choice(NAMES), self._random.choice(CLUSTERS)
        self._random.choice((self.ask, self.ask, self._export, self._export, self._lose, self._give_up, self._covet))(
            name, cluster
        )

    def ask(self, name: str, cluster: str) -> None:
        """Profile and backend of a name, as this hub spells them."""
        self.world.hub.apply(self._profile(name), make_backend(name, profile=name))
        self._export(name, cluster)

    def _export(self, name: str, cluster: str) -> None:
        export = make_export(cluster, service=name, weight=self._random.randint(1, 9))
        if cluster in self._asked(name) or not self.world.hub.holds(InternalServiceExport, export.metadata.key):
            self.world.hub.apply(with_finalizer(export))

    def _lose(self, name: str, cluster: str) -> None:
        if cluster in self._asked(name) and len(self._asked(name)) > 1:
            self.world.withdraw(cluster, name)

    def _asked(self, name: str) -> list[str]:
        """The clusters whose exports of a service are there and stay."""
        exports = {c: self.world.hub.get(InternalServiceExport, export_key(c, name)) for c in CLUSTERS}
        return [cluster for cluster, found in exports.items() if found and not found.metadata.is_deleting]

    def _give_up(self, name: str, _cluster: str) -> None:
        kind = self._random.choice((TrafficManagerProfile, TrafficManagerProfile, TrafficManagerBackend))
        if kind is TrafficManagerProfile and not self._is_going(name):
            self._lives[name] += 1
        self.world.hub.delete(kind, ObjectKey(NAMESPACE, name))

    def _is_going(self, name: str) -> bool:
        found = self.world.hub.get(TrafficManagerProfile, ObjectKey(NAMESPACE, name))
        return found is None or found.metadata.is_deleting

    def _covet(self, name: str, _cluster: str) -> None:
        """Somebody names a profile of the other hub as one to adopt."""
        theirs = [profile["id"] for profile in self._service.profiles() if _hub_of(profile) not in ("", self.hub_id)]
        if theirs and self.world.hub.holds(TrafficManagerProfile, ObjectKey(NAMESPACE, name)):
            self.world.hub.apply(self._profile(name, annotations={ADOPT: self._random.choice(theirs)}))

    def _profile(self, name: str, **given: Any) -> TrafficManagerProfile:
        relative_name = f"apart-{self.hub_id}" if name == "apart" else name
        return make_profile(
            name, uid=self._uid(name), relative_name=relative_name, ttl=self._random.choice((5, 60)), **given
        )

    def _uid(self, name: str) -> str | None:
        """Of the profile's object if it is made now; None: the builder's own, which is the same on both hubs."""
        lives = self._lives[name]
        return None if name == "copied" and lives == 0 else uid_of(f"{self.hub_id} {name} {lives}")

    def problems(self) -> Iterator[str]:
        """What is not as this hub's people asked for."""
        profiles = self._service.profiles()
        for name in NAMES:
            key = ObjectKey(NAMESPACE, name)
            mine = [p for p in profiles if _hub_of(p) == self.hub_id and (p.get("tags") or {})[OBJECT_TAG] == str(key)]
            if not self.world.hub.holds(TrafficManagerProfile, key):
                yield from (f"{self.hub_id} still has {profile['name']}" for profile in mine)
            elif mine:
                yield from self._of_profile(name, mine)
            elif self.world.programmed(key)[0] != "False":
                yield f"{self.hub_id} has no {name} and says {self.world.programmed(key)}"
            elif not any(self._is_in_the_way(profile, name) for profile in profiles):
                yield f"{self.hub_id} has no {name}, and nothing is in its way: {self.world.profile_status(key)}"

    def _of_profile(self, name: str, mine: list[dict[str, Any]]) -> Iterator[str]:
        held = [e["name"].rsplit("#", 1)[1] for profile in mine for e in profile["properties"]["endpoints"]]
        has_backend = self.world.hub.holds(TrafficManagerBackend, ObjectKey(NAMESPACE, name))
        is_guarded = has_backend and any(c.type == GUARDED for c in self.world.backend_status(name).conditions)
        # What is held is told. Without a backend whatever is there stays until there is one again.
        expected = sorted(set(held) | set(self._asked(name) if is_guarded else ()))
        if not is_guarded and has_backend:
            expected = self._asked(name)
        if len(mine) != 1 or sorted(held) != expected:
            yield f"{self.hub_id} has {held} for {name} and asks for {self._asked(name)}"

    def _is_in_the_way(self, profile: dict[str, Any], name: str) -> bool:
        """Another's, under the DNS name or the name in Azure that this hub would use, or named as one to adopt."""
        wanted = self.world.profile(ObjectKey(NAMESPACE, name))
        return _hub_of(profile) != self.hub_id and (
            profile["properties"]["dnsConfig"]["relativeName"] == wanted.spec.dns_config.relative_name
            or profile["name"] == f"fleet-{wanted.metadata.uid}"
            or profile["id"] == wanted.metadata.annotations.get(ADOPT)
        )


class _Hour:
    def __init__(self, seed: int) -> None:
        self._random = Random(f"two hubs {seed}")
        self._broken: list[str] = []

    async def run(self) -> list[str]:
        random = self._random
        self._service = service = TrafficManagerService(
            clock=_now, behaviour=Behaviour(probe_delay=0.0), random=Random(random.random())
        )
        hubs = [_Hub(hub_id, service, random=random, broken=self._broken) for hub_id in ("hub-one", "hub-two")]
        async with asyncio.TaskGroup() as group:
            for hub in hubs:
                group.create_task(hub.live())
            await asyncio.sleep(random.random())
            for name in NAMES:
                for hub in random.sample(hubs, 2):
                    hub.ask(name, "a")
            while _now() < HOUR:
                await asyncio.sleep(random.choice((0.1, 5.0, 60.0)) * random.random())
                if random.random() < 0.8:
                    random.choice(hubs).act()
                else:
                    self._misfortune()
            service.clear_faults()
            await asyncio.sleep(_QUIET - 10)
            self._broken += [problem for hub in hubs for problem in hub.problems()]
        return self._broken

    def _misfortune(self) -> None:
        random, profiles = self._random, self._service.profiles()
        if not profiles or random.random() < 0.6:
            lasts, operation = random.choice((2.0, 40.0, 200.0)), random.choice((None, "*.put", "profiles.*"))
            after = random.random() < 0.3
            kind = random.choice(_FAULTS)
            self._service.add_fault(Fault(kind=kind, operation=operation, until=_now() + lasts, after_commit=after))
            return
        profile = random.choice(profiles)
        method, path, body = random.choice(
            (
                ("DELETE", profile["id"], None),
                ("PATCH", profile["id"], {"properties": {"dnsConfig": {"ttl": 33}}}),
                *(("DELETE", endpoint["id"], None) for endpoint in profile["properties"]["endpoints"]),
            )
        )
        with suppress(ArmError):
            self._service.tamper(method, path, body)


def _hub_of(profile: dict[str, Any]) -> str:
    return str((profile.get("tags") or {}).get(HUB_TAG, ""))


def _now() -> float:
    return asyncio.get_running_loop().time()
