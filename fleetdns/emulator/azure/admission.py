"""What ARM checks before a resource provider sees a request, and the headers it puts on every answer."""

from collections.abc import Mapping
from random import Random
from uuid import UUID

from fleetdns.emulator.azure.errors import ArmError, authorization_failed, group_not_found, unregistered
from fleetdns.emulator.azure.exchange import Request
from fleetdns.emulator.azure.routing import Route
from fleetdns.emulator.azure.world import World

_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


def refuse_strangers(world: World, route: Route) -> None:
    """Raises ArmError for an unknown subscription or resource group, and for an unregistered resource provider."""
    behaviour = world.behaviour
    if route.subscription and not behaviour.subscription_exists(route.subscription):
        raise ArmError(404, "SubscriptionNotFound", f"The subscription '{route.subscription}' could not be found.")
    is_provider_call = route.operation.startswith("providers.")
    if route.subscription.casefold() in world.unregistered and not is_provider_call:
        raise unregistered()
    if route.group and not behaviour.group_exists(route.group):
        raise _stranger(route, forbidden=behaviour.unknown_group == "forbidden")


def request_ids(request: Request, random: Random, *, now: float) -> Mapping[str, str]:
    """Every answer has its own ids; the client's comes back only when it asks for it."""
    own = str(UUID(int=random.getrandbits(128), version=4))
    correlation = request.header("x-ms-correlation-request-id") or own
    headers = {
        "x-ms-request-id": own,
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"EMULATOR:{now:.3f}:{own}",
    }
    client = request.header("x-ms-client-request-id")
    if client is not None and (request.header("x-ms-return-client-request-id") or "").lower() == "true":
        headers["x-ms-client-request-id"] = client
    return headers


def _stranger(route: Route, *, forbidden: bool) -> ArmError:
    """Where rights are given per resource group, ARM does not even say that a group does not exist."""
    if not forbidden:
        return group_not_found(route.group)
    kind = f"/{route.kind}" if route.kind else ""
    resource = "publicIPAddresses" if route.operation.startswith("publicips.") else f"trafficmanagerprofiles{kind}"
    action = f"Microsoft.Network/{resource}/{_VERBS.get(route.method, 'action')}"
    return authorization_failed(action=action, scope=route.path)
