"""How long Azure takes, put in front of the emulated one, and a record of when each call was answered."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from fleetdns.emulator.azure.service import Request, Response, TrafficManagerService

# Seconds from request to answer, as recorded with the real service.
RECORDED: Mapping[str, float] = MappingProxyType(
    {
        "profiles.get": 1.0,
        "profiles.list": 1.0,
        "profiles.put": 4.5,
        "profiles.patch": 4.5,
        "profiles.delete": 7.0,
        "endpoints.put": 1.0,
        "endpoints.delete": 0.75,
        "names.check": 1.0,
    }
)
_ROAD = 0.4  # seconds: what the simulated network adds to a call, on average
_ON_THE_WAY = 0.2  # of them after the answer was given
_WRITES = ("put", "patch", "delete")
_REFUSED = 400
_TERSE = b'{"error":{"code":"BadRequest","message":"The request is not valid."}}'


@dataclass(frozen=True, slots=True)
class Answered:
    """One call: when it arrived and about when its answer was back, in seconds of the service's clock."""

    operation: str
    at: float
    done: float
    status: int

    @property
    def is_write(self) -> bool:
        return self.operation.rsplit(".", 1)[1] in _WRITES


class Paced:
    """A door to the service. `latencies`: seconds by operation; those not named are answered at once."""

    def __init__(
        self,
        service: TrafficManagerService,
        *,
        clock: Callable[[], float],
        latencies: Mapping[str, float] = RECORDED,
        is_terse: bool = False,
    ) -> None:
        """is_terse: a refusal does not say what is refused."""
        self._service = service
        self._clock = clock
        self._latencies = latencies
        self._is_terse = is_terse
        self.calls: list[Answered] = []
        # Writes are in flight for as long as they take: two that overlap collide.
        spans = {name: (_inside(s), _inside(s)) for name, s in latencies.items() if name.endswith(_WRITES)}
        service.behaviour = replace(service.behaviour, latencies=spans)

    def handle(self, request: Request) -> Response:
        before = self._service.mark()
        response = self._service.handle(request)
        (call,) = self._service.calls_since(before)
        delay = max(response.delay, _inside(self._latencies.get(call.operation, 0.0)))
        now = self._clock()
        self.calls.append(Answered(call.operation, now, now + delay + _ON_THE_WAY, call.status))
        body = _TERSE if self._is_terse and response.status == _REFUSED else response.body
        return replace(response, body=body, delay=delay)

    def since(self, mark: int) -> Sequence[Answered]:
        """The calls after the first `mark`."""
        return self.calls[mark:]


def counted(calls: Sequence[Answered], *, without_lists: bool = True) -> Counter[str]:
    """How many of each operation."""
    return Counter(call.operation for call in calls if not (without_lists and call.operation == "profiles.list"))


def serial(calls: Mapping[str, float], latencies: Mapping[str, float]) -> float:
    """Seconds that these calls take one after the other."""
    return sum(number * latencies[operation] for operation, number in calls.items())


def add_latencies(flags: argparse.ArgumentParser) -> None:
    """The flag that changes how long Azure takes."""
    shown = ", ".join(f"{name} {seconds:g}" for name, seconds in RECORDED.items())
    flags.add_argument(
        "--seconds",
        metavar="OPERATION=SECONDS",
        nargs="+",
        default=[],
        help=f"how long Azure takes; without it, as recorded: {shown}",
    )


def latencies_of(given: argparse.Namespace) -> Mapping[str, float]:
    """The recorded ones, and what the flag says instead."""
    pairs = (text.partition("=") for text in given.seconds)
    return {**RECORDED, **{name: float(seconds) for name, _, seconds in pairs}}


def _inside(seconds: float) -> float:
    """What is left for the service itself."""
    return max(0.0, seconds - _ROAD)
