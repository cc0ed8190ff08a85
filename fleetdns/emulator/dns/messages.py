"""One DNS message in, one out, as bytes. Garbage gets FORMERR or silence, never an exception.

received                          | sent
too short, or itself a response   | nothing
not a query                       | NOTIMP
unreadable, or not one question   | FORMERR
an EDNS version other than 0      | BADVERS
another class, zone or transfer   | REFUSED
no profiles to answer from        | SERVFAIL
does not fit into the datagram    | the TC bit and no records
"""

import ipaddress
import struct
from collections.abc import Callable
from random import Random

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from fleetdns.emulator.dns.answers import Answer, Record, answer
from fleetdns.emulator.dns.choice import Client
from fleetdns.emulator.dns.zone import Zone

UDP_PAYLOAD = 1232  # what fits into any path without fragments
_HEADER = struct.Struct("!HHHHHH")
_QR, _OPCODE, _RD = 0x8000, 0x7800, 0x0100
_TRANSFERS = (dns.rdatatype.AXFR, dns.rdatatype.IXFR)


def reply_to(query: bytes, zone: Callable[[], Zone], random: Random, *, client: Client, over_tcp: bool) -> bytes | None:
    """The reply to one message; None for silence. `zone` raises LookupError while it has nothing to answer from."""
    if len(query) < _HEADER.size:
        return None
    ident, flags, *_ = _HEADER.unpack_from(query)
    if flags & _QR:
        return None
    if flags & _OPCODE:
        return _bare(ident, flags, dns.rcode.NOTIMP)
    try:
        asked = dns.message.from_wire(query)
        if len(asked.question) != 1:
            return _bare(ident, flags, dns.rcode.FORMERR)
        return _fitting(_reply(asked, zone, random, client), asked, over_tcp=over_tcp)
    except (dns.exception.DNSException, ValueError, struct.error):
        return _bare(ident, flags, dns.rcode.FORMERR)


def _reply(asked: dns.message.Message, zone: Callable[[], Zone], random: Random, client: Client) -> dns.message.Message:
    reply = dns.message.make_response(asked, our_payload=UDP_PAYLOAD)
    reply.flags |= dns.flags.AA
    if asked.edns > 0:
        reply.use_edns(0, payload=UDP_PAYLOAD)
        reply.set_rcode(dns.rcode.BADVERS)
        return reply
    question = asked.question[0]
    if question.rdclass != dns.rdataclass.IN or question.rdtype in _TRANSFERS:
        reply.set_rcode(dns.rcode.REFUSED)
        return reply
    try:
        held = zone()
    except LookupError:
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply
    name, rdtype = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
    found = answer(held, name, rdtype, random, client=_as_told(client, asked))
    _fill(reply, found)
    return reply


def _as_told(client: Client, asked: dns.message.Message) -> Client:
    """A resolver may say, by EDNS client subnet, for whom it asks."""
    for option in asked.options:
        if isinstance(option, dns.edns.ECSOption):
            return Client(ipaddress.ip_address(option.address), client.region, client.places)
    return client


def _fill(reply: dns.message.Message, found: Answer) -> None:
    reply.set_rcode(dns.rcode.from_text(found.rcode))
    reply.answer.extend(_rrsets(found.records))
    reply.authority.extend(_rrsets(found.authority))
    if found.rcode == "REFUSED":
        reply.flags &= ~dns.flags.AA


def _rrsets(records: tuple[Record, ...]) -> list[dns.rrset.RRset]:
    """Records of one name and type are one set; DNS knows no duplicates in it."""
    sets = dict.fromkeys((record.name, record.ttl, record.type) for record in records)
    return [
        dns.rrset.from_text_list(
            name, ttl, "IN", rdtype, [item.text for item in records if (item.name, item.type) == (name, rdtype)]
        )
        for name, ttl, rdtype in sets
    ]


def _fitting(reply: dns.message.Message, asked: dns.message.Message, *, over_tcp: bool) -> bytes:
    limit = 65_535 if over_tcp else min(max(asked.payload, 512), UDP_PAYLOAD) if asked.edns >= 0 else 512
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        reply.answer.clear()
        reply.authority.clear()
        reply.flags |= dns.flags.TC
        return reply.to_wire(max_size=limit)


def _bare(ident: int, flags: int, rcode: dns.rcode.Rcode) -> bytes:
    """Only a header: there is no question that could be trusted."""
    return _HEADER.pack(ident, _QR | flags & (_OPCODE | _RD) | rcode, 0, 0, 0, 0)
