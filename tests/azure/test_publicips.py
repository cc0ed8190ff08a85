"""Public IPs by REST: on the emulator, and on a server that plays a script of broken answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from fleetdns.azure.publicips import AzurePublicIPs, open_public_ips
from fleetdns.core.publicip import PublicIP
from fleetdns.emulator.azure.server import AzureServer
from fleetdns.emulator.azure.service import Behaviour, Fault
from fleetdns.errors import FleetDNSError, Forbidden, Rejected, Throttled, Transient, UsageError
from fleetdns.member.ports import PublicIPs
from tests.azure.conftest import Calls
from tests.azure.scripted import Answer, ScriptedServer
from tests.azure.values import SUBSCRIPTION

GROUP = "MC_nodes"
PATH = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/publicIPAddresses"
API = "?api-version=2024-05-01"

Open = Callable[[str], Awaitable[PublicIPs]]


@pytest.fixture
async def opened_ips(calls: Calls) -> AsyncIterator[Open]:
    """Opens adapters that are closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def open_one(url: str) -> AzurePublicIPs:
            return await stack.enter_async_context(open_public_ips(arm_endpoint=url, observer=calls))

        yield open_one


@pytest.fixture
async def public_ips(azure: AzureServer, opened_ips: Open) -> PublicIPs:
    return await opened_ips(azure.url)


@pytest.fixture
async def played(scripted: ScriptedServer, opened_ips: Open) -> PublicIPs:
    return await opened_ips(scripted.url)


def ip_path(name: str, group: str = GROUP) -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/publicIPAddresses/{name}"


def register(azure: AzureServer, name: str, address: str, *, label: str | None = None, group: str = GROUP) -> None:
    fqdn = None if label is None else f"{label}.eastus.cloudapp.azure.com"
    azure.service.set_public_ip(ip_path(name, group), fqdn, address=address)


def wire(*items: Any, **more: Any) -> Answer:
    return Answer(body=json.dumps({"value": items, **more}).encode())


def item(name: str, **properties: Any) -> dict[str, Any]:
    return {"id": ip_path(name), "name": name, "properties": properties}


# On the emulator


async def test_every_address_of_the_group_comes_with_its_label_and_none_of_another(
    azure: AzureServer, public_ips: PublicIPs, calls: Calls
) -> None:
    register(azure, "one", "20.0.0.1", label="app")
    register(azure, "two", "20.0.0.2")
    register(azure, "unborn", "")
    register(azure, "elsewhere", "20.0.0.3", group="MC_nodes2")
    found = await public_ips.list_group(SUBSCRIPTION, GROUP)
    assert sorted(found, key=lambda ip: ip.address) == [
        PublicIP(ip_path("one"), "20.0.0.1", "app"),
        PublicIP(ip_path("two"), "20.0.0.2"),
    ]
    assert [(told["operation"], told["code"]) for told in calls.told] == [("list_public_ips", "200")]


async def test_a_group_without_any_is_an_empty_answer(public_ips: PublicIPs) -> None:
    assert await public_ips.list_group(SUBSCRIPTION, GROUP) == ()


async def test_all_pages_are_read(azure: AzureServer, public_ips: PublicIPs, calls: Calls) -> None:
    azure.service.behaviour = Behaviour(page_size=3)
    for number in range(10):
        register(azure, f"ip-{number}", f"20.0.0.{number}", label=f"label-{number}")
    found = await public_ips.list_group(SUBSCRIPTION, GROUP)
    assert {ip.label for ip in found} == {f"label-{number}" for number in range(10)}
    assert len(calls.told) == 4


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(Fault(kind="throttled", retry_after=7), Throttled, id="throttled"),
        pytest.param(Fault(kind="forbidden"), Forbidden, id="forbidden"),
        pytest.param(Fault(status=503), Transient, id="unavailable"),
        pytest.param(Fault(drop=True), Transient, id="a connection that breaks"),
        pytest.param(Fault(status=400, code="InvalidApiVersionParameter"), Rejected, id="refused"),
    ],
)
async def test_a_failure_is_an_error_and_never_an_empty_list(
    azure: AzureServer, public_ips: PublicIPs, fault: Fault, kind: type[FleetDNSError]
) -> None:
    register(azure, "one", "20.0.0.1")
    azure.service.add_fault(fault)
    with pytest.raises(kind) as failure:
        await public_ips.list_group(SUBSCRIPTION, GROUP)
    if isinstance(failure.value, Throttled):
        assert failure.value.retry_after == 7
    azure.service.clear_faults()
    assert len(await public_ips.list_group(SUBSCRIPTION, GROUP)) == 1


@pytest.mark.parametrize(("unknown", "kind"), [("not-found", Rejected), ("forbidden", Forbidden)])
async def test_a_group_that_is_not_there_is_no_empty_one(
    azure: AzureServer, public_ips: PublicIPs, unknown: Any, kind: type[FleetDNSError]
) -> None:
    azure.service.behaviour = Behaviour(groups=frozenset({"other"}), unknown_group=unknown)
    with pytest.raises(kind):
        await public_ips.list_group(SUBSCRIPTION, GROUP)


async def test_a_subscription_that_is_not_there_is_no_empty_one(azure: AzureServer, public_ips: PublicIPs) -> None:
    azure.service.behaviour = Behaviour(subscriptions=frozenset())
    with pytest.raises(Rejected):
        await public_ips.list_group(SUBSCRIPTION, GROUP)


# What goes over the wire, and what comes


async def test_a_list_goes_to_its_address_and_a_group_is_one_part_of_it(
    scripted: ScriptedServer, played: PublicIPs
) -> None:
    scripted.answers = [wire()]
    await played.list_group(SUBSCRIPTION, GROUP)
    await played.list_group(SUBSCRIPTION, "a/b c?d#é")
    assert [(seen.method, seen.path) for seen in scripted.requests] == [
        ("GET", PATH + API),
        ("GET", PATH.replace(GROUP, "a%2Fb%20c%3Fd%23%C3%A9") + API),
    ]
    assert "Authorization" not in scripted.requests[0].headers


@pytest.mark.parametrize("group", ["", ".", "..", "..."])
async def test_a_group_whose_name_would_make_it_another_list_is_refused_before_anything_is_sent(
    scripted: ScriptedServer, played: PublicIPs, group: str
) -> None:
    scripted.answers = [wire()]
    with pytest.raises(Rejected):
        await played.list_group(SUBSCRIPTION, group)
    assert scripted.requests == []


async def test_items_without_what_we_ask_for_are_left_out_and_the_others_told(
    scripted: ScriptedServer, played: PublicIPs
) -> None:
    scripted.answers = [
        wire(
            {"id": ip_path("bare")},
            {"id": ip_path("null"), "properties": None},
            {"id": None, "properties": {"ipAddress": "20.0.0.9"}},
            {"properties": {"ipAddress": "20.0.0.8"}},
            None,
            item("unborn", ipAddress=None, dnsSettings={"domainNameLabel": "app"}),
            item("empty", ipAddress=""),
            item("plain", ipAddress="20.0.0.1", dnsSettings=None),
            item("no-label", ipAddress="20.0.0.2", dnsSettings={"domainNameLabel": None, "fqdn": "a.example"}),
            item("empty-label", ipAddress="20.0.0.3", dnsSettings={"domainNameLabel": ""}),
            item("six", ipAddress="2603:1030:0:0::00AB", dnsSettings={"domainNameLabel": "six", "reverseFqdn": None}),
            nextLink="",
        )
    ]
    assert await played.list_group(SUBSCRIPTION, GROUP) == (
        PublicIP(ip_path("plain"), "20.0.0.1"),
        PublicIP(ip_path("no-label"), "20.0.0.2"),
        PublicIP(ip_path("empty-label"), "20.0.0.3"),
        PublicIP(ip_path("six"), "2603:1030::ab", "six"),
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>Sign in</html>", id="a page of HTML"),
        pytest.param(b'{"value":[{"id":"/a"', id="half of it"),
        pytest.param(b"[]", id="a bare list"),
        pytest.param(b"{}", id="no list"),
        pytest.param(b'{"value":null}', id="null for the list"),
        pytest.param(b'{"value":["/a"]}', id="words for items"),
        pytest.param(b"\xff\xfe", id="bytes that are no text"),
    ],
)
async def test_a_good_status_with_a_body_that_is_none_is_transient_and_no_empty_list(
    scripted: ScriptedServer, played: PublicIPs, body: bytes
) -> None:
    scripted.answers = [Answer(body=body)]
    with pytest.raises(Transient):
        await played.list_group(SUBSCRIPTION, GROUP)


async def test_the_link_of_a_page_is_followed_as_it_is(scripted: ScriptedServer, played: PublicIPs) -> None:
    following = f"{scripted.url}{PATH}{API}&$skipToken=a%2Bb%3D"
    scripted.answers = [
        wire(item("one", ipAddress="20.0.0.1"), nextLink=following),
        wire(item("two", ipAddress="20.0.0.2"), nextLink=None),
    ]
    found = await played.list_group(SUBSCRIPTION, GROUP)
    assert [ip.address for ip in found] == ["20.0.0.1", "20.0.0.2"]
    assert scripted.requests[1].path == following.removeprefix(scripted.url)


@pytest.mark.parametrize("status", [404, 429, 500])
async def test_a_failure_on_a_later_page_is_no_shorter_list(
    scripted: ScriptedServer, played: PublicIPs, status: int
) -> None:
    refusal = json.dumps({"error": {"code": "ResourceGroupNotFound", "message": "No."}}).encode()
    scripted.answers = [
        wire(item("one", ipAddress="20.0.0.1"), nextLink=f"{scripted.url}{PATH}{API}&p=2"),
        Answer(status, refusal),
    ]
    with pytest.raises(FleetDNSError):
        await played.list_group(SUBSCRIPTION, GROUP)


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("http://elsewhere.example.com/list?page=2", id="to another host"),
        pytest.param("https://127.0.0.1:1/list?page=2", id="to another port"),
        pytest.param("/list?page=2", id="to no host"),
    ],
)
async def test_a_link_that_leads_away_is_not_followed(scripted: ScriptedServer, played: PublicIPs, link: str) -> None:
    scripted.answers = [wire(item("one", ipAddress="20.0.0.1"), nextLink=link)]
    with pytest.raises(Transient):
        await played.list_group(SUBSCRIPTION, GROUP)
    assert len(scripted.requests) == 1


async def test_a_list_that_goes_in_circles_ends(scripted: ScriptedServer, played: PublicIPs) -> None:
    scripted.answers = [wire(item("one", ipAddress="20.0.0.1"), nextLink=f"{scripted.url}{PATH}{API}&p=2")]
    with pytest.raises(Transient):
        await played.list_group(SUBSCRIPTION, GROUP)
    assert len(scripted.requests) == 2


async def test_many_addresses_are_one_answer(scripted: ScriptedServer, played: PublicIPs) -> None:
    many = [
        item(
            f"ip-{n}", ipAddress=f"20.1.{n // 256}.{n % 256}", dnsSettings={"domainNameLabel": f"l{n}", "x": "y" * 200}
        )
        for n in range(5000)
    ]
    scripted.answers = [wire(*many)]
    found = await played.list_group(SUBSCRIPTION, GROUP)
    assert len({ip.address for ip in found}) == 5000


async def test_a_message_of_azures_loses_what_differs_each_time(scripted: ScriptedServer, played: PublicIPs) -> None:
    sentences = set()
    for number in range(2):
        body = {"error": {"code": "AuthorizationFailed", "message": f"No. Request ID: 0000-{number}"}}
        scripted.answers = [Answer(403, json.dumps(body).encode())]
        with pytest.raises(Forbidden) as failure:
            await played.list_group(SUBSCRIPTION, GROUP)
        sentences.add(failure.value.sentence)
    assert len(sentences) == 1


async def test_plain_http_off_loopback_is_a_usage_error(calls: Calls) -> None:
    with pytest.raises(UsageError):
        async with open_public_ips(arm_endpoint="http://management.example.com", observer=calls):
            raise AssertionError("it was opened")


async def test_no_credential_is_made_for_plain_http(scripted: ScriptedServer, calls: Calls) -> None:
    def never() -> Any:
        raise AssertionError("a credential was made")

    scripted.answers = [wire()]
    async with open_public_ips(arm_endpoint=scripted.url, observer=calls, credential_of=never) as public_ips:
        assert await public_ips.list_group(SUBSCRIPTION, GROUP) == ()
