"""Faults on order: what the hub does wrong to the next matching requests, and to the watches that are open now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleetdns.emulator.hub.status import PageNotFound, StatusError, too_many_requests
from fleetdns.emulator.hub.streams import Streams

_INITIALIZING = "storage is (re)initializing"


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is cut without an answer."""


@dataclass(frozen=True, slots=True)
class Hang:
    """The connection stays open and nothing ever comes: a half-open peer."""


@dataclass(frozen=True, slots=True)
class Slow:
    """The request is served after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refuse:
    """The request is answered with this error."""

    error: StatusError


@dataclass(frozen=True, slots=True)
class EndWatch:
    """The watch is opened, and ends at once with this error as its ERROR event."""

    error: StatusError


Fault = Drop | Hang | Slow | Refuse | EndWatch


@dataclass(frozen=True, slots=True)
class Target:
    """Which requests are meant; empty words mean any. verb is Kubernetes' (list, watch, patch, ...)."""

    verb: str = ""
    plural: str = ""

    def meets(self, verb: str, plural: str) -> bool:
        return self.verb in ("", verb) and self.plural in ("", plural)


@dataclass(slots=True)
class Order:
    fault: Fault
    target: Target
    left: int | None  # None: until cleared


class Faults:
    """Orders are met in the order they were given; times None lasts until `clear`."""

    def __init__(self, streams: Streams, *, compact: Callable[[], None]) -> None:
        self._streams = streams
        self._compact = compact
        self._orders: list[Order] = []

    def drop(self, *, verb: str = "", plural: str = "", times: int | None = 1) -> None:
        self._order(Drop(), verb, plural, times)

    def hang(self, *, verb: str = "", plural: str = "", times: int | None = 1) -> None:
        self._order(Hang(), verb, plural, times)

    def slow(self, seconds: float, *, verb: str = "", plural: str = "", times: int | None = 1) -> None:
        self._order(Slow(seconds), verb, plural, times)

    def refuse(self, error: StatusError, *, verb: str = "", plural: str = "", times: int | None = 1) -> None:
        self._order(Refuse(error), verb, plural, times)

    def end_watch(self, error: StatusError, *, plural: str = "", times: int | None = 1) -> None:
        """The next watches answer 200 and end with an ERROR event; those that are open stay (see fail_watches)."""
        self._order(EndWatch(error), "watch", plural, times)

    def throttle(
        self,
        *,
        retry_after: int = 1,
        verb: str = "",
        plural: str = "",
        times: int | None = 1,
        message: str = _INITIALIZING,
    ) -> None:
        """429 with Retry-After; by default what a real server says while a definition is being set up."""
        self._order(Refuse(too_many_requests(retry_after, message)), verb, plural, times)

    def missing(self, plural: str, *, times: int | None = None) -> None:
        """404, as if the kind had never been defined."""
        self._order(Refuse(PageNotFound()), "", plural, times)

    def compact(self) -> None:
        """Forget all history: what is older than now is answered with 410."""
        self._compact()

    def cut_watches(self, plural: str = "") -> int:
        """Cut the open watches as a dying server does. Gives how many."""
        return self._streams.cut(plural)

    def freeze_watches(self) -> None:
        """Open and future watches stay connected and silent until `thaw_watches`."""
        self._streams.freeze()

    def thaw_watches(self) -> None:
        self._streams.thaw()

    def fail_watches(self, error: StatusError, plural: str = "") -> int:
        """End the open watches with an ERROR event. Gives how many."""
        return self._streams.fail(error, plural)

    def clear(self) -> None:
        """No more faults."""
        self._orders.clear()
        self._streams.thaw()

    def next_for(self, verb: str, plural: str) -> Fault | None:
        """The fault this request meets, which is then used up."""
        for order in self._orders:
            if order.target.meets(verb, plural):
                if order.left is not None:
                    order.left -= 1
                    if order.left <= 0:
                        self._orders.remove(order)
                return order.fault
        return None

    def _order(self, fault: Fault, verb: str, plural: str, times: int | None) -> None:
        self._orders.append(Order(fault, Target(verb, plural), times))
