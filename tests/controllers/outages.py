"""Azure fails in every way there is, before and while things change: what is seen meanwhile, and how it ends.

`python -m tests.bench.outages` shows what each kind of outage costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from fleetdns.api.conditions import Condition
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.ports import HubObject
from fleetdns.emulator.azure.service import Fault, Request, Response
from tests.controllers.emulated import MINUTE, EmulatedWorld
from tests.controllers.world import condition
from tests.core.builders import NAMESPACE, make_backend, make_export, make_profile
from tests.simulation.azure import Door
from tests.simulation.clock import run

SWEEP = 66.0  # seconds: one sweep and its jitter
_ANSWER = 4.0  # seconds that a handful of calls takes
_BEGIN, _PATIENCE = 200.0, 900.0
_PENDING, _INVALID = ("Unknown", "Pending"), ("False", "Invalid")

# The kinds of calls that Azure counts, each for itself.
KINDS = {
    "put_profile": "profile writes",
    "patch_profile": "profile writes",
    "get_profile": "profile reads",
    "delete_profile": "profile deletes",
    "list_group": "lists",
    "list_subscription": "lists",
    "check_name": "name checks",
    "put_endpoint": "endpoint writes",
    "delete_endpoint": "endpoint writes",
}


@dataclass(frozen=True)
class Outage:
    """`fault` None: nobody listens. `told`: the condition of whatever waits to be written, which `mentions` something.

    `lasts`: seconds; `pause`: seconds to wait for, where Azure asks for that.
    """

    name: str
    fault: Fault | None
    lasts: float = 600.0
    told: tuple[str, str] = _PENDING
    mentions: str = ""
    pause: float | None = None

    def __str__(self) -> str:
        return self.name


_WRITE = "trafficManagerProfiles/write"
OUTAGES = (
    Outage("429", Fault(kind="throttled"), pause=20.0),
    Outage("429, Retry-After 40", Fault(kind="throttled", retry_after=40), pause=40.0),
    Outage("500", Fault(kind="server-error")),
    Outage("503", Fault(kind="unavailable")),
    Outage("503, Retry-After 40", Fault(kind="unavailable", retry_after=40), pause=40.0),
    Outage("408", Fault(kind="timeout")),
    Outage("time-out", Fault(kind="hang")),
    Outage("time-out after the work was done", Fault(kind="hang", after_commit=True)),
    Outage("refused connections", None),
    Outage("reset", Fault(kind="drop")),
    Outage("reset after the work was done", Fault(kind="drop", after_commit=True)),
    Outage("401", Fault(kind="unauthorized"), told=_INVALID, mentions="InvalidAuthenticationToken"),
    Outage("403", Fault(kind="forbidden"), told=_INVALID, mentions="AuthorizationFailed"),
    Outage("half an hour of nothing", Fault(kind="hang"), lasts=1800.0),
)


@dataclass
class Story:
    """How an outage went: what was `forgotten` by status, `doubled` or `lost` in Azure, `told` wrongly, sent `early`.

    `first_minute`: calls in the outage's first minute; `at_once`: in the minute after everything was changed;
    `a_minute`: the most in any minute after that. `recovery`: seconds until everything was true again, None for never.
    """

    forgotten: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    mistold: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    first_minute: int = 0
    at_once: int = 0
    a_minute: int = 0
    recovery: float | None = None
    wrong: list[str] = field(default_factory=list)  # what was not true yet a sweep after the end

    @property
    def is_over_within_a_sweep(self) -> bool:
        return self.recovery is not None and self.recovery <= SWEEP + _ANSWER


@cache
def play(outage: Outage, count: int, *, longer: float = 0.0) -> Story:
    """One outage with `count` profiles, in virtual time; `longer`: seconds by which it outlasts what it says."""
    return run(_Play(replace(outage, lasts=outage.lasts + longer), count).run())


class _Watchman:
    """Stands before Azure: nobody asks for an endpoint to go, so none may, and nothing may be there twice."""

    def __init__(self, door: Door, look: Callable[[], None]) -> None:
        self._door = door
        self._look = look

    def handle(self, request: Request) -> Response:
        answer = self._door.handle(request)
        self._look()
        return answer


class _Play:
    def __init__(self, outage: Outage, count: int) -> None:
        self._outage = outage
        self._names = [f"shop-{number}" for number in range(count)]
        self._changed, self._quiet = self._names[0], self._names[2:3]
        self._deleted = self._names[9:10]
        self._clusters = {name: ["a", "b"] for name in self._names}
        self._ttls: dict[str, int] = dict.fromkeys(self._names, 60)
        self._story = Story()
        self._held: dict[str, set[str]] = {}

    async def run(self) -> Story:
        self._world = world = EmulatedWorld(watched_by=lambda door: _Watchman(door, self._look))
        async with world.running(workers=8):
            for name in self._names:
                world.hub.apply(*_shop(name))
            await asyncio.sleep(_BEGIN - 0.2)
            assert self._wrong() == []
            self._before = {name: self._known(name) for name in self._names}
            self._set_ttl(self._changed, 5)  # on its way when it begins
            await asyncio.sleep(0.2)
            ended = await self._break_down()
            await self._recover(ended)
        return self._story

    async def _break_down(self) -> float:
        world, outage, story = self._world, self._outage, self._story
        began = _now()
        world.door.is_refusing = outage.fault is None
        number = None if outage.fault is None else world.service.add_fault(outage.fault)
        await asyncio.sleep(30)
        world.hub.apply(make_export("c", service=self._changed))
        self._clusters[self._changed] = ["a", "b", "c"]
        await self._stay_until(began + 100)
        self._judge_quiet(("True", "Programmed"))
        self._judge("Accepted", world.backend_status(self._changed).conditions)
        self._change_everything()
        changed = _now()
        await self._stay_until(began + outage.lasts)
        self._judge_quiet(_PENDING)
        self._judge("Accepted", world.backend_status(self._changed).conditions)
        self._judge("Programmed", world.profile_status(ObjectKey(NAMESPACE, self._changed)).conditions)
        story.first_minute = len(world.sent_between(began, began + MINUTE))
        story.at_once = len(world.sent_between(changed, changed + MINUTE))
        story.a_minute = world.most_calls_a_minute(changed + MINUTE, began + outage.lasts)
        if outage.pause is not None:
            story.early = _early(world, began, pause=outage.pause)
        if number is not None:
            world.service.remove_fault(number)
        world.door.is_refusing = False
        return _now()

    def _change_everything(self) -> None:
        for name in self._names:
            if name not in self._quiet:
                self._set_ttl(name, 7)
        self._world.hub.apply(*_shop("late"))
        self._names.append("late")
        self._clusters["late"], self._ttls["late"] = ["a", "b"], 60
        for name in self._deleted:
            self._world.hub.delete(TrafficManagerProfile, ObjectKey(NAMESPACE, name))
            self._names.remove(name)

    async def _stay_until(self, moment: float) -> None:
        while _now() < moment:
            await asyncio.sleep(min(10.0, moment - _now()))
            for name, before in self._before.items():
                if name in self._names and not self._remembers(name, before):
                    self._story.forgotten.append(f"{_now():.0f} {name}: {before} -> {self._known(name)}")

    async def _recover(self, ended: float) -> None:
        while _now() < ended + _PATIENCE:
            wrong = self._wrong()
            if not wrong:
                self._story.recovery = _now() - ended
                return
            if _now() <= ended + SWEEP + _ANSWER:
                self._story.wrong = wrong
            await asyncio.sleep(0.5)

    def _known(self, name: str) -> tuple[Any, ...]:
        """What status says is in Azure: name, id, counts, and the endpoints of the backend."""
        profile = self._world.profile_status(ObjectKey(NAMESPACE, name))
        endpoints = self._world.backend_status(name).endpoints
        total = profile.endpoints.total if profile.endpoints else 0
        return profile.dns_name, profile.resource_id, total, {e.name for e in endpoints}

    def _remembers(self, name: str, before: tuple[Any, ...]) -> bool:
        known = self._known(name)
        return known[:2] == before[:2] and known[2] >= before[2] and known[3] >= before[3]

    def _judge(self, kind: str, conditions: tuple[Condition, ...]) -> None:
        """A condition of what a change waits for."""
        seen = condition(conditions, kind)
        if (seen.status, seen.reason) != self._outage.told or self._outage.mentions not in seen.message:
            self._story.mistold.append(
                f"{_now():.0f} {self._changed}: {kind} {seen.status} {seen.reason} {seen.message}"
            )

    def _judge_quiet(self, expected: tuple[str, str]) -> None:
        for name in self._quiet:
            seen = self._world.programmed(ObjectKey(NAMESPACE, name))
            if seen != expected:
                self._story.mistold.append(f"{_now():.0f} {name}, where nothing waits: {seen}")

    def _wrong(self) -> list[str]:
        """What is not yet as it ought to be."""
        world, held = self._world, self._world.azure_profiles()
        wrong = [f"{key} is left over" for key in held if key.removeprefix(f"{NAMESPACE}/") not in self._names]
        for name in self._names:
            key = ObjectKey(NAMESPACE, name)
            seen: tuple[Any, ...] = (0,)
            if len(found := held.get(str(key), [])) == 1:
                ttl = found[0]["properties"]["dnsConfig"]["ttl"]
                seen = (1, ttl, world.clusters(str(key)), world.programmed(key)[0], world.accepted(name)[0])
            if seen != (1, self._ttls[name], self._clusters[name], "True", "True"):
                wrong.append(f"{name}: {seen}")
        return wrong

    def _look(self) -> None:
        for key, profiles in self._world.azure_profiles().items():
            names = [e["name"].lower() for profile in profiles for e in profile["properties"]["endpoints"]]
            if len(profiles) > 1 or len(names) != len(set(names)):
                self._story.doubled.append(f"{_now():.0f} {key}: {names}")
            before, self._held[key] = self._held.get(key, set()), set(names)
            if before - set(names):
                self._story.lost.append(f"{_now():.0f} {key}: {sorted(before - set(names))}")

    def _set_ttl(self, name: str, ttl: int) -> None:
        self._world.hub.apply(make_profile(name, ttl=ttl))
        self._ttls[name] = ttl


def _early(world: EmulatedWorld, began: float, *, pause: float) -> list[str]:
    """Calls of a kind that came before the pause was over which an answer to that kind had asked for."""
    found, closed_until = [], dict.fromkeys(KINDS.values(), 0.0)
    for at, sent in sorted(_moments(world, began), key=lambda moment: moment[0]):
        kind = KINDS[sent.operation]
        if at == sent.at and at < closed_until[kind] - 0.01:
            found.append(f"{at:.1f} {sent.operation}, {closed_until[kind] - at:.1f} s early")
        elif at == sent.ended:
            closed_until[kind] = max(closed_until[kind], at + pause)
    return found


def _moments(world: EmulatedWorld, began: float) -> list[tuple[float, Any]]:
    """When calls were sent and when they were refused."""
    during = world.sent_between(began, _now())
    refused = [(sent.ended, sent) for sent in during if sent.ended is not None and sent.outcome]
    return [*((sent.at, sent) for sent in during), *refused]


def _shop(name: str) -> tuple[HubObject, ...]:
    exports = (make_export(cluster, service=name) for cluster in ("a", "b"))
    return make_profile(name, ttl=60), make_backend(name, profile=name), *exports


def _now() -> float:
    return asyncio.get_running_loop().time()
