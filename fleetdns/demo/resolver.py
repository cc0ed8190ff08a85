"""Asks the emulated name server, as a user's resolver would, and counts who is answered."""

from __future__ import annotations

import asyncio
from collections import Counter

import dns.asyncquery
import dns.message
import dns.rdatatype

_AT_ONCE = 50


async def shares(port: int, name: str, *, queries: int) -> Counter[str]:
    """How often each target is the answer to `queries` questions for `name`; empty when there is no such name."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask() -> str | None:
        question = dns.message.make_query(name, dns.rdatatype.A)
        async with gate:
            reply = await dns.asyncquery.udp(question, "127.0.0.1", port=port, timeout=5)
        targets = (str(record.target) for rrset in reply.answer for record in rrset if hasattr(record, "target"))
        return next(targets, None)

    answers = await asyncio.gather(*(ask() for _ in range(queries)))
    return Counter(target.rstrip(".") for target in answers if target is not None)


def follows(counted: Counter[str], weights: dict[str, int]) -> bool:
    """Whether counts are what chance makes of weights: each within five standard deviations of its share."""
    total, asked = sum(weights.values()), sum(counted.values())
    if set(counted) - set(weights) or not total or not asked:
        return False
    return all(
        abs(counted[target] - asked * weight / total) <= 5 * (asked * weight / total * (1 - weight / total)) ** 0.5
        for target, weight in weights.items()
    )
