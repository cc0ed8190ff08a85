"""The garbage collector kept off what stays: the modules, and the caches once they are whole.

A full collection looks at everything that may be part of a cycle: 0.08 s for the modules alone, 0.4 s where the caches
hold 40,000 objects, and the event loop stands still meanwhile. Whatever is set aside is still freed when nobody refers
to it any more; only a cycle in it would never be found.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_USUAL = gc.get_threshold()
_NEVER = 1_000_000  # collections of the middle generation before a full one


def set_aside() -> None:
    """Keep the collector off everything there is; what can be freed is freed before."""
    gc.collect()
    gc.freeze()


@contextmanager
def filling() -> Iterator[None]:
    """While caches fill there is no full collection; what they hold is set aside when the block ends."""
    gc.set_threshold(*_USUAL[:2], _NEVER)
    try:
        yield
        gc.collect(1)
        gc.freeze()
    finally:
        gc.set_threshold(*_USUAL)  # whatever it was: another controller in this process may be filling, too
