"""A client of the pure service, with a clock that the test moves, and the bodies the tests send."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fleetdns.emulator.azure.service import Behaviour, Request, Response, TrafficManagerService

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
VERSION = "2026-09-01"
Body = dict[str, Any]


def profile_path(name: str = "web", *, group: str = "fleet", subscription: str = SUBSCRIPTION) -> str:
    # As the SDKs send it: the type in lower case.
    return (
        f"/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.Network/trafficmanagerprofiles/{quote(name, safe='')}"
    )


def endpoint_path(
    name: str = "one", *, profile: str = "web", kind: str = "AzureEndpoints", group: str = "fleet"
) -> str:
    return f"{profile_path(profile, group=group)}/{kind}/{quote(name, safe='')}"


def group_path(group: str = "fleet", *, subscription: str = SUBSCRIPTION) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/trafficmanagerprofiles"


def profile_id(name: str = "web", *, group: str = "fleet") -> str:
    network = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network"
    return f"{network}/trafficManagerProfiles/{name}"


def public_ip(name: str = "one", *, group: str = "nodes") -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/publicIPAddresses/{name}"


def profile_body(relative_name: str = "web", *, monitor: Body | None = None, **properties: Any) -> Body:
    return {
        "location": "global",
        "properties": {
            "trafficRoutingMethod": "Weighted",
            "dnsConfig": {"relativeName": relative_name, "ttl": 60},
            "monitorConfig": {"protocol": "HTTP", "port": 80, "path": "/", **(monitor or {})},
            **properties,
        },
    }


def azure_endpoint(name: str = "one", **properties: object) -> Body:
    return {
        "name": name,
        "type": "Microsoft.Network/trafficManagerProfiles/azureEndpoints",
        "properties": {"targetResourceId": public_ip(name), **properties},
    }


def external_endpoint(name: str = "one", target: str | None = None, **properties: object) -> Body:
    return {
        "name": name,
        "type": "Microsoft.Network/trafficManagerProfiles/externalEndpoints",
        "properties": {"target": target or f"{name}.example.com", **properties},
    }


def nested_endpoint(name: str, child: str, **properties: object) -> Body:
    return {
        "name": name,
        "type": "Microsoft.Network/trafficManagerProfiles/nestedEndpoints",
        "properties": {"targetResourceId": profile_id(child), **properties},
    }


class Arm:
    """Sends requests to a service of its own. `now` is its clock."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.now = 1_000.0
        self.service = TrafficManagerService(clock=lambda: self.now, behaviour=behaviour)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        version: str | None = VERSION,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Response:
        parameters = {**({} if version is None else {"api-version": version}), **(query or {})}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.service.handle(Request(method, path, parameters, headers or {}, raw))

    def get(self, path: str, **options: Any) -> Response:
        return self.send("GET", path, **options)

    def put(self, path: str, body: object, **options: Any) -> Response:
        return self.send("PUT", path, body, **options)

    def patch(self, path: str, body: object, **options: Any) -> Response:
        return self.send("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> Response:
        return self.send("DELETE", path, **options)

    def endpoint_names(self, profile: str = "web") -> list[str]:
        return [item["name"] for item in self.get(profile_path(profile)).json()["properties"]["endpoints"]]


def arm_with(*endpoints: Body, behaviour: Behaviour | None = None, **properties: Any) -> Arm:
    """A service that holds the profile `web` with these endpoints."""
    arm = Arm(behaviour)
    created = arm.put(profile_path(), profile_body(endpoints=list(endpoints), **properties))
    assert created.status == 201, created.body
    return arm


def error_of(response: Response) -> tuple[int, str]:
    return response.status, response.json()["error"]["code"]


def message_of(response: Response) -> str:
    message = response.json()["error"]["message"]
    assert isinstance(message, str)
    return message
