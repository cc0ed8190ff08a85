"""What tells one hub cluster from another: the uid of its kube-system namespace, which lives as long as the cluster."""

from __future__ import annotations

import msgspec

from fleetdns.api.meta import ObjectMeta
from fleetdns.errors import Rejected, Transient
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.transport import Transport


class _Namespace(msgspec.Struct):
    metadata: ObjectMeta


async def hub_id(transport: Transport) -> str:
    """The hub's id. Raises FleetDNSError; Transient also for an answer that is not a namespace's."""
    try:
        body = await transport.get("/api/v1/namespaces/kube-system")
    except (Refused, Unreachable) as error:
        if isinstance(error, Refused) and error.status == 404:
            because = "there is no namespace kube-system, whose uid is the hub's id; where that is right, give --hub-id"
            raise Rejected("NotFound", because) from error
        raise write_error(error) from error
    try:
        uid = msgspec.json.decode(body, type=_Namespace).metadata.uid
    except msgspec.MsgspecError as error:
        raise Transient(
            "UnreadableAnswer", "the API server's answer about namespace kube-system is no object"
        ) from error
    if not uid:
        raise Transient("UnreadableAnswer", "the API server gave namespace kube-system without a uid")
    return uid
