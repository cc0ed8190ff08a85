"""`fleetdns member-kubeconfig`: credentials for the agent of one member cluster, as a kubeconfig on stdout.

They are asked for on the hub with an administrator's rights, and tried before they are given away: a token whose
account may do nothing would fail only later, in another cluster.
"""

from __future__ import annotations

import asyncio
import sys

from fleetdns import log
from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey, Resource
from fleetdns.core.kubeconfig import Server, kubeconfig
from fleetdns.core.tokenlife import Granted
from fleetdns.errors import FleetDNSError, Forbidden, Rejected, Transient, UsageError
from fleetdns.kube.config import Connection, load
from fleetdns.kube.errors import Refused, Unreachable
from fleetdns.kube.paths import item
from fleetdns.kube.reviews import Deed, may
from fleetdns.kube.tokens import MEMBER_ACCOUNT, SERVICE_ACCOUNTS, AccountTokens
from fleetdns.kube.transport import Transport
from fleetdns.settings.memberaccess import MemberAccess

_NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
_TRIES, _PAUSE = 10, 0.3  # seconds: rights that were applied just now are in force a moment later
_APPLY = "apply manifests/base/member for this cluster, as docs/member.md says"


def member_kubeconfig(access: MemberAccess) -> int:
    """Print it; returns the exit code. Raises UsageError and FleetDNSError, with nothing printed."""
    log.configure("warning", None)
    server, granted = asyncio.run(_granted(access))
    if granted.seconds < access.ttl:
        sys.stderr.write(
            f"fleetdns: the hub gives this token for {_length(granted.seconds)} instead of {_length(access.ttl)}; "
            "the agent renews it at half of that\n"
        )
    sys.stdout.write(kubeconfig(server, token=granted.token, namespace=access.namespace))
    return 0


async def _granted(access: MemberAccess) -> tuple[Server, Granted]:
    connection = await load(access.kubeconfig, access.context)
    if access.kubeconfig is None and access.server is None:
        raise UsageError(
            "--server is missing; give the hub's address for the member cluster: "
            "the one that this pod uses leads nowhere from there"
        )
    account = ObjectKey(access.namespace, MEMBER_ACCOUNT)
    async with Transport(connection, observer=_Nobody()) as hub:
        try:
            granted = await AccountTokens(hub, account).request(access.ttl)
        except Forbidden as error:
            raise Forbidden(
                error.code, f"{error.sentence}; use credentials of the hub that may create serviceaccounts/token there"
            ) from error
        except Transient as error:
            raise Transient(
                error.code, f"{error.sentence} ({connection.host}): see that {connection.source} leads to the hub"
            ) from error
        except Rejected as error:
            raise await _missing(hub, connection.host, account) or error from error
    async with Transport(connection.as_bearer(granted.token), observer=_Nobody()) as member:
        await _check_rights(member, account)
    return _server(access, connection), granted


async def _missing(hub: Transport, host: str, account: ObjectKey) -> FleetDNSError | None:
    """What is not there, if that is why no token was given."""
    for path, what in (
        (item(_NAMESPACES, ObjectKey("", account.namespace)), f"the hub ({host}) has no namespace {account.namespace}"),
        (item(SERVICE_ACCOUNTS, account), f"namespace {account.namespace} has no ServiceAccount {account.name}"),
    ):
        try:
            await hub.get(path)
        except Refused as error:
            if error.status == 404 and error.is_kubernetes:
                return Rejected(error.reason, f"{what}: {_APPLY}")
        except Unreachable:
            return None
    return None


async def _check_rights(member: Transport, account: ObjectKey) -> None:
    """Raises Forbidden where the account may not do what the agent is for."""
    exports = InternalServiceExport.resource
    for deed in (
        Deed("create", exports.group, exports.plural, account.namespace),
        Deed("create", "", SERVICE_ACCOUNTS.plural, account.namespace, subresource="token", name=account.name),
    ):
        for _ in range(_TRIES):
            if await may(member, deed):
                break
            await asyncio.sleep(_PAUSE)
        else:
            raise Forbidden("Forbidden", f"ServiceAccount {account} may not {deed} in its namespace: {_APPLY}")


def _server(access: MemberAccess, connection: Connection) -> Server:
    return Server(
        access.server or connection.host,
        connection.authority,
        name=connection.server_hostname,
        is_verified=connection.is_verified,
    )


def _length(seconds: int) -> str:
    for unit, size in (("d", 24 * 3600), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


class _Nobody:
    """Counts no requests."""

    def called(self, *, method: str, code: str) -> None:
        pass
