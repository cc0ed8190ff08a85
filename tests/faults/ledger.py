"""What Azure was told and what it held, from one moment on: the proof that a fault took nothing out of DNS."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from fleetdns.emulator.azure.service import Call, TrafficManagerService

_PAUSE = 0.02  # seconds between two looks at what Azure holds

Weights = Mapping[str, int]


class Ledger:
    """Records from `async with` on. Endpoints are called by their cluster."""

    def __init__(self, azure: TrafficManagerService, *, kept: Sequence[str]) -> None:
        """`kept`: the clusters that have to be endpoints at every moment."""
        self._azure = azure
        self._kept = set(kept)
        self._since = azure.mark()
        self._lost: set[str] = set()
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch(), name="ledger")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()

    @property
    def weights(self) -> dict[str, int]:
        """What Azure holds now, over all profiles."""
        return _weights(endpoint for profile in self._azure.profiles() for endpoint in _endpoints(profile))

    @property
    def writes(self) -> tuple[Call, ...]:
        """Every write that has come."""
        return tuple(call for call in self._azure.calls_since(self._since) if call.is_write)

    def parts_with(self, cluster: str) -> None:
        """From now on this one may go."""
        self._kept.discard(cluster)

    def is_silent(self) -> None:
        """No write at all has come."""
        assert [_shown(call) for call in self.writes] == []

    def tells_only(self, *told: Weights) -> None:
        """These whole profiles were written, in this order, and nothing else."""
        assert [_shown(call) for call in self.writes] == [f"profiles.put {dict(weights)}" for weights in told]

    def tells_nothing_but(self, weights: Weights) -> None:
        """Whatever was written is this whole profile."""
        assert {_shown(call) for call in self.writes} <= {f"profiles.put {dict(weights)}"}

    def is_unbroken(self) -> None:
        """No kept endpoint has been away, neither in what Azure held nor in what it was told to hold."""
        assert self._lost == set()
        for call in self.writes:
            assert call.operation not in ("profiles.delete", "endpoints.delete"), _shown(call)
            if call.operation == "profiles.put":
                assert _weights(_endpoints(call.body)).keys() >= self._kept, _shown(call)

    async def _watch(self) -> None:
        while True:
            self._lost |= self._kept - self.weights.keys()
            await asyncio.sleep(_PAUSE)


def _endpoints(profile: Any) -> Sequence[Any]:
    found: Sequence[Any] = profile["properties"].get("endpoints") or ()
    return found


def _weights(endpoints: Any) -> dict[str, int]:
    return dict(sorted((e["name"].rsplit("#", 1)[1], e["properties"]["weight"]) for e in endpoints))


def _shown(call: Call) -> str:
    weights = _weights(_endpoints(call.body)) if call.operation == "profiles.put" else ""
    return f"{call.operation} {weights or call.path.rsplit('/', 1)[1]}"
