"""Where tokens come from, in which order, and what their absence is called."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError

from fleetdns.azure.clouds import CLOUDS
from fleetdns.azure.credential import Credential, credential
from fleetdns.errors import FleetDNSError, Forbidden, Unavailable, UsageError


class Source:
    """One place to get a token from: it answers, or raises, and counts."""

    def __init__(self, outcome: str | Exception) -> None:
        self.outcome = outcome
        self.asked = 0
        self.is_closed = False

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return AccessToken(self.outcome, 4_000_000_000)

    async def close(self) -> None:
        self.is_closed = True

    async def __aenter__(self) -> Source:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def unavailable() -> Source:
    return Source(CredentialUnavailableError("not here"))


async def test_the_first_source_that_has_a_token_gives_it_and_stays() -> None:
    absent, present, later = unavailable(), Source("second"), Source("third")
    tokens = Credential((absent, present, later))
    assert [(await tokens.get_token("scope")).token for _ in range(2)] == ["second", "second"]
    assert (absent.asked, present.asked, later.asked) == (1, 2, 0)


async def test_without_any_source_the_error_says_what_to_set() -> None:
    with pytest.raises(Forbidden) as failure:
        await Credential((unavailable(), unavailable())).get_token("scope")
    assert failure.value.code == "CredentialUnavailable"
    for way in ("AZURE_CLIENT_ID", "workload identity", "managed identity", "az login"):
        assert way in failure.value.sentence


class AzureCliCredential(Source):
    """Is called as the SDK's is."""


async def test_a_source_that_gives_no_token_any_more_is_named_and_nothing_is_said_of_others() -> None:
    cli = AzureCliCredential("token")
    tokens = Credential((cli,))
    await tokens.get_token("scope")
    cli.outcome = CredentialUnavailableError("the claims of a challenge cannot be met")
    with pytest.raises(Forbidden) as failure:
        await tokens.get_token("scope")
    assert failure.value.code == "CredentialUnavailable"
    assert failure.value.sentence.startswith("the Azure CLI gives no token any more; sign in with az login")


@pytest.mark.parametrize(
    ("raised", "expected", "code"),
    [
        pytest.param(ClientAuthenticationError("AADSTS7000215: no"), Forbidden, "CredentialRefused", id="a bad secret"),
        pytest.param(
            ServiceRequestError("no route"), Unavailable, "TokenUnavailable", id="no way to the token service"
        ),
    ],
)
async def test_a_source_that_is_configured_and_fails_is_not_passed_over(
    raised: Exception, expected: type[FleetDNSError], code: str
) -> None:
    later = Source("wrong identity")
    with pytest.raises(FleetDNSError) as failure:
        await Credential((Source(raised), later)).get_token("scope")
    assert (type(failure.value), failure.value.code, later.asked) == (expected, code, 0)


async def test_a_refusal_is_told_without_trace_ids_and_times() -> None:
    message = (
        "AADSTS7000215: Invalid client secret. Trace ID: 12345678-90ab-cdef-1234-567890abcdef "
        "Correlation ID: 12345678-90ab-cdef-1234-567890abcdef Timestamp: 2026-01-02 03:04:05Z"
    )
    with pytest.raises(Forbidden) as failure:
        await Credential((Source(ClientAuthenticationError(message)),)).get_token("scope")
    assert "AADSTS7000215" in failure.value.sentence
    assert "1234567" not in failure.value.sentence
    assert "2026" not in failure.value.sentence


@pytest.mark.parametrize(
    ("kind", "name", "check"),
    [
        ("EnvironmentCredential", "the application's secret or certificate", "AZURE_TENANT_ID"),
        ("WorkloadIdentityCredential", "workload identity", "federated credential"),
        ("ManagedIdentityCredential", "the managed identity", "AZURE_CLIENT_ID"),
        ("AzureCliCredential", "the Azure CLI", "az login"),
    ],
)
async def test_a_refusal_names_the_credential_and_what_to_check_in_no_words_of_the_librarys(
    kind: str, name: str, check: str
) -> None:
    source = type(kind, (Source,), {})(ClientAuthenticationError("Authentication failed: <urllib3 object at 0x7f>"))
    with pytest.raises(Forbidden) as failure:
        await Credential((source,)).get_token("scope")
    assert failure.value.sentence.startswith(f"Azure gives no token for {name}; ")
    assert check in failure.value.sentence
    assert "urllib3" not in failure.value.sentence


async def test_a_token_service_that_is_away_is_named() -> None:
    away = type("WorkloadIdentityCredential", (Source,), {})(ServiceRequestError("no route"))
    with pytest.raises(Unavailable) as failure:
        await Credential((away,), authority="login.example").get_token("scope")
    assert "login.example" in failure.value.sentence
    assert "workload identity" in failure.value.sentence
    assert "no route" not in failure.value.sentence


async def test_the_credential_that_gave_the_token_is_known_by_name() -> None:
    chosen = type("AzureCliCredential", (Source,), {})("token")
    tokens = Credential((unavailable(), chosen))
    await tokens.get_token("scope")
    assert tokens.origin.name == "the Azure CLI"


async def test_closing_closes_every_source() -> None:
    sources = (unavailable(), Source("token"))
    async with Credential(sources):
        pass
    assert [source.is_closed for source in sources] == [True, True]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(
            {}, ["EnvironmentCredential", "ManagedIdentityCredential", "AzureCliCredential"], id="outside a cluster"
        ),
        pytest.param(
            {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "/token"},
            [
                "EnvironmentCredential",
                "WorkloadIdentityCredential",
                "ManagedIdentityCredential",
                "AzureCliCredential",
            ],
            id="with workload identity",
        ),
    ],
)
async def test_sources_are_asked_in_the_documented_order(
    variables: dict[str, str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    async with credential(authority=CLOUDS["public"].authority) as tokens:
        assert [type(source).__name__ for source in tokens._sources] == expected


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        pytest.param(FileNotFoundError(2, "No such file", "/var/token"), "/var/token cannot be read", id="no file"),
        pytest.param(ValueError("raw words"), "what it is made from is malformed", id="a file of another kind"),
    ],
)
async def test_a_credential_whose_file_is_not_there_is_a_refusal_and_no_bug(raised: Exception, says: str) -> None:
    source = type("WorkloadIdentityCredential", (Source,), {})(raised)
    with pytest.raises(Forbidden) as failure:
        await Credential((source,)).get_token("scope")
    assert failure.value.code == "CredentialUnusable"
    assert f"workload identity: {says}" in failure.value.sentence
    assert "federated credential" in failure.value.sentence
    assert "raw words" not in failure.value.sentence


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        pytest.param(
            {"AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere/cert.pem"}, "/nowhere/cert.pem cannot be read", id="no file"
        ),
        pytest.param({"AZURE_CLIENT_SECRET": "s", "AZURE_TENANT_ID": "no tenant!"}, "malformed", id="no tenant's id"),
    ],
)
async def test_variables_that_no_credential_can_be_made_from_are_wrong_usage(
    variables: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"} | variables).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="AZURE_TENANT_ID and AZURE_CLIENT_ID") as failure:
        credential(authority=CLOUDS["public"].authority)
    assert says in str(failure.value)
