"""What the probes of a running controller say, asked several times a second, as a kubelet would ask all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.e2e.eventually import eventually
from tests.e2e.process import Process

_PAUSE = 0.1  # seconds between two questions


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of /readyz, and the code of /healthz beside it. `at`: the loop's time when it was asked."""

    at: float
    code: int
    body: str
    live: int

    @property
    def is_ready(self) -> bool:
        return self.code == 200


class Probes:
    """Asks from `async with` on."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._samples: list[Sample] = []
        self._asking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._asking = asyncio.create_task(self._ask(), name="probes")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask no more: the process is about to end."""
        if self._asking is not None:
            self._asking.cancel()

    async def turn_red(self, sentence: str, *, since: float, within: float) -> float:
        """Seconds from `since` until it was not ready and said so. TimeoutError after `within`."""
        seen = await self._first(lambda sample: not sample.is_ready and sentence in sample.body, since, within)
        return seen.at - since

    async def turn_green(self, *, since: float, within: float) -> float:
        """Seconds from `since` until it was ready."""
        return (await self._first(lambda sample: sample.is_ready, since, within)).at - since

    def always_alive(self) -> None:
        """Liveness held all the time: a kubelet would not have restarted it."""
        assert {sample.live for sample in self._samples} == {200}

    def always_ready(self, *, since: float = 0.0) -> None:
        """No moment in which it was not ready."""
        assert [sample.body for sample in self._samples if sample.at >= since and not sample.is_ready] == []

    def always_red(self, *, since: float) -> None:
        """No moment from `since` until now in which it was ready."""
        assert [sample for sample in self._samples if sample.at >= since and sample.is_ready] == []

    @property
    def is_red(self) -> bool:
        """The last answer was that it is not ready."""
        return bool(self._samples) and not self._samples[-1].is_ready

    async def _first(self, holds: Callable[[Sample], bool], since: float, within: float) -> Sample:
        async def look() -> Sample | None:
            return next((sample for sample in self._samples if sample.at >= since and holds(sample)), None)

        try:
            found = await eventually(look, lambda sample: sample is not None, within=within)
        except TimeoutError:
            said = self._samples[-1].body if self._samples else "nothing"
            raise AssertionError(f"not within {within:g} s; /readyz said last:\n{said}") from None
        assert found is not None
        return found

    async def _ask(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            at = clock()
            live = (await self._process.probe("/healthz"))[0]
            code, body = await self._process.probe("/readyz")
            self._samples.append(Sample(at, code, body, live))
            await asyncio.sleep(_PAUSE)
