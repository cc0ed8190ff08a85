"""How long a stream may be silent: a timer that begins anew with every word."""

import asyncio

_GRAIN = 0.1  # seconds


def begin_anew(silence: asyncio.Timeout, patience: float, *, now: float) -> None:
    """Count from now on, give or take _GRAIN: to set the timer for each of many lines is dearer than to read them."""
    until = silence.when()
    if until is None or until - now < patience - _GRAIN:
        silence.reschedule(now + patience)
