"""Where a token comes from, in people's words: what it is called, and what to look at when it is no good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """One way to a token. `server`: who gives them, None for the token service of the cloud in use."""

    name: str
    check: str
    server: str | None = None


VARIABLES = "check AZURE_TENANT_ID and AZURE_CLIENT_ID, and whether the secret or certificate has expired"
UNKNOWN = Origin("the credential in use", "check it")

# By the SDK's names: azure-identity itself is imported only where a token is needed.
_ORIGINS: Mapping[str, Origin] = {
    "EnvironmentCredential": Origin("the application's secret or certificate", VARIABLES),
    "WorkloadIdentityCredential": Origin(
        "workload identity",
        "check the client id at the ServiceAccount, and the federated credential's issuer, subject and audience "
        "(docs/deploy.md)",
    ),
    "ManagedIdentityCredential": Origin(
        "the managed identity",
        "check that it is assigned to this machine, and that AZURE_CLIENT_ID names it where there are several",
        "the identity service of this machine",
    ),
    "AzureCliCredential": Origin(
        "the Azure CLI", "sign in with az login, and see az account show", "the Azure CLI of this machine"
    ),
}


def origin(source: object) -> Origin:
    """What a credential of the SDK's is called."""
    return _ORIGINS.get(type(source).__name__, UNKNOWN)
