"""Profiles polled from an emulator in another process: they follow it, outlive it, and nothing else is believed."""

import asyncio

import aiohttp
import dns.message
import dns.rcode
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fleetdns.emulator.azure.server import AzureServer, steady_clock
from fleetdns.emulator.azure.service import TrafficManagerService
from fleetdns.emulator.dns.server import DNSServer
from fleetdns.emulator.dns.source import PolledProfiles
from tests.emulator_dns.snapshots import ORIGIN, dice

QUERY = dns.message.make_query(f"web.{ORIGIN}", "A").to_wire()


def rcode_of(server: DNSServer) -> dns.rcode.Rcode:
    reply = server.reply(QUERY, "127.0.0.1", over_tcp=False)
    assert reply is not None
    return dns.message.from_wire(reply).rcode()


async def test_the_answers_of_a_polled_emulator_follow_it_and_outlive_it() -> None:
    azure = AzureServer()
    await azure.start()
    source = PolledProfiles(f"{azure.url}/", interval=0.001)
    server = DNSServer(source, dice())
    assert rcode_of(server) == dns.rcode.SERVFAIL
    async with aiohttp.ClientSession() as session:
        assert await source.refresh(session)
        empty = source()
        assert await source.refresh(session)
        assert source() is empty
        azure.service.tamper("PUT", _profile_id(), _profile_body())
        assert await source.refresh(session)
        assert rcode_of(server) == dns.rcode.NOERROR
        await azure.stop()
        assert not await source.refresh(session)
    assert rcode_of(server) == dns.rcode.NOERROR


@pytest.mark.parametrize("body", [{}, [], {"profiles": None}], ids=["no profiles", "a list", "null"])
async def test_polling_something_else_keeps_the_server_failing_softly(body: object) -> None:
    async def answered(_request: web.Request) -> web.Response:
        return web.json_response(body)

    app = web.Application()
    app.router.add_get("/_emulator/profiles", answered)
    async with TestServer(app) as other, aiohttp.ClientSession() as session:
        source = PolledProfiles(str(other.make_url("/")))
        assert not await source.refresh(session)
        assert rcode_of(DNSServer(source, dice())) == dns.rcode.SERVFAIL


async def test_polling_goes_on_by_itself_until_it_is_cancelled() -> None:
    polled: asyncio.Queue[int] = asyncio.Queue()

    class Noticing(TrafficManagerService):
        def profiles(self) -> tuple[dict[str, object], ...]:
            polled.put_nowait(1)
            return super().profiles()

    async with AzureServer(Noticing(clock=steady_clock())) as azure:
        source = PolledProfiles(azure.url, interval=0.001)
        polling = asyncio.ensure_future(source.run())
        await polled.get()
        azure.service.tamper("PUT", _profile_id(), _profile_body())
        for _ in range(3):
            await polled.get()
        assert len(source()) == 1
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling


def _profile_id() -> str:
    return "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/trafficManagerProfiles/web"


def _profile_body() -> dict[str, object]:
    target = {"target": "a.example.com"}
    one = {
        "name": "a",
        "type": "Microsoft.Network/trafficManagerProfiles/externalEndpoints",
        "properties": target,
    }
    return {
        "location": "global",
        "properties": {
            "trafficRoutingMethod": "Weighted",
            "dnsConfig": {"relativeName": "web", "ttl": 60},
            "monitorConfig": {"protocol": "HTTP", "port": 80, "path": "/"},
            "endpoints": [one],
        },
    }
