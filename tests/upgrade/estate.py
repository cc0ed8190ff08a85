"""One team's objects on a hub of Fleet's, in Azure as Fleet's controller made them.

profile  resource group  backends (weight): service and the clusters that export it (weight)
shop     fleet-dns       app (500): app of aks-1 (100), aks-2 (200); api (100): api of aks-1, aks-2, aks-3 (1 each)
                         idle (0): batch of aks-1
blog     team-b          blog (1): app
taken    fleet-dns       none, and none in Azure: somebody else has its DNS name
"""

from __future__ import annotations

from typing import Any

from fleetdns.demo.world import World
from tests.upgrade.fleet import FleetController
from tests.upgrade.hub import Hub, eventually
from tests.upgrade.objects import backend, export, profile, service_import

Object = dict[str, Any]

SHOP = profile("shop", protocol="HTTPS", port=443, path="/healthz", intervalInSeconds=10, timeoutInSeconds=9)
BLOG = profile("blog", group="team-b")
TAKEN = profile("taken")
APP = backend("app", profile="shop", service="app", weight=500)
API = backend("api", profile="shop", service="api", weight=100)
IDLE = backend("idle", profile="shop", service="batch", weight=0)
BLOG_APP = backend("blog", profile="blog", service="app", weight=1)
EXPORTS = (
    export("aks-1", "app", weight=100),
    export("aks-2", "app", weight=200),
    *(export(cluster, "api", weight=1) for cluster in ("aks-1", "aks-2", "aks-3")),
    export("aks-1", "batch", weight=1),
)
IMPORTS = (
    service_import("app", "aks-1", "aks-2"),
    service_import("api", "aks-1", "aks-2", "aks-3"),
    service_import("batch", "aks-1"),
)
SERVING = (SHOP, BLOG, APP, API, IDLE, BLOG_APP)

TARGETS = {  # (weight, priority, status) as Fleet and Azure chose them; backends are served in order of their names
    "work-shop.trafficmanager.net": {
        "api-aks-1.westeurope.cloudapp.azure.com": (34, 1, "Enabled"),
        "api-aks-2.westeurope.cloudapp.azure.com": (34, 2, "Enabled"),
        "api-aks-3.westeurope.cloudapp.azure.com": (34, 3, "Enabled"),
        "app-aks-1.westeurope.cloudapp.azure.com": (167, 4, "Enabled"),
        "app-aks-2.westeurope.cloudapp.azure.com": (334, 5, "Enabled"),
    },
    "work-blog.trafficmanager.net": {
        "app-aks-1.westeurope.cloudapp.azure.com": (1, 1, "Enabled"),
        "app-aks-2.westeurope.cloudapp.azure.com": (1, 2, "Enabled"),
    },
}


async def settle(hub: Hub, world: World, fleet: FleetController) -> None:
    """Create all of it and let Fleet's controller work until it rests."""
    world.azure.take_name("work-taken")
    for obj in (*EXPORTS, *IMPORTS, SHOP, BLOG, TAKEN, APP, API, IDLE, BLOG_APP):
        await hub.create(obj)
    await fleet.settle()


async def become(hub: Hub, status: str, *objects: Object, kind: str = "Ready") -> None:
    """Wait until a condition of each object has this status, for the spec as it is."""

    async def seen() -> list[tuple[str, bool]]:
        return [(obj["metadata"]["name"], _is(await hub.read(obj), kind, status)) for obj in objects]

    await eventually(seen, lambda found: all(holds for _, holds in found))


def _is(obj: Object, kind: str, status: str) -> bool:
    conditions = obj.get("status", {}).get("conditions", ())
    wanted = (kind, status, obj["metadata"]["generation"])
    return any((one["type"], one["status"], one.get("observedGeneration")) == wanted for one in conditions)


def conditions(obj: Object) -> dict[str, str]:
    """Type to reason."""
    return {one["type"]: one["reason"] for one in obj.get("status", {}).get("conditions", ())}
