"""The switches of the emulator: where the real service is unknown or varies, which way it behaves.

Every default is the reading that a careful client has to survive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Span = tuple[float, float]

# Seconds, as recorded with the real service (upper bounds).
RECORDED_LATENCIES: Mapping[str, Span] = {
    "profiles.put": (4.0, 6.0),
    "profiles.patch": (4.0, 6.0),
    "profiles.delete": (7.0, 9.0),
    "endpoints.put": (1.0, 2.0),
    "endpoints.patch": (1.0, 2.0),
    "endpoints.delete": (0.5, 1.0),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One field per open question.

    field                      | default                | the other way
    strict_public_ips          | unknown IPs have names | only registered public IPs with a DNS label are targets
    throttling                 | counts, never refuses  | answers 429 beyond the documented limits
    endpoint_update_status     | 201 (recorded)         | 200 for an endpoint that existed (specification)
    delete_body                | "object": `{}`         | "empty": no body (recorded 2021; breaks the 2.0.0 SDK)
    missing_delete_status      | 204 (specification)    | 404
    keeps_absent_endpoints     | PUT without removes    | PUT without the key keeps the stored endpoints
    patch_replaces_groups      | merges field by field  | monitorConfig and dnsConfig are replaced as a whole
    relative_name_may_change   | refused with 400       | the profile gets the new name
    refuses_mixed_priorities   | 400 for some with and  | those without get the next free number
                               | some without, in a PUT |
    lowercase_ids              | canonical ids          | every id in an answer is in lower case
    groups / unknown_group     | any group exists       | only these; others 404, or 403 with "forbidden"
    subscriptions              | any exists             | only these; others 404
    page_size                  | no paging              | lists come in pages with a nextLink
    latencies                  | answered at once       | seconds (low, high) a kind of write is in flight
    probe_delay                | stays CheckingEndpoint | seconds until an endpoint counts as Online
    """

    strict_public_ips: bool = False
    throttling: bool = False
    endpoint_update_status: Literal[200, 201] = 201
    delete_body: Literal["object", "empty"] = "object"
    missing_delete_status: Literal[204, 404] = 204
    keeps_absent_endpoints: bool = False
    patch_replaces_groups: bool = False
    relative_name_may_change: bool = False
    refuses_mixed_priorities: bool = True
    lowercase_ids: bool = False
    groups: frozenset[str] | None = None
    unknown_group: Literal["not-found", "forbidden"] = "not-found"
    subscriptions: frozenset[str] | None = None
    page_size: int | None = None
    latencies: Mapping[str, Span] = field(default_factory=dict)
    probe_delay: float | None = None
    profile_limit: int = 200
    endpoint_limit: int = 200

    def group_exists(self, group: str) -> bool:
        return self.groups is None or group.casefold() in {name.casefold() for name in self.groups}

    def subscription_exists(self, subscription: str) -> bool:
        return self.subscriptions is None or subscription.casefold() in {name.casefold() for name in self.subscriptions}
