"""Where tokens for Azure come from: the environment, workload identity, a managed identity, then the Azure CLI.

The first source that is configured and answers stays the one; azure-identity is imported only when one is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError

from fleetdns.azure.errors import cleaned
from fleetdns.errors import FleetDNSError, Forbidden, Unavailable

_HOW_TO = (
    "no Azure credential was found: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or "
    "AZURE_CLIENT_CERTIFICATE_PATH, or use workload identity or a managed identity, or sign in with az login"
)


class Credential:
    """Tokens from the first of `sources` that has any. Raises Forbidden and Unavailable, nothing of the SDK's own.

    Not a ChainedTokenCredential: that one folds a broken network and a refused secret into one kind of failure.
    """

    def __init__(self, sources: Sequence[AsyncTokenCredential]) -> None:
        self._sources = tuple(sources)
        self._chosen: AsyncTokenCredential | None = None

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for `scopes`; `options` as the SDK's policies give them."""
        for source in self._sources if self._chosen is None else (self._chosen,):
            token = await _token(source, scopes, options)
            if token is not None:
                self._chosen = source
                return token
        raise Forbidden("CredentialUnavailable", _HOW_TO)

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


def credential(*, authority: str, managed_identity_client_id: str | None = None) -> Credential:
    """The credential of this process. `authority`: the host that issues tokens in the cloud in use.

    `managed_identity_client_id` names a user-assigned identity (AZURE_CLIENT_ID); None takes the machine's own.
    """
    from azure.identity.aio import AzureCliCredential, EnvironmentCredential, ManagedIdentityCredential

    return Credential(
        (
            EnvironmentCredential(authority=authority),
            *_workload_identity(authority),
            # Probed first, briefly: off Azure its address does not answer, and the CLI's turn must come soon.
            ManagedIdentityCredential(client_id=managed_identity_client_id, _enable_imds_probe=True),
            AzureCliCredential(),
        )
    )


def _workload_identity(authority: str) -> tuple[AsyncTokenCredential, ...]:
    from azure.identity.aio import WorkloadIdentityCredential

    try:
        return (WorkloadIdentityCredential(authority=authority),)
    except ValueError:  # its variables are not set: this is no pod with workload identity
        return ()


async def _token(source: AsyncTokenCredential, scopes: tuple[str, ...], options: dict[str, Any]) -> AccessToken | None:
    """A token; None when this source is not configured here."""
    from azure.identity import CredentialUnavailableError

    try:
        return await source.get_token(*scopes, **options)
    except CredentialUnavailableError:
        return None
    except AzureError as error:
        raise _failure(error) from error


def _failure(error: AzureError) -> FleetDNSError:
    if isinstance(error, ClientAuthenticationError):
        return Forbidden("CredentialRefused", f"the Azure credential was refused: {cleaned(error.message)}")
    return Unavailable("TokenUnavailable", "the token service of Azure cannot be reached")
