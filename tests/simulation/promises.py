"""The promises that hold at every moment, whatever breaks: watched at Azure's door and at the hub's.

Nobody can avoid a race of a few seconds between reading and writing: what is judged lies further back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from fleetdns.emulator.azure.service import Request, Response, TrafficManagerService
from tests.simulation import oracle, spared
from tests.simulation.fleet import GROUP, Fleet
from tests.simulation.hub import Address
from tests.simulation.oracle import Key, is_going, is_marked
from tests.simulation.world import BACKENDS, PROFILES, found, hub_state, is_ours, object_of, objects, target_of

_LAG = 45.0  # seconds that a change on the hub may take to be minded by every reconcile
_SLOW = 60.0  # seconds more while Azure answers slowly
_STALL = 90.0  # seconds until a silent watch is noticed and made good
_RACE = 2.0  # seconds between reading and writing while nothing is slow
_APART = 60.0  # seconds that single calls may take after Azure refused them in one write
_WRITES = ("PUT", "PATCH", "DELETE")
_CLEANUP = f"{GROUP}/traffic-manager-%s-cleanup"
MOST_CALLS = 120  # a minute, for four profiles and a busy user

View = dict[str, dict[str, Any]]  # Azure's profiles by folded id


@dataclass(frozen=True)
class _Moment:
    """What the hub asked for from `at` on."""

    at: float
    claims: dict[Key, frozenset[str]]
    undrained: dict[Key, frozenset[str]]  # the same were no cluster drained
    paused: frozenset[Key]


@dataclass
class _Span:
    """A disturbance between two times."""

    start: float
    end: float


@dataclass
class _ByHand:
    """When somebody last touched a thing in Azure, and when the controller last read its profile."""

    touched: dict[tuple[str, str], float] = field(default_factory=dict)  # (profile id, thing)
    gone: set[str] = field(default_factory=set)  # ids of profiles deleted by hand, or whose name was freed so


class Promises:
    """A door that sees every call, and the list of promises that were `broken`."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.may_stay: set[str] = set()  # names of profiles that may outlive their object
        self.most_calls = 0
        self.refused_targets: set[str] = set()  # targets (folded) that Azure refuses
        self._moments: list[_Moment] = []
        self._hub_disturbed: list[_Span] = []
        self._slow: list[_Span] = []
        self._hand = _ByHand()
        self._created: set[str] = set()
        self._retained: set[str] = set()  # uids
        self._calls: deque[float] = deque()
        self._before: dict[str, Any] | None = None
        self._since: dict[tuple[str, str], float] = {}  # (profile id, endpoint) -> when it came into Azure
        self._refused: dict[str, float] = {}  # profile id -> when Azure last refused to write it as a whole

    def at_door_of(self, service: TrafficManagerService) -> Promises:
        """The same, in front of Azure."""
        self._service = service
        self._view = self._look()
        return self

    def watch(self, fleet: Fleet) -> None:
        """Look on at the hub as well."""
        self._fleet = fleet
        fleet.transport.witness = self
        self.hub_changed()

    # ---- told by the schedule

    def hub_changed(self) -> None:
        """Somebody changed the hub, or which targets Azure takes."""
        self.look()  # a write that took its time was asked for before this
        state = hub_state(self._fleet)
        asked, undrained = self._claims(state), self._claims(replace(state, drained=frozenset()))
        undrained = {key: targets for key, targets in undrained.items() if not spared.may_be_empty(key, state)}
        paused = frozenset(key for key, o in state.profiles.items() if is_marked(o, "fleetdns.io/paused"))
        self._moments.append(_Moment(_now(), asked, undrained, paused))
        kept = {o["metadata"]["uid"] for o in state.profiles.values() if o["spec"].get("deletionPolicy") == "Retain"}
        self._retained |= kept

    def _claims(self, state: oracle.HubState) -> dict[Key, frozenset[str]]:
        blocked = self._foreign_targets()
        return {
            key: targets - self.refused_targets - blocked.get(key, frozenset())
            for key, targets in oracle.claims(state).items()
        }

    def hub_disturbed(self, until: float) -> None:
        self._hub_disturbed.append(_Span(_now(), until))

    def azure_slow(self, until: float) -> None:
        self._slow.append(_Span(_now(), until))

    def by_hand(self, method: str, path: str, body: object = None) -> None:
        """A change of Azure by somebody else; raises what the service says to it."""
        self.look()
        try:
            self._service.tamper(method, path, body)
        finally:
            after = self._look()
            for id_ in self._view.keys() | after.keys():
                before, now = _things(self._view.get(id_)), _things(after.get(id_))
                for thing in before.keys() | now.keys():
                    if before.get(thing) != now.get(thing):
                        self._hand.touched[id_, thing] = _now()
            self._hand.gone |= self._view.keys() - after.keys()
            self._view = after
            self.hub_changed()

    # ---- Azure's door

    def handle(self, request: Request) -> Response:
        """Hand a request of the controller's on."""
        self.look()
        self._count()
        if request.method in _WRITES:
            self._mind_pause(request)
        response = self._service.handle(request)
        if request.method == "PUT" and response.status == 400:
            self._refused[request.path.lower()] = _now()
        self.look()
        return response

    def look(self) -> None:
        """Judge what has changed in Azure since the last look: it was the controller."""
        after = self._look()
        if after == self._view:
            return
        before, self._view = self._view, after
        for id_ in sorted(before.keys() | after.keys()):
            if id_ not in before:
                self._mind_creation(id_, after[id_])
            else:
                self._mind_foreign(before[id_], after.get(id_))
            self._mind_claims(before.get(id_), after.get(id_))
            self._mind_finalizers(before.get(id_), after.get(id_))
        tagged = [key for profile in after.values() if (key := object_of(profile))]
        if len(tagged) != len(set(tagged)):
            self._break(f"two profiles in Azure for one object: {sorted(tagged)}")

    def _look(self) -> View:
        view = {profile["id"].lower(): profile for profile in self._service.profiles()}
        held = {(id_, e["name"].lower()) for id_, p in view.items() for e in p["properties"]["endpoints"]}
        self._since = {pair: self._since.get(pair, _now()) for pair in held}
        return view

    def _count(self) -> None:
        self._calls.append(_now())
        while self._calls[0] < _now() - 60:
            self._calls.popleft()
        if len(self._calls) > self.most_calls:
            self.most_calls = len(self._calls)
        if len(self._calls) == MOST_CALLS + 1:
            self._break(f"more than {MOST_CALLS} Azure calls in a minute")

    def _mind_pause(self, request: Request) -> None:
        moments = self._window()
        for id_, profile in self._view.items():
            key = object_of(profile)
            if request.path.lower().startswith(id_) and key and all(key in moment.paused for moment in moments):
                self._break(f"a paused profile was written: {request.method} {request.path}")

    def _mind_creation(self, id_: str, profile: dict[str, Any]) -> None:
        if id_ in self._created and id_ not in self._hand.gone and object_of(profile) is not None:
            uid = profile["name"].lower().removeprefix("fleet-")
            if any(o["metadata"]["uid"] == uid and not is_going(o) for o in objects(self._fleet, PROFILES)):
                self._break(f"{profile['name']} was made twice")
        self._created.add(id_)
        self._hand.gone.discard(id_)

    def _mind_foreign(self, before: dict[str, Any], after: dict[str, Any] | None) -> None:
        if after is None:
            return
        old, new = _things(before), _things(after)
        for thing, value in old.items():
            if new.get(thing) == value or (thing.startswith("brake ") and thing not in new and _freed(thing, after)):
                continue
            touched = self._hand.touched.get((before["id"].lower(), thing), -1000.0)
            if _now() - touched > _RACE + self._slowness():
                self._break(f"{thing} of {before['name']} was changed: {value} -> {new.get(thing)}")

    def _mind_claims(self, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        key = object_of(before) if before else None
        if before is None or key is None:
            return
        served = {target_of(e) for e in before["properties"]["endpoints"] if is_ours(e)}
        left = {target_of(e) for e in after["properties"]["endpoints"]} if after else set()
        lost = gone = served - left
        for moment in self._window():
            lost &= moment.claims.get(key, frozenset())
            gone &= moment.undrained.get(key, frozenset())
        is_apart = _now() - self._refused.get(before["id"].lower(), -1000.0) < _APART
        if len(lost) > (1 if is_apart and after else 0):
            self._break(f"{before['name']} ({'/'.join(key)}) lost what nobody took away: {sorted(lost)}")
        if gone and after and spared.answers(before) and not spared.answers(after) and not is_apart:
            self._break(f"{before['name']} ({'/'.join(key)}) was left with nothing by a drain: {sorted(gone)}")

    def _mind_finalizers(self, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        if after is None:
            return
        known = {e["name"].lower() for e in before["properties"]["endpoints"]} if before else set()
        made = {e["name"].lower()[6:42] for e in after["properties"]["endpoints"] if e["name"].lower() not in known}
        for backend in objects(self._fleet, BACKENDS):
            metadata = backend["metadata"]
            if metadata["uid"] in made and _CLEANUP % "backend" not in metadata.get("finalizers", ()):
                self._break(f"an endpoint was made before the finalizer of backend {metadata['name']}")
        for profile in objects(self._fleet, PROFILES):
            metadata = profile["metadata"]
            is_new = before is None and after["name"].lower() == f"fleet-{metadata['uid']}"
            if is_new and _CLEANUP % "profile" not in metadata.get("finalizers", ()):
                self._break(f"a profile was made before the finalizer of {metadata['name']}")

    # ---- the hub's door

    def before_write(self, at: Address) -> None:
        self._before = self._seen(at)

    def after_write(self, at: Address) -> None:
        before, after = self._before, self._seen(at)
        if before is None or before == after:
            return
        if after is None:
            self._mind_departure(at, before)
        elif at.plural == PROFILES:
            self._mind_profile_status(before, after)
        elif at.plural == BACKENDS:
            self._mind_backend_status(before, after)

    def _seen(self, at: Address) -> dict[str, Any] | None:
        if at.plural not in (PROFILES, BACKENDS) or at.namespace is None:
            return None
        return found(self._fleet, at.plural, (at.namespace, at.name))

    def _mind_departure(self, at: Address, before: dict[str, Any]) -> None:
        self.hub_changed()
        if at.plural == PROFILES and before["metadata"]["uid"] in self._retained:
            self.let_stay((str(at.namespace), at.name), uid=before["metadata"]["uid"])

    def let_stay(self, key: Key, *, uid: str) -> None:
        """What Azure holds for an object, or is about to, may outlive it."""
        self.may_stay |= {profile["name"] for profile in self._look().values() if object_of(profile) == key}
        self.may_stay.add(f"fleet-{uid}")

    def _mind_profile_status(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        old, new = before.get("status", {}), after.get("status", {})
        held = self._look().get(old.get("resourceID", "").lower())
        if held and old.get("dnsName") and (not new.get("dnsName") or not new.get("resourceID")):
            self._break(f"status of {before['metadata']['name']} forgot its dnsName while Azure holds it")

    def _mind_backend_status(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        key = before["metadata"]["namespace"], before["spec"]["profile"]["name"]
        owner = found(self._fleet, PROFILES, key)
        if owner is None or is_going(owner):
            return
        uid = before["metadata"]["uid"]  # an object made anew may be told what was true of the one before it
        old, new = (
            {e["name"] for e in o.get("status", {}).get("endpoints", ()) if e["name"][6:42] == uid}
            for o in (before, after)
        )
        held = {
            e["name"].lower()
            for p in self._look().values()
            if object_of(p) == key
            for e in p["properties"]["endpoints"]
            if self._since.get((p["id"].lower(), e["name"].lower()), 0.0) < _now() - _LAG - _SLOW
        }
        if (old - new) & held:
            name = before["metadata"]["name"]
            forgotten = sorted((old - new) & held)
            self._break(f"status of backend {name} forgot what Azure holds: {forgotten}; it says {sorted(new)}")

    # ---- how far back a promise reaches

    def _window(self) -> list[_Moment]:
        """What the hub asked for during the time that a reconcile going on now may still believe in."""
        start = _now() - _LAG - self._slowness()
        for span in reversed(self._hub_disturbed):
            if min(span.end, _now()) + _STALL > start:
                start = min(start, span.start - _LAG)
        return [
            m
            for m, later in zip(self._moments, [*self._moments[1:], None], strict=True)
            if not later or later.at >= start
        ]

    def _slowness(self) -> float:
        return _SLOW if any(span.end + _SLOW > _now() for span in self._slow) else 0.0

    def _foreign_targets(self) -> dict[Key, frozenset[str]]:
        return {
            key: frozenset(target_of(e) for e in profile["properties"]["endpoints"] if not is_ours(e))
            for profile in self._look().values()
            if (key := object_of(profile))
        }

    def _break(self, promise: str) -> None:
        self.broken.append(f"{_now():.3f} {promise}")
        self._fleet.network.note(f"BROKEN {promise}")


def _things(profile: dict[str, Any] | None) -> dict[str, Any]:
    """What of a profile is somebody else's: foreign endpoints and tags, settings, and endpoints switched off."""
    if profile is None:
        return {}
    things: dict[str, Any] = {"traffic view": profile["properties"]["trafficViewEnrollmentStatus"]}
    for name, value in (profile.get("tags") or {}).items():
        if name != "fleetdns.hub" and not name.startswith(GROUP):
            things[f"tag {name}"] = value
    for endpoint in profile["properties"]["endpoints"]:
        properties = endpoint["properties"]
        if not is_ours(endpoint):
            kept = ("targetResourceId", "weight", "priority", "endpointStatus")
            things[f"endpoint {endpoint['name']}"] = {name: properties.get(name) for name in kept}
        elif properties["endpointStatus"] == "Disabled":
            things[f"brake {target_of(endpoint)}"] = "Disabled"
    return things


def _freed(brake: str, after: dict[str, Any]) -> bool:
    """Whether the endpoint that was switched off has left altogether."""
    return brake.removeprefix("brake ") not in {target_of(e) for e in after["properties"]["endpoints"]}


def _now() -> float:
    return asyncio.get_running_loop().time()
