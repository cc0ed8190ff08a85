"""Every refusal in ARM's envelope: `{"error": {"code", "message"}}`.

What is marked verbatim carries the recorded text of the real service; the other wordings are ours.
"""

from collections.abc import Mapping, Sequence

from fleetdns.emulator.azure.exchange import Response, json_bytes

# verbatim
CHANGES_COLLIDED = (
    "Conflicting changes were detected when processing the request. This can happen when there are multiple requests "
    "trying to update one profile at the same time. Please retry your request."
)
PATCH_HAS_ENDPOINTS = (
    "The 'endpoints' property cannot be specified when updating a profile using PATCH. "
    "Please use PUT to update the profile instead."
)


class ArmError(Exception):
    """An answer other than success. `status` is the HTTP status, `code` stands in the body beside the message."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def response(self) -> Response:
        return Response(self.status, self.headers, json_bytes({"error": {"code": self.code, "message": self.message}}))


def refuse(problems: Sequence[str]) -> None:
    """Raise 400 when there are problems. As in the real service their sentences are concatenated with blanks."""
    if problems:
        raise bad_request(" ".join(dict.fromkeys(problems)))


def bad_request(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def invalid_content(why: str) -> ArmError:
    return ArmError(
        400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{why}'."
    )


def changes_collided() -> ArmError:
    return ArmError(409, "Conflict", CHANGES_COLLIDED)


def domain_taken_message(fqdn: str) -> str:
    """Verbatim."""
    return f"Domain name {fqdn} already exists. Please choose a different DNS prefix."


def dns_record_in_use(fqdn: str) -> ArmError:
    """Verbatim."""
    return ArmError(400, "DnsRecordInUse", f"DNS record {fqdn} is already used by another public IP.")


def group_not_found(group: str) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def authorization_failed(*, action: str, scope: str) -> ArmError:
    """Verbatim, with names that say who is meant."""
    client = "'emulated-client' with object id '00000000-0000-0000-0000-000000000000'"
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client {client} does not have authorization to perform action '{action}' over scope '{scope}' or the "
        "scope is invalid. If access was recently granted, please refresh your credentials.",
    )


def profile_not_found(profile: str, group: str) -> ArmError:
    return resource_not_found(f"Microsoft.Network/trafficManagerProfiles/{profile}", group)


def resource_not_found(resource: str, group: str) -> ArmError:
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{resource}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def parent_not_found(profile: str) -> ArmError:
    return ArmError(
        404,
        "ParentResourceNotFound",
        "Failed to perform the operation on a nested resource. "
        f"Parent resource 'Microsoft.Network/trafficManagerProfiles/{profile}' not found.",
    )


def endpoint_not_found(endpoint: str, profile: str) -> ArmError:
    # The code of this answer is not known for the real service: clients have to go by the status.
    return ArmError(404, "NotFound", f"Endpoint '{endpoint}' of profile '{profile}' was not found.")


def scope_locked(scope: str, lock: str) -> ArmError:
    return ArmError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform delete operation because following scope(s) are locked: '{lock}'. "
        "Please remove the lock and try again.",
    )


def unregistered(namespace: str = "Microsoft.Network") -> ArmError:
    return ArmError(
        409,
        "MissingSubscriptionRegistration",
        f"The subscription is not registered to use namespace '{namespace}'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions.",
    )


def throttled(code: str, *, retry_after: int, what: str) -> ArmError:
    return ArmError(
        429,
        code,
        f"Number of requests for {what} exceeded the limit. Please try again after '{retry_after}' seconds.",
        headers={"Retry-After": str(retry_after)},
    )
