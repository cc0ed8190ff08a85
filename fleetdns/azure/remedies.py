"""What to do where Azure refuses who asks: which right is missing on what, or which credential is no good.

status, code                     what to do
403 AuthorizationFailed          give the right that this call needs, on its resource group or subscription
403 LinkedAuthorizationFailed    give the right to read the target
401 any of Resource Manager's    look after the credential
401, 403 without a code          look at what stands in between: it was not Resource Manager that answered
404 SubscriptionNotFound         look at the id, and whether the identity has a role there: Azure says no more of others
409 MissingSubscriptionRegi...   register the provider
anything else                    what Azure's own sentence says
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from azure.core.credentials_async import AsyncTokenCredential

from fleetdns.azure.credential import Credential
from fleetdns.azure.errors import Operation
from fleetdns.azure.origin import UNKNOWN, Origin

_PROFILES = "Microsoft.Network/trafficManagerProfiles"
_CONTRIBUTOR, _NETWORK = "Traffic Manager Contributor", "Network Contributor"
# What each call needs, and the built-in role that has it. Whoever lists public IPs says that itself.
_NEEDS: Mapping[Operation, tuple[str, str]] = {
    "get_profile": (f"{_PROFILES}/read", _CONTRIBUTOR),
    "list_group": (f"{_PROFILES}/read", _CONTRIBUTOR),
    "list_subscription": (f"{_PROFILES}/read", _CONTRIBUTOR),
    "put_profile": (f"{_PROFILES}/write", _CONTRIBUTOR),
    "patch_profile": (f"{_PROFILES}/write", _CONTRIBUTOR),
    "delete_profile": (f"{_PROFILES}/delete", _CONTRIBUTOR),
    "put_endpoint": (f"{_PROFILES}/azureEndpoints/write", _CONTRIBUTOR),
    "delete_endpoint": (f"{_PROFILES}/azureEndpoints/delete", _CONTRIBUTOR),
    "check_name": ("Microsoft.Network/checkTrafficManagerNameAvailabilityV2/action", _NETWORK),
}
_PAGE = "docs/rights.md#on-azure"
_SCOPE = re.compile(r"^/subscriptions/(?P<subscription>[^/]+)(?:/resourceGroups/(?P<group>[^/]+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is asked, and as whom. `host`: Resource Manager's; `credential` None: none is sent there."""

    host: str
    credential: AsyncTokenCredential | None = None

    def remedy(self, status: int, code: str, *, operation: Operation, resource: str) -> str:
        """For a call about `resource`, an id; "" where Azure's own sentence says enough."""
        if status in (401, 403) and not code:
            return f"this is no answer of Azure Resource Manager's; see what stands between here and {self.host}"
        match status, code.lower():
            case 401, _:
                return self._credential()
            case 404, "subscriptionnotfound":
                return "check --subscription-id, and that the identity of fleetdns has a role in it"
            case 409, "missingsubscriptionregistration":
                return "run az provider register --namespace Microsoft.Network in this subscription"
            case 403, "authorizationfailed":
                return _missing_right(operation, resource)
            case 403, "linkedauthorizationfailed":
                return (
                    "give the identity of fleetdns Microsoft.Network/publicIPAddresses/read on the public IP "
                    f"(role Reader; {_PAGE})"
                )
        return ""

    def _credential(self) -> str:
        if self.credential is None:
            return "no credential is sent to an address in plain http; see --arm-endpoint"
        found = self._origin()
        return f"the token was that of {found.name}: {found.check}"

    def _origin(self) -> Origin:
        return self.credential.origin if isinstance(self.credential, Credential) else UNKNOWN


def _missing_right(operation: Operation, resource: str) -> str:
    needed = _NEEDS.get(operation)
    if needed is None:
        return ""
    action, role = needed
    found = _SCOPE.match(resource)
    group = found["group"] if found else None
    where = f"resource group {group}" if group else f"subscription {found['subscription'] if found else resource}"
    doubt = "; Azure says the same of a group that is not there" if group else ""
    return f"give the identity of fleetdns {action} on {where} (role {role}; {_PAGE}){doubt}"
