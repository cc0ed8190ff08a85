"""Tells the story a line at a time, and stops it at the first step that does not come true."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TextIO, TypeVar

T = TypeVar("T")

PATIENCE = 15.0
_PAUSE = 0.02


class StepFailed(Exception):
    """A step of the story did not come true; the text says which and what was seen instead."""


class Narrator:
    """Prints steps, what was applied, which calls reached Azure, and what was found true."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._step = ""
        self.steps = 0
        self.checks = 0

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step = title
        self.steps += 1
        self._print(f"\n{self.steps:2}. {title}")

    def applied(self, what: str) -> None:
        self._print(f"      applied   {what}")

    def deleted(self, what: str) -> None:
        self._print(f"      deleted   {what}")

    def by_hand(self, what: str) -> None:
        """What somebody else does in Azure."""
        self._print(f"      by hand   {what}")

    def calls(self, calls: Iterable[str]) -> None:
        """The writes and reads that Azure saw since the last step."""
        self._print(f"      azure     {_counted(calls) or 'no call'}")

    def answers(self, shares: Iterable[str]) -> None:
        self._print(f"      dns       {', '.join(shares) or 'no such name'}")

    def note(self, text: str) -> None:
        self._print(f"                {text}")

    def check(self, claim: str, *, holds: bool, seen: object) -> None:
        """A claim that must be true now."""
        if not holds:
            raise StepFailed(f"step {self.steps} ({self._step}): not true that {claim}; seen: {seen}")
        self.checks += 1
        self._print(f"      true      {claim}")

    async def until(
        self, claim: str, look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], *, within: float = PATIENCE
    ) -> T:
        """A claim that must become true within so many seconds; gives what was seen then."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            seen = await look()
            if holds(seen):
                self.check(claim, holds=True, seen=seen)
                return seen
            if loop.time() > deadline:
                self.check(f"{claim} (waited {within:g} s)", holds=False, seen=seen)
            await asyncio.sleep(_PAUSE)

    def say(self, text: str = "") -> None:
        self._print(text)

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def _counted(calls: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for call in calls:
        counts[call] = counts.get(call, 0) + 1
    return ", ".join(name if number == 1 else f"{number} x {name}" for name, number in counts.items())
