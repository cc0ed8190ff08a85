"""Says what is waited for, where somebody sits at a terminal and nothing has happened for some seconds."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fleetdns.commands.terminal import note

_QUIET = 3.0  # seconds; less than that nobody wonders about


class Patience:
    """Called with what a block waits for. `quiet`: seconds after which that is told of, on stderr."""

    def __init__(self, *, is_watched: bool, quiet: float = _QUIET) -> None:
        self._is_watched = is_watched
        self._quiet = quiet

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        if not self._is_watched:
            yield
            return
        telling = asyncio.get_running_loop().call_later(self._quiet, note, f"waiting for {what}")
        try:
            yield
        finally:
            telling.cancel()


def patience() -> Patience:
    """Talks where stderr is a terminal; a file or a pipe gets nothing but what matters."""
    return Patience(is_watched=sys.stderr.isatty())
