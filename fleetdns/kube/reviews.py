"""What the owner of a credential may do, as the API server judges it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from fleetdns.errors import Transient
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.transport import Transport

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Deed:
    """A verb on a resource in a namespace. `subresource`, `name` "": none, any."""

    verb: str
    group: str
    resource: str
    namespace: str
    subresource: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f"/{self.subresource}" if self.subresource else "")


class _Status(msgspec.Struct):
    allowed: bool = False


class _Review(msgspec.Struct):
    status: _Status


async def may(transport: Transport, deed: Deed) -> bool:
    """Whether the transport's own account may do it. Raises FleetDNSError."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "namespace": deed.namespace,
                "verb": deed.verb,
                "group": deed.group,
                "resource": deed.resource,
                "subresource": deed.subresource,
                "name": deed.name,
            }
        },
    }
    try:
        answer = await transport.create(_REVIEWS, msgspec.json.encode(body))
    except (Refused, Unreachable) as error:
        raise write_error(error) from error
    try:
        return msgspec.json.decode(answer, type=_Review).status.allowed
    except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
        raise Transient("UnreadableAnswer", "the API server's answer is no review") from error
