"""The Secret that a kubeconfig comes from: read whole, and written back where nobody has touched it meanwhile."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

import msgspec

from fleetdns.api.meta import ObjectKey, ObjectMeta, Resource
from fleetdns.core.kubeconfig import Stored
from fleetdns.errors import Rejected
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.paths import item
from fleetdns.kube.transport import Transport

SECRETS = Resource("", "v1", "secrets", "Secret")
KEY = "kubeconfig"


class _Secret(msgspec.Struct):
    metadata: ObjectMeta
    data: dict[str, str] | None = None


class KubeconfigSecret:
    """Fulfils the member's KubeconfigStore. `before_write(seconds)` may raise to prevent a write that takes so long."""

    def __init__(
        self, transport: Transport, secret: ObjectKey, *, before_write: Callable[[float], None] | None = None
    ) -> None:
        self._transport = transport
        self._secret = secret
        self._before_write = before_write

    def __str__(self) -> str:
        return f"Secret {self._secret}"

    async def read(self) -> Stored:
        """The kubeconfig in it. Raises FleetDNSError; Rejected where there is none."""
        try:
            answer = await self._transport.get(item(SECRETS, self._secret))
        except (Refused, Unreachable) as error:
            raise write_error(error) from error
        try:
            secret = msgspec.json.decode(answer, type=_Secret)
            text = base64.b64decode((secret.data or {})[KEY], validate=True).decode()
        except (KeyError, ValueError, binascii.Error) as error:
            raise Rejected("NoKubeconfig", f"{self} holds no kubeconfig under the key {KEY!r}") from error
        return Stored(text, secret.metadata.resource_version)

    async def write(self, text: str, *, version: str) -> None:
        """Put it in. Raises FleetDNSError; Conflict where the Secret is not of that version any more."""
        if self._before_write is not None:
            self._before_write(self._transport.timeouts.write)
        patch = {
            "metadata": {"resourceVersion": version},
            "data": {KEY: base64.b64encode(text.encode()).decode()},
        }
        try:
            await self._transport.patch(item(SECRETS, self._secret), msgspec.json.encode(patch))
        except (Refused, Unreachable) as error:
            raise write_error(error) from error
