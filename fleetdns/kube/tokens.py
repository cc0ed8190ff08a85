"""Tokens of one ServiceAccount, by the TokenRequest API."""

from __future__ import annotations

import msgspec

from fleetdns.api.meta import ObjectKey, Resource
from fleetdns.core.tokenlife import Granted, life_of
from fleetdns.errors import Transient
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.paths import item
from fleetdns.kube.transport import Transport

SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
MEMBER_ACCOUNT = "fleetdns-member"  # in each member's namespace on the hub


class _Spec(msgspec.Struct, rename="camel"):
    expiration_seconds: int


class _Status(msgspec.Struct):
    token: str


class _TokenRequest(msgspec.Struct):
    spec: _Spec
    status: _Status


class AccountTokens:
    """Asks for tokens of `account`."""

    def __init__(self, transport: Transport, account: ObjectKey) -> None:
        self._transport = transport
        self._account = account

    async def request(self, seconds: int) -> Granted:
        """A new token that is to be good for so long. Raises FleetDNSError; Rejected where there is no such account."""
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        path = item(SERVICE_ACCOUNTS, self._account, "token")
        try:
            answer = await self._transport.create(path, msgspec.json.encode(body))
        except (Refused, Unreachable) as error:
            raise write_error(error) from error
        try:
            granted = msgspec.json.decode(answer, type=_TokenRequest)
        except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
            raise Transient("UnreadableAnswer", "the API server's answer has no token in it") from error
        life = life_of(granted.status.token)
        return Granted(granted.status.token, round(life.seconds) if life else granted.spec.expiration_seconds)
