"""The name server on a port: UDP, TCP, EDNS, truncation, and everything that is not a proper query."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import dns.asyncquery
import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.update
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.emulator.dns.server import DNSServer
from fleetdns.emulator.dns.zone import Snapshot
from tests.emulator_dns.snapshots import ORIGIN, dice, endpoint, profile

HOST = "127.0.0.1"
NAME = f"web.{ORIGIN}"
Ask = Callable[[DNSServer, dns.message.Message], Awaitable[dns.message.Message]]


def multivalue(count: int) -> dict[str, Any]:
    endpoints = (endpoint(f"e{number}", f"8.8.8.{number}") for number in range(count))
    return profile(*endpoints, name="many", method="MultiValue", maxReturn=count)


SNAPSHOT: Snapshot = (profile(endpoint("a", weight=3), endpoint("b", weight=1)), multivalue(100))


def unreachable() -> Snapshot:
    raise LookupError("nothing yet")


def dns_server(profiles: Callable[[], Snapshot] = lambda: SNAPSHOT) -> DNSServer:
    return DNSServer(profiles, dice())


@pytest.fixture
async def server() -> AsyncIterator[DNSServer]:
    async with dns_server() as server:
        yield server


async def over_udp(server: DNSServer, query: dns.message.Message) -> dns.message.Message:
    return await dns.asyncquery.udp(query, HOST, port=server.port, timeout=5)


async def over_tcp(server: DNSServer, query: dns.message.Message) -> dns.message.Message:
    return await dns.asyncquery.tcp(query, HOST, port=server.port, timeout=5)


def replied(query: dns.message.Message | bytes, *, profiles: Callable[[], Snapshot] = lambda: SNAPSHOT) -> bytes | None:
    """The reply without a socket."""
    wire = query if isinstance(query, bytes) else query.to_wire()
    return dns_server(profiles).reply(wire, HOST, over_tcp=False)


def rcode_of(reply: bytes | None) -> dns.rcode.Rcode:
    assert reply is not None
    return dns.message.from_wire(reply).rcode()


@pytest.mark.parametrize("ask", [over_udp, over_tcp], ids=["UDP", "TCP"])
async def test_a_name_is_answered_by_one_cname(server: DNSServer, ask: Ask) -> None:
    reply = await ask(server, dns.message.make_query("WeB.TrafficManager.net", "A"))
    (rrset,) = reply.answer
    assert (reply.rcode(), rrset.ttl, len(rrset)) == (dns.rcode.NOERROR, 60, 1)
    assert rrset[0].to_text() in ("a.example.com.", "b.example.com.")
    assert rrset.name.to_text() == "WeB.TrafficManager.net."
    assert reply.flags & dns.flags.AA


async def test_shares_over_the_wire_follow_the_weights(server: DNSServer) -> None:
    query = dns.message.make_query(NAME, "A")
    wire, total = query.to_wire(), 600
    counts: Counter[str] = Counter()
    for _ in range(total):
        reply = server.reply(wire, HOST, over_tcp=False)
        assert reply is not None
        counts[dns.message.from_wire(reply).answer[0][0].to_text()] += 1
    expected = {"a.example.com.": 0.75 * total, "b.example.com.": 0.25 * total}
    # Chi-square with one degree of freedom: 10.8 is passed by chance once in a thousand, and the dice are fixed.
    assert sum((counts[name] - number) ** 2 / number for name, number in expected.items()) < 10.8


async def test_a_large_answer_is_cut_over_udp_and_whole_over_tcp(server: DNSServer) -> None:
    query = dns.message.make_query(f"many.{ORIGIN}", "A")
    cut = await over_udp(server, query)
    assert (bool(cut.flags & dns.flags.TC), cut.answer) == (True, [])
    whole = await over_tcp(server, query)
    assert (bool(whole.flags & dns.flags.TC), len(whole.answer[0])) == (False, 100)


async def test_edns_makes_room_in_a_datagram() -> None:
    async with dns_server(lambda: (multivalue(60),)) as server:
        plain = dns.message.make_query(f"many.{ORIGIN}", "A")
        roomy = dns.message.make_query(f"many.{ORIGIN}", "A", use_edns=0, payload=4096)
        assert (await over_udp(server, plain)).flags & dns.flags.TC
        reply = await over_udp(server, roomy)
        assert (reply.edns, len(reply.answer[0])) == (0, 60)


async def test_several_queries_share_a_tcp_connection(server: DNSServer) -> None:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    wire = dns.message.make_query(NAME, "A").to_wire()
    writer.write((struct.pack("!H", len(wire)) + wire) * 3)
    for _ in range(3):
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        assert dns.message.from_wire(await reader.readexactly(length)).answer
    writer.close()


async def test_tcp_connections_are_bounded_and_their_places_free_again(server: DNSServer) -> None:
    held = [await asyncio.open_connection(HOST, server.port) for _ in range(64)]
    reader, writer = await asyncio.open_connection(HOST, server.port)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(1)
    writer.close()
    for _, other in held:
        other.close()
        await other.wait_closed()
    query = dns.message.make_query(NAME, "A")
    async with asyncio.timeout(5):
        while not await _answered(server, query):
            pass
    assert (await over_udp(server, query)).answer


async def _answered(server: DNSServer, query: dns.message.Message) -> bool:
    try:
        return bool((await over_tcp(server, query)).answer)
    except (EOFError, ConnectionError):
        return False


async def test_stopping_ends_open_connections() -> None:
    server = dns_server()
    await server.start()
    reader, writer = await asyncio.open_connection(HOST, server.port)
    wire = dns.message.make_query(NAME, "A").to_wire()
    writer.write(struct.pack("!H", len(wire)) + wire)
    await reader.readexactly(2)
    await server.stop()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(2_000)
    writer.close()


async def test_a_fragment_over_tcp_ends_the_conversation(server: DNSServer) -> None:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(b"\0\3abc")
    assert await reader.read() == b""
    writer.close()


async def test_a_port_that_is_taken_for_tcp_only_is_an_error_and_leaves_nothing_behind() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        server = dns_server()
        with pytest.raises(OSError, match="in use"):
            await server.start(port=port)
    await server.start(port=port)
    await server.stop()


async def test_a_port_that_is_taken_is_an_error(server: DNSServer) -> None:
    second = dns_server()
    with pytest.raises(OSError, match="in use"):
        await second.start(port=server.port)
    await second.stop()


@pytest.mark.parametrize(
    ("query", "rcode"),
    [
        pytest.param(dns.message.make_query("example.com", "A"), dns.rcode.REFUSED, id="another zone"),
        pytest.param(dns.message.make_query(NAME, "A", dns.rdataclass.CH), dns.rcode.REFUSED, id="another class"),
        pytest.param(dns.message.make_query(ORIGIN, "AXFR"), dns.rcode.REFUSED, id="a transfer"),
        pytest.param(dns.message.make_query(f"no.{ORIGIN}", "A"), dns.rcode.NXDOMAIN, id="no such name"),
        pytest.param(dns.message.make_query(ORIGIN, "A"), dns.rcode.NOERROR, id="the apex"),
        pytest.param(dns.message.make_query(NAME, "A", use_edns=1), dns.rcode.BADVERS, id="a later EDNS"),
        pytest.param(dns.update.UpdateMessage(ORIGIN), dns.rcode.NOTIMP, id="an update"),
    ],
)
def test_a_query_gets_the_code_it_deserves(query: dns.message.Message, rcode: dns.rcode.Rcode) -> None:
    assert rcode_of(replied(query)) == rcode


def test_a_negative_answer_carries_the_soa() -> None:
    reply = replied(dns.message.make_query(f"no.{ORIGIN}", "A"))
    assert reply is not None
    assert [rrset.rdtype.name for rrset in dns.message.from_wire(reply).authority] == ["SOA"]


def test_without_profiles_the_server_fails_softly() -> None:
    assert rcode_of(replied(dns.message.make_query(NAME, "A"), profiles=unreachable)) == dns.rcode.SERVFAIL


@pytest.mark.parametrize(
    ("wire", "rcode"),
    [
        pytest.param(struct.pack("!HHHHHH", 7, 0, 0, 0, 0, 0), dns.rcode.FORMERR, id="no question"),
        pytest.param(
            struct.pack("!HHHHHH", 7, 0, 2, 0, 0, 0), dns.rcode.FORMERR, id="two questions promised, none there"
        ),
        pytest.param(struct.pack("!HHHHHH", 7, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", dns.rcode.FORMERR, id="a loop"),
        pytest.param(struct.pack("!HHHHHH", 7, 0x1000, 0, 0, 0, 0), dns.rcode.NOTIMP, id="a status query"),
    ],
)
def test_what_cannot_be_read_gets_a_bare_header_with_its_id(wire: bytes, rcode: dns.rcode.Rcode) -> None:
    reply = replied(wire)
    assert reply is not None
    assert (reply[:2], len(reply), rcode_of(reply)) == (wire[:2], 12, rcode)


@pytest.mark.parametrize("wire", [b"", b"\0" * 11, struct.pack("!HHHHHH", 7, 0x8000, 1, 0, 0, 0)])
def test_fragments_and_responses_get_silence(wire: bytes) -> None:
    assert replied(wire) is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 79), st.binary(min_size=1, max_size=4))
def test_garbage_never_raises(noise: bytes, position: int, patch: bytes) -> None:
    proper = bytearray(dns.message.make_query(NAME, "A", use_edns=0, id=7).to_wire())
    proper[position : position + len(patch)] = patch
    for wire in (noise, bytes(proper)):
        reply = replied(wire)
        assert reply is None or len(reply) >= 12


def test_a_resolver_may_say_for_whom_it_asks() -> None:
    mapped = profile(endpoint("rest"), endpoint("net", subnets=[{"first": "1.2.3.0", "scope": 24}]), method="Subnet")
    query = dns.message.make_query(NAME, "A", use_edns=0, options=[dns.edns.ECSOption("1.2.3.0", 24)])
    reply = replied(query, profiles=lambda: (mapped,))
    assert reply is not None
    assert dns.message.from_wire(reply).answer[0][0].to_text() == "net.example.com."
