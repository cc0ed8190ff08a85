"""Where tokens for Azure come from: the environment, workload identity, a managed identity, then the Azure CLI.

The first source that is configured and answers stays the one; azure-identity is imported only when one is needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError

from fleetdns.azure.origin import UNKNOWN, VARIABLES, Origin, origin
from fleetdns.errors import FleetDNSError, Forbidden, Unavailable, UsageError

_HOW_TO = (
    "no Azure credential was found: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or "
    "AZURE_CLIENT_CERTIFICATE_PATH, or use workload identity or a managed identity, or sign in with az login"
)
# Of the SDK's, for a file that is not there or may not be read, and for ids and PEM that are none.
_UNUSABLE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, ValueError)
# What Microsoft Entra says, its first sentence: those after it hold ids and times.
_ENTRA = re.compile(r"\bAADSTS\d+: .{1,240}?(?=\.(?:\s|$)|$)")


class Credential:
    """Tokens from the first of `sources` that has any. Raises Forbidden and Unavailable, nothing of the SDK's own.

    Not a ChainedTokenCredential: that one folds a broken network and a refused secret into one kind of failure.
    """

    def __init__(self, sources: Sequence[AsyncTokenCredential], *, authority: str = "") -> None:
        """`authority`: the host that issues tokens, for whoever has to be told that it cannot be reached."""
        self._sources = tuple(sources)
        self._authority = authority
        self._chosen: AsyncTokenCredential | None = None

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for `scopes`; `options` as the SDK's policies give them."""
        for source in self._sources if self._chosen is None else (self._chosen,):
            token = await self._token(source, scopes, options)
            if token is not None:
                self._chosen = source
                return token
        if self._chosen is not None:
            raise Forbidden("CredentialUnavailable", f"{self.origin.name} gives no token any more; {self.origin.check}")
        raise Forbidden("CredentialUnavailable", _HOW_TO)

    @property
    def origin(self) -> Origin:
        """Where the tokens come from."""
        return UNKNOWN if self._chosen is None else origin(self._chosen)

    async def close(self) -> None:
        for source in self._sources:
            await source.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.close()

    async def _token(
        self, source: AsyncTokenCredential, scopes: tuple[str, ...], options: dict[str, Any]
    ) -> AccessToken | None:
        """A token; None when this source is not configured here."""
        from azure.identity import CredentialUnavailableError

        try:
            return await source.get_token(*scopes, **options)
        except CredentialUnavailableError:
            return None
        except AzureError as error:
            raise _failure(error, origin(source), self._authority) from error
        except _UNUSABLE as error:
            of = origin(source)
            because = f"Azure gives no token for {of.name}: {_unusable(error)}; {of.check}"
            raise Forbidden("CredentialUnusable", because) from error


def credential(*, authority: str, managed_identity_client_id: str | None = None) -> Credential:
    """The credential of this process. `authority`: the host that issues tokens in the cloud in use. Raises UsageError.

    `managed_identity_client_id` names a user-assigned identity (AZURE_CLIENT_ID); None takes the machine's own.
    """
    from azure.identity.aio import AzureCliCredential, EnvironmentCredential, ManagedIdentityCredential

    return Credential(
        (
            _from_environment(lambda: EnvironmentCredential(authority=authority)),
            *_workload_identity(authority),
            # Probed first, briefly: off Azure its address does not answer, and the CLI's turn must come soon.
            ManagedIdentityCredential(client_id=managed_identity_client_id, _enable_imds_probe=True),
            AzureCliCredential(),
        ),
        authority=authority,
    )


def _from_environment(make: Callable[[], AsyncTokenCredential]) -> AsyncTokenCredential:
    try:
        return make()
    except _UNUSABLE as error:
        raise UsageError(
            f"no Azure credential can be made from the variables: {_unusable(error)}; {VARIABLES}"
        ) from error


def _unusable(error: OSError | ValueError) -> str:
    """Not in the library's words: it says them to developers."""
    named = error.filename if isinstance(error, OSError) else None
    return f"{named} cannot be read" if named else "what it is made from is malformed"


def _workload_identity(authority: str) -> tuple[AsyncTokenCredential, ...]:
    from azure.identity.aio import WorkloadIdentityCredential

    try:
        return (WorkloadIdentityCredential(authority=authority),)
    except ValueError:  # its variables are not set: this is no pod with workload identity
        return ()


def _failure(error: AzureError, of: Origin, authority: str) -> FleetDNSError:
    """The library's own words stay out of it: they differ from one try to the next."""
    if not isinstance(error, ClientAuthenticationError):
        server = of.server or f"the token service of Azure{f' ({authority})' if authority else ''}"
        return Unavailable("TokenUnavailable", f"{server} gives no token for {of.name}: it cannot be reached, or fails")
    said = _ENTRA.search(" ".join(error.message.split()))
    because = f": {said[0].rstrip('.')}" if said else ""
    return Forbidden("CredentialRefused", f"Azure gives no token for {of.name}{because}; {of.check}")
