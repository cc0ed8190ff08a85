"""What a schedule sees of the fleet: the hub's objects for the oracle, and Azure's profiles by object."""

from __future__ import annotations

from typing import Any

from fleetdns.emulator.hub.rest import StatusError
from tests.simulation.fleet import GROUP, HUB_ID, Fleet
from tests.simulation.oracle import HubState, Key, is_marked, key_of, overridden

PROFILES = "trafficmanagerprofiles"
BACKENDS = "trafficmanagerbackends"
EXPORTS = "internalserviceexports"
IMPORTS = "serviceimports"
OBJECT_TAG = f"{GROUP}.trafficManagerProfile"
HUB_TAG = "fleetdns.hub"
OVERRIDES = ("placement.kubernetes-fleet.io", "v1", "resourceoverrides")
MEMBER = "fleet-member-"
VERSIONS = {PROFILES: "v1beta1", BACKENDS: "v1beta1", EXPORTS: "v1alpha1", IMPORTS: "v1alpha1"}


def hub_state(fleet: Fleet) -> HubState:
    """Everything the oracle reads."""
    return HubState(
        profiles={key_of(o): o for o in objects(fleet, PROFILES)},
        backends={key_of(o): o for o in objects(fleet, BACKENDS)},
        exports=overridden(objects(fleet, EXPORTS), overrides(fleet), cluster_labels(fleet)),
        namespaces=frozenset(n["metadata"]["name"] for n in namespaces(fleet)),
        drained=frozenset(
            n["metadata"]["name"].removeprefix(MEMBER) for n in namespaces(fleet) if is_marked(n, "fleetdns.io/drain")
        ),
    )


def namespaces(fleet: Fleet) -> list[dict[str, Any]]:
    return list(fleet.hub.list("", "v1", "namespaces", None)["items"])


def overrides(fleet: Fleet) -> list[dict[str, Any]]:
    return list(fleet.hub.list(*OVERRIDES, None)["items"])


def cluster_labels(fleet: Fleet) -> dict[str, dict[str, str]]:
    """The labels of each member cluster, which are those of its namespace here."""
    return {n["metadata"]["name"].removeprefix(MEMBER): n["metadata"].get("labels", {}) for n in namespaces(fleet)}


def objects(fleet: Fleet, plural: str) -> list[dict[str, Any]]:
    return list(fleet.hub.list(GROUP, VERSIONS[plural], plural, None)["items"])


def found(fleet: Fleet, plural: str, key: Key) -> dict[str, Any] | None:
    """One object, or None."""
    try:
        return dict(fleet.hub.get(GROUP, VERSIONS[plural], plural, *key))
    except StatusError as error:
        if error.code == 404:
            return None
        raise


def object_of(profile: dict[str, Any]) -> Key | None:
    """The object that an Azure profile's tags name; None for one that is not this hub's."""
    tags = profile.get("tags") or {}
    if tags.get(HUB_TAG) != HUB_ID or OBJECT_TAG not in tags:
        return None
    namespace, _, name = tags[OBJECT_TAG].partition("/")
    return namespace, name


def is_ours(endpoint: dict[str, Any]) -> bool:
    """By the form of its name alone."""
    name = endpoint["name"].lower()
    return bool(name.startswith("fleet-") and name.count("#") == 2)


def target_of(endpoint: dict[str, Any]) -> str:
    properties = endpoint["properties"]
    return str(properties.get("targetResourceId") or properties.get("target") or "").lower()
