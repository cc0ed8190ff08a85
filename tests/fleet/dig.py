"""Stands in for `dig +short` where a document asks the emulated name server: dig +short NAME, or dig +short -f -.

The name server's port is in FLEETDNS_TEST_DNS_PORT. Each answer is a line, as dig prints it.
"""

from __future__ import annotations

import asyncio
import os
import sys

import dns.asyncquery
import dns.message
import dns.rdatatype

_AT_ONCE = 50


async def answers(name: str, gate: asyncio.Semaphore) -> list[str]:
    """What is answered for one name; nothing where there is no such name."""
    question = dns.message.make_query(name, dns.rdatatype.A)
    async with gate:
        reply = await dns.asyncquery.udp(
            question, "127.0.0.1", port=int(os.environ["FLEETDNS_TEST_DNS_PORT"]), timeout=5
        )
    return [record.to_text() for rrset in reply.answer for record in rrset]


async def main(arguments: list[str]) -> None:
    """Ask for every name."""
    names = [word for word in arguments if not word.startswith(("+", "-"))]
    if "-f" in arguments:
        names = sys.stdin.read().split()
    gate = asyncio.Semaphore(_AT_ONCE)
    for lines in await asyncio.gather(*(answers(name, gate) for name in names)):
        for line in lines:
            print(line)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
