"""The adapter against a server that plays a script: what goes over the wire, and what broken answers become."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import pytest
from azure.core.credentials import AccessToken

from fleetdns.azure.connection import open_traffic_manager
from fleetdns.azure.credential import Credential
from fleetdns.azure.trafficmanager import AzureTrafficManager, Timeouts
from fleetdns.emulator.hub.tls import make_identity
from fleetdns.errors import FleetDNSError, Forbidden, Rejected, Throttled, Transient, Unavailable, UsageError
from tests.azure.conftest import Calls, Open
from tests.azure.scripted import Answer, ScriptedServer
from tests.azure.values import (
    ENDPOINT_NAME,
    GROUP,
    REF,
    SUBSCRIPTION,
    delete,
    delete_endpoint,
    endpoint,
    endpoint_body,
    patch,
    profile,
    profile_body,
    put,
    put_endpoint,
)

API = "?api-version=2026-09-01"
GROUP_PATH = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/trafficManagerProfiles"


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(body).encode(), headers)


def error(status: int, code: str, **headers: str) -> Answer:
    return answer({"error": {"code": code, "message": "No."}}, status, **headers)


@pytest.fixture
async def manager(scripted: ScriptedServer, opened: Open) -> AzureTrafficManager:
    return await opened(scripted.url)


async def test_every_call_goes_to_its_address_and_hashes_are_escaped(
    scripted: ScriptedServer, manager: AzureTrafficManager
) -> None:
    profile_path = f"{GROUP_PATH}/{REF.name}".replace("trafficManagerProfiles", "trafficmanagerprofiles")
    endpoint_path = f"{profile_path}/azureEndpoints/{ENDPOINT_NAME.replace('#', '%23')}"
    scripted.answers = [
        answer(profile_body()),
        answer({"value": []}),
        answer({"value": []}),
        answer(profile_body()),
        answer(profile_body()),
        answer(endpoint_body(), 201),
        answer({}),
        answer({}),
    ]
    await manager.get(REF)
    await manager.list_group(SUBSCRIPTION, GROUP)
    await manager.list_subscription(SUBSCRIPTION)
    await manager.put_profile(put(profile()))
    await manager.patch_profile(patch(profile(), "tags"))
    await manager.put_endpoint(put_endpoint(endpoint()))
    await manager.delete_endpoint(delete_endpoint(endpoint()))
    await manager.delete_profile(delete())
    assert [(seen.method, seen.path) for seen in scripted.requests] == [
        ("GET", f"{GROUP_PATH}/{REF.name}{API}"),
        ("GET", f"{GROUP_PATH}{API}"),
        ("GET", f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/trafficManagerProfiles{API}"),
        ("PUT", profile_path + API),
        ("PATCH", profile_path + API),
        ("PUT", endpoint_path + API),
        ("DELETE", endpoint_path + API),
        ("DELETE", profile_path + API),
    ]
    assert {seen.headers["User-Agent"] for seen in scripted.requests} == {"fleetdns/0.1.0"}
    assert all(seen.headers["x-ms-client-request-id"] for seen in scripted.requests)


async def test_plain_http_sends_no_credential_and_never_makes_one(scripted: ScriptedServer, opened: Open) -> None:
    def never() -> Any:
        raise AssertionError("a credential was made")

    scripted.answers = [answer(profile_body())]
    manager = await opened(scripted.url, credential_of=never)
    await manager.get(REF)
    await manager.put_profile(put(profile()))
    assert ["Authorization" in seen.headers for seen in scripted.requests] == [False, False]


async def test_no_proxy_stands_between_us_and_our_own_loopback(
    scripted: ScriptedServer, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    scripted.answers = [answer(profile_body())]
    manager = await opened(scripted.url)
    assert await manager.get(REF) is not None


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://management.example.com", id="plain http to another machine"),
        pytest.param("http://10.0.0.1:80", id="plain http to an address that is not loopback"),
        pytest.param("management.azure.com", id="no scheme"),
        pytest.param("ftp://127.0.0.1", id="another scheme"),
        pytest.param("https://", id="no host"),
    ],
)
async def test_an_address_that_cannot_be_right_is_a_usage_error(url: str, calls: Calls) -> None:
    with pytest.raises(UsageError):
        async with open_traffic_manager(arm_endpoint=url, observer=calls):
            raise AssertionError("it was opened")


async def test_a_cloud_that_does_not_exist_is_a_usage_error(calls: Calls) -> None:
    with pytest.raises(UsageError):
        async with open_traffic_manager(cloud="mars", observer=calls):
            raise AssertionError("it was opened")


@pytest.mark.parametrize(
    ("scripted_answer", "expected", "code"),
    [
        pytest.param(
            Answer(502, b"<html>Bad Gateway</html>", content_type="text/html"), Unavailable, "BadGateway", id="a page"
        ),
        pytest.param(
            Answer(502, b"<html>", content_type="application/json"), Unavailable, "BadGateway", id="a page called JSON"
        ),
        pytest.param(Answer(500, b"", content_type=None), Unavailable, "InternalServerError", id="nothing"),
        pytest.param(Answer(fault="reset"), Unavailable, "ConnectionBroken", id="a reset"),
        pytest.param(
            Answer(403, b"<html>Forbidden</html>", content_type="text/html"), Forbidden, "Forbidden", id="a 403 page"
        ),
        pytest.param(error(429, "TooManyRequests", **{"Retry-After": "7"}), Throttled, "TooManyRequests", id="a 429"),
        pytest.param(
            error(400, "BadRequest", **{"Retry-After": "7"}), Rejected, "BadRequest", id="a 400 that may wait"
        ),
        pytest.param(
            error(409, "MissingSubscriptionRegistration"), Rejected, "MissingSubscriptionRegistration", id="no provider"
        ),
        pytest.param(Answer(202, b"{}"), Unavailable, "Accepted", id="accepted, not done"),
        pytest.param(Answer(301, headers={"Location": "/elsewhere"}), Unavailable, "MovedPermanently", id="moved"),
    ],
)
async def test_a_broken_answer_is_one_class_after_one_request(
    scripted: ScriptedServer,
    manager: AzureTrafficManager,
    scripted_answer: Answer,
    expected: type[FleetDNSError],
    code: str,
) -> None:
    scripted.answers = [scripted_answer]
    for call in (manager.put_profile(put(profile())), manager.get(REF), manager.delete_profile(delete())):
        with pytest.raises(FleetDNSError) as failure:
            await call
        assert (type(failure.value), failure.value.code) == (expected, code)
    assert len(scripted.requests) == 3


async def test_an_error_of_the_sdk_is_kept_as_the_cause(scripted: ScriptedServer, manager: AzureTrafficManager) -> None:
    scripted.answers = [error(400, "BadRequest")]
    with pytest.raises(Rejected) as failure:
        await manager.put_profile(put(profile()))
    assert failure.value.__cause__ is not None


@pytest.mark.parametrize("status", [200, 204])
async def test_an_empty_answer_to_a_delete_is_success(
    scripted: ScriptedServer, manager: AzureTrafficManager, status: int
) -> None:
    scripted.answers = [Answer(status, content_type=None)]
    await manager.delete_profile(delete())
    await manager.delete_endpoint(delete_endpoint(endpoint()))
    assert len(scripted.requests) == 2


async def test_not_found_is_absence_for_reads_and_deletes(
    scripted: ScriptedServer, manager: AzureTrafficManager
) -> None:
    scripted.answers = [error(404, "ResourceGroupNotFound")]
    assert await manager.get(REF) is None
    assert (await manager.list_group(SUBSCRIPTION, GROUP)).profiles == ()
    await manager.delete_profile(delete())
    await manager.delete_endpoint(delete_endpoint(endpoint()))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>Please sign in</html>", id="a page"),
        pytest.param(b'{"properties":null}', id="JSON of something else"),
    ],
)
async def test_success_with_a_body_nobody_understands_is_worth_another_look(
    scripted: ScriptedServer, manager: AzureTrafficManager, body: bytes
) -> None:
    scripted.answers = [Answer(200, body)]
    for call in (
        manager.get(REF),
        manager.list_group(SUBSCRIPTION, GROUP),
        manager.put_profile(put(profile())),
        manager.put_endpoint(put_endpoint(endpoint())),
        manager.is_name_available(SUBSCRIPTION, "shop"),
    ):
        with pytest.raises(Transient) as failure:
            await call
        assert failure.value.code == "UndecodableAnswer"


async def test_a_sign_in_page_with_status_200_is_called_no_json_and_nothing_of_the_parser_is_told(
    scripted: ScriptedServer, manager: AzureTrafficManager
) -> None:
    scripted.answers = [Answer(200, b"<html>Please sign in</html>", content_type="text/html")]
    for call in (manager.get(REF), manager.list_group(SUBSCRIPTION, GROUP), manager.put_profile(put(profile()))):
        with pytest.raises(Transient) as failure:
            await call
        assert failure.value.sentence == "Azure's answer was not understood: it is no JSON"


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        pytest.param("endpoint", lambda manager: manager.put_endpoint(put_endpoint(endpoint())), id="an endpoint"),
        pytest.param("profile", lambda manager: manager.put_profile(put(profile())), id="a profile"),
        pytest.param("listing", lambda manager: manager.list_group(SUBSCRIPTION, GROUP), id="a list"),
    ],
)
async def test_each_kind_of_call_has_its_own_patience(
    scripted: ScriptedServer,
    opened: Open,
    calls: Calls,
    kind: str,
    call: Callable[[AzureTrafficManager], Awaitable[object]],
) -> None:
    scripted.answers = [Answer(fault="hang")]
    patience = {"endpoint": 3600.0, "profile": 3600.0, "listing": 3600.0} | {kind: 0.01}
    manager = await opened(scripted.url, timeouts=Timeouts(**patience))
    with pytest.raises(Transient) as failure:
        await call(manager)
    assert failure.value.code == "Timeout"
    assert [told["code"] for told in calls.told] == ["Timeout"]


async def test_nobody_listening_is_transient(opened: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    manager = await opened(f"http://127.0.0.1:{port}")
    with pytest.raises(Transient) as failure:
        await manager.put_profile(put(profile()))
    assert failure.value.code == "ConnectionFailed"
    assert failure.value.sentence == f"Azure Resource Manager (127.0.0.1:{port}) cannot be reached"


async def test_silence_is_given_up_sooner_where_somebody_waits(scripted: ScriptedServer, opened: Open) -> None:
    scripted.answers = [Answer(fault="hang")]
    manager = await opened(scripted.url, timeouts=Timeouts(listing=3600.0), read_timeout=0.05)
    with pytest.raises(Unavailable) as failure:
        await manager.list_group(SUBSCRIPTION, GROUP)
    assert failure.value.code == "Timeout"
    assert scripted.url.removeprefix("http://") in failure.value.sentence


async def test_a_list_is_read_page_by_page(scripted: ScriptedServer, manager: AzureTrafficManager) -> None:
    following = f"{scripted.url}{GROUP_PATH}{API}&$skipToken=two"
    scripted.answers = [
        answer({"value": [profile_body("one")], "nextLink": following}),
        answer({"value": [profile_body("two")], "nextLink": None}),
    ]
    profiles = (await manager.list_group(SUBSCRIPTION, GROUP)).profiles
    assert [read.ref.name for read in profiles] == ["one", "two"]
    assert scripted.requests[1].path == f"{GROUP_PATH}{API}&$skipToken=two"


async def test_a_page_may_be_named_with_braces(scripted: ScriptedServer, manager: AzureTrafficManager) -> None:
    following = f"{scripted.url}{GROUP_PATH}{API}&$skipToken="
    scripted.answers = [
        answer({"value": [profile_body("one")], "nextLink": following + '{"p":2}'}),
        answer({"value": [profile_body("two")], "nextLink": following + "}{"}),
        answer({"value": [profile_body("three")]}),
    ]
    profiles = (await manager.list_group(SUBSCRIPTION, GROUP)).profiles
    assert [read.ref.name for read in profiles] == ["one", "two", "three"]
    assert unquote(scripted.requests[1].path).endswith('&$skipToken={"p":2}')


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("http://elsewhere.example.com/list?page=2", id="to another host"),
        pytest.param("https://127.0.0.1/list?page=2", id="to another scheme"),
        pytest.param("/list?page=2", id="without a host"),
    ],
)
async def test_a_list_is_not_followed_to_where_the_token_does_not_belong(
    scripted: ScriptedServer, manager: AzureTrafficManager, link: str
) -> None:
    scripted.answers = [answer({"value": [], "nextLink": link})]
    with pytest.raises(Transient):
        await manager.list_group(SUBSCRIPTION, GROUP)
    assert len(scripted.requests) == 1


async def test_a_list_that_leads_back_to_itself_ends(scripted: ScriptedServer, manager: AzureTrafficManager) -> None:
    scripted.answers = [answer({"value": [profile_body()], "nextLink": f"{scripted.url}{GROUP_PATH}{API}&p=2"})]
    with pytest.raises(Transient):
        await manager.list_group(SUBSCRIPTION, GROUP)
    assert len(scripted.requests) == 2


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(error(429, "TooManyRequests"), id="throttled"),
        pytest.param(error(404, "ResourceGroupNotFound"), id="not found"),
        pytest.param(Answer(502, b"<html>", content_type="text/html"), id="a page"),
    ],
)
async def test_half_a_list_is_no_list(scripted: ScriptedServer, manager: AzureTrafficManager, second: Answer) -> None:
    scripted.answers = [
        answer({"value": [profile_body()], "nextLink": f"{scripted.url}{GROUP_PATH}{API}&p=2"}),
        second,
    ]
    with pytest.raises(FleetDNSError):
        await manager.list_group(SUBSCRIPTION, GROUP)


async def test_a_profile_nobody_understands_is_told_each_time_and_logged_once(
    scripted: ScriptedServer, opened: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[str, str]] = []
    scripted.answers = [answer({"value": [profile_body("bad", dnsConfig=None), profile_body("good")]})]
    manager = await opened(scripted.url, on_undecodable=lambda name, because: told.append((name, because)))
    for _ in range(3):
        listing = await manager.list_group(SUBSCRIPTION, GROUP)
        assert [read.ref.name for read in listing.profiles] == ["good"]
        assert listing.unreadable == {"bad"}
    assert [name for name, _ in told] == ["bad"] * 3
    assert capsys.readouterr().out.count("profile not understood") == 1


@pytest.mark.parametrize("body", [b"", b'{"id": ', b"[]"], ids=["empty", "cut", "of another kind"])
async def test_an_answer_nobody_understands_is_told_by_its_name_each_time_and_logged_once(
    scripted: ScriptedServer, opened: Open, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    told: list[str] = []
    scripted.answers = [Answer(200, body)]
    manager = await opened(scripted.url, on_undecodable=lambda name, _: told.append(name))
    for _ in range(2):
        with pytest.raises(Transient):
            await manager.get(REF)
    assert capsys.readouterr().out.count("profile not understood") == 1
    with pytest.raises(Transient):
        await manager.put_endpoint(put_endpoint(endpoint()))
    assert told == [REF.name] * 3


async def test_a_profile_that_comes_as_it_was_is_the_same_value_in_the_next_list(
    scripted: ScriptedServer, manager: AzureTrafficManager
) -> None:
    quiet, other = profile_body("quiet", endpoints=[endpoint_body()]), profile_body("other")
    moved = profile_body("other", endpoints=[endpoint_body()])
    scripted.answers = [
        answer({"value": [quiet, other]}),
        answer({"value": [quiet, other]}),
        answer({"value": [moved, quiet]}),
    ]
    everything = (await manager.list_subscription(SUBSCRIPTION)).profiles
    first = (await manager.list_group(SUBSCRIPTION, GROUP)).profiles
    second = (await manager.list_group(SUBSCRIPTION, GROUP)).profiles
    assert all(now is before for now, before in zip(first, everything, strict=True))
    assert second[1] is first[0]
    assert [len(read.endpoints) for read in second] == [1, 1]


async def test_a_list_that_failed_half_way_is_not_what_the_next_one_is_compared_with(
    scripted: ScriptedServer, manager: AzureTrafficManager
) -> None:
    body = profile_body("one", endpoints=[endpoint_body()])
    scripted.answers = [
        answer({"value": [body]}),
        Answer(chunks=(json.dumps({"value": [body]}).encode()[:-30],), fault="reset"),
        answer({"value": [body]}),
    ]
    (before,) = (await manager.list_group(SUBSCRIPTION, GROUP)).profiles
    with pytest.raises(Transient) as failure:
        await manager.list_group(SUBSCRIPTION, GROUP)
    assert failure.value.code == "ConnectionBroken"
    (after,) = (await manager.list_group(SUBSCRIPTION, GROUP)).profiles
    assert after is before


async def test_a_list_of_megabytes_comes_through_gzip(scripted: ScriptedServer, manager: AzureTrafficManager) -> None:
    body = {"value": [profile_body(f"p{number}", endpoints=[endpoint_body()] * 2) for number in range(900)]}
    raw = json.dumps(body).encode()
    assert len(raw) > 1 << 20
    scripted.answers = [Answer(200, gzip.compress(raw, 1), {"Content-Encoding": "gzip"})]
    assert len((await manager.list_group(SUBSCRIPTION, GROUP)).profiles) == 900


ZIPPED = gzip.compress(json.dumps({"value": [profile_body(f"p{number}") for number in range(500)]}).encode())
ODD = b"\xff" * 400


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, b"<html>proxy</html>", id="a page"),
        pytest.param(502, b"<html>proxy</html>", id="a page with an error's status"),
        pytest.param(404, b"<html>proxy</html>", id="a page that says that there is nothing"),
        pytest.param(200, ZIPPED[:40] + ODD + ZIPPED[40 + len(ODD) :], id="one that was broken on the way"),
    ],
)
async def test_an_answer_that_is_not_compressed_as_it_says_tells_of_the_way_to_azure_and_of_nothing_else(
    scripted: ScriptedServer, manager: AzureTrafficManager, calls: Calls, status: int, body: bytes
) -> None:
    scripted.answers = [Answer(status, body, {"Content-Encoding": "gzip"})]
    for call in (
        manager.put_profile(put(profile())),
        manager.get(REF),
        manager.delete_profile(delete()),
        manager.put_endpoint(put_endpoint(endpoint())),
        manager.list_group(SUBSCRIPTION, GROUP),
        manager.list_subscription(SUBSCRIPTION),
    ):
        with pytest.raises(Unavailable) as failure:
            await call
        assert failure.value.code == "CorruptAnswer"
    assert {told["code"] for told in calls.told} == {"CorruptAnswer"}
    assert len(calls.told) == len(scripted.requests) == 6


class Tokens:
    """A credential that always has a token, or always fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.is_closed = False
        self._failure = failure

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked.append(scopes)
        if self._failure is not None:
            raise self._failure
        return AccessToken("a-token", 4_000_000_000)

    async def close(self) -> None:
        self.is_closed = True

    async def __aenter__(self) -> Tokens:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


@pytest.fixture(scope="module")
def identity() -> Any:
    return make_identity("127.0.0.1")


@pytest.fixture
async def secure(identity: Any) -> Any:
    server = ScriptedServer(answer(profile_body()), tls=identity.server_context())
    await server.start()
    yield server
    await server.stop()


async def test_https_with_an_authority_of_ones_own_sends_one_token_for_all_calls(
    secure: ScriptedServer, identity: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    (tmp_path / "ca.pem").write_bytes(identity.ca)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tokens = Tokens()
    async with open_traffic_manager(
        arm_endpoint=secure.url + "/", cloud="usgov", observer=calls, credential_of=lambda: tokens
    ) as manager:
        assert await manager.get(REF) is not None
        await manager.put_profile(put(profile()))
    assert [seen.headers["Authorization"] for seen in secure.requests] == ["Bearer a-token"] * 2
    assert tokens.asked == [("https://management.core.usgovcloudapi.net/.default",)]
    assert tokens.is_closed


async def test_a_certificate_of_a_stranger_is_not_trusted(secure: ScriptedServer, opened: Open) -> None:
    manager = await opened(secure.url, credential_of=Tokens)
    with pytest.raises(Transient) as failure:
        await manager.get(REF)
    assert failure.value.code == "CertificateNotTrusted"
    assert secure.requests == []


async def test_without_a_token_nothing_is_sent_and_the_missing_right_is_named(
    secure: ScriptedServer, opened: Open, calls: Calls
) -> None:
    manager = await opened(
        secure.url, credential_of=lambda: Tokens(Forbidden("CredentialUnavailable", "no credential"))
    )
    with pytest.raises(Forbidden):
        await manager.put_profile(put(profile()))
    assert secure.requests == []
    assert [told["code"] for told in calls.told] == ["CredentialUnavailable"]


async def test_a_token_that_is_refused_names_the_credential_that_it_came_from(
    secure: ScriptedServer, identity: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, opened: Open
) -> None:
    (tmp_path / "ca.pem").write_bytes(identity.ca)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    secure.answers = [error(401, "InvalidAuthenticationToken")]
    chosen = type("WorkloadIdentityCredential", (Tokens,), {})()
    manager = await opened(secure.url, credential_of=lambda: Credential((chosen,)))
    for call in (manager.get(REF), manager.put_profile(put(profile()))):
        with pytest.raises(Forbidden) as failure:
            await call
        assert failure.value.code == "InvalidAuthenticationToken"
        assert failure.value.sentence.startswith("No; the token was that of workload identity: check the client id")
