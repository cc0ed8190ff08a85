"""What ought to be true, computed naively from the objects on the hub, sharing no code with what it judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

Object = Mapping[str, Any]
Key = tuple[str, str]  # namespace, name


@dataclass(frozen=True)
class Wish:
    """One endpoint somebody asks for. `name` folded; `target` folded."""

    name: str
    backend: Key
    cluster: str
    target: str
    share: Fraction


@dataclass(frozen=True)
class Wanted:
    """One profile as it ought to be in Azure. `complaints`: backends that have to say why they lack an endpoint."""

    settings: dict[str, Any]
    wishes: tuple[Wish, ...]
    weights: dict[str, int]
    complaints: frozenset[Key]


@dataclass(frozen=True)
class HubState:
    """The objects as the hub holds them, as plain JSON."""

    profiles: dict[Key, Object]
    backends: dict[Key, Object]
    exports: tuple[Object, ...]
    namespaces: frozenset[str]
    drained: frozenset[str] = frozenset()  # clusters

    def backends_of(self, profile: Key) -> list[Object]:
        """The backends of a profile that are not going, the oldest first."""
        found = [
            b
            for (namespace, _), b in self.backends.items()
            if (namespace, b["spec"]["profile"]["name"]) == profile and not is_going(b)
        ]
        return sorted(found, key=lambda b: (b["metadata"]["creationTimestamp"], *key_of(b)))


def key_of(obj: Object) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def is_going(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def is_marked(obj: Object, annotation: str) -> bool:
    return bool(obj["metadata"].get("annotations", {}).get(annotation) == "true")


def wanted(profile: Object, hub: HubState, *, spared: frozenset[str] = frozenset()) -> Wanted:
    """What Azure ought to hold for a profile object. `spared`: names that stay although their cluster is drained."""
    wishes: list[Wish] = []
    total = 0
    complaints = set()
    taken: set[str] = set()
    for backend in hub.backends_of(key_of(profile)):
        weight = backend["spec"].get("weight", 1)
        if weight == 0:
            continue
        exports = list(_exports_of(backend, hub))
        counted = [e for e in exports if _cluster(e) not in hub.drained or _name(backend, e) in spared]
        good = [e for e in counted if _is_in(e, exports) and _is_good(e) and _weight(e) > 0]
        # Who takes no traffic lacks nothing.
        bad = [e for e in counted if _weight(e) > 0 and not (_is_in(e, exports) and _is_good(e))]
        bad += [e for e in exports if not _is_own(e)]
        free = [e for e in good if _target(e) not in taken]
        if bad or len(free) < len(good) or not any(_is_own(e) for e in exports):
            complaints.add(key_of(backend))
        taken |= {_target(e) for e in free}
        total += weight if free else 0
        everyone = sum(_weight(e) for e in free)
        for export in free:
            share = Fraction(weight * _weight(export), everyone)
            wishes.append(Wish(_name(backend, export), key_of(backend), _cluster(export), _target(export), share))
    weights = dict(zip([w.name for w in wishes], naive_weights([w.share for w in wishes], total), strict=True))
    return Wanted(_settings(profile), tuple(wishes), weights, frozenset(complaints))


def naive_weights(shares: list[Fraction], total: int) -> list[int]:
    """Integers in the ratio of the shares: the multiple whose sum is nearest to `total`, or the largest made 1000."""
    if not shares:
        return []
    ratios = [share / min(shares) for share in shares]
    for unit in range(1, 1001):
        if all((ratio * unit).denominator == 1 for ratio in ratios):
            smallest = [int(ratio * unit) for ratio in ratios]
            if max(smallest) > 1000:
                break
            multiples = [[n * k for n in smallest] for k in range(1, 1000 // max(smallest) + 1)]
            return min(multiples, key=lambda m: (abs(sum(m) - total), -sum(m)))
    return [max(1, floor(share * 1000 / max(shares) + Fraction(1, 2))) for share in shares]


def overridden(
    exports: Iterable[Object], overrides: Iterable[Object], labels: Mapping[str, Mapping[str, str]]
) -> tuple[Object, ...]:
    """The exports with the weights that overrides give them, 0 where they leave one out. `labels`: of each cluster."""
    in_order = sorted(overrides, key=lambda o: str(o["metadata"]["name"]))
    return tuple(
        {**e, "spec": {**e["spec"], "weight": _weight_after(e, in_order, labels.get(_cluster(e), {}))}}
        if _is_own(e)
        else e
        for e in exports
    )


def _weight_after(export: Object, overrides: list[Object], labels: Mapping[str, str]) -> int:
    reference, weight, is_left_out = export["spec"]["serviceReference"], _weight(export), False
    for override in overrides:
        names = {selector["name"] for selector in override["spec"]["resourceSelectors"]}
        if override["metadata"]["namespace"] != reference["namespace"] or reference["name"] not in names:
            continue
        for rule in override["spec"]["policy"]["overrideRules"]:
            terms = rule["clusterSelector"]["clusterSelectorTerms"]
            if terms and not any(term["labelSelector"]["matchLabels"].items() <= labels.items() for term in terms):
                continue
            is_left_out = is_left_out or rule["overrideType"] == "Delete"
            for patch in rule.get("jsonPatchOverrides", ()):
                weight = patch["value"]
    return 0 if is_left_out else weight


def claims(hub: HubState) -> dict[Key, frozenset[str]]:
    """For each profile that is to be served, the targets (folded) that it is to answer with.

    Without drains it is what a profile may be left with rather than nothing: `claims(replace(hub, drained=...))`.
    """
    return {
        key: frozenset(wish.target for wish in wanted(profile, hub).wishes)
        for key, profile in hub.profiles.items()
        if not is_going(profile)
    }


def _name(backend: Object, export: Object) -> str:
    """The folded name of the endpoint of one in the other's cluster."""
    return f"fleet-{backend['metadata']['uid']}#{backend['spec']['backend']['name']}#{_cluster(export)}".lower()


def _exports_of(backend: Object, hub: HubState) -> Iterable[Object]:
    service = backend["metadata"]["namespace"], backend["spec"]["backend"]["name"]
    for export in hub.exports:
        reference = export["spec"]["serviceReference"]
        if (reference["namespace"], reference["name"]) == service and not is_going(export):
            yield export


def _is_own(export: Object) -> bool:
    return bool(export["metadata"]["namespace"] == f"fleet-member-{_cluster(export)}")


def _is_in(export: Object, exports: list[Object]) -> bool:
    """Whether an export agrees with the oldest of its service."""
    own = [e for e in exports if _is_own(e)]
    if not _is_own(export):
        return False
    oldest = min(own, key=lambda e: (e["spec"]["serviceReference"]["exportedSince"], _cluster(e)))
    return _ports(export) == _ports(oldest)


def _is_good(export: Object) -> bool:
    spec = export["spec"]
    return bool(
        spec.get("type") == "LoadBalancer"
        and not spec.get("isInternalLoadBalancer")
        and spec.get("publicIPResourceID")
        and spec.get("isDNSLabelConfigured")
    )


def _ports(export: Object) -> frozenset[tuple[int, str]]:
    return frozenset((port["port"], port["protocol"]) for port in export["spec"]["ports"])


def _cluster(export: Object) -> str:
    return str(export["spec"]["serviceReference"]["clusterId"])


def _weight(export: Object) -> int:
    return int(export["spec"].get("weight", 1))


def _target(export: Object) -> str:
    return str(export["spec"].get("publicIPResourceID", "")).lower()


def _settings(profile: Object) -> dict[str, Any]:
    spec = profile["spec"]
    monitor = spec.get("monitorConfig", {})
    protocol = monitor.get("protocol", "HTTP")
    interval = monitor.get("intervalInSeconds", 30)
    return {
        "ttl": spec.get("dnsConfig", {}).get("ttl", 60),
        "protocol": protocol,
        "port": monitor.get("port", 80),
        "path": None if protocol == "TCP" else monitor.get("path", "/"),
        "interval": interval,
        "timeout": monitor.get("timeoutInSeconds", {30: 10, 10: 9}[interval]),
        "failures": monitor.get("toleratedNumberOfFailures", 3),
        "headers": sorted((h["name"], h["value"]) for h in monitor.get("customHeaders", ())),
    }
