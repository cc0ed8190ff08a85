"""What people and member agents do on the hub: each method is one deed, drawn from the seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from fleetdns.emulator.hub.rest import StatusError
from tests.simulation.fleet import GROUP, SUBSCRIPTION, Fleet
from tests.simulation.oracle import Key, is_marked
from tests.simulation.promises import Promises
from tests.simulation.world import (
    BACKENDS,
    EXPORTS,
    IMPORTS,
    MEMBER,
    OVERRIDES,
    PROFILES,
    VERSIONS,
    found,
    objects,
    overrides,
)

KINDS = {PROFILES: "TrafficManagerProfile", BACKENDS: "TrafficManagerBackend", EXPORTS: "InternalServiceExport"}
# The name, and what its spec always says: `twin` wants the DNS name that `one` has.
PROFILE_SPECS: dict[Key, dict[str, Any]] = {
    ("work", "one"): {},
    ("work", "two"): {"resourceGroup": "other-group"},
    ("work", "twin"): {"dnsConfig": {"relativeName": "one"}},
    ("play", "far"): {},
}
# The name, the profile and the service: two of them want the same service in one profile.
BACKEND_SPECS: dict[Key, tuple[str, str]] = {
    ("work", "app"): ("one", "app"),
    ("work", "app-again"): ("one", "app"),
    ("work", "api"): ("one", "api"),
    ("work", "app-two"): ("two", "app"),
    ("work", "app-twin"): ("twin", "app"),
    ("play", "far"): ("far", "app"),
}
SERVICES: tuple[Key, ...] = (("work", "app"), ("work", "api"), ("play", "app"))
CLUSTERS = ("a", "b", "c")
_SINCE = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")


class People:
    """`promises` are told of everything that happens."""

    def __init__(self, fleet: Fleet, promises: Promises, random: Random) -> None:
        self._fleet = fleet
        self._promises = promises
        self._random = random
        self._uids = 0
        for cluster in CLUSTERS:
            fleet.namespace(f"fleet-member-{cluster}")
        fleet.namespace("play")

    def begin(self) -> None:
        """A fleet that is in use."""
        for service in SERVICES:
            for cluster in CLUSTERS[:2]:
                self._apply(EXPORTS, *_export(service, cluster, uid="0"))
        for key in (("work", "one"), ("work", "two"), ("play", "far")):
            self._apply(PROFILES, key, PROFILE_SPECS[key])
        for key in (("work", "app"), ("work", "api"), ("work", "app-two"), ("play", "far")):
            self._apply(BACKENDS, key, _backend(key, 100))

    def act(self) -> None:
        """One deed."""
        deeds = {
            self.edit_profile: 4,
            self.delete_profile: 2,
            self.edit_backend: 5,
            self.delete_backend: 3,
            self.offer: 10,
            self.withdraw: 4,
            self.recreate_export: 2,
            self.annotate: 3,
            self.restore: 1,
            self.delete_import: 1,
            self.claim_for_another: 1,
            self.override: 5,
            self.revoke_override: 2,
            self.label_cluster: 3,
            self.remove_namespace: 1,
            self.bring_namespace_back: 2,
            self.drain: 4,
        }
        self._do(self._random.choices(list(deeds), list(deeds.values()))[0])

    def edit(self) -> None:
        """Something that is written over what Azure holds."""
        self._do(self._random.choice((self.edit_profile, self.edit_backend, self.edit_backend, self.offer)))

    def _do(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except StatusError as error:
            self._fleet.network.note(f"people {getattr(deed, '__name__', deed)}: refused, {error.reason}")
        self._promises.hub_changed()

    def edit_profile(self) -> None:
        key = self._random.choice(list(PROFILE_SPECS))
        choose = self._random.choice
        spec = {**PROFILE_SPECS[key]}
        protocol = choose(("HTTP", "HTTPS", "TCP"))
        monitor: dict[str, Any] = {
            "protocol": protocol,
            "port": choose((80, 8080)),
            "intervalInSeconds": choose((10, 30)),
        }
        if protocol != "TCP":
            monitor["path"] = choose(("/", "/healthz"))
            monitor["customHeaders"] = choose(([], [{"name": "Host", "value": "app.example"}]))
        spec["monitorConfig"] = choose((monitor, {}))
        spec["dnsConfig"] = {**spec.get("dnsConfig", {}), "ttl": choose((30, 60))}
        spec["deletionPolicy"] = self._random.choices(("Delete", "Retain"), (4, 1))[0]
        self._apply(PROFILES, key, spec)

    def delete_profile(self) -> None:
        self._delete(PROFILES, self._random.choice(list(PROFILE_SPECS)))

    def edit_backend(self) -> None:
        key = self._random.choice(list(BACKEND_SPECS))
        self._apply(BACKENDS, key, _backend(key, self._random.choice((0, 1, 7, 50, 100, 1000))))

    def delete_backend(self) -> None:
        self._delete(BACKENDS, self._random.choice(list(BACKEND_SPECS)))

    def offer(self) -> None:
        """A member exports, or changes what it exports."""
        service, cluster = self._random.choice(SERVICES), self._random.choice(CLUSTERS)
        name = ("fleet-member-" + cluster, "-".join(service))
        there = found(self._fleet, EXPORTS, name)
        uid = there["spec"]["serviceReference"]["uid"] if there else self._uid()
        flaws: tuple[dict[str, Any], ...] = (
            {"isDNSLabelConfigured": False},
            {"publicIPResourceID": None},
            {"type": "ClusterIP"},
            {"isInternalLoadBalancer": True},
            {"ports": [{"protocol": "TCP", "port": 443}]},
        )
        flaw = self._random.choice(flaws) if self._random.random() < 0.25 else {}
        key, spec = _export(service, cluster, uid=uid, since=self._random.choice(_SINCE))
        spec["publicIPResourceID"] += self._random.choices(("", "-moved"), (3, 1))[0]
        spec["weight"] = self._random.choice((0, 1, 1, 2, 3))
        finalizers = ["networking.fleet.azure.com/internal-svc-export-cleanup"] if self._random.random() < 0.5 else []
        self._apply(EXPORTS, key, {k: v for k, v in {**spec, **flaw}.items() if v is not None}, finalizers=finalizers)

    def withdraw(self) -> None:
        """A member takes its export back, as agents do: announced first, in most cases."""
        service, cluster = self._random.choice(SERVICES), self._random.choice(CLUSTERS)
        key = ("fleet-member-" + cluster, "-".join(service))
        if self._random.random() < 0.7 and (export := found(self._fleet, EXPORTS, key)):
            self._annotate(EXPORTS, export, "fleetdns.io/withdrawn", "true")
        self._delete(EXPORTS, key)

    def recreate_export(self) -> None:
        """A Service deleted and made again: the same name, another uid, at once."""
        exports = objects(self._fleet, EXPORTS)
        if exports:
            export = self._random.choice(exports)
            spec = export["spec"]
            spec["serviceReference"]["uid"] = self._uid()
            key = export["metadata"]["namespace"], export["metadata"]["name"]
            self._strip_and_delete(EXPORTS, key)
            self._apply(EXPORTS, key, spec)

    def annotate(self) -> None:
        profiles = objects(self._fleet, PROFILES)
        if profiles:
            profile = self._random.choice(profiles)
            annotation = self._random.choices(("fleetdns.io/paused", "fleetdns.io/allow-empty"), (2, 1))[0]
            value = None if is_marked(profile, annotation) else "true"
            self._annotate(PROFILES, profile, annotation, value)

    def restore(self) -> None:
        """Objects come back from a backup: made anew with other uids, nothing in their status, one after the other."""
        namespace = self._random.choice(("work", "play"))
        kinds = [plural for plural in (PROFILES, BACKENDS) if self._random.random() < 0.7]
        saved = [(plural, o) for plural in kinds for o in objects(self._fleet, plural)]
        for plural, obj in saved:
            key = obj["metadata"]["namespace"], obj["metadata"]["name"]
            if key[0] == namespace and "deletionTimestamp" not in obj["metadata"]:
                self._strip_and_delete(plural, key)
                self._apply(plural, key, obj["spec"])

    def delete_import(self) -> None:
        imports = objects(self._fleet, IMPORTS)
        if imports:
            metadata = self._random.choice(imports)["metadata"]
            self._delete(IMPORTS, (metadata["namespace"], metadata["name"]))

    def claim_for_another(self) -> None:
        """A member writes another cluster's id into its export."""
        service, (mine, other) = self._random.choice(SERVICES), self._random.sample(CLUSTERS, 2)
        _, spec = _export(service, other, uid=self._uid())
        spec["publicIPResourceID"] += "-stolen"
        self._apply(EXPORTS, (f"fleet-member-{mine}", "-".join(service)), spec)

    def override(self) -> None:
        """Somebody gives a Service another weight in some clusters, or takes it out of them."""
        service, name = self._random.choice(SERVICES), self._random.choice(("first", "second"))
        rules = [self._rule() for _ in range(self._random.choice((1, 1, 2)))]
        selector = {"group": GROUP, "version": "v1beta1", "kind": "ServiceExport", "name": service[1]}
        self._fleet.network.note(f"people override {'/'.join(service)} by {name}: {rules}")
        self._fleet.hub.install(
            {
                "apiVersion": f"{OVERRIDES[0]}/v1",
                "kind": "ResourceOverride",
                "metadata": {"namespace": service[0], "name": name},
                "spec": {"resourceSelectors": [selector], "policy": {"overrideRules": rules}},
            }
        )

    def _rule(self) -> dict[str, Any]:
        wanted = self._random.choice(({"tier": "gold"}, {"tier": "tin"}, None))
        terms = [] if wanted is None else [{"labelSelector": {"matchLabels": wanted}}]
        rule: dict[str, Any] = {"clusterSelector": {"clusterSelectorTerms": terms}}
        if self._random.random() < 0.3:
            return {**rule, "overrideType": "Delete"}
        path = f"/metadata/annotations/{GROUP}~1weight"
        patch = {"op": "add", "path": path, "value": self._random.choice((0, 1, 2, 5))}
        return {**rule, "overrideType": "JSONPatch", "jsonPatchOverrides": [patch]}

    def revoke_override(self) -> None:
        there = overrides(self._fleet)
        if there:
            metadata = self._random.choice(there)["metadata"]
            self._fleet.network.note(f"people revoke override {metadata['namespace']}/{metadata['name']}")
            self._fleet.hub.delete(*OVERRIDES, metadata["namespace"], metadata["name"])

    def label_cluster(self) -> None:
        cluster, tier = self._random.choice(CLUSTERS), self._random.choice(("gold", "tin", None))
        self._fleet.network.note(f"people label cluster {cluster} tier={tier}")
        patch = {"metadata": {"labels": {"tier": tier}}}
        self._fleet.hub.patch("", "v1", "namespaces", None, f"{MEMBER}{cluster}", patch)

    def remove_namespace(self) -> None:
        self._fleet.network.note("people delete namespace play")
        self._fleet.hub.delete("", "v1", "namespaces", None, "play")

    def bring_namespace_back(self) -> None:
        self._fleet.namespace("play")

    def drain(self) -> None:
        """A cluster is taken out, or put back; now and then somebody mistypes it."""
        name = f"fleet-member-{self._random.choice(CLUSTERS)}"
        is_drained = is_marked(self._fleet.hub.get("", "v1", "namespaces", None, name), "fleetdns.io/drain")
        value = None if is_drained else self._random.choices(("true", "True"), (5, 1))[0]
        self._fleet.network.note(f"people annotate namespace {name} fleetdns.io/drain={value}")
        patch = {"metadata": {"annotations": {"fleetdns.io/drain": value}}}
        self._fleet.hub.patch("", "v1", "namespaces", None, name, patch)

    def unpause(self) -> None:
        """Nothing is to stay paused."""
        for profile in objects(self._fleet, PROFILES):
            if is_marked(profile, "fleetdns.io/paused"):
                self._annotate(PROFILES, profile, "fleetdns.io/paused", None)
        self._promises.hub_changed()

    def let_go(self) -> None:
        """Somebody reads what the guard holds, and means it."""
        for backend in objects(self._fleet, BACKENDS):
            conditions = backend.get("status", {}).get("conditions", ())
            if any((c["type"], c["status"]) == ("Guarded", "True") for c in conditions):
                self._annotate(BACKENDS, backend, "fleetdns.io/allow-empty", "true")
        self._promises.hub_changed()

    def sweep_namespaces(self) -> None:
        """What the namespace controller of a cluster does: empties a namespace that is going, and lets it go."""
        hub = self._fleet.hub
        for namespace in hub.list("", "v1", "namespaces", None)["items"]:
            if "deletionTimestamp" not in namespace["metadata"]:
                continue
            name = namespace["metadata"]["name"]
            left = [
                (p, o["metadata"])
                for p in VERSIONS
                for o in objects(self._fleet, p)
                if o["metadata"]["namespace"] == name
            ]
            for metadata in (o["metadata"] for o in overrides(self._fleet) if o["metadata"]["namespace"] == name):
                hub.delete(*OVERRIDES, name, metadata["name"])
            for plural, metadata in left:
                if "deletionTimestamp" not in metadata:
                    self._delete(plural, (name, metadata["name"]))
            if left:
                self._promises.hub_changed()
            else:
                namespace["spec"]["finalizers"] = []
                hub.update("", "v1", "namespaces", None, name, namespace, subresource="finalize")

    def _uid(self) -> str:
        self._uids += 1
        return str(self._uids)

    def _annotate(self, plural: str, obj: dict[str, Any], annotation: str, value: str | None) -> None:
        metadata = obj["metadata"]
        self._fleet.network.note(f"people annotate {metadata['namespace']}/{metadata['name']} {annotation}={value}")
        patch = {"metadata": {"annotations": {annotation: value}}}
        self._fleet.hub.patch(GROUP, VERSIONS[plural], plural, metadata["namespace"], metadata["name"], patch)

    def _apply(self, plural: str, key: Key, spec: dict[str, Any], *, finalizers: list[str] | None = None) -> None:
        self._fleet.network.note(f"people apply {plural} {'/'.join(key)} {spec}")
        metadata: dict[str, Any] = {"namespace": key[0], "name": key[1]}
        if finalizers:
            metadata["finalizers"] = finalizers
        version = f"{GROUP}/{VERSIONS[plural]}"
        self._fleet.hub.install({"apiVersion": version, "kind": KINDS[plural], "metadata": metadata, "spec": spec})

    def _delete(self, plural: str, key: Key) -> None:
        self._fleet.network.note(f"people delete {plural} {'/'.join(key)}")
        self._fleet.hub.delete(GROUP, VERSIONS[plural], plural, *key)

    def _strip_and_delete(self, plural: str, key: Key) -> None:
        """By force: its finalizers go without anybody's work."""
        if plural == PROFILES and (there := found(self._fleet, plural, key)):
            self._promises.let_stay(key, uid=there["metadata"]["uid"])
        self._delete(plural, key)
        if found(self._fleet, plural, key):
            self._fleet.hub.patch(GROUP, VERSIONS[plural], plural, *key, {"metadata": {"finalizers": None}})


def _backend(key: Key, weight: int) -> dict[str, Any]:
    profile, service = BACKEND_SPECS[key]
    return {"profile": {"name": profile}, "backend": {"name": service}, "weight": weight}


def public_ip(service: Key, cluster: str) -> str:
    """The resource id of the address a member's Service has at first."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mc-{cluster}"
    return f"{group}/providers/Microsoft.Network/publicIPAddresses/{'-'.join(service)}-{cluster}"


def _export(service: Key, cluster: str, *, uid: str, since: str = _SINCE[0]) -> tuple[Key, dict[str, Any]]:
    reference = {
        "clusterId": cluster,
        "apiVersion": "v1",
        "kind": "Service",
        "namespace": service[0],
        "name": service[1],
        "resourceVersion": "1",
        "generation": 1,
        "uid": uid,
        "namespacedName": "/".join(service),
        "exportedSince": since,
    }
    spec = {
        "serviceReference": reference,
        "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
        "type": "LoadBalancer",
        "isDNSLabelConfigured": True,
        "isInternalLoadBalancer": False,
        "publicIPResourceID": public_ip(service, cluster),
        "weight": 1,
    }
    return (f"fleet-member-{cluster}", "-".join(service)), spec
