"""What must be true when nothing fails any more: Azure is as the oracle says, status as Azure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.simulation import spared
from tests.simulation.fleet import Fleet
from tests.simulation.oracle import HubState, Key, Object, Wanted, is_going, is_marked, wanted
from tests.simulation.promises import Promises
from tests.simulation.world import hub_state, is_ours, object_of, target_of

_PAUSED = "fleetdns.io/paused"


def problems(fleet: Fleet, promises: Promises) -> list[str]:
    """Everything that is not as it ought to be."""
    hub = hub_state(fleet)
    azure = {key: profile for profile in fleet.azure.profiles() if (key := object_of(profile))}
    names = {profile["properties"]["dnsConfig"]["relativeName"] for profile in fleet.azure.profiles()}
    return [
        *_stuck(hub),
        *_orphans(hub, azure, promises),
        *(
            p
            for o in hub.profiles.values()
            for p in _of_profile(o, azure=azure, names=names, hub=hub, promises=promises)
        ),
        *_unserved(hub),
    ]


def _stuck(hub: HubState) -> Iterator[str]:
    paused = {key for key, profile in hub.profiles.items() if is_marked(profile, _PAUSED)}
    everything = (*hub.profiles.items(), *hub.backends.items())
    for key, obj in everything:
        profile = (key[0], obj["spec"]["profile"]["name"]) if "profile" in obj["spec"] else key
        if is_going(obj) and profile not in paused:
            yield f"{'/'.join(key)} is stuck: {obj['metadata'].get('finalizers')}"
    for export in hub.exports:
        if is_going(export):
            yield f"export {export['metadata']['name']} is stuck"


def _orphans(hub: HubState, azure: dict[Key, Any], promises: Promises) -> Iterator[str]:
    for key, profile in azure.items():
        if key not in hub.profiles and profile["name"] not in promises.may_stay:
            yield f"Azure holds {profile['name']}, and {'/'.join(key)} is gone"


def _of_profile(
    obj: Object, *, azure: dict[Key, Any], names: set[str], hub: HubState, promises: Promises
) -> Iterator[str]:
    key = obj["metadata"]["namespace"], obj["metadata"]["name"]
    if is_going(obj) or is_marked(obj, _PAUSED):
        return
    profile = azure.get(key)
    if profile is None:
        name = obj["spec"].get("dnsConfig", {}).get("relativeName") or key[1]
        if name not in names:
            yield f"{'/'.join(key)} is not in Azure: {_condition(obj, 'Programmed')}"
        elif _condition(obj, "Programmed")[:2] != ("False", "DNSNameNotAvailable"):
            yield f"{'/'.join(key)} does not say that its name is taken: {_condition(obj, 'Programmed')}"
        return
    if promises.refused_targets & {target_of(e) for e in profile["properties"]["endpoints"]}:
        return  # Azure refuses every write of a profile that holds such an endpoint
    yield from (f"{'/'.join(key)}: {problem}" for problem in spared.problems(obj, profile, hub))
    ought = wanted(obj, hub, spared=spared.spared(profile, hub))
    yield from (f"{'/'.join(key)}: {problem}" for problem in _settings(profile, ought))
    yield from (f"{'/'.join(key)}: {p}" for p in _endpoints(obj, profile, ought, hub=hub, promises=promises))
    yield from (f"{'/'.join(key)}: {problem}" for problem in _profile_status(obj, profile))
    for backend in hub.backends_of(key):
        name = backend["metadata"]["name"]
        yield from (f"backend {name}: {p}" for p in _backend_status(backend, profile, ought, promises))


def _settings(profile: dict[str, Any], ought: Wanted) -> Iterator[str]:
    properties = profile["properties"]
    monitor = properties["monitorConfig"]
    held = {
        "ttl": properties["dnsConfig"]["ttl"],
        "protocol": monitor["protocol"],
        "port": monitor["port"],
        "path": monitor["path"],
        "interval": monitor["intervalInSeconds"],
        "timeout": monitor["timeoutInSeconds"],
        "failures": monitor["toleratedNumberOfFailures"],
        "headers": sorted((h["name"], h["value"]) for h in monitor.get("customHeaders") or ()),
    }
    if held != ought.settings:
        yield f"settings are {held} and ought to be {ought.settings}"
    if properties["profileStatus"] != "Enabled" or properties["trafficRoutingMethod"] != "Weighted":
        yield "it is switched off or routes by another method"


def _endpoints(
    obj: Object, profile: dict[str, Any], ought: Wanted, *, hub: HubState, promises: Promises
) -> Iterator[str]:
    key = obj["metadata"]["namespace"], obj["metadata"]["name"]
    foreign = {target_of(e) for e in profile["properties"]["endpoints"] if not is_ours(e)}
    held = {
        e["name"].lower(): (target_of(e), e["properties"]["weight"])
        for e in profile["properties"]["endpoints"]
        if is_ours(e)
    }
    uids = {b["metadata"]["uid"] for b in hub.backends.values()}
    services = {b["spec"]["backend"]["name"] for b in hub.backends_of(key)}
    free = {wish.name for wish in ought.wishes if wish.target in promises.refused_targets}
    expected = {
        w.name: (w.target, ought.weights[w.name])
        for w in ought.wishes
        if w.target not in foreign and w.name not in free
    }
    off = {
        e["name"].lower() for e in profile["properties"]["endpoints"] if e["properties"]["endpointStatus"] == "Disabled"
    }
    braked = {w.name for w in ought.wishes if w.target in foreign} & off  # waits where it was switched off
    for name in sorted(held.keys() - expected.keys() - free - braked):
        _, service, _ = name.split("#")
        is_held = name[6:42] not in uids and service not in services
        if not is_held or is_marked(obj, "fleetdns.io/allow-empty"):
            yield f"endpoint {name} ought to be gone"
    for name, value in sorted(expected.items()):
        if held.get(name) != value:
            yield f"endpoint {name} is {held.get(name)} and ought to be {value}"


def _profile_status(obj: Object, profile: dict[str, Any]) -> Iterator[str]:
    status = obj.get("status", {})
    if _condition(obj, "Programmed")[0] != "True":
        yield f"Programmed is {_condition(obj, 'Programmed')}"
    if status.get("dnsName") != profile["properties"]["dnsConfig"]["fqdn"]:
        yield f"dnsName is {status.get('dnsName')}"
    if status.get("resourceID", "").lower() != profile["id"].lower():
        yield f"resourceID is {status.get('resourceID')}, Azure's is {profile['id']}"
    total = sum(is_ours(e) for e in profile["properties"]["endpoints"])
    if status.get("endpoints", {}).get("total") != total:
        yield f"status counts {status.get('endpoints')} and Azure holds {total}"
    if status.get("observedGeneration") != obj["metadata"]["generation"]:
        yield "status is about an older generation"


def _backend_status(backend: Object, profile: dict[str, Any], ought: Wanted, promises: Promises) -> Iterator[str]:
    uid, status = backend["metadata"]["uid"], backend.get("status", {})
    endpoints = profile["properties"]["endpoints"]
    held = {
        (e["name"].lower(), e["properties"]["weight"], e["properties"]["target"])
        for e in endpoints
        if is_ours(e) and e["name"].lower()[6:42] == uid
    }
    told = {(e["name"], e["weight"], e["target"]) for e in status.get("endpoints", ())}
    if held != told or status.get("endpointCount") != len(held):
        yield f"status lists {sorted(told)} and Azure holds {sorted(held)}"
    key = backend["metadata"]["namespace"], backend["metadata"]["name"]
    mine = {wish.name: wish.target for wish in ought.wishes if wish.backend == key}
    foreign = {target_of(e) for e in endpoints if not is_ours(e)}
    off = {e["name"].lower() for e in endpoints if e["properties"]["endpointStatus"] == "Disabled"}
    if any(target in promises.refused_targets and target not in foreign for target in mine.values()):
        return  # Azure may hold it from before, or refuse it: either is true
    complains = key in ought.complaints or bool(foreign & set(mine.values())) or bool(off & mine.keys())
    expected = "False" if complains else "True"
    if _condition(backend, "Accepted")[0] != expected:
        yield f"Accepted is {_condition(backend, 'Accepted')} and ought to be {expected}"


def _unserved(hub: HubState) -> Iterator[str]:
    """Backends of a profile that does not exist say so."""
    for key, backend in hub.backends.items():
        if (key[0], backend["spec"]["profile"]["name"]) in hub.profiles or is_going(backend):
            continue
        if _condition(backend, "Accepted")[0] != "False" or backend.get("status", {}).get("endpoints"):
            yield f"backend {'/'.join(key)} has no profile and says {backend.get('status')}"


def _condition(obj: Object, kind: str) -> tuple[str, str, str]:
    found = next((c for c in obj.get("status", {}).get("conditions", ()) if c["type"] == kind), None)
    return ("", "", "") if found is None else (found["status"], found["reason"], found["message"])


def calm(fleet: Fleet) -> tuple[int, tuple[str, ...]]:
    """What a further hour without anybody's doing must leave as it is: the hub's revision and the objects in Azure."""
    return fleet.hub.store.revision, tuple(str(profile) for profile in fleet.azure.profiles())
