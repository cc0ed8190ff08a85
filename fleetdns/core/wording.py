"""Text for messages, whatever somebody else wrote into it: the API server refuses a status with an over-long one, for
ever, and what a member cluster writes is shown to others.
"""

from __future__ import annotations

from collections.abc import Iterable

NAMED = 10  # of a list, in a message
LONGEST = 512  # characters


def first_few(names: Iterable[str], *, named: int = NAMED) -> str:
    """A list for a message."""
    names = tuple(names)
    more = f" and {len(names) - named} more" if len(names) > named else ""
    return ", ".join(names[:named]) + more


def printable(text: str, *, longest: int = LONGEST) -> str:
    """One line of at most so many characters, without controls and marks that change how the rest is shown."""
    start = text[: 2 * longest]  # an annotation may be very long
    line = " ".join("".join(c if c.isprintable() else " " for c in start).split())
    return line if len(line) <= longest and len(text) == len(start) else line[: longest - 1].rstrip() + "…"
